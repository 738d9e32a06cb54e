#include "real-runtime/job_runner.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <utility>

namespace drydock::runtime {

namespace {

std::filesystem::path disk_of(const ExecutorOptions& options) {
  std::error_code ignored;
  return options.folder.empty() ? std::filesystem::temp_directory_path(ignored) : options.folder;
}

}  // namespace

JobRunner::JobRunner(EventLoop& loop, JobRunnerOptions options, std::function<void(const WorkerFact&)> told,
                     std::function<void(AttemptId, const AttemptOutcome&)> outcome)
    : loop_(loop),
      options_(std::move(options)),
      told_(std::move(told)),
      outcome_(std::move(outcome)),
      executor_(loop, options_.executor, std::to_string(options_.worker.value), options_.gpus,
                [this](AttemptId attempt, const AttemptOutcome& how) { ended(attempt, how); }) {
  if (options_.admission) monitor_.emplace(loop_, disk_of(options_.executor));
}

void JobRunner::start(const StartRun& order) {
  const auto [at, is_new] = runs_.try_emplace(order.attempt);
  DRYDOCK_CHECK(is_new, "an attempt is started once");
  Run& run = at->second;
  const AttemptId attempt = order.attempt;
  run.timer = std::make_unique<EventLoop::Timer>(loop_, [this, attempt] { timer_fired(attempt); });
  run.held = order.held;
  run.tasks = order.tasks;
  run.progress = order.progress;
  run.came = loop_.now();
  const auto& payload = read(order.payload);
  if (!payload) return fail(attempt, run, payload.error().message);
  run.payload = payload.value();
  if (const auto* sleep = std::get_if<SleepPayload>(&run.payload->what)) run.keeps = sleep->keeps;
  if (monitor_) admit(attempt, run);
  else begin(attempt, run);
}

const Result<JobPayload>& JobRunner::read(std::string_view payload) {
  if (!last_payload_ || payload != last_text_) {
    last_text_ = payload;
    last_payload_.emplace(parse_payload(payload));
  }
  return *last_payload_;
}

void JobRunner::timer_fired(AttemptId attempt) {
  Run& run = runs_.at(attempt);
  if (run.state == State::waiting) admit(attempt, run);
  else end(attempt);
}

void JobRunner::admit(AttemptId attempt, Run& run) {
  const NodeAdmissionConfig& config = *options_.admission;
  const bool looks_at_disk = config.most_disk > 0 && !options_.executor.folder.empty();
  const auto verdict = judge(config, {.reading = monitor_->now().node,
                                      .demand = run.held,
                                      .running = held_by_running(),
                                      .jobs_disk = looks_at_disk ? disk_used_by(options_.executor.folder) : 0,
                                      .waited = loop_.now() - run.came});
  if (const auto* later_on = std::get_if<NotNow>(&verdict))
    return run.timer->start(later(loop_.now(), later_on->again_after));
  if (const auto* refused = std::get_if<Refused>(&verdict)) return fail(attempt, run, refused->reason);
  begin(attempt, run);
}

Resources JobRunner::held_by_running() const {
  Resources sum;
  for (const auto& [attempt, run] : runs_) {
    if (run.state == State::sleeping || run.state == State::requesting || run.state == State::executing) sum += run.held;
  }
  return sum;
}

void JobRunner::begin(AttemptId attempt, Run& run) {
  run.began = loop_.now();
  if (const auto* sleep = std::get_if<SleepPayload>(&run.payload->what)) {
    run.state = State::sleeping;
    return sleep_on(run, sleep->work);
  }
  if (std::holds_alternative<RequestsPayload>(run.payload->what)) return make_requests(attempt, run);
  run.state = State::executing;
  KeptAttempt kept{.attempt = attempt, .held = run.held, .progress = run.progress, .payload = std::move(*run.payload)};
  kept.tasks = run.tasks;
  if (limiters_.open) kept.limiter = limiters_.open(attempt);
  run.payload.reset();
  executor_.start(std::move(kept));
}

void JobRunner::make_requests(AttemptId attempt, Run& run) {
  run.state = State::requesting;
  run.keeps = true;
  run.requests = std::make_unique<RequestRun>(
      loop_, limiters_.shares, std::get<RequestsPayload>(std::move(run.payload->what)), run.tasks, run.progress,
      [this, attempt] {
        Run& ended = runs_.at(attempt);
        if (ended.requests->impossible()) {
          return fail(attempt, ended, "a request is larger than all workers together may make at once: see \"burst\"");
        }
        ended.state = State::ending;
        ended.timer->start_soon();
      });
  run.payload.reset();
}

Duration JobRunner::done(const Run& run) const {
  return run.progress + duration_of_seconds(seconds(loop_.now() - run.began) * speed());
}

void JobRunner::sleep_on(Run& run, Duration work) {
  const Duration left = std::max(Duration{0}, work - run.progress);
  run.timer->start(later(run.began, duration_of_seconds(seconds(left) / speed())));
}

void JobRunner::slow_down(double part) {
  DRYDOCK_CHECK(part > 0, "a processor that stands still does not run");
  for (auto& [attempt, run] : runs_) {
    if (run.state != State::sleeping) continue;
    run.progress = done(run);
    run.began = loop_.now();
  }
  part_ = part;
  for (auto& [attempt, run] : runs_) {
    if (run.state == State::sleeping) sleep_on(run, std::get<SleepPayload>(run.payload->what).work);
  }
}

void JobRunner::fail(AttemptId attempt, Run& run, std::string reason) {
  run.state = State::ending;
  run.failed = true;
  if (outcome_) outcome_(attempt, {.kind = AttemptOutcome::Kind::not_started, .reason = std::move(reason)});
  run.timer->start_soon();
}

void JobRunner::kill(AttemptId attempt) {
  const auto at = runs_.find(attempt);
  if (at == runs_.end() || at->second.killed || at->second.state == State::ending) return;
  at->second.killed = true;
  if (at->second.state == State::executing) return executor_.stop(attempt);
  if (at->second.state == State::waiting) at->second.began = loop_.now();
  at->second.state = State::ending;
  at->second.timer->start_soon();
}

void JobRunner::ended(AttemptId attempt, const AttemptOutcome& outcome) {
  Run& run = runs_.at(attempt);
  run.failed = outcome.kind != AttemptOutcome::Kind::succeeded;
  // It may have ended by itself before it was stopped.
  run.killed = outcome.kind == AttemptOutcome::Kind::stopped;
  if (outcome_) outcome_(attempt, outcome);
  end(attempt);
}

void JobRunner::end(AttemptId attempt) {
  const auto node = runs_.extract(attempt);
  const Run& run = node.mapped();
  if (limiters_.close) limiters_.close(attempt);
  if (!run.killed) {
    told_(RunEnded{attempt, run.failed ? Ending::failed : Ending::succeeded});
    return;
  }
  if (run.requests) {
    told_(RunKilled{attempt, std::max(run.progress, run.requests->progress())});
    return;
  }
  told_(RunKilled{attempt, run.keeps ? done(run) : Duration{0}});
}

}  // namespace drydock::runtime

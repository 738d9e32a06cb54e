#include "real-runtime/job_runner.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace drydock::runtime {

JobRunner::JobRunner(EventLoop& loop, double speed, std::function<void(const WorkerFact&)> told)
    : loop_(loop), speed_(speed), told_(std::move(told)) {}

void JobRunner::start(const StartRun& order) {
  const auto [at, is_new] = runs_.try_emplace(order.attempt);
  DRYDOCK_CHECK(is_new, "an attempt is started once");
  Run& run = at->second;
  const AttemptId attempt = order.attempt;
  run.timer = std::make_unique<EventLoop::Timer>(loop_, [this, attempt] { end(attempt); });
  run.began = loop_.now();
  run.progress = order.progress;
  const auto payload = parse_payload(order.payload);
  if (!payload.ok()) {
    run.failed = true;
    run.timer->start_soon();
  } else if (const auto* sleep = std::get_if<SleepPayload>(&payload.value())) {
    begin(attempt, run, *sleep);
  } else {
    begin(attempt, run, std::get<CommandPayload>(payload.value()), order.tasks);
  }
}

void JobRunner::begin(AttemptId /*attempt*/, Run& run, const SleepPayload& sleep) {
  run.keeps = sleep.keeps;
  const Duration left = std::max(Duration{0}, sleep.work - run.progress);
  run.timer->start(later(run.began, duration_of_seconds(seconds(left) / speed_)));
}

void JobRunner::begin(AttemptId attempt, Run& run, const CommandPayload& command, std::uint32_t tasks) {
  for (std::uint32_t task = 0; task < tasks && !run.failed; ++task) {
    auto child =
        EventLoop::Child::start(loop_, command.words, [this, attempt](EventLoop::Child::End e) { child_ended(attempt, e); });
    if (child.ok()) {
      run.children.push_back(std::move(child).value());
      ++run.living;
    } else {
      run.failed = true;
    }
  }
  if (!run.failed) return;
  for (const auto& child : run.children) child->kill(SIGKILL);
  if (run.living == 0) run.timer->start_soon();
}

void JobRunner::kill(AttemptId attempt) {
  const auto at = runs_.find(attempt);
  if (at == runs_.end() || std::exchange(at->second.killed, true)) return;
  for (const auto& child : at->second.children) child->kill(SIGKILL);
  if (at->second.living == 0) at->second.timer->start_soon();
}

// One task that fails ends the others.
void JobRunner::child_ended(AttemptId attempt, const EventLoop::Child::End& end_of) {
  const auto at = runs_.find(attempt);
  if (at == runs_.end()) return;
  Run& run = at->second;
  --run.living;
  if (!run.killed && !run.failed && (end_of.status != 0 || end_of.signal != 0)) {
    run.failed = true;
    for (const auto& child : run.children) child->kill(SIGKILL);
  }
  if (run.living == 0) run.timer->start_soon();
}

void JobRunner::end(AttemptId attempt) {
  const auto node = runs_.extract(attempt);
  const Run& run = node.mapped();
  if (!run.killed) {
    told_(RunEnded{attempt, run.failed ? Ending::failed : Ending::succeeded});
    return;
  }
  const Duration done =
      run.keeps ? run.progress + duration_of_seconds(seconds(loop_.now() - run.began) * speed_) : Duration{0};
  told_(RunKilled{attempt, done});
}

}  // namespace drydock::runtime

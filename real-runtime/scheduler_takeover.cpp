// Leading: the lease, what the leader before left, and the end.
#include "policies/core/assert.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/scheduler_driver.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

// Orders that are not acknowledged are repeated after this part of a lease.
constexpr int kResendsInLease = 8;
// In one batch.
constexpr std::size_t kMostReleased = 10'000;
// How long a scheduler that steps down waits until its lease is given back.
constexpr Duration kFarewell = std::chrono::seconds{1};
// Where all that wait are held in memory.
constexpr std::uint32_t kNoLookahead = std::numeric_limits<std::int32_t>::max();

// What a failed operation is for the core.
Answer answer_of(const postgres::Reply& reply) {
  const auto* failed = std::get_if<postgres::Failed>(&reply);
  return failed != nullptr && failed->reason == postgres::Failed::Reason::unknown ? Answer::unknown : Answer::failed;
}

}  // namespace

void SchedulerDriver::postgres_connected() {
  postgres_.submit(postgres::Listen{std::string(postgres::kJobsChannel)}, [](const postgres::Reply&) {});
  step_timer_.start_soon();  // the first, if it has just begun: nobody could have answered before
  look();                    // what was said meanwhile was not heard
}

void SchedulerDriver::redis_connected() {
  if (dispatcher_) raise_epoch();
}

// --- the lease ---

void SchedulerDriver::ask_lease(const AskLease& order) {
  if (order.op == LeaseOp::release) return release_lease();
  const RequestId request = order.request;
  postgres_.submit(postgres::AcquireLease{.lease = std::string(kLease),
                                          .holder = options_.holder,
                                          .ttl = order.ttl,
                                          .epoch_min = epoch() > 0 ? epoch() : options_.epoch_min},
                   [this, request](const postgres::Reply& reply) {
                     LeaseAnswered answer{.request = request, .answer = answer_of(reply)};
                     if (const auto* lease = std::get_if<postgres::Lease>(&reply)) {
                       answer = {request, Answer::done, lease->holder == options_.holder, lease->epoch, lease->left};
                       leader_ = lease->holder;
                     }
                     push(answer);
                   });
}

void SchedulerDriver::release_lease() {
  releasing_ = true;
  postgres_.submit(postgres::ReleaseLease{std::string(kLease), options_.holder, epoch()},
                   [this](const postgres::Reply&) { over_timer_.start_soon(); });
}

// --- taking over ---

void SchedulerDriver::load_state(RequestId request) {
  std::vector<std::string> names;
  for (const QueueConfig& queue : scheduler_.config().queues) names.push_back(queue.name);
  postgres_.call(encode_queues(fence(), names), [this, request](const Result<std::vector<std::string>>& row) {
    if (over_) return;
    if (!row) return push(StateLoaded{request, Answer::failed});
    // Where it leads no more, it is told when it reads.
    if (auto numbers = queue_numbers_in(row.value())) queues_ = QueueNumbers(std::move(*numbers));
    read_state(request);
  });
}

void SchedulerDriver::read_state(RequestId request) {
  const std::uint32_t lookahead = scheduler_.config().control_plane.lookahead;
  // That may take longer than a lease: what prolongs it does not wait behind.
  AsyncPostgres& connection = loader_.connected() ? loader_ : postgres_;
  connection.submit(postgres::LoadState{fence(), lookahead > 0 ? lookahead : kNoLookahead},
                    [this, request](const postgres::Reply& reply) {
                      if (over_) return;
                      if (const auto* state = std::get_if<postgres::State>(&reply)) {
                        // Without their numbers it would take every queue for one that it has not.
                        const bool knows_queues = queues_.size() == scheduler_.config().queues.size();
                        if (!knows_queues) return push(StateLoaded{request, Answer::failed});
                        if (!release_strangers(request, *state)) take_state(request, *state);
                        return;
                      }
                      const auto* verdict = std::get_if<postgres::Verdict>(&reply);
                      if (verdict != nullptr) note_outranked(verdict->detail);
                      push(StateLoaded{request, verdict != nullptr ? Answer::refused : answer_of(reply)});
                    });
}

std::optional<SchedulerDriver::JobRecord> SchedulerDriver::record_of(const postgres::LoadedJob& row) const {
  const auto queue = queues_.here(row.job.spec.queue);
  if (!queue) return std::nullopt;
  JobRecord record{.spec = row.job.spec,
                   .payload = row.job.payload,
                   .submitted = loop_.now() - row.age,
                   .progress = row.view.progress,
                   .dispatched = row.view.attempts > 0};
  record.spec.queue = *queue;
  return record;
}

// What runs of queues that this scenario has not waits again, for a scheduler that has them: their workers hear from the dispatcher, which
// does not know it, that nobody wants it. Before anything is taken over, so that the core sees what is left. True: the state is read again.
bool SchedulerDriver::release_strangers(RequestId request, const postgres::State& state) {
  std::set<JobId> strangers;
  for (const postgres::LoadedJob& row : state.held) {
    if (!queues_.here(row.job.spec.queue)) strangers.insert(row.job.spec.id);
  }
  std::set<AttemptId> attempts;
  for (const postgres::Allocation& row : state.allocations) {
    if (strangers.contains(row.attempt.job) && attempts.size() < kMostReleased) attempts.insert(row.attempt);
  }
  if (attempts.empty()) return false;
  postgres::CommitBatch batch{.fence = fence(), .request = next_own_batch()};
  for (const AttemptId attempt : attempts)
    batch.releases.push_back({.attempt = attempt, .reason = ReleaseReason::preempted, .job_ends = false, .progress = {}});
  postgres_.submit(batch, [this, request](const postgres::Reply& reply) {
    if (over_) return;
    const Answer answer = postgres::commit_answer(reply);
    if (answer == Answer::done) return read_state(request);
    if (answer == Answer::refused) note_outranked(std::get<postgres::Verdict>(reply).detail);
    push(StateLoaded{request, answer == Answer::refused ? Answer::refused : Answer::failed});
  });
  return true;
}

void SchedulerDriver::take_state(RequestId request, const postgres::State& state) {
  const Duration resend = options_.worker_lease / kResendsInLease;
  dispatcher_.emplace(DispatcherConfig{.epoch = epoch(), .resend = resend, .resend_longest = options_.worker_lease});
  for (const std::vector<postgres::LoadedJob>* rows : {&state.waiting, &state.held}) {
    for (const postgres::LoadedJob& row : *rows) {
      auto record = record_of(row);
      if (!record) continue;
      push(JobLoaded{.job = record->spec,
                     .submitted = record->submitted,
                     .attempts = row.view.attempts,
                     .failures = row.view.failures,
                     .losses = row.view.losses,
                     .progress = row.view.progress});
      jobs_.emplace(row.job.spec.id.value, std::move(*record));
    }
  }
  std::map<AttemptId, std::vector<Dispatcher::Part>> parts;
  for (const postgres::Allocation& row : state.allocations) {
    push(AllocationLoaded{row.attempt, row.share.worker, row.share.tasks});
    parts[row.attempt].push_back({.worker = row.share.worker, .tasks = row.share.tasks, .held = row.share.held});
  }
  for (auto& [attempt, of] : parts) dispatcher_->load(attempt, std::move(of));
  last_arrival_ = state.last_arrival;
  loaded_ = true;
  push(StateLoaded{request, Answer::done});
  fetch_reports();
  look_timer_.start_soon();  // behind the step
  keep_house_later();
}

// From now on orders of the leaders before are refused, by Redis, and by each worker when it has heard of this epoch.
void SchedulerDriver::ask_workers(RequestId request) {
  redis_.submit(redis::RaiseEpoch{epoch()}, [this, request](const redis::Reply& reply) {
    if (over_) return;
    WorkersAsked answer{request, Answer::failed};
    if (const auto* verdict = std::get_if<redis::Verdict>(&reply)) {
      const bool raised = verdict->outcome == redis::Verdict::Outcome::applied;
      answer.answer = raised ? Answer::done : Answer::refused;
      if (raised) dispatcher_->ask_workers(loop_.now());
      else note_outranked(verdict->value);
    }
    push(answer);
  });
}

// A Redis that forgot takes orders of every epoch until it is told.
void SchedulerDriver::raise_epoch() {
  redis_.submit(redis::RaiseEpoch{epoch()}, [this](const redis::Reply& reply) { look_for_refusal(reply); });
}

void SchedulerDriver::note_outranked(std::int64_t epoch) {
  ++counts_.outranked;
  outranked_by_ = std::max(outranked_by_, epoch);
}

// No order arrives any more, and this scheduler may not raise its epoch: it gives its lease back, and the next one gets a
// higher one.
void SchedulerDriver::look_for_refusal(const redis::Reply& reply) {
  const auto* verdict = std::get_if<redis::Verdict>(&reply);
  if (verdict == nullptr || verdict->outcome != redis::Verdict::Outcome::old_epoch || over_) return;
  note_outranked(verdict->value);
  if (!std::exchange(fenced_, true)) push(ShutdownRequested{});
}

// --- the end ---

void SchedulerDriver::step_down() {
  over_ = true;
  for (EventLoop::Timer* timer :
       {&step_timer_, &look_timer_, &cancels_timer_, &look_for_timer_, &house_timer_, &endings_timer_, &fetch_timer_})
    timer->stop();
  close(false);
  if (releasing_) over_timer_.start(later(loop_.now(), kFarewell));
  else over_timer_.start_soon();
}

}  // namespace drydock::runtime

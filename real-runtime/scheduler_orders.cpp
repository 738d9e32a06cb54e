// Orders: what the core asks for, carried out on PostgreSQL and Redis.
#include "policies/core/assert.hpp"
#include "policies/ports/counter_orders.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/scheduler_driver.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

// Batches that are not the core's have numbers of their own, above all of those. None is ever settled by its number.
constexpr std::uint64_t kFirstEnding = std::uint64_t{1} << 62U;
constexpr std::size_t kMostEndings = 1000;
constexpr std::uint64_t kMostRefusals = 100;
constexpr Duration kRetry = std::chrono::milliseconds{200};

bool ends_job(ReleaseReason reason) {
  switch (reason) {
    case ReleaseReason::succeeded:
    case ReleaseReason::failed:
    case ReleaseReason::cancelled:
    case ReleaseReason::quarantined: return true;
    case ReleaseReason::preempted:
    case ReleaseReason::drained:
    case ReleaseReason::worker_lost:
    case ReleaseReason::retried: return false;
  }
  return false;
}

}  // namespace

void SchedulerDriver::carry_out(const Command& command) {
  struct Visitor {
    SchedulerDriver& driver;
    void operator()(const Commit& order) const { driver.commit(order); }
    void operator()(const ReadBatch& order) const { driver.read_batch(order); }
    void operator()(const Dispatch& order) const { driver.dispatch(order); }
    void operator()(const StopAttempt& order) const { driver.dispatcher_->stop(driver.loop_.now(), order.attempt); }
    void operator()(const RejectJob& order) const { driver.reject(order); }
    void operator()(const Halt& order) const { driver.fail(std::string(order.why)); }
    void operator()(const ReadRegistry& order) const { driver.read_registry(order.request); }
    void operator()(const AskCounter& order) const { driver.ask_counter(order); }
    void operator()(const SumAllocations& order) const { driver.sum(order.request); }
    void operator()(const DeclareDead& order) const {
      ++driver.counts_.declared_dead;
      driver.dispatcher_->declared_dead(driver.loop_.now(), order.worker, order.incarnation);
    }
    void operator()(const AskWaiting& order) const { driver.load_waiting(order); }
    void operator()(const NoteStatistics& order) const {
      if (driver.on_statistics_) driver.on_statistics_(order);
    }
    void operator()(const AskLease& order) const { driver.ask_lease(order); }
    void operator()(const AskState& order) const { driver.load_state(order.request); }
    void operator()(const AskWorkers& order) const { driver.ask_workers(order.request); }
    void operator()(const StepDown&) const { driver.step_down(); }
  };
  std::visit(Visitor{*this}, command);
}

// --- commits ---

void SchedulerDriver::commit(const Commit& order) {
  OpenCommit& open = commits_[order.request];
  postgres::CommitBatch batch{.fence = fence(), .request = order.request, .settled_below = commits_.begin()->first};
  batch.releases.reserve(order.releases.size());
  batch.assignments.reserve(order.assignments.size());
  for (const Release& release : order.releases) {
    const JobRecord& job = jobs_.at(release.attempt.job.value);
    const bool stopped = release.reason == ReleaseReason::preempted || release.reason == ReleaseReason::drained;
    batch.releases.push_back({.attempt = release.attempt,
                              .reason = release.reason,
                              .job_ends = ends_job(release.reason) || job.cancelled,
                              .progress = stopped ? job.progress : Duration{0}});
  }
  for (const Assignment& assignment : order.assignments) {
    const Resources& per_task = jobs_.at(assignment.attempt.job.value).spec.per_task;
    postgres::AssignedAttempt row{.attempt = assignment.attempt};
    for (const Placement& placement : assignment.placements) {
      row.shares.push_back({placement.worker, placement.tasks, per_task * placement.tasks});
    }
    batch.assignments.push_back(std::move(row));
  }
  open.releases = batch.releases;
  const RequestId request = order.request;
  PostgresPort& store = commits_to_ != nullptr ? *commits_to_ : postgres_;
  store.submit(std::move(batch), [this, request](const postgres::Reply& reply) { commit_answered(request, reply); });
}

void SchedulerDriver::commit_answered(RequestId request, const postgres::Reply& reply) {
  if (over_) return;
  CommitAnswered answer{.request = request, .answer = postgres::commit_answer(reply)};
  const auto* verdict = std::get_if<postgres::Verdict>(&reply);
  if (verdict != nullptr && answer.answer == Answer::done) answer.version = static_cast<std::uint64_t>(verdict->version);
  if (answer.answer == Answer::refused) note_outranked(verdict->detail);
  // Such as what comes behind a batch that was aborted, in the same pipeline. It is tried again.
  refusals_ = verdict != nullptr && answer.answer == Answer::failed ? refusals_ + 1 : 0;
  if (refusals_ > 0) ++counts_.refused;
  if (refusals_ > kMostRefusals) {
    return fail(fmt::format("PostgreSQL holds other rows than were written: it refuses every batch, the last with {}",
                            to_text(reply)));
  }
  if (answer.answer == Answer::unknown) ++counts_.in_doubt;
  else settle(request, answer.answer == Answer::done);
  push(answer);
}

// Whether it is there or not is certain now.
void SchedulerDriver::settle(RequestId commit, bool found) {
  const auto at = commits_.find(commit);
  if (at == commits_.end()) return;
  const OpenCommit open = std::move(at->second);
  commits_.erase(at);
  if (!found) return;
  for (const postgres::ReleasedAttempt& release : open.releases) note_released(release);
}

void SchedulerDriver::note_released(const postgres::ReleasedAttempt& release) {
  dispatcher_->released(loop_.now(), release.attempt);
  switch (release.reason) {
    case ReleaseReason::succeeded: ++counts_.completed; break;
    case ReleaseReason::failed:
    case ReleaseReason::quarantined: ++counts_.failed; break;
    case ReleaseReason::cancelled: ++counts_.cancelled; break;
    case ReleaseReason::preempted: ++counts_.preempted; break;
    case ReleaseReason::drained: ++counts_.drained; break;
    case ReleaseReason::worker_lost: ++counts_.lost; break;
    case ReleaseReason::retried: ++counts_.retried; break;
  }
  if (!release.job_ends) return;
  if (!ends_job(release.reason)) ++counts_.cancelled;
  jobs_.erase(release.attempt.job.value);
}

void SchedulerDriver::read_batch(const ReadBatch& order) {
  postgres_.submit(postgres::SettleBatch{fence(), order.commit}, [this, order](const postgres::Reply& reply) {
    const postgres::BatchAnswer read = postgres::settle_answer(reply);
    BatchRead answer{.request = order.request, .answer = read.answer, .found = read.found};
    const auto* verdict = std::get_if<postgres::Verdict>(&reply);
    if (over_) return;
    if (read.answer == Answer::refused) note_outranked(verdict->detail);
    if (verdict != nullptr && read.found) answer.version = static_cast<std::uint64_t>(verdict->version);
    if (read.answer == Answer::done) settle(order.commit, read.found);
    push(answer);
  });
}

void SchedulerDriver::sum(RequestId request) {
  postgres_.submit(postgres::ReadTotals{}, [this, request](const postgres::Reply& reply) {
    AllocationsSummed answer{.request = request, .answer = Answer::failed};
    if (const auto* totals = std::get_if<postgres::Totals>(&reply)) {
      answer = {.request = request,
                .answer = Answer::done,
                .cpus_milli = totals->cpus,
                .version = static_cast<std::uint64_t>(totals->version)};
    }
    push(answer);
  });
}

// --- jobs that end without an attempt ---

void SchedulerDriver::reject(const RejectJob& order) {
  // Of two jobs of one id, the first lives on.
  if (order.reason != RejectReason::duplicate_id) end_without_attempt(order.job, ReleaseReason::failed);
  ++counts_.rejected;
}

// A job that was cancelled while it held nothing has no attempt whose release could end it.
void SchedulerDriver::end_cancelled() {
  for (auto job = cancelled_.begin(); job != cancelled_.end();) {
    const bool live = scheduler_.cluster().find(*job).has_value();
    if (!live && jobs_.contains(job->value)) end_without_attempt(*job, ReleaseReason::cancelled);
    job = live ? std::next(job) : cancelled_.erase(job);
  }
}

void SchedulerDriver::end_without_attempt(JobId job, ReleaseReason reason) {
  if (const auto record = jobs_.find(job.value); record != jobs_.end()) record->second.ending = true;
  endings_.push_back({job, reason});
  send_endings();
}

RequestId SchedulerDriver::next_own_batch() { return RequestId{kFirstEnding + ++last_ending_}; }

void SchedulerDriver::send_endings() {
  if (ending_sent_ || endings_.empty() || !error_.empty()) return;
  if (ending_ == 0) ending_ = std::min(kMostEndings, endings_.size());
  ending_sent_ = true;
  postgres::CommitBatch batch{.fence = fence(), .request = next_own_batch()};
  batch.endings.assign(endings_.begin(), endings_.begin() + static_cast<std::ptrdiff_t>(ending_));
  postgres_.submit(std::move(batch), [this](const postgres::Reply& reply) { endings_sent(reply); });
}

// Again, with the very same rows, until they are certain to be there. Rows that are there already are refused, and all of a batch are
// there or none.
void SchedulerDriver::endings_sent(const postgres::Reply& reply) {
  ending_sent_ = false;
  if (over_) return;
  using Outcome = postgres::Verdict::Outcome;
  const auto* verdict = std::get_if<postgres::Verdict>(&reply);
  if (verdict == nullptr || (verdict->outcome != Outcome::applied && verdict->outcome != Outcome::job_ended)) {
    endings_timer_.start(later(loop_.now(), kRetry));
    return;
  }
  const auto end = endings_.begin() + static_cast<std::ptrdiff_t>(std::exchange(ending_, 0));
  for (auto row = endings_.begin(); row != end; ++row) {
    if (row->reason == ReleaseReason::cancelled) ++counts_.cancelled;
    if (loads_ > 0) ended_while_loading_.insert(row->job);
    jobs_.erase(row->job.value);
  }
  endings_.erase(endings_.begin(), end);
  send_endings();
  step_timer_.start_soon();
}

// --- workers ---

void SchedulerDriver::dispatch(const Dispatch& order) {
  const Cluster& cluster = scheduler_.cluster();
  JobRecord& job = jobs_.at(order.attempt.job.value);
  std::vector<Dispatcher::Part> parts;
  parts.reserve(order.placements.size());
  for (const Placement& placement : order.placements) {
    parts.push_back({.worker = placement.worker,
                     .incarnation = cluster.worker(placement.worker).incarnation,
                     .tasks = placement.tasks,
                     .held = job.spec.per_task * placement.tasks});
  }
  const auto ref = cluster.find(order.attempt.job);
  const Duration progress = ref ? cluster.job(*ref).progress : Duration{0};
  dispatcher_->run(loop_.now(), order.attempt, std::move(parts), {.progress = progress, .payload = job.payload});
  ++counts_.dispatched;
  if (on_dispatch_) on_dispatch_(order);
  if (!std::exchange(job.dispatched, true) && on_first_dispatch_) on_first_dispatch_(loop_.now() - job.submitted);
}

void SchedulerDriver::send_mail() {
  if (!dispatcher_) return;
  std::map<WorkerId, Bundle> bundles;
  for (const OutgoingMail& mail : dispatcher_->take_mail(loop_.now())) {
    Bundle& bundle = bundles[mail.worker];
    bundle.add(mail.mail);
    if (bundle.full()) push_mail(mail.worker, bundle.take());
  }
  for (auto& [worker, bundle] : bundles) {
    if (!bundle.empty()) push_mail(worker, bundle.take());
  }
}

void SchedulerDriver::push_mail(WorkerId worker, std::string payload) {
  redis_.submit(redis::FencedPush{mail_queue(worker), std::move(payload), epoch()},
                [this](const redis::Reply& reply) { look_for_refusal(reply); });
}

void SchedulerDriver::read_registry(RequestId request) {
  auto reading = std::make_shared<OpenReading>();
  reading->reading.request = request;
  reading->reading.asked = loop_.now();
  const auto token = fmt::format("{}-{}-{}", options_.name, epoch(), ++tokens_);
  redis_.submit(redis::PlantSentinel{token}, [this, reading](const redis::Reply& reply) {
    if (const auto* identity = std::get_if<redis::StoreIdentity>(&reply)) reading->reading.identity = *identity;
    else reading->failed = true;
    registry_answered(reading);
  });
  redis_.submit(redis::ReadWorkers{}, [this, reading](const redis::Reply& reply) {
    if (const auto* workers = std::get_if<redis::Workers>(&reply)) reading->reading.workers = *workers;
    else reading->failed = true;
    registry_answered(reading);
  });
}

void SchedulerDriver::registry_answered(const std::shared_ptr<OpenReading>& reading) {
  if (++reading->answers < 2 || over_) return;
  if (reading->failed) {
    push(RegistryRead{.request = reading->reading.request, .answer = Answer::failed});
    return;
  }
  const Time now = reading->reading.answered = loop_.now();
  const RegistryReader::Outcome outcome = registry_.take(reading->reading, scheduler_.config().pools.size());
  unreadable_ = outcome.unreadable;
  registry_problem_ = outcome.problem;
  if (outcome.server_changed) {
    raise_epoch();
    dispatcher_->mail_lost(now);
  }
  for (const auto& there : outcome.present) dispatcher_->seen(now, there.worker, there.incarnation, there.draining);
  for (const Event& fact : outcome.facts) push(fact);
}

void SchedulerDriver::ask_counter(const AskCounter& order) {
  const RequestId request = order.request;
  RedisPort& counter = counter_ != nullptr ? *counter_ : redis_;
  counter.submit(counter_op(order, epoch()), [this, request](const redis::Reply& reply) {
    look_for_refusal(reply);
    push(counter_answer(request, reply));
  });
}

}  // namespace drydock::runtime

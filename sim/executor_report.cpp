// From the end of an attempt at its worker to the fact that tells of it.
#include "policies/core/assert.hpp"
#include "sim/executor.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace drydock::sim {
namespace {

// For real a timer for less is due before it is set.
constexpr Duration kShortestTimer = std::chrono::microseconds{1};

}  // namespace

Time Executor::arrival(const Mail::Message& message, std::uint32_t source, bool by_a_timer, Time sent) const {
  const Time at = mail_ == nullptr ? sent : mail_->arrival(message, sent);
  if (overheads_ == nullptr) return at;
  const Overheads::Message about{.worker = message.worker, .attempt = message.attempt, .sent = sent, .source = source};
  switch (message.kind) {
    case Mail::Kind::run: return later(at, overheads_->to_run(about));
    case Mail::Kind::stop: return later(at, overheads_->to_stop(about));
    case Mail::Kind::report: return later(at, overheads_->to_tell(about, by_a_timer));
  }
  return at;
}

Time Executor::arrival(const LiveJob& job, Mail::Kind kind, bool by_a_timer) const {
  Time at = common_.now;
  if (!mail_takes_time()) return at;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const Mail::Message message{.kind = kind, .worker = WorkerId{cpu_.facts(task).tag}, .attempt = {job.id, job.attempt}};
    at = std::max(at, arrival(message, job.source, by_a_timer, common_.now));
  }
  return at;
}

// What cannot be told yet stays with its workers, computes no more, and is lost with them.
void Executor::conclude(std::uint32_t slot, Outcome outcome) {
  LiveJob& job = jobs_[slot];
  const bool by_a_timer = outcome != Outcome::stopped && job.work - job.done > kShortestTimer;
  const Time told = arrival(job, Mail::Kind::report, by_a_timer);
  if (told <= common_.now) return tell(slot, outcome);
  job.requests_reached = requests_reached(job);
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    stop_task(task);
    if (task < flows_.size() && flows_[task].live) engine_.stop_flow(flows_[task].id);
    if (task < flows_.size()) flows_[task].live = false;
  }
  for (; job.troubles_pending > 0; --job.troubles_pending) common_.queue.add_void();
  job.trouble_at = kNever;
  job.outcome = outcome;
  job.phase = Phase::report;
  common_.at(told, Happening::report, slot, ++job.generation);
}

void Executor::report(std::uint32_t slot, std::uint32_t generation) {
  if (jobs_[slot].generation == generation) tell(slot, jobs_[slot].outcome);
  else common_.queue.drop_void();
}

void Executor::tell(std::uint32_t slot, Outcome outcome) {
  switch (outcome) {
    case Outcome::succeeded: return finish(slot);
    case Outcome::failed: return tell_failure(slot);
    case Outcome::stopped: return tell_stop(slot);
  }
}

void Executor::tell_failure(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  give_fact(job, AttemptFinished{{job.id, job.attempt}, Ending::failed});
  interrupt(slot, job.on_failure);
  job.last_failure = common_.now;
  job.retry_due = true;
}

void Executor::tell_stop(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  const AttemptId attempt{job.id, job.attempt};
  const WorkerId worker{cpu_.facts(job.first_task).tag};
  interrupt(slot, job.on_preemption);
  give_fact(attempt, worker, AttemptStopped{attempt, job.done});
}

void Executor::decline(const Dispatch& order, std::vector<Event> facts) {
  const std::uint32_t* found = by_id_.find(order.attempt.job);
  if (found == nullptr) return;
  LiveJob& job = jobs_[*found];
  DRYDOCK_CHECK(job.phase == Phase::none, "a job was dispatched while an attempt of it runs");
  job.attempt = order.attempt.number;
  Time told = common_.now;
  for (const Placement& p : order.placements) {
    Time heard =
        std::max(later(common_.now, until_poll(p.worker)), paused_until_[platform_.workers()[index(p.worker)].host]);
    Mail::Message message{.kind = Mail::Kind::run, .worker = p.worker, .attempt = order.attempt};
    heard = arrival(message, job.source, false, heard);
    message.kind = Mail::Kind::report;
    told = std::max(told, arrival(message, job.source, false, heard));
  }
  facts.emplace_back(AttemptStopped{order.attempt, job.done});
  for (Event& fact : facts) {
    if (told <= common_.now) common_.facts.push_back(std::move(fact));
    else tell_later(told, std::move(fact));
  }
}

void Executor::tell_later(Time at, Event fact) {
  repeated_.emplace(repetitions_, std::move(fact));
  common_.at(at, Happening::report_again, repetitions_++ % Pending::kMost, 0);
}

void Executor::give_fact(AttemptId attempt, WorkerId worker, Event fact) {
  const Mail::Message report{.kind = Mail::Kind::report, .worker = worker, .attempt = attempt};
  if (const auto again = mail_ == nullptr ? std::nullopt : mail_->repetition(report, common_.now)) {
    tell_later(later(common_.now, *again), fact);
  }
  common_.facts.push_back(std::move(fact));
}

void Executor::report_again(std::uint32_t number) {
  const auto found = repeated_.find(number);
  DRYDOCK_CHECK(found != repeated_.end(), "a report is repeated that was not kept");
  common_.facts.push_back(std::move(found->second));
  repeated_.erase(found);
}

bool Executor::is_idle(WorkerId worker) const {
  const HostIndex host = platform_.workers()[index(worker)].host;
  for (TaskIndex task = cpu_.first_on(host); task != kNoTask; task = cpu_.next_on_host(task)) {
    if (cpu_.facts(task).tag == worker.value) return false;
  }
  return true;
}

}  // namespace drydock::sim

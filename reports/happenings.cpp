#include "reports/happenings.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace drydock::reports {
namespace {

// Ids are dense: one beyond is none, whatever a journal says.
constexpr std::size_t kWorkersMost = std::size_t{1} << 24U;

}  // namespace

std::string_view name_of(StretchEnd end) {
  switch (end) {
    case StretchEnd::succeeded: return "succeeded";
    case StretchEnd::failed: return "failed";
    case StretchEnd::stopped: return "stopped";
    case StretchEnd::lost: return "lost";
    case StretchEnd::unended: return "unended";
  }
  return {};
}

std::string_view name_of(WorkerMark::Kind kind) {
  switch (kind) {
    case WorkerMark::Kind::registered: return "registered";
    case WorkerMark::Kind::draining: return "draining";
    case WorkerMark::Kind::left: return "left";
    case WorkerMark::Kind::expired: return "lease expired";
    case WorkerMark::Kind::declared_dead: return "declared dead";
    case WorkerMark::Kind::returned: return "back";
  }
  return {};
}

void Happenings::step(Time now, std::span<const Event> events, std::span<const Command> commands) {
  now_ = now;
  ++step_;
  ended_.clear();
  marks_.clear();
  began_.clear();
  reading_ = std::ranges::any_of(events, [](const Event& e) { return std::holds_alternative<RegistryRead>(e); });
  for (const Event& event : events) hear(event);
  for (const Command& command : commands) obey(command);
}

void Happenings::finish(Time now) {
  now_ = now;
  ended_.clear();
  marks_.clear();
  began_.clear();
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    while (!workers_[w].holds.empty()) {
      const JobId id = workers_[w].holds.back();
      close_all(id, jobs_.at(id.value), StretchEnd::unended);
    }
  }
}

std::int64_t Happenings::waiting_of(QueueId queue) const {
  return index(queue) < queues_.size() ? queues_[index(queue)].waiting : 0;
}
std::int64_t Happenings::cpus_of(QueueId queue) const {
  return index(queue) < queues_.size() ? queues_[index(queue)].cpus : 0;
}

Happenings::QueueRow& Happenings::queue_at(QueueId queue) {
  if (index(queue) >= queues_.size()) queues_.resize(index(queue) + 1);
  return queues_[index(queue)];
}

// --- facts ---

void Happenings::hear(const Event& event) {
  struct Visitor {
    Happenings& all;
    void operator()(const JobSubmitted& e) const { all.add_job(e.job, all.now_); }
    void operator()(const JobLoaded& e) const { all.add_job(e.job, std::min(e.submitted, all.now_)); }
    void operator()(const JobCancelled& e) const {
      const auto job = all.jobs_.find(e.job.value);
      if (job != all.jobs_.end() && job->second.phase == Phase::waiting) all.remove(job);
    }
    void operator()(const AttemptFinished& e) const {
      all.end_attempt(e.attempt, e.ending == Ending::succeeded ? StretchEnd::succeeded : StretchEnd::failed);
    }
    void operator()(const AttemptStopped& e) const { all.end_attempt(e.attempt, StretchEnd::stopped); }
    void operator()(const AllocationLoaded& e) const { all.load(e); }
    void operator()(const WorkerRegistered& e) const { all.registered(e); }
    void operator()(const WorkerDraining& e) const {
      all.marks_.push_back({all.now_, WorkerMark::Kind::draining, e.worker, e.incarnation});
    }
    void operator()(const WorkerLeft& e) const { all.goes(e.worker, e.incarnation, WorkerMark::Kind::left); }
    void operator()(const LeaseExpired& e) const {
      if (all.reading_) all.marks_.push_back({all.now_, WorkerMark::Kind::expired, e.worker, e.incarnation});
      else all.goes(e.worker, e.incarnation, WorkerMark::Kind::expired);
    }
    void operator()(const CommitAnswered& e) const { all.settle(e.request, e.answer); }
    void operator()(const BatchRead& e) const {
      const auto read = all.reads_.find(e.request);
      if (read == all.reads_.end()) return;
      if (e.answer == Answer::done) all.settle(read->second, e.found ? Answer::done : Answer::failed);
      all.reads_.erase(read);
    }
    void operator()(const CounterAnswered& e) const {
      if (all.counted_ && e.answer == Answer::done && e.verdict == CounterVerdict::applied)
        all.drift_ = e.value - all.committed_;
    }
    void operator()(const RegistryRead&) const {}
    void operator()(const AllocationsSummed&) const {}
    void operator()(const LeaseAnswered&) const {}
    void operator()(const StateLoaded&) const {}
    void operator()(const WorkersAsked&) const {}
    void operator()(const WorkerReported&) const {}
    void operator()(const AttemptHeld&) const {}
    void operator()(const ShutdownRequested&) const {}
    void operator()(const WaitingLoaded&) const {}
  };
  std::visit(Visitor{*this}, event);
}

void Happenings::add_job(const JobSpec& job, Time since) {
  const auto [place, added] = jobs_.try_emplace(job.id.value);
  if (!added) return;
  place->second = {.queue = job.queue, .cpus = job.per_task.cpus(), .submitted_in = step_, .waits_since = since};
  ++waiting_;
  ++queue_at(job.queue).waiting;
}

void Happenings::remove(Jobs::iterator job) {
  close_all(JobId{job->first}, job->second, StretchEnd::stopped);
  if (job->second.phase == Phase::waiting) {
    --waiting_;
    --queue_at(job->second.queue).waiting;
  }
  jobs_.erase(job);
}

void Happenings::wait_again(JobRow& job) {
  if (job.phase == Phase::waiting) return;
  job.phase = Phase::waiting;
  job.waits_since = now_;
  ++waiting_;
  ++queue_at(job.queue).waiting;
}

void Happenings::end_attempt(AttemptId attempt, StretchEnd end) {
  const auto job = jobs_.find(attempt.job.value);
  if (job == jobs_.end() || job->second.attempt != attempt.number || job->second.phase != Phase::running) return;
  close_all(attempt.job, job->second, end);
  job->second.phase = Phase::ending;
}

// What a leader before began: when, is not known here.
void Happenings::load(const AllocationLoaded& event) {
  open(event.attempt, {event.worker, event.tasks}, now_);
  const auto job = jobs_.find(event.attempt.job.value);
  if (!counted_ || job == jobs_.end()) return;
  const std::int64_t cpus = job->second.cpus * event.tasks;
  allocated_[event.attempt] += cpus;
  committed_ += cpus;
}

void Happenings::registered(const WorkerRegistered& event) {
  if (index(event.worker) >= kWorkersMost) return;
  if (index(event.worker) >= workers_.size()) workers_.resize(index(event.worker) + 1);
  WorkerRow& row = workers_[index(event.worker)];
  if (event.incarnation == row.incarnation && row.live)  // it had been suspected for nothing
    marks_.push_back({now_, WorkerMark::Kind::returned, event.worker, event.incarnation});
  if (event.incarnation <= row.incarnation) return;
  const bool known = row.incarnation > 0;
  const std::uint32_t lost = lose(row, event.worker);
  row.incarnation = event.incarnation;
  row.cpus = event.spec.capacity.cpus() >= kUnlimited ? 0 : event.spec.capacity.cpus();
  row.live = true;
  ++workers_live_;
  cpus_live_ += row.cpus;
  marks_.push_back(
      {now_, known ? WorkerMark::Kind::returned : WorkerMark::Kind::registered, event.worker, event.incarnation, lost});
}

// It runs nothing any more; returns how many attempts it held.
std::uint32_t Happenings::lose(WorkerRow& row, WorkerId worker) {
  std::uint32_t lost = 0;
  for (; !row.holds.empty(); ++lost) {
    const JobId id = row.holds.back();
    JobRow& job = jobs_.at(id.value);
    const auto hold = std::ranges::find(job.holds, worker, &Hold::worker);
    close(id, job, static_cast<std::size_t>(hold - job.holds.begin()), StretchEnd::lost);
  }
  if (row.live) {
    --workers_live_;
    cpus_live_ -= row.cpus;
  }
  row.live = false;
  return lost;
}

void Happenings::goes(WorkerId worker, std::uint32_t incarnation, WorkerMark::Kind kind) {
  if (index(worker) >= workers_.size()) return;
  WorkerRow& row = workers_[index(worker)];
  if (row.incarnation != incarnation || !row.live) return;
  marks_.push_back({now_, kind, worker, incarnation, lose(row, worker), true});
}

// --- orders ---

void Happenings::obey(const Command& command) {
  if (const auto* order = std::get_if<Dispatch>(&command)) {
    for (const Placement& placement : order->placements) open(order->attempt, placement, now_);
  } else if (const auto* commit = std::get_if<Commit>(&command)) {
    if (counted_) keep_books(*commit);
    for (const Release& row : commit->releases) release(row);
  } else if (const auto* read = std::get_if<ReadBatch>(&command)) {
    if (counted_) reads_[read->request] = read->commit;
  } else if (const auto* dead = std::get_if<DeclareDead>(&command)) {
    goes(dead->worker, dead->incarnation, WorkerMark::Kind::declared_dead);
  } else if (const auto* reject = std::get_if<RejectJob>(&command)) {
    // One whose number is taken says nothing about the job that has it.
    const auto job = jobs_.find(reject->job.value);
    if (job != jobs_.end() && job->second.submitted_in == step_) remove(job);
  }
}

void Happenings::release(const Release& row) {
  const auto job = jobs_.find(row.attempt.job.value);
  if (job == jobs_.end() || job->second.attempt > row.attempt.number) return;
  const auto close_as = [&](StretchEnd end) { close_all(row.attempt.job, job->second, end); };
  switch (row.reason) {
    case ReleaseReason::succeeded:
    case ReleaseReason::failed:
    case ReleaseReason::cancelled: return remove(job);
    case ReleaseReason::quarantined: close_as(StretchEnd::lost); return remove(job);
    case ReleaseReason::worker_lost: close_as(StretchEnd::lost); return wait_again(job->second);
    case ReleaseReason::preempted:
    case ReleaseReason::retried:
    case ReleaseReason::drained: close_as(StretchEnd::stopped); return wait_again(job->second);
  }
}

void Happenings::open(AttemptId attempt, const Placement& placement, Time from) {
  const auto found = jobs_.find(attempt.job.value);
  if (found == jobs_.end() || index(placement.worker) >= kWorkersMost) return;
  JobRow& job = found->second;
  if (job.phase == Phase::ending && job.attempt == attempt.number) return;
  if (job.phase != Phase::running || job.attempt != attempt.number) {
    close_all(attempt.job, job, StretchEnd::stopped);
    if (job.phase == Phase::waiting) {
      --waiting_;
      --queue_at(job.queue).waiting;
    }
    began_.push_back({attempt, now_ - job.waits_since});
    job.phase = Phase::running;
    job.attempt = attempt.number;
  } else if (std::ranges::find(job.holds, placement.worker, &Hold::worker) != job.holds.end()) {
    return;  // sent a second time
  }
  if (index(placement.worker) >= workers_.size()) workers_.resize(index(placement.worker) + 1);
  WorkerRow& worker = workers_[index(placement.worker)];
  auto lane = static_cast<std::uint32_t>(std::ranges::find(worker.lanes, false) - worker.lanes.begin());
  if (lane == worker.lanes.size()) worker.lanes.push_back(true);
  else worker.lanes[lane] = true;
  worker.holds.push_back(attempt.job);
  if (job.holds.empty()) ++running_;
  job.holds.push_back({placement.worker, placement.tasks, lane, from});
  const std::int64_t cpus = job.cpus * placement.tasks;
  cpus_used_ += cpus;
  queue_at(job.queue).cpus += cpus;
}

void Happenings::close(JobId id, JobRow& job, std::size_t place, StretchEnd end) {
  const Hold hold = job.holds[place];
  WorkerRow& worker = workers_[index(hold.worker)];
  worker.lanes[hold.lane] = false;
  worker.holds.erase(std::ranges::find(worker.holds, id));
  const std::int64_t cpus = job.cpus * hold.tasks;
  cpus_used_ -= cpus;
  queue_at(job.queue).cpus -= cpus;
  ended_.push_back({.attempt = {id, job.attempt},
                    .worker = hold.worker,
                    .queue = job.queue,
                    .tasks = hold.tasks,
                    .lane = hold.lane,
                    .from = hold.from,
                    .to = now_,
                    .end = end});
  job.holds.erase(job.holds.begin() + static_cast<std::ptrdiff_t>(place));
  if (job.holds.empty()) --running_;
}

void Happenings::close_all(JobId id, JobRow& job, StretchEnd end) {
  while (!job.holds.empty()) close(id, job, job.holds.size() - 1, end);
}

// --- what the store holds ---

void Happenings::keep_books(const Commit& commit) {
  Batch& batch = on_their_way_[commit.request];
  for (const Assignment& row : commit.assignments) {
    const auto job = jobs_.find(row.attempt.job.value);
    if (job == jobs_.end()) continue;
    std::int64_t tasks = 0;
    for (const Placement& placement : row.placements) tasks += placement.tasks;
    allocated_[row.attempt] = job->second.cpus * tasks;
    batch.assigned.push_back(row.attempt);
  }
  for (const Release& row : commit.releases) batch.released.push_back(row.attempt);
}

void Happenings::settle(RequestId commit, Answer answer) {
  const auto found = on_their_way_.find(commit);
  if (found == on_their_way_.end() || answer == Answer::unknown) return;
  for (const AttemptId attempt : found->second.assigned) {
    if (answer == Answer::done) committed_ += allocated_[attempt];
    else allocated_.erase(attempt);
  }
  for (const AttemptId attempt : found->second.released) {
    const auto row = allocated_.find(attempt);
    if (answer != Answer::done || row == allocated_.end()) continue;
    committed_ -= row->second;
    allocated_.erase(row);
  }
  on_their_way_.erase(found);
}

}  // namespace drydock::reports

#include "tests/contract/postgres_random_ops.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace drydock::postgres {

namespace {

constexpr std::uint64_t kWindow = 60;  // of ids, back from the last one, that are talked about at random
constexpr std::size_t kMost = 60;      // jobs that wait, and jobs that are held: then no more are made

}  // namespace

std::int64_t RandomPostgresOps::between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(high - low + 1)));
}

Resources RandomPostgresOps::amounts() {
  return make_resources({.cpus_milli = between(0, 5000),
                         .memory_bytes = between(0, std::int64_t{1} << 40),
                         .gpus = between(0, 8),
                         .slots = between(1, 3)});
}

JobId RandomPostgresOps::any_job() {
  const std::uint64_t back = chance(5) ? rng_.below(last_job_ + 2) : rng_.below(kWindow);
  return JobId{last_job_ + 2 > back ? last_job_ + 2 - back : 1};
}

JobId RandomPostgresOps::job_that(bool held) {
  const std::set<std::uint64_t>& ids = held ? held_ : waiting_;
  if (ids.empty()) return any_job();
  const auto at = ids.lower_bound(*ids.begin() + rng_.below(*ids.rbegin() - *ids.begin() + 1));
  return JobId{*at};
}

// One that waits; now and then one that is held, or that nobody submitted.
JobId RandomPostgresOps::job_for_batch() {
  const std::uint64_t kind = rng_.below(50);
  return kind == 0 ? JobId{last_job_ + 1000 + rng_.below(1000)} : job_that(kind == 1);
}

void RandomPostgresOps::believe(std::uint64_t id, Believed what) {
  jobs_[id] = what;
  held_.erase(id);
  waiting_.erase(id);
  if (what.held) {
    held_.insert(id);
  } else if (!what.ended) {
    waiting_.insert(id);
  }
}

Job RandomPostgresOps::new_job() {
  Job job;
  // Ids come a little out of order, and again.
  if (waiting_.size() < kMost) {
    last_job_ += rng_.below(3);
    job.spec.id = JobId{last_job_ + rng_.below(6)};
  } else {
    job.spec.id = job_that(chance(50));
  }
  job.spec.queue = QueueId{static_cast<std::uint32_t>(rng_.below(3))};
  job.spec.priority = static_cast<std::int32_t>(between(-2, 2));
  job.spec.tasks = static_cast<std::uint32_t>(between(1, 9));
  job.spec.per_task = amounts();
  job.spec.estimate = Duration{between(1, 1'000'000'000'000)};
  job.spec.input_bytes = between(0, 1000);
  job.spec.output_bytes = between(0, 1000);
  job.spec.on_failure = static_cast<OnInterrupt>(rng_.below(3));
  job.spec.on_preemption = static_cast<OnInterrupt>(rng_.below(3));
  for (std::uint64_t n = rng_.below(4); n > 0; --n) job.payload += static_cast<char>(rng_.below(256));
  return job;
}

Fence RandomPostgresOps::fence() {
  const std::string name = lease();
  const std::int64_t epoch = epochs_.contains(name) ? epochs_[name] : 1;
  return {name, std::max<std::int64_t>(1, epoch + (chance(4) ? between(-1, 1) : 0))};
}

RequestId RandomPostgresOps::request(const Fence& fence) {
  std::uint64_t& last = requests_[fence.lease];
  if (chance(12)) return RequestId{last - std::min(last, rng_.below(25))};
  return RequestId{++last};
}

std::vector<Share> RandomPostgresOps::shares() {
  std::vector<Share> result;
  std::set<std::uint64_t> workers;
  for (std::uint64_t n = chance(70) ? 1 : 1 + rng_.below(3); n > 0; --n) {
    const std::uint64_t worker = rng_.below(6);
    if (!workers.insert(worker).second) continue;
    result.push_back({WorkerId{static_cast<std::uint32_t>(worker)}, static_cast<std::uint32_t>(between(1, 5)), amounts()});
  }
  return result;
}

Op RandomPostgresOps::submission() {
  SubmitJobs op;
  std::set<JobId> ids;
  const bool alike = chance(30);
  for (std::uint64_t n = 1 + rng_.below(4); n > 0; --n) {
    Job job = new_job();
    if (alike && !op.jobs.empty()) {
      const JobId id = std::exchange(job.spec, op.jobs.front().spec).id;
      job.spec.id = id;
    }
    if (ids.insert(job.spec.id).second) op.jobs.push_back(std::move(job));
  }
  return op;
}

CommitBatch RandomPostgresOps::batch() {
  CommitBatch op;
  op.fence = fence();
  op.request = request(op.fence);
  if (chance(10)) op.settled_below = RequestId{op.request.value - std::min(op.request.value, rng_.below(12))};
  std::set<AttemptId> releases;
  std::set<JobId> endings;
  std::set<JobId> assignments;
  std::map<JobId, std::uint32_t> freed;  // attempts that this batch releases
  const auto number_of = [&](JobId id) { return jobs_.contains(id.value) ? jobs_[id.value].attempts : 0; };
  const auto slightly_wrong = [&](std::uint32_t number) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(1, number + (chance(2) ? between(-1, 1) : 0)));
  };
  for (std::uint64_t n = rng_.below(4); n > 0; --n) {
    const JobId id = job_that(true);
    const AttemptId attempt{id, slightly_wrong(number_of(id))};
    if (!releases.insert(attempt).second) continue;
    op.releases.push_back({attempt, reason(), chance(50), progress()});
    freed[id] = attempt.number;
  }
  if (chance(8)) {
    const JobId id = job_for_batch();
    if (endings.insert(id).second) op.endings.push_back({id, reason()});
  }
  for (std::uint64_t n = held_.size() < kMost ? rng_.below(4) : 0; n > 0; --n) {
    const JobId id = !freed.empty() && chance(20) ? freed.begin()->first : job_for_batch();
    if (!assignments.insert(id).second) continue;
    op.assignments.push_back({{id, slightly_wrong(number_of(id) + 1)}, shares()});
  }
  return op;
}

FinishAttempt RandomPostgresOps::finish() {
  const JobId id = job_that(true);
  const std::uint32_t number = jobs_.contains(id.value) ? std::max(1U, jobs_[id.value].attempts) : 1;
  return {{id, number}, reason(), chance(50), progress(), chance(50)};
}

Op RandomPostgresOps::next() {
  if (const auto wrong = std::exchange(to_read_, std::nullopt)) return ReadJob{*wrong};
  switch (rng_.below(35)) {
    case 0:
    case 1:
    case 2:
    case 3: return submission();
    case 4:
    case 5: return ReadJob{any_job()};
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13: return batch();
    case 14: {
      const Fence of = fence();
      return SettleBatch{of, request(of)};
    }
    case 15:
    case 16: return finish();
    case 17: return ReleaseEnded{fence(), limit()};
    case 18: return ReadTotals{};
    case 19: return chance(10) ? Op(RecountTotals{}) : Op(ReadTotals{});
    case 20: {
      if (chance(50)) return ReadAllocations{};
      return ReadAllocations{WorkerId{static_cast<std::uint32_t>(rng_.below(6))}};
    }
    case 21: return chance(20) ? Op(RaiseMark{fence()}) : Op(ReadJob{any_job()});
    case 22: return chance(20) ? Op(LoadState{fence(), limit()}) : Op(ReadJob{any_job()});
    case 23: {
      LoadWaiting op{QueueId{static_cast<std::uint32_t>(rng_.below(3))}, std::nullopt, limit()};
      if (chance(50)) op.after = QueuePlace{static_cast<std::int32_t>(between(-2, 2)), any_job()};
      return op;
    }
    case 24: return LoadArrived{between(0, static_cast<std::int64_t>(last_job_)), limit()};
    case 25: return AcquireLease{lease(), holder(), std::chrono::hours{between(1, 9)}, chance(10) ? between(1, 2000) : 1};
    case 26: {
      const std::string name = lease();
      return ReleaseLease{name, holder(), epochs_.contains(name) ? epochs_[name] : 1};
    }
    case 27: return ReadLease{lease()};
    case 28: return FireDue{fence(), "beat" + number(2), time_at(between(0, 200)), new_job()};
    case 29: return ReadLastDue{"beat" + number(3)};
    case 30: return chance(30) ? Op(Listen{channel()}) : Op(Notify{channel()});
    case 31: return RequestCancel{any_job()};
    case 32: return LoadCancels{between(0, static_cast<std::int64_t>(last_job_ / 8)), limit()};
    case 33: return chance(20) ? Op(ReserveIds{limit()}) : Op(ReadJob{any_job()});
    default: return TakeHints{channel()};
  }
}

void RandomPostgresOps::heard(const Op& op, const Reply& reply) {
  const auto* verdict = std::get_if<Verdict>(&reply);
  const bool applied = verdict != nullptr && verdict->outcome == Verdict::Outcome::applied;
  if (const auto* lease = std::get_if<Lease>(&reply)) {
    const auto* acquired = std::get_if<AcquireLease>(&op);
    const std::string& name = acquired != nullptr ? acquired->lease : std::get<ReadLease>(op).lease;
    if (epochs_[name] != lease->epoch) requests_[name] = 0;
    epochs_[name] = std::max<std::int64_t>(1, lease->epoch);
  }
  if (const auto* submitted = std::get_if<SubmitJobs>(&op)) {
    for (const Job& job : submitted->jobs) {
      if (!jobs_.contains(job.spec.id.value)) believe(job.spec.id.value, {});
    }
  }
  if (const auto* read = std::get_if<ReadJob>(&op)) {
    const auto* view = std::get_if<JobView>(&reply);
    if (view == nullptr) return;
    if (!view->found) return believe(read->job.value, {0, false, true});
    believe(read->job.value, {view->attempts, view->state == JobState::held, view->state == JobState::ended});
  }
  if (verdict != nullptr && verdict->outcome >= Verdict::Outcome::stale_attempt && verdict->detail > 0) {
    to_read_ = JobId{static_cast<std::uint64_t>(verdict->detail)};
  }
  if (!applied) return;
  if (const auto* fired = std::get_if<FireDue>(&op)) believe(fired->job.spec.id.value, {});
  if (const auto* finished = std::get_if<FinishAttempt>(&op)) {
    believe(finished->attempt.job.value, {finished->attempt.number, !finished->release, finished->job_ends});
  }
  if (const auto* batch = std::get_if<CommitBatch>(&op)) {
    for (const ReleasedAttempt& row : batch->releases) {
      const Believed before = jobs_[row.attempt.job.value];
      believe(row.attempt.job.value, {row.attempt.number, false, before.ended || row.job_ends});
    }
    for (const EndedJob& row : batch->endings) believe(row.job.value, {jobs_[row.job.value].attempts, false, true});
    for (const AssignedAttempt& row : batch->assignments) believe(row.attempt.job.value, {row.attempt.number, true, false});
  }
}

std::vector<AdminOp> RandomPostgresOps::faults() {
  std::vector<AdminOp> result;
  if (chance(20)) result.emplace_back(AbortNextCommit{});
  if (chance(20)) result.emplace_back(LoseNextAnswer{chance(50)});
  if (rng_.below(120) == 0) result.emplace_back(Restart{});
  if (rng_.below(240) == 0) {
    result.emplace_back(GoDown{});
    result.emplace_back(ComeBack{});
  }
  return result;
}

}  // namespace drydock::postgres

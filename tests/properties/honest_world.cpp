#include "tests/properties/honest_world.hpp"

#include "policies/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::properties {

namespace {

// A history that needs more is a livelock: each fact calls for a few rounds at most.
constexpr std::uint64_t kRoundsPerInstant = 2'000;

// Requests from here on were never made: answers to them are noise, which the checker is not told.
constexpr std::uint64_t kNoRequest = std::uint64_t{1} << 40U;

bool is_noise(const Event& fact) {
  const auto* answered = std::get_if<CommitAnswered>(&fact);
  const auto* read = std::get_if<BatchRead>(&fact);
  return (answered != nullptr && answered->request.value >= kNoRequest) ||
         (read != nullptr && read->request.value >= kNoRequest);
}

}  // namespace

HonestWorld::HonestWorld(WorldConfig config, std::unique_ptr<PlacementPolicy> policy)
    : config_(std::move(config)),
      scheduler_(config_.scheduler, make_policies(config_.scheduler, std::move(policy))),
      checker_({.holds_all = config_.scheduler.control_plane.lookahead == 0}),
      rng_(config_.seed, "honest world"),
      workers_(config_.workers.size()),
      jobs_(config_.jobs.size()) {
  for (std::size_t w = 0; w < workers_.size(); ++w) workers_[w].spec = config_.workers[w];
}

std::string HonestWorld::run() {
  schedule_start();
  schedule_dangers();
  const std::uint64_t steps_max = 50'000 + 2'000 * jobs_.size();
  while (wrong_.empty()) {
    const Time next = due_.empty() ? wakeup_ : std::min(wakeup_, due_.top().at);
    if (next == kNever) break;
    rounds_ = next == now_ ? rounds_ + 1 : 0;
    now_ = next;
    while (!due_.empty() && due_.top().at == now_) {
      const Action action = due_.top().action;
      due_.pop();
      action();
    }
    step();
    if (++steps_ > steps_max) complain("the history does not come to an end");
    if (rounds_ > kRoundsPerInstant) complain("livelock: too many rounds at one instant");
  }
  if (wrong_.empty()) check_end();
  return wrong_;
}

void HonestWorld::schedule_start() {
  for (std::uint32_t w = 0; w < workers_.size(); ++w) {
    at(kTimeZero, [this, w] { tell(WorkerRegistered{WorkerId{w}, 1, config_.workers[w]}); });
  }
  for (std::size_t j = 0; j < jobs_.size(); ++j) {
    at(config_.submissions[j], [this, j] {
      jobs_[j].row.there = true;
      tell(JobSubmitted{config_.jobs[j]});
      if (config_.dangers.faults && chance(20)) tell(JobSubmitted{config_.jobs[j]});
    });
  }
}

void HonestWorld::schedule_dangers() {
  const auto some_time = [this] {
    return time_at(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(nanos(config_.healed_at)))));
  };
  if (config_.dangers.cancels) {
    for (std::uint32_t j = 0; j < jobs_.size(); ++j) {
      if (!chance(6)) continue;
      const Time when = later(config_.submissions[j], some_delay(20'000));
      at(std::min(when, config_.healed_at), [this, j] {
        tell(JobCancelled{JobId{j}});
        if (chance(4)) tell(JobCancelled{JobId{j}});
      });
    }
  }
  if (!config_.dangers.faults) return;
  for (std::uint32_t w = 0; w < workers_.size(); ++w) {
    for (std::uint64_t i = rng_.below(4); i > 0; --i) {
      const WorkerId worker{w};
      const std::uint64_t fate = rng_.below(4);
      at(some_time(), [this, worker, fate] { fate == 0 ? leave(worker) : fate == 1 ? drain(worker) : crash(worker); });
    }
    at(config_.healed_at, [this, w] { heal(WorkerId{w}); });
  }
  for (int i = 0; i < 20; ++i) at(some_time(), [this] { tell_stale_fact(); });
}

// Facts about the past, and about nothing: they must change nothing.
void HonestWorld::tell_stale_fact() {
  const JobId job{rng_.below(jobs_.size() + 3)};
  const WorkerId worker{static_cast<std::uint32_t>(rng_.below(workers_.size() + 3))};
  const std::uint32_t incarnation = index(worker) < workers_.size() ? workers_[index(worker)].incarnation : 1;
  std::uint32_t newest = 0;
  if (job.value < jobs_.size() && !jobs_[job.value].attempts.empty()) newest = jobs_[job.value].attempts.rbegin()->first;
  switch (rng_.below(8)) {
    case 0: return tell(AttemptFinished{{job, newest + 1 + static_cast<std::uint32_t>(rng_.below(3))}, Ending::succeeded});
    case 1: return newest > 1 ? tell(AttemptFinished{{job, newest - 1}, Ending::failed}) : void();
    case 2: return tell(AttemptStopped{{job, newest + 1}, Duration{5}});
    case 3: return tell(LeaseExpired{worker, incarnation - 1});
    case 4: return tell(WorkerLeft{worker, incarnation + 7});
    case 5: return tell(CommitAnswered{RequestId{kNoRequest + rng_.below(5)}, Answer::failed});
    case 6: return tell(BatchRead{RequestId{kNoRequest + rng_.below(5)}, Answer::done, chance(2)});
    default:
      if (index(worker) < workers_.size() && incarnation > 1)
        tell(WorkerRegistered{worker, incarnation - 1, config_.workers[index(worker)]});
  }
}

Duration HonestWorld::some_delay(std::int64_t most_ms) {
  // Few different values, so that instants coincide.
  return Duration{static_cast<std::int64_t>(rng_.below(9)) * (most_ms * 1'000'000 / 8)};
}

void HonestWorld::tell_later(const Event& event) {
  const bool odd = config_.dangers.faults && !healed();
  if (odd && chance(4)) {
    at(now_ + some_delay(3'000), [this, event] { tell(event); });
  } else {
    tell(event);
  }
  if (odd && chance(6)) at(now_ + some_delay(5'000), [this, event] { tell(event); });
}

// --- truth ---

HonestWorld::AttemptTruth* HonestWorld::find(AttemptId id) {
  if (id.job.value >= jobs_.size()) return nullptr;
  auto& attempts = jobs_[id.job.value].attempts;
  const auto found = attempts.find(id.number);
  return found == attempts.end() ? nullptr : &found->second;
}

void HonestWorld::end_in_truth(AttemptId id) {
  AttemptTruth& attempt = *find(id);
  attempt.phase = Phase::over;
  const Resources& demand = config_.jobs[id.job.value].per_task;
  for (const Placement& p : attempt.placements) workers_[index(p.worker)].running -= demand * p.tasks;
}

void HonestWorld::finish(AttemptId id) {
  if (find(id)->phase != Phase::running) return;
  end_in_truth(id);
  const bool fails = chance(config_.scheduler.retry.type.empty() ? 10 : 3);
  tell_later(AttemptFinished{id, fails ? Ending::failed : Ending::succeeded});
}

void HonestWorld::keep_progress(JobId job, const AttemptTruth& attempt) {
  const double speed = scheduler_.cluster().speed_of(attempt.placements);
  Duration& done = jobs_[job.value].done;
  done = std::min(config_.durations[job.value], done + duration_of_seconds(seconds(now_ - attempt.began) * speed));
}

// A member of a gang takes the others with it.
void HonestWorld::crash(WorkerId worker) {
  WorkerTruth& truth = workers_[index(worker)];
  if (!truth.alive || healed()) return;
  kill(worker);
  const std::uint32_t incarnation = truth.incarnation;
  if (chance(2)) {
    at(now_ + some_delay(8'000), [this, worker, incarnation] { tell(LeaseExpired{worker, incarnation}); });
  }
  at(now_ + some_delay(16'000) + Duration{1}, [this, worker] { come_back(worker); });
}

void HonestWorld::kill(WorkerId worker) {
  workers_[index(worker)].alive = false;
  for (std::uint64_t j = 0; j < jobs_.size(); ++j) {
    for (auto& [number, attempt] : jobs_[j].attempts) {
      if (!is_on(attempt.placements, worker) || attempt.phase != Phase::running) continue;
      if (config_.jobs[j].on_failure == OnInterrupt::resume) keep_progress(JobId{j}, attempt);
      end_in_truth({JobId{j}, number});
    }
  }
}

// From here on each worker is as it was meant to be.
void HonestWorld::heal(WorkerId worker) {
  const WorkerTruth& truth = workers_[index(worker)];
  if (truth.alive && !truth.changed && !truth.draining) return;
  kill(worker);
  come_back(worker);
}

void HonestWorld::come_back(WorkerId worker) {
  WorkerTruth& truth = workers_[index(worker)];
  if (truth.alive) return;
  truth.alive = true;
  truth.draining = false;
  ++truth.incarnation;
  truth.spec = config_.workers[index(worker)];
  truth.changed = !healed() && chance(4);
  if (truth.changed) {  // in another pool, with as much as another worker
    truth.spec = config_.workers[rng_.below(workers_.size())];
    truth.spec.pool = PoolId{static_cast<std::uint32_t>(rng_.below(config_.scheduler.pools.size()))};
  }
  const WorkerRegistered fact{worker, truth.incarnation, truth.spec};
  tell(fact);
  if (config_.dangers.faults && chance(3)) tell(fact);
}

void HonestWorld::leave(WorkerId worker) {
  WorkerTruth& truth = workers_[index(worker)];
  if (!truth.alive || healed() || !(truth.running == Resources{})) return;
  truth.alive = false;
  tell(WorkerLeft{worker, truth.incarnation});
  at(now_ + some_delay(16'000) + Duration{1}, [this, worker] { come_back(worker); });
}

// --- the scheduler's side ---

// What the scheduler may conclude from a fact.
void HonestWorld::note(const AttemptFinished& e) {
  const AttemptTruth* attempt = find(e.attempt);
  if (attempt == nullptr || attempt->told_over || attempt->phase != Phase::over) return;
  if (e.ending == Ending::failed) {
    note_failure(e.attempt);
  } else {
    jobs_[e.attempt.job.value].result_known = true;
    find(e.attempt)->reason = ReleaseReason::succeeded;
  }
  note_over(e.attempt);
}

std::int64_t HonestWorld::retry_setting(std::string_view name) const {
  return config_.scheduler.retry.type.empty() ? 0 : config_.scheduler.retry.get<std::int64_t>(name);
}

// With a budget, which is judged elsewhere, it may also be given up before its time.
void HonestWorld::note_failure(AttemptId id) {
  JobTruth& job = jobs_[id.job.value];
  AttemptTruth& attempt = *find(id);
  if (config_.jobs[id.job.value].on_failure == OnInterrupt::resume) keep_progress(id.job, attempt);
  const bool again = ++job.failures <= retry_setting("retries") && !job.cancelled;
  attempt.reason = again ? ReleaseReason::retried : ReleaseReason::failed;
  if (!again) job.result_known = true;
  else if (config_.scheduler.retry.type == "fixed") job.not_before = now_ + config_.scheduler.retry.get<Duration>("delay");
}

// Only what was dispatched may have been the cause.
void HonestWorld::note_loss(AttemptId id) {
  JobTruth& job = jobs_[id.job.value];
  AttemptTruth& attempt = *find(id);
  if (attempt.phase != Phase::running && attempt.phase != Phase::over) return;
  const std::int64_t most = retry_setting("quarantine_after");
  const bool poison = ++job.losses >= most && most > 0 && !job.cancelled;
  attempt.reason = poison ? ReleaseReason::quarantined : ReleaseReason::worker_lost;
  if (poison) job.result_known = true;
}
void HonestWorld::note(const AttemptStopped& e) {
  const AttemptTruth* attempt = find(e.attempt);
  if (attempt != nullptr && !attempt->told_over && attempt->phase == Phase::over) note_over(e.attempt);
}
void HonestWorld::note(const LeaseExpired& e) {
  if (index(e.worker) >= workers_.size()) return;
  const WorkerTruth& truth = workers_[index(e.worker)];
  if (truth.known && truth.told == e.incarnation) note_lost(e.worker);
}
void HonestWorld::note(const WorkerRegistered& e) {
  WorkerTruth& truth = workers_[index(e.worker)];
  if (e.incarnation <= truth.told) return;
  if (truth.known) note_lost(e.worker);
  truth.known_draining = false;
  truth.told = e.incarnation;
  truth.known = true;
}
void HonestWorld::note(const JobCancelled& e) {
  if (e.job.value >= jobs_.size()) return;
  JobTruth& job = jobs_[e.job.value];
  if (job.accepted && !job.result_known && !job.rejected) job.cancelled = true;
}
void HonestWorld::note(const JobSubmitted& e) { jobs_[e.job.id.value].accepted = true; }

// Everything that the scheduler believed to be on that worker is gone.
void HonestWorld::note_lost(WorkerId worker) {
  workers_[index(worker)].known = false;
  for (std::uint64_t j = 0; j < jobs_.size(); ++j) {
    for (auto& [number, attempt] : jobs_[j].attempts) {
      if (!is_on(attempt.placements, worker) || attempt.told_over) continue;
      if (!workers_[index(worker)].known_draining) note_loss({JobId{j}, number});
      note_over({JobId{j}, number});
    }
  }
}

void HonestWorld::note_over(AttemptId id) {
  find(id)->told_over = true;
  believe(id, -1);
}

void HonestWorld::believe(AttemptId id, std::int64_t sign) {
  const Resources& demand = config_.jobs[id.job.value].per_task;
  for (const Placement& p : find(id)->placements) {
    Resources& believed = workers_[index(p.worker)].believed;
    believed += demand * (sign * std::int64_t{p.tasks});
    if (sign > 0 && !believed.fits_in(workers_[index(p.worker)].spec.capacity)) {
      complain(fmt::format("{} is given worker {} which has no room for it", text(id), p.worker.value));
    }
    if (!believed.non_negative()) complain(fmt::format("the books of the test are wrong about worker {}", p.worker.value));
  }
}

void HonestWorld::step() {
  order_canonically(facts_);
  std::vector<Event> facts;
  facts.swap(facts_);
  for (const Event& fact : facts) std::visit([this](const auto& e) { note(e); }, fact);
  const std::span<const Command> commands = scheduler_.step(now_, facts);
  for (const Command& command : commands) {
    std::visit([this](const auto& c) { obey(c); }, command);
  }
  check_cancelled(facts);
  scheduler_.cluster().sanity_check();
  check_memory();
  std::erase_if(facts, is_noise);
  checker_.step(now_, facts, commands);
  if (checker_.violation_count() > 0) complain("the checker says: " + checker_.violations().front().what);
  if (after_step && wrong_.empty()) {
    if (const std::string what = after_step(scheduler_, now_); !what.empty()) complain(what);
  }
  check_wakeup();
}

void HonestWorld::check_wakeup() {
  wakeup_ = scheduler_.next_wakeup();
  if (wakeup_ <= now_) complain(fmt::format("a wakeup is wanted at {} ns, which is not after now", nanos(wakeup_)));
}

// Whatever runs of a job that was cancelled in this step must be stopped at once.
void HonestWorld::check_cancelled(std::span<const Event> facts) {
  for (const Event& fact : facts) {
    const auto* cancelled = std::get_if<JobCancelled>(&fact);
    if (cancelled == nullptr || cancelled->job.value >= jobs_.size()) continue;
    for (const auto& [number, attempt] : jobs_[cancelled->job.value].attempts) {
      const bool runs = attempt.phase == Phase::running && !attempt.told_over;
      if (runs && !attempt.stop_asked)
        complain(fmt::format("{}.{} was cancelled and goes on", cancelled->job.value, number));
    }
  }
}

void HonestWorld::new_request(RequestId id) {
  if (id.value <= last_request_) complain(fmt::format("request {} after request {}", id.value, last_request_));
  last_request_ = id.value;
}

void HonestWorld::obey(const Commit& c) {
  new_request(c.request);
  if (c.assignments.empty() && c.releases.empty()) complain("an empty commit");
  if (++open_commits_ > config_.scheduler.max_in_flight) complain("more commits in flight than allowed");
  CommitTruth& commit = commits_[c.request.value];
  for (const Release& r : c.releases) take_release(r, commit);
  for (const Assignment& a : c.assignments) take_assignment(a, commit);
  const bool trouble = config_.dangers.store_faults && !healed();
  const std::uint64_t fate = trouble ? rng_.below(6) : 5;
  const Answer answer = fate == 0 ? Answer::failed : fate <= 2 ? Answer::unknown : Answer::done;
  commit.in_store = answer == Answer::done || (answer == Answer::unknown && chance(2));
  commit.answer_lost = answer == Answer::unknown;
  if (commit.in_store) write(c);
  const Duration delay = config_.dangers.slow_store ? some_delay(400) : Duration{0};
  const RequestId request = c.request;
  at(now_ + delay, [this, request, answer] {
    CommitTruth& truth = commits_[request.value];
    tell(CommitAnswered{request, answer});
    if (answer != Answer::unknown) settle(truth, truth.in_store);
  });
}

void HonestWorld::settle(CommitTruth& commit, bool in_store) {
  commit.open = false;
  --open_commits_;
  for (const AttemptId id : commit.assigned) {
    AttemptTruth& attempt = *find(id);
    if (in_store) {
      if (attempt.phase == Phase::assigned) attempt.phase = Phase::stored;
    } else {
      if (!attempt.told_over) note_over(id);
      attempt.phase = Phase::released;
      // Where the store is read again, its number is used again.
      if (config_.scheduler.control_plane.lookahead > 0) jobs_[id.job.value].attempts.erase(id.number);
    }
  }
  for (const AttemptId id : commit.released) {
    AttemptTruth& attempt = *find(id);
    attempt.releasing = false;
    if (in_store) attempt.phase = Phase::released;
  }
}

void HonestWorld::take_release(const Release& r, CommitTruth& commit) {
  AttemptTruth* attempt = find(r.attempt);
  if (attempt == nullptr) return complain("a release of " + text(r.attempt) + ", which was never assigned");
  const bool declined = attempt->declined;
  if (r.reason == ReleaseReason::drained && attempt->phase == Phase::stored && !declined)
    complain(text(r.attempt) + " is not begun, and nobody declined it");
  const bool unwanted = attempt->phase == Phase::stored && (declined || jobs_[r.attempt.job.value].cancelled);
  if (unwanted && !attempt->told_over) note_over(r.attempt);
  if (attempt->phase == Phase::assigned || attempt->phase == Phase::released || attempt->releasing || !attempt->told_over) {
    complain("a release of " + text(r.attempt) + ", which is not over, not in the store, or already released");
  }
  if (attempt->reason && r.reason != *attempt->reason) {
    complain(fmt::format("{} is released for reason {}, and reason {} is right", text(r.attempt), static_cast<int>(r.reason),
                         static_cast<int>(*attempt->reason)));
  }
  attempt->releasing = true;
  commit.released.push_back(r.attempt);
}

void HonestWorld::take_assignment(const Assignment& a, CommitTruth& commit) {
  JobTruth& job = jobs_[a.attempt.job.value];
  const std::string name = text(a.attempt);
  if (!job.accepted || job.rejected || job.result_known) complain(name + " is assigned, but its job does not wait");
  if (now_ < job.not_before) complain(name + " is assigned before its delay is over");
  if (!job.attempts.empty() && a.attempt.number <= job.attempts.rbegin()->first)
    complain(name + ": attempt numbers do not rise");
  for (const auto& [number, attempt] : job.attempts) {
    if (!attempt.told_over) complain(fmt::format("{} is assigned while attempt {} is not over", name, number));
  }
  check_placements(a);
  if (!wrong_.empty()) return;
  job.assigned = true;
  AttemptTruth& attempt = job.attempts[a.attempt.number];
  attempt.placements.assign(a.placements.begin(), a.placements.end());
  commit.assigned.push_back(a.attempt);
  believe(a.attempt, 1);
}

void HonestWorld::check_placements(const Assignment& a) {
  const JobSpec& spec = config_.jobs[a.attempt.job.value];
  const std::string name = text(a.attempt);
  std::uint64_t tasks = 0;
  std::vector<WorkerId> named;
  for (const Placement& p : a.placements) {
    tasks += p.tasks;
    if (p.tasks == 0) complain(name + " has a placement without tasks");
    if (std::ranges::find(named, p.worker) != named.end()) complain(name + " names a worker twice");
    named.push_back(p.worker);
    if (index(p.worker) >= workers_.size()) return complain(name + " is assigned to a worker that does not exist");
    if (!workers_[index(p.worker)].known)
      complain(fmt::format("{} is assigned to worker {}, which is gone", name, p.worker.value));
    if (workers_[index(p.worker)].known_draining)
      complain(fmt::format("{} is assigned to worker {}, which drains", name, p.worker.value));
    const PoolId pool = workers_[index(p.worker)].spec.pool;
    if (pool != workers_[index(a.placements.front().worker)].spec.pool) complain(name + " is spread over pools");
    const auto& queues = config_.scheduler.pools[index(pool)].queues;
    if (std::ranges::find(queues, spec.queue) == queues.end())
      complain(name + " is in a pool that does not serve its queue");
  }
  if (tasks != spec.tasks) complain(fmt::format("{} has {} tasks, and {} were placed", name, spec.tasks, tasks));
}

void HonestWorld::obey(const ReadBatch& c) {
  new_request(c.request);
  const auto found = commits_.find(c.commit.value);
  if (found == commits_.end() || !found->second.open || !found->second.answer_lost || found->second.reading) {
    return complain(fmt::format("commit {} is read without need", c.commit.value));
  }
  found->second.reading = true;
  const bool fails = config_.dangers.store_faults && !healed() && chance(3);
  const Duration delay = config_.dangers.slow_store ? some_delay(400) : Duration{0};
  at(now_ + delay, [this, c, fails] {
    CommitTruth& truth = commits_[c.commit.value];
    truth.reading = false;
    const Answer answer = !fails ? Answer::done : chance(2) ? Answer::failed : Answer::unknown;
    tell(BatchRead{c.request, answer, truth.in_store});
    if (!fails) settle(truth, truth.in_store);
  });
}

void HonestWorld::obey(const Dispatch& c) {
  AttemptTruth* attempt = find(c.attempt);
  if (attempt == nullptr || attempt->phase != Phase::stored || attempt->told_over) {
    return complain(text(c.attempt) + " is dispatched, but it is not in the store, or over, or was dispatched before");
  }
  if (!std::ranges::equal(c.placements, attempt->placements)) complain(text(c.attempt) + " is dispatched to other workers");
  if (jobs_[c.attempt.job.value].cancelled) complain(text(c.attempt) + " is dispatched after it was cancelled");
  if (is_declined(c)) return;
  attempt->phase = Phase::running;
  attempt->began = now_;
  const bool alive =
      std::ranges::all_of(attempt->placements, [this](const Placement& p) { return workers_[index(p.worker)].alive; });
  const JobSpec& spec = config_.jobs[c.attempt.job.value];
  for (const Placement& p : attempt->placements) {
    WorkerTruth& worker = workers_[index(p.worker)];
    worker.running += spec.per_task * p.tasks;
    if (alive && !worker.running.fits_in(workers_[index(p.worker)].spec.capacity)) {
      complain(fmt::format("{} is more than worker {} can run", text(c.attempt), p.worker.value));
    }
  }
  if (!alive) return end_in_truth(c.attempt);  // the order goes nowhere, and the lease will tell
  JobTruth& job = jobs_[c.attempt.job.value];
  const Duration left = std::max(Duration{1}, config_.durations[c.attempt.job.value] - job.done);
  const double speed = scheduler_.cluster().speed_of(attempt->placements);
  const Duration takes = speed == 1.0 ? left : std::max(Duration{1}, duration_of_seconds(seconds(left) / speed));
  const AttemptId id = c.attempt;
  at(now_ + takes, [this, id] { finish(id); });
}

void HonestWorld::obey(const StopAttempt& c) {
  AttemptTruth* attempt = find(c.attempt);
  if (attempt == nullptr || attempt->told_over || attempt->stop_asked ||
      (attempt->phase != Phase::running && attempt->phase != Phase::over)) {
    return complain(text(c.attempt) + " is to be stopped, but it does not run or was asked before");
  }
  if (c.reason == ReleaseReason::cancelled && !jobs_[c.attempt.job.value].cancelled)
    complain(text(c.attempt) + " is cancelled by nobody");
  attempt->stop_asked = true;
  const AttemptId id = c.attempt;
  const Duration delay = config_.dangers.slow_store ? some_delay(200) : Duration{0};
  at(now_ + delay, [this, id] {
    AttemptTruth& truth = *find(id);
    if (truth.phase != Phase::running) return;  // it ended first, or died
    if (config_.jobs[id.job.value].on_preemption == OnInterrupt::resume) keep_progress(id.job, truth);
    end_in_truth(id);
    tell_later(AttemptStopped{id, jobs_[id.job.value].done});
  });
}

void HonestWorld::obey(const RejectJob& c) {
  if (c.job.value >= jobs_.size()) return complain("a job that nobody submitted is rejected");
  JobTruth& job = jobs_[c.job.value];
  if (c.reason == RejectReason::duplicate_id) return;
  if (!job.attempts.empty()) complain(fmt::format("job {} is rejected after it was assigned", c.job.value));
  if (c.reason == RejectReason::queue_full && !config_.scheduler.queues[index(config_.jobs[c.job.value].queue)].capacity) {
    complain("a job is rejected by a queue without a limit");
  }
  job.rejected = true;
}

void HonestWorld::obey(const Halt& c) { complain("halted: " + std::string(c.why)); }

// Faults have healed and nothing is left to happen: every job must have come to its end.
void HonestWorld::check_end() {
  for (std::uint64_t j = 0; j < jobs_.size(); ++j) {
    const JobTruth& job = jobs_[j];
    if (!job.rejected && !job.cancelled && !job.result_known) complain(fmt::format("job {} never ended", j));
    for (const auto& [number, attempt] : job.attempts) {
      if (attempt.phase != Phase::released) complain(fmt::format("attempt {}.{} was never released", j, number));
    }
  }
  for (const WorkerTruth& worker : workers_) {
    if (!(worker.running == Resources{}) || !(worker.believed == Resources{})) complain("a worker still holds something");
  }
  for (const auto& [request, commit] : commits_) {
    if (commit.open) complain(fmt::format("commit {} was never settled", request));
  }
  if (!scheduler_.idle()) complain("the scheduler is not idle");
  checker_.finish(true);
  if (checker_.violation_count() > 0) complain("the checker says: " + checker_.violations().front().what);
}

void HonestWorld::complain(const std::string& what) {
  if (wrong_.empty()) wrong_ = fmt::format("at {:.9f} s, step {}: {}", seconds(now_), steps_, what);
}

}  // namespace drydock::properties

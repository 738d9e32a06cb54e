#include "tests/properties/ideal_world.hpp"

#include "policies/catalog.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <utility>
#include <variant>

namespace drydock::properties {

namespace {

class IdealWorld {
 public:
  IdealWorld(const SchedulerConfig& config, std::unique_ptr<PlacementPolicy> policy, const std::vector<IdealJob>& jobs)
      : jobs_(jobs),
        scheduler_(config, make_policies(config, std::move(policy))),
        running_(jobs.size()),
        done_(jobs.size()) {
    run_.starts.assign(jobs.size(), kNever);
    run_.ends.assign(jobs.size(), kNever);
    run_.placements.resize(jobs.size());
  }

  IdealRun run(const std::vector<WorkerSpec>& workers, const std::function<void(const Scheduler&, Time)>& watch) {
    std::vector<std::size_t> by_time(jobs_.size());
    for (std::size_t i = 0; i < by_time.size(); ++i) by_time[i] = i;
    std::ranges::stable_sort(by_time, {}, [this](std::size_t i) { return jobs_[i].submitted; });
    for (std::uint32_t w = 0; w < workers.size(); ++w) facts_.emplace_back(WorkerRegistered{WorkerId{w}, 1, workers[w]});
    std::size_t next = 0;
    while (run_.halted.empty()) {
      for (; next < by_time.size() && jobs_[by_time[next]].submitted == now_; ++next) {
        facts_.emplace_back(JobSubmitted{jobs_[by_time[next]].spec});
        waiting_[jobs_[by_time[next]].spec.queue].emplace(place_of(jobs_[by_time[next]].spec), 0);
      }
      for (; !ends_.empty() && ends_.top().first == now_; ends_.pop()) finish(ends_.top().second);
      while ((!facts_.empty() || scheduler_.next_wakeup() <= now_) && run_.halted.empty()) step(watch);
      now_ = ends_.empty() ? kNever : ends_.top().first;
      if (next < by_time.size()) now_ = std::min(now_, jobs_[by_time[next]].submitted);
      now_ = std::min(now_, scheduler_.next_wakeup());
      if (now_ == kNever) break;
    }
    return std::move(run_);
  }

 private:
  void step(const std::function<void(const Scheduler&, Time)>& watch) {
    order_canonically(facts_);
    std::vector<Event> facts;
    facts.swap(facts_);
    ++run_.steps;
    for (const Command& command : scheduler_.step(now_, facts)) std::visit([this](const auto& c) { obey(c); }, command);
    scheduler_.cluster().sanity_check();
    if (watch) watch(scheduler_, now_);
  }

  void finish(AttemptId id) {
    if (running_[id.job.value] != id.number) return;
    running_[id.job.value] = 0;
    run_.ends[id.job.value] = now_;
    facts_.emplace_back(AttemptFinished{id, Ending::succeeded});
  }

  void obey(const Commit& c) {
    facts_.emplace_back(CommitAnswered{c.request, Answer::done});
    for (const Release& r : c.releases) {
      const JobSpec& spec = jobs_[r.attempt.job.value].spec;
      if (r.reason == ReleaseReason::preempted) waiting_[spec.queue].emplace(place_of(spec), r.attempt.number);
    }
    for (const Assignment& a : c.assignments) {
      const JobSpec& spec = jobs_[a.attempt.job.value].spec;
      waiting_[spec.queue].erase(place_of(spec));
    }
  }
  void obey(const AskWaiting& c) {
    const auto& queue = waiting_[c.queue];
    WaitingLoaded answer{.request = c.request, .whole = true};
    std::uint32_t rows = 0;
    for (auto row = c.after ? queue.upper_bound(*c.after) : queue.begin(); row != queue.end(); ++row) {
      const IdealJob& job = jobs_[row->first.job.value];
      facts_.emplace_back(JobLoaded{.job = job.spec, .submitted = job.submitted, .attempts = row->second});
      if (++rows < c.limit) continue;
      answer.whole = false;
      answer.last = row->first;
      break;
    }
    facts_.emplace_back(answer);
  }
  void obey(const ReadBatch&) {}
  void obey(const RejectJob&) {}
  template <class Other>
  void obey(const Other&) {
    run_.halted = "an order that this world does not know";
  }
  void obey(const Halt& c) { run_.halted = std::string(c.why); }
  void obey(const Dispatch& c) {
    const std::uint64_t job = c.attempt.job.value;
    run_.starts[job] = now_;
    run_.placements[job].assign(c.placements.begin(), c.placements.end());
    running_[job] = c.attempt.number;
    const double speed = scheduler_.cluster().speed_of(c.placements);
    const Duration left = jobs_[job].duration - done_[job];
    ends_.emplace(now_ + (speed == 1.0 ? left : duration_of_seconds(seconds(left) / speed)), c.attempt);
  }
  void obey(const StopAttempt& c) {
    const std::uint64_t job = c.attempt.job.value;
    ++run_.preemptions;
    running_[job] = 0;
    const double speed = scheduler_.cluster().speed_of(run_.placements[job]);
    const Duration worked = now_ - run_.starts[job];
    const bool resumes = jobs_[job].spec.on_preemption == OnInterrupt::resume;
    if (resumes) done_[job] += speed == 1.0 ? worked : duration_of_seconds(seconds(worked) * speed);
    facts_.emplace_back(AttemptStopped{c.attempt, done_[job]});
  }

  const std::vector<IdealJob>& jobs_;
  Scheduler scheduler_;
  Time now_{};
  std::vector<Event> facts_;
  std::priority_queue<std::pair<Time, AttemptId>, std::vector<std::pair<Time, AttemptId>>, std::greater<>> ends_;
  std::vector<std::uint32_t> running_;  // number of the attempt that runs, or 0
  std::vector<Duration> done_;
  std::map<QueueId, std::map<QueuePlace, std::uint32_t>> waiting_;  // in the store; with the number of the last attempt
  IdealRun run_;
};

}  // namespace

IdealRun run_ideally(const SchedulerConfig& config, std::unique_ptr<PlacementPolicy> policy,
                     const std::vector<WorkerSpec>& workers, const std::vector<IdealJob>& jobs,
                     const std::function<void(const Scheduler&, Time now)>& watch) {
  return IdealWorld(config, std::move(policy), jobs).run(workers, watch);
}

SchedulerConfig one_pool(PolicyConfig placement) {
  SchedulerConfig config;
  config.queues = {{"default", 0, {}}};
  config.pools = {{"main", {QueueId{0}}}};
  config.placement = std::move(placement);
  return config;
}

IdealRun run_ideally(const PolicyConfig& placement, const std::vector<WorkerSpec>& workers,
                     const std::vector<IdealJob>& jobs, const std::function<void(const Scheduler&, Time now)>& watch) {
  return run_ideally(one_pool(placement), make_placement(placement), workers, jobs, watch);
}

PolicyConfig policy(std::string_view type, const std::map<std::string, ParameterValue, std::less<>>& parameters) {
  return configure(*find_policy(PolicyFamily::placement, type), parameters);
}

}  // namespace drydock::properties

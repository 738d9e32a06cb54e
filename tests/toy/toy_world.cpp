#include "tests/toy/toy_world.hpp"

#include "policies/catalog.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::toy {
namespace {

SchedulerConfig with_seed(SchedulerConfig config, std::uint64_t seed) {
  config.seed = seed;
  return config;
}

}  // namespace

ToyWorld::ToyWorld(const scenarios::Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario),
      workload_(scenario, seed),
      scheduler_(with_seed(scenario.scheduler, seed), make_policies(scenario.scheduler)) {
  build();
}

// Workers are numbered by pool, then by the groups that the pool names, then by host.
void ToyWorld::build() {
  std::map<std::string, std::vector<std::uint32_t>> by_name;
  std::map<std::string, const scenarios::HostGroup*> groups;
  for (const scenarios::HostGroup& group : scenario_.hosts) {
    groups[group.name] = &group;
    for (std::uint32_t n = 0; n < group.count; ++n) {
      const auto host = static_cast<std::uint32_t>(hosts_.size());
      hosts_.push_back({.speed = group.speed});
      by_name[group.name].push_back(host);
      if (group.count > 1) by_name[group.name + "-" + std::to_string(n)].push_back(host);
      by_name[""].push_back(host);
    }
  }
  for (std::uint32_t p = 0; p < scenario_.pools.size(); ++p) {
    const scenarios::Pool& pool = scenario_.pools[p];
    for (const std::string& name : pool.hosts) {
      for (const std::uint32_t host : by_name.at(name)) {
        const scenarios::HostGroup& group = *groups.at(name);
        hosts_[host].worker = static_cast<std::uint32_t>(workers_.size());
        hosts_[host].has_worker = true;
        ResourceAmounts amounts{
            .cpus_milli = group.cpus * 1000L, .memory_bytes = kUnlimited, .gpus = group.gpus, .slots = kUnlimited};
        if (group.memory_bytes > 0) amounts.memory_bytes = group.memory_bytes;
        if (pool.slots_per_worker) amounts.slots = *pool.slots_per_worker;
        workers_.push_back({.host = host, .spec = {.pool = {p}, .capacity = make_resources(amounts), .speed = group.speed}});
      }
    }
  }
  for (const scenarios::Fault& fault : scenario_.faults) {
    const auto& crash = std::get<scenarios::WorkerCrash>(fault);
    const auto& once = std::get<scenarios::WorkerCrash::Once>(crash.when);
    for (const std::uint32_t host : by_name.at(crash.target)) {
      happenings_.insert(
          {.at = once.at.count(), .what = What::crash, .host = host, .lasting = once.lasting ? once.lasting->count() : -1});
    }
  }
}

ToyResult ToyWorld::run() {
  more_ = workload_.next(arrival_);
  std::vector<Event> facts;
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) register_worker(worker, facts);
  arrive(facts);
  const std::int64_t horizon = scenario_.duration ? scenario_.duration->count() : kNever.time_since_epoch().count();
  while (true) {
    // Rounds at this instant, until nothing more happens.
    while (!facts.empty() || nanos(scheduler_.next_wakeup()) <= now_) {
      order_canonically(facts);
      std::vector<Event> answers;
      const auto commands = scheduler_.step(time_at(now_), facts);
      ++result_.steps;
      for (const Command& command : commands) obey(command, answers);
      facts = std::move(answers);
      if (!result_.error.empty()) break;
      while (!happenings_.empty() && happenings_.begin()->at == now_) {
        happen(happenings_.extract(happenings_.begin()).value(), facts);
      }
    }
    const bool all_ended = jobs_.empty() && !more_;
    if (!result_.error.empty() || (all_ended && !scenario_.duration)) break;
    if (!scenario_.duration && hopeless()) {
      result_.error = "the jobs that wait can never run";
      break;
    }
    now_ = next();
    if (now_ > horizon) break;
    while (!happenings_.empty() && happenings_.begin()->at == now_) {
      happen(happenings_.extract(happenings_.begin()).value(), facts);
    }
    arrive(facts);
  }
  result_.journal_hash = scheduler_.journal_hash();
  return result_;
}

std::int64_t ToyWorld::next() const {
  std::int64_t next = nanos(scheduler_.next_wakeup());
  if (!happenings_.empty()) next = std::min(next, happenings_.begin()->at);
  if (more_) next = std::min(next, nanos(arrival_.at));
  return next;
}

void ToyWorld::arrive(std::vector<Event>& facts) {
  while (more_ && nanos(arrival_.at) == now_) {
    jobs_[arrival_.job.id.value] = {.spec = arrival_.job, .work = arrival_.work.count(), .submitted = now_};
    facts.emplace_back(JobSubmitted{arrival_.job});
    more_ = workload_.next(arrival_);
  }
}

void ToyWorld::register_worker(std::uint32_t worker, std::vector<Event>& facts) {
  facts.emplace_back(WorkerRegistered{WorkerId{worker}, ++workers_[worker].incarnation, workers_[worker].spec});
}

void ToyWorld::happen(const Happening& happening, std::vector<Event>& facts) {
  switch (happening.what) {
    case What::end: {
      const auto job = jobs_.find(happening.attempt.job.value);
      if (job == jobs_.end() || !job->second.running || job->second.attempt != happening.attempt) return;
      facts.emplace_back(AttemptFinished{happening.attempt, Ending::succeeded});
      result_.attempts[happening.attempt].ended = time_at(now_);
      result_.attempts[happening.attempt].finished = true;
      ++result_.jobs_ended;
      jobs_.erase(job);
      return;
    }
    case What::crash: crash(happening, facts); return;
    case What::repair:
      if (--hosts_[happening.host].down == 0 && hosts_[happening.host].has_worker) {
        register_worker(hosts_[happening.host].worker, facts);
      }
      return;
  }
}

void ToyWorld::crash(const Happening& happening, std::vector<Event>& facts) {
  Host& host = hosts_[happening.host];
  if (happening.lasting >= 0) {
    happenings_.insert({.at = now_ + happening.lasting, .what = What::repair, .host = happening.host});
  }
  if (host.down++ > 0) return;
  for (auto& [id, job] : jobs_) {
    if (job.running && std::ranges::count(job.hosts, happening.host) > 0) interrupt(job, job.spec.on_failure);
  }
  if (host.has_worker) facts.emplace_back(LeaseExpired{WorkerId{host.worker}, workers_[host.worker].incarnation});
}

void ToyWorld::interrupt(ToyJob& job, OnInterrupt keep) {
  job.running = false;
  result_.attempts[job.attempt].ended = time_at(now_);
  if (keep == OnInterrupt::restart) {
    job.done = 0;
    return;
  }
  // The gang is as far as its slowest member; to the nearest nanosecond, and the last one is never done.
  std::int64_t least = job.work;
  for (const std::uint32_t host : job.hosts) {
    const long double work = static_cast<long double>(now_ - job.started) * hosts_[host].speed;
    least = std::min(least, static_cast<std::int64_t>(std::llround(work)));
  }
  job.done = std::min(job.done + least, job.work - 1);
}

void ToyWorld::start(const Dispatch& order) {
  ToyJob& job = jobs_.at(order.attempt.job.value);
  job.attempt = order.attempt;
  job.hosts.clear();
  for (const Placement& placement : order.placements) job.hosts.push_back(workers_[placement.worker.value].host);
  for (const std::uint32_t host : job.hosts) {
    if (hosts_[host].down > 0) return;
  }
  job.running = true;
  job.started = now_;
  std::int64_t longest = 1;
  for (const std::uint32_t host : job.hosts) {
    const long double needed = static_cast<long double>(job.work - job.done) / hosts_[host].speed;
    longest = std::max(longest, static_cast<std::int64_t>(std::llround(needed)));
  }
  happenings_.insert({.at = now_ + longest, .what = What::end, .attempt = order.attempt});
  result_.attempts[order.attempt] = {.started = time_at(now_)};
}

void ToyWorld::obey(const Command& command, std::vector<Event>& answers) {
  if (const auto* commit = std::get_if<Commit>(&command)) {
    write(*commit);
    answers.emplace_back(CommitAnswered{commit->request, Answer::done, ++store_version_});
  } else if (const auto* waiting = std::get_if<AskWaiting>(&command)) {
    load(*waiting, answers);
  } else if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
    start(*dispatch);
  } else if (const auto* stop = std::get_if<StopAttempt>(&command)) {
    const auto job = jobs_.find(stop->attempt.job.value);
    if (job == jobs_.end() || !job->second.running || job->second.attempt != stop->attempt) return;
    interrupt(job->second, job->second.spec.on_preemption);
    answers.emplace_back(AttemptStopped{stop->attempt, Duration{job->second.done}});
  } else if (const auto* reject = std::get_if<RejectJob>(&command)) {
    jobs_.erase(reject->job.value);
  } else if (const auto* halt = std::get_if<Halt>(&command)) {
    result_.error = std::string(halt->why);
  } else {
    result_.error = "the toy world has an ideal store, which is never read";
  }
}

void ToyWorld::write(const Commit& commit) {
  for (const Release& release : commit.releases) {
    const auto job = jobs_.find(release.attempt.job.value);
    if (job == jobs_.end()) continue;
    job->second.held = false;
    if (release.reason == ReleaseReason::worker_lost) ++job->second.losses;
  }
  for (const Assignment& assignment : commit.assignments) {
    ToyJob& job = jobs_.at(assignment.attempt.job.value);
    job.held = true;
    job.attempts = assignment.attempt.number;
  }
}

void ToyWorld::load(const AskWaiting& order, std::vector<Event>& answers) const {
  std::map<QueuePlace, const ToyJob*> waiting;
  for (const auto& [id, job] : jobs_) {
    const QueuePlace place = place_of(job.spec);
    if (job.spec.queue == order.queue && !job.held && (!order.after || *order.after < place)) waiting[place] = &job;
  }
  WaitingLoaded answer{.request = order.request, .whole = waiting.size() < order.limit};
  std::uint32_t rows = 0;
  for (auto row = waiting.begin(); row != waiting.end() && rows < order.limit; ++row, ++rows) {
    const ToyJob& job = *row->second;
    answers.emplace_back(
        JobLoaded{.job = job.spec, .submitted = time_at(job.submitted), .attempts = job.attempts, .losses = job.losses});
    if (!answer.whole) answer.last = row->first;
  }
  answers.emplace_back(answer);
}

bool ToyWorld::hopeless() const {
  if (jobs_.empty() || more_ || scheduler_.next_wakeup() != kNever) return false;
  for (const auto& [id, job] : jobs_) {
    if (job.running) return false;
  }
  // Only crashes are left: those do not help. A host comes back if no crash for ever holds it, but then a repair is due.
  std::map<std::uint32_t, int> repairs;
  for (const Happening& happening : happenings_) {
    if (happening.what == What::repair) ++repairs[happening.host];
  }
  return std::ranges::none_of(repairs, [this](const auto& entry) { return entry.second == hosts_[entry.first].down; });
}

}  // namespace drydock::toy

// Notes on scenarios that are valid, but may not be what is meant: more work than the machines can do, machines promised twice.
#include "scenarios/arrivals.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace drydock::scenarios {
namespace {

// Fewer jobs are a burst, which may well be more than the machines can take at once.
constexpr std::uint64_t kManyJobs = 1000;

// Cores that the source keeps busy, at speed 1; 0 when that cannot be told.
double offered_cores(const Source& source) {
  const auto* jobs = std::get_if<SyntheticSource>(&source);
  if (jobs == nullptr || !jobs->duration || jobs->count.value_or(kManyJobs) < kManyJobs) return 0;
  const double rate = mean_rate(jobs->arrivals, jobs->cycle).value_or(0);
  const double tasks = jobs->tasks ? std::clamp(mean_of(*jobs->tasks), 1.0, static_cast<double>(jobs->most_tasks))
                                   : static_cast<double>(jobs->shape.tasks);
  return rate * mean_of(*jobs->duration) * tasks * static_cast<double>(jobs->shape.per_task.cpus()) / 1000;
}

QueueId queue_of(const Source& source) {
  return std::visit([](const auto& jobs) { return jobs.shape.queue; }, source);
}

// Cores, times their speed, of the hosts on which the queue is served.
double cores_for(const Scenario& scenario, const std::string& queue) {
  double cores = 0;
  for (const HostGroup& group : scenario.hosts) {
    const bool serves = std::ranges::any_of(scenario.pools, [&](const Pool& pool) {
      return std::ranges::count(pool.queues, queue) > 0 && std::ranges::count(pool.hosts, group.name) > 0;
    });
    if (serves) cores += static_cast<double>(group.count) * group.cpus * group.speed;
  }
  return cores;
}

std::string overload(std::string_view what, double offered, double cores) {
  return fmt::format("{} {:.0f} % of the core time of the hosts that may run them: they will wait longer and longer", what,
                     offered / cores * 100);
}

}  // namespace

void note_overload(Scenario& scenario) {
  const std::vector<QueueConfig>& queues = scenario.scheduler.queues;
  std::vector<double> offered(queues.size());
  double all = 0;
  std::vector<Source> sources = scenario.workload;
  for (const PeriodicSource& periodic : scenario.periodic) sources.emplace_back(periodic.jobs);
  for (const Source& source : sources) {
    offered[index(queue_of(source))] += offered_cores(source);
    all += offered_cores(source);
  }
  bool told = false;
  for (std::size_t q = 0; q < queues.size(); ++q) {
    const double cores = cores_for(scenario, queues[q].name);
    if (offered[q] <= cores) continue;
    scenario.notes.push_back(overload(fmt::format("the jobs of queue \"{}\" ask for", queues[q].name), offered[q], cores));
    told = true;
  }
  double cores = 0;
  for (const HostGroup& group : scenario.hosts) cores += static_cast<double>(group.count) * group.cpus * group.speed;
  if (!told && all > cores) scenario.notes.push_back(overload("the jobs ask for", all, cores));
}

namespace {

// The longest session that the rules allow, less what its startup takes.
Duration longest_session(const SessionRules& rules) {
  Duration longest = rules.longest.value_or(kLongest);
  if (rules.quota) longest = std::min(longest, rules.quota->time < rules.quota->period ? 2 * rules.quota->time : kLongest);
  Duration window = rules.windows.empty() ? kLongest : Duration{0};
  for (const SessionRules::Window& w : rules.windows) window = std::max(window, w.length);
  if (rules.available_until) longest = std::min(longest, rules.available_until->time_since_epoch());
  return std::min(longest, window) - rules.startup;
}

// Work, as time on a core of speed 1, that a job may have to end on a host that serves the queue, the margin before the end of its session;
// nothing: any.
std::optional<Duration> longest_stay(const Scenario& scenario, const std::string& queue) {
  Duration longest{};
  for (const Pool& pool : scenario.pools) {
    if (std::ranges::count(pool.queues, queue) == 0) continue;
    for (const HostGroup& group : scenario.hosts) {
      if (std::ranges::count(pool.hosts, group.name) == 0) continue;
      if (!group.sessions) return std::nullopt;
      const Duration stay = longest_session(*group.sessions) - *scenario.scheduler.session_margin;
      longest = std::max(longest, duration_of_seconds(std::max(0.0, seconds(stay)) * group.speed));
    }
  }
  return longest;
}

}  // namespace

void note_long_jobs(Scenario& scenario) {
  if (!scenario.scheduler.session_margin) return;
  for (const Source& source : scenario.workload) {
    const auto* jobs = std::get_if<SyntheticSource>(&source);
    if (jobs == nullptr || !jobs->duration) continue;
    const auto stay = longest_stay(scenario, scenario.scheduler.queues[index(queue_of(source))].name);
    if (!stay) continue;
    const Duration fits = *stay;
    const auto most = upper_bound(*jobs->duration);
    if (most && !jobs->estimate_factor && duration_of_seconds(*most) <= fits) continue;
    scenario.notes.push_back(fmt::format(
        "jobs of \"{}\" may be estimated to take longer than the {:.3g} h that a session leaves them: policies.session "
        "\"fitting\" never starts those, and where jobs go first come, first served, they block all behind them",
        jobs->name, seconds(fits) / 3600));
  }
}

// What was kept of one attempt makes the next one shorter: those are left alone.
void note_hopeless_jobs(Scenario& scenario) {
  double fastest = 0;
  for (const HostGroup& group : scenario.hosts) fastest = std::max(fastest, group.speed);
  for (const Source& source : scenario.workload) {
    const auto* jobs = std::get_if<SyntheticSource>(&source);
    if (jobs == nullptr || !jobs->duration || jobs->shape.on_failure != OnInterrupt::restart) continue;
    const double least = lower_bound(*jobs->duration) / fastest;
    if (jobs->hazards.time_limit && seconds(*jobs->hazards.time_limit) < least) {
      scenario.notes.push_back(
          fmt::format("no job of \"{}\" can end within its \"time_limit\": the shortest takes {:.6g} s", jobs->name, least));
    } else if (jobs->hazards.failure_probability >= 1) {
      scenario.notes.push_back(fmt::format("no job of \"{}\" can succeed: \"failure_probability\" is 1", jobs->name));
    }
  }
}

namespace {

// When it begins, if that is said.
std::optional<Duration> beginning_of(const Fault& fault) {
  return std::visit(
      [](const auto& f) -> std::optional<Duration> {
        if constexpr (requires { f.when; }) {
          const auto* once = std::get_if<WorkerCrash::Once>(&f.when);
          return once == nullptr ? std::nullopt : std::optional(once->at);
        } else if constexpr (requires { f.at; }) {
          return f.at;
        } else {
          return std::nullopt;
        }
      },
      fault);
}

// Why the fault changes nothing; empty where it may.
std::string_view idle_because(const Scenario& scenario, const Fault& fault) {
  using Kind = StoreFault::Kind;
  const std::string& accounting = scenario.scheduler.accounting.type;
  const bool counts = !accounting.empty() && accounting != "database";
  if (scenario.duration && beginning_of(fault).value_or(Duration{0}) >= *scenario.duration)
    return "begins after the run's end";
  if (const auto* store = std::get_if<StoreFault>(&fault)) {
    if (store->kind == Kind::counter_eviction && !counts) return "concerns the counter, and no policy keeps one";
    if (store->kind == Kind::worker_key_eviction && scenario.liveness.type == "oracle") {
      return "concerns the keys of workers, and liveness oracle has none";
    }
    if ((store->kind == Kind::redis_slow || store->kind == Kind::database_slow) && store->factor == 1) return "has factor 1";
  }
  if (const auto* order = std::get_if<OrderFault>(&fault)) {
    if (order->probability <= 0) return "has probability 0";
    const bool counter =
        order->kind == OrderFault::Kind::counter_update_loss || order->kind == OrderFault::Kind::counter_update_repeat;
    if (counter && !counts) return "concerns the counter, and no policy keeps one";
  }
  const auto* poison = std::get_if<PoisonJob>(&fault);
  if (poison != nullptr && poison->probability <= 0) return "has probability 0";
  const auto* trouble = std::get_if<HostTrouble>(&fault);
  if (trouble != nullptr && trouble->factor == 1) return "has speed 1";
  if (std::holds_alternative<BeatDown>(fault) && scenario.periodic.empty())
    return "concerns periodic jobs, and there are none";
  return {};
}

}  // namespace

void note_idle_faults(Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const std::string_view why = idle_because(scenario, scenario.faults[i]);
    if (!why.empty()) scenario.notes.push_back(fmt::format("/faults/{} changes nothing: it {}", i, why));
  }
}

// Between two jobs only, a worker says that it lives: a job that takes longer than its lease lets it look dead.
void note_starved_heartbeats(Scenario& scenario) {
  const auto& parameters = scenario.liveness.parameters;
  const auto heartbeat = parameters.find("heartbeat");
  if (heartbeat == parameters.end()) return;
  const auto ttl = parameters.find("ttl");
  const Duration patience =
      ttl != parameters.end() ? std::get<Duration>(ttl->second) : 2 * std::get<Duration>(heartbeat->second);
  for (const Pool& pool : scenario.pools) {
    if (!pool.beats_in_loop) continue;
    for (const Source& source : scenario.workload) {
      const auto* jobs = std::get_if<SyntheticSource>(&source);
      if (jobs == nullptr || !jobs->duration || mean_of(*jobs->duration) <= seconds(patience)) continue;
      if (std::ranges::count(pool.queues, scenario.scheduler.queues[index(queue_of(source))].name) == 0) continue;
      scenario.notes.push_back(
          fmt::format("workers of pool \"{}\" send heartbeats between their jobs only, and are taken for dead while they "
                      "run jobs of \"{}\", "
                      "which take {:.3g} s on average: \"heartbeats\": \"thread\", or a longer lease",
                      pool.name, jobs->name, mean_of(*jobs->duration)));
    }
  }
}

void note_crowded_host(Scenario& scenario) {
  const auto& parameters = scenario.scheduler.placement.parameters;
  const auto fit = parameters.find("fit");
  if (fit == parameters.end() || std::get<std::string>(fit->second) == "worst") return;
  for (const Pool& pool : scenario.pools) {
    std::uint64_t hosts = 0;
    for (const HostGroup& group : scenario.hosts) {
      if (std::ranges::count(pool.hosts, group.name) > 0) hosts += group.count;
    }
    if (!pool.processor_sharing || hosts < 2) continue;
    scenario.notes.push_back(fmt::format(
        "the workers of pool \"{}\" take any number of tasks, so that fit \"{}\" gives all of them to the first: "
        "\"fit\": \"worst\", or placement jsq, spreads them over its {} hosts",
        pool.name, std::get<std::string>(fit->second), hosts));
  }
}

void note_time_scale(Scenario& scenario) {
  if (scenario.time_scale == 1) return;
  scenario.notes.push_back(fmt::format(
      "time runs {} times as fast as the scenario has it (time_scale): all its durations are divided by that; what "
      "the stores and the network take is not",
      scenario.time_scale));
}

void note_lookahead(Scenario& scenario) {
  const std::uint32_t lookahead = scenario.scheduler.control_plane.lookahead;
  if (lookahead == 0) return;
  const std::string& type = scenario.scheduler.placement.type;
  scenario.notes.push_back(fmt::format(
      "the scheduler looks ahead {} jobs in each queue: the others wait in the store alone{}", lookahead,
      type == "fcfs" ? ""
                     : fmt::format(", and \"{}\" chooses among those that it sees, the first ones by priority and then "
                                   "by submission",
                                   type)));
}

// Each pool has a worker of its own on a host. Tasks of all of them share its cores, but each worker has all its memory and
// GPUs to give.
void note_shared_hosts(Scenario& scenario) {
  for (const HostGroup& group : scenario.hosts) {
    std::vector<std::string_view> pools;
    for (const Pool& pool : scenario.pools) {
      if (std::ranges::count(pool.hosts, group.name) > 0) pools.push_back(pool.name);
    }
    if (pools.size() < 2 || (group.gpus == 0 && group.memory_bytes == 0)) continue;
    scenario.notes.push_back(
        fmt::format("hosts \"{}\" serve the pools {}: each of these gives out all memory and GPUs as if it were alone, so "
                    "that more may be "
                    "in use than there is",
                    group.name, fmt::join(pools, ", ")));
  }
}

}  // namespace drydock::scenarios

#include "reports/metric_info.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

const std::vector<std::string_view>& time_statistics() {
  static const std::vector<std::string_view> statistics{"mean", "p50", "p95", "p99", "max"};
  return statistics;
}

// In the order in which people should read them.
const std::vector<MetricFamily>& families() {
  static const std::vector<MetricFamily> all{
      {"jobs_submitted", "jobs submitted", "", Unit::count, Better::neither, {}, Split::queue, "measured jobs that arrived"},
      {"jobs_completed", "jobs completed", "most", Unit::count, Better::higher, {}, Split::both, "ended with success"},
      {"jobs_failed", "jobs failed", "fewest", Unit::count, Better::lower, {}, Split::both, "ended without success"},
      {"jobs_quarantined",
       "jobs quarantined",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "given up as poison, after attempts were lost with their workers; among the failed"},
      {"jobs_rejected",
       "jobs rejected",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::queue,
       "refused: their queue was full"},
      {"jobs_unfinished",
       "jobs unfinished",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::queue,
       "neither ended nor refused when the run ended; no other figure counts them"},
      {"wait_s", "wait", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::both,
       "submission to first start, of all jobs that started and ended"},
      {"response_s", "response time", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::both,
       "submission to end, of completed jobs"},
      {"bounded_slowdown",
       "bounded slowdown",
       "lowest",
       Unit::ratio,
       Better::lower,
       {"mean", "p95"},
       Split::both,
       "max(1, response / max(service, 10 s)), of completed jobs"},
      {"slowdown",
       "slowdown",
       "lowest",
       Unit::ratio,
       Better::lower,
       {"mean"},
       Split::both,
       "response / service, of completed jobs; service is the time that its work takes alone, without transfers, "
       "checkpoints and "
       "restarts"},
      {"waited_fraction",
       "share of jobs that waited",
       "smallest",
       Unit::fraction,
       Better::lower,
       {},
       Split::both,
       "jobs with a wait above 0, of those that started",
       "jobs that waited"},
      {"rejected_fraction",
       "share of jobs rejected",
       "smallest",
       Unit::fraction,
       Better::lower,
       {},
       Split::queue,
       "jobs rejected / jobs submitted (blocking)",
       "jobs rejected"},
      {"makespan_s",
       "makespan",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "time of the last end of a job, from time zero"},
      {"throughput_per_s",
       "throughput",
       "highest",
       Unit::per_second,
       Better::higher,
       {},
       Split::none,
       "jobs completed / (last of their ends - start of the measured span)"},
      {"utilization",
       "utilization",
       "highest",
       Unit::fraction,
       Better::higher,
       {},
       Split::pool,
       "core-time used / core-time of live hosts, over the measured span; of a pool: on its hosts, whoever uses them"},
      {"wasted_cpu_s",
       "wasted core time",
       "least",
       Unit::core_seconds,
       Better::lower,
       {},
       Split::none,
       "core-time of attempts whose work was lost"},
      {"gpu_conflict_s",
       "GPU conflicts",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "time in which a GPU has more than one user, summed over GPUs and the whole run"},
      {"overcommitted_cpu_s",
       "overcommitted core time",
       "least",
       Unit::core_seconds,
       Better::lower,
       {},
       Split::none,
       "core-time that running tasks ask for beyond the cores of their hosts, over the whole run"},
      {"periodic_delay_s", "delay of periodic jobs", "shortest", Unit::seconds, Better::lower, time_statistics(),
       Split::none, "due time to first start, of periodic jobs that started"},
      {"periodic_missed",
       "due times missed",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "due times of periodic jobs that passed without a firing"},
      {"drift",
       "error of the counter",
       "smallest",
       Unit::count,
       Better::lower,
       {"time_avg_abs", "abs_max", "abs_mean", "peak_mean", "after_resync"},
       Split::none,
       "counter of allocated cpus - what is allocated, in cpus without its sign; a missing counter counts as right. "
       "time_avg_abs: on average over time; abs_max: at most; abs_mean: on average right before a resync; peak_mean: the "
       "most "
       "between two resyncs, on average; after_resync: right after one"},
      {"leader_changes",
       "changes of the leader",
       "fewest",
       Unit::count,
       Better::neither,
       {},
       Split::none,
       "times that another scheduler began to lead than the one that led last"},
      {"leaderless_s",
       "time without a leader",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "time in which no scheduler could decide, over the whole run"},
      {"leaderless_longest_s",
       "longest time without a leader",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "longest time in which no scheduler could decide"},
      {"refused_writes",
       "writes refused",
       "fewest",
       Unit::count,
       Better::neither,
       {},
       Split::none,
       "commits, updates of the counter and orders to workers that were refused because a leader of a higher epoch had "
       "come"},
      {"alerts",
       "alarms",
       "fewest",
       Unit::count,
       Better::lower,
       {"missing_workers", "counter_off", "utilization"},
       Split::none,
       "statistics of the scheduler (control_plane.statistics, alerts) with fewer live workers than there should be "
       "(missing_workers), a counter that is off by too much (counter_off), or too much of the cpus allocated "
       "(utilization)"},
      {"overallocated_cpu_s",
       "core time allocated beyond",
       "least",
       Unit::core_seconds,
       Better::lower,
       {},
       Split::none,
       "core-time of allocations that are not released beyond the cores of live hosts, over the whole run"},
      {"attempts_lost",
       "attempts lost",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "attempts that ended with their worker; no failures"},
      {"retries", "retries", "fewest", Unit::count, Better::neither, {}, Split::none, "attempts that followed a failed one"},
      {"availability",
       "availability",
       "highest",
       Unit::fraction,
       Better::higher,
       {},
       Split::pool,
       "time with at least one running worker / time of the run"},
      {"baseline_regained",
       "return to the baseline",
       "most certain",
       Unit::fraction,
       Better::higher,
       {},
       Split::none,
       "runs in which the jobs in the system became as few again, after the last timed fault had healed, as before the "
       "first",
       "back to the baseline"},
      {"time_to_baseline_s",
       "time to the baseline",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "from the healing of the last timed fault until then; of the runs in which that came"},
      {"detection_s",
       "detection time",
       "shortest",
       Unit::seconds,
       Better::lower,
       {"mean", "sd", "p50", "p95", "p99", "max"},
       Split::none,
       "crash until the scheduler knows it; 0 where it had taken the worker for dead before, wrongly"},
      {"false_expiries",
       "false expiries",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "live workers declared dead"},
      {"false_expiries_per_worker_hour",
       "rate of false expiries",
       "lowest",
       Unit::per_hour,
       Better::lower,
       {},
       Split::none,
       "false expiries / live worker-time"},
      {"share_excess.max_ratio",
       "largest use of a limit",
       "lowest",
       Unit::ratio,
       Better::lower,
       {},
       Split::none,
       "what workers with work could use together (shares, and requests beyond them) / limit, of any limit; above 1 is an "
       "excess"},
      {"share_excess.seconds",
       "time above a limit",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "how long that was above any limit, in all"},
      {"share_excess.longest_s",
       "longest time above a limit",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "the same, at a stretch"},
      {"share_excess.concurrency.max_ratio",
       "largest use of the limit of requests at a time",
       "lowest",
       Unit::ratio,
       Better::lower,
       {},
       Split::none,
       "share_excess.max_ratio of this limit alone",
       "at a time: largest use"},
      {"share_excess.concurrency.seconds",
       "time above the limit of requests at a time",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.seconds of this limit alone",
       "at a time: above limit"},
      {"share_excess.concurrency.longest_s",
       "longest time above the limit of requests at a time",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.longest_s of this limit alone",
       "at a time: longest above limit"},
      {"share_excess.requests_per_minute.max_ratio",
       "largest use of the limit of requests a minute",
       "lowest",
       Unit::ratio,
       Better::lower,
       {},
       Split::none,
       "share_excess.max_ratio of this limit alone",
       "requests/min: largest use"},
      {"share_excess.requests_per_minute.seconds",
       "time above the limit of requests a minute",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.seconds of this limit alone",
       "requests/min: above limit"},
      {"share_excess.requests_per_minute.longest_s",
       "longest time above the limit of requests a minute",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.longest_s of this limit alone",
       "requests/min: longest above limit"},
      {"share_excess.tokens_per_minute.max_ratio",
       "largest use of the limit of tokens a minute",
       "lowest",
       Unit::ratio,
       Better::lower,
       {},
       Split::none,
       "share_excess.max_ratio of this limit alone",
       "tokens/min: largest use"},
      {"share_excess.tokens_per_minute.seconds",
       "time above the limit of tokens a minute",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.seconds of this limit alone",
       "tokens/min: above limit"},
      {"share_excess.tokens_per_minute.longest_s",
       "longest time above the limit of tokens a minute",
       "shortest",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "share_excess.longest_s of this limit alone",
       "tokens/min: longest above limit"},
      {"requests_made",
       "requests made",
       "",
       Unit::count,
       Better::neither,
       {},
       Split::none,
       "requests that the service began to serve"},
      {"requests_refused",
       "requests refused",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "requests that the service refused because of a limit"},
      {"requests_stopped",
       "requests stopped",
       "fewest",
       Unit::count,
       Better::lower,
       {},
       Split::none,
       "requests that ended unanswered because their worker's share was over"},
      {"throttled_s",
       "throttled time",
       "least",
       Unit::seconds,
       Better::lower,
       {},
       Split::none,
       "time in which tasks were ready to make a request and had to wait for a share, or after a refusal"},
      {"throttled_fraction",
       "throttled share of the time",
       "smallest",
       Unit::fraction,
       Better::lower,
       {},
       Split::none,
       "throttled_s / time of tasks that make requests"},
      {"requests_in_flight",
       "requests in flight",
       "",
       Unit::count,
       Better::neither,
       {"mean", "max"},
       Split::none,
       "requests at a time at the service, over the whole run"},
      {"requests_per_minute",
       "requests per minute",
       "",
       Unit::count,
       Better::neither,
       {"mean", "max"},
       Split::none,
       "requests that began, over the whole run, and the most within a minute (in whole seconds)"},
      {"tokens_per_minute",
       "tokens per minute",
       "",
       Unit::count,
       Better::neither,
       {"mean", "max"},
       Split::none,
       "their tokens"},
      {"cost_usd", "cost", "lowest", Unit::usd, Better::lower, {}, Split::none, "of all hosts, USD"},
      {"phase_late_s", "handed in late", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "due to handed in, for real; first part of the wait, as the next four"},
      {"phase_intake_s", "intake", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "handed in (simulated: submitted) until the scheduler knows"},
      {"phase_queued_s", "time in the queue", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "known until the first assignment is ordered"},
      {"phase_commit_s", "commit", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "the first assignment ordered until it is in the store and dispatched"},
      {"phase_start_s", "start at the worker", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "dispatched until begun at the worker, for real"},
      {"phase_overrun_s", "overrun", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "time that a first attempt took beyond its work, for real"},
      {"phase_report_s", "report", "shortest", Unit::seconds, Better::lower, time_statistics(), Split::none,
       "ended at the worker until the scheduler knows, for real"},
      {"commit_busy_fraction",
       "time with a commit on its way",
       "smallest",
       Unit::fraction,
       Better::lower,
       {},
       Split::none,
       "time in which a commit was on its way / time of the run"},
  };
  return all;
}

std::string_view statistic_word(std::string_view statistic) {
  if (statistic == "p50") return "median";
  if (statistic == "p95") return "95th percentile";
  if (statistic == "p99") return "99th percentile";
  if (statistic == "max") return "longest";
  if (statistic == "sd") return "standard deviation";
  if (statistic == "time_avg_abs") return "average";
  if (statistic == "abs_max") return "largest";
  if (statistic == "abs_mean") return "before a resync";
  if (statistic == "peak_mean") return "mean peak";
  if (statistic == "after_resync") return "after a resync";
  if (statistic == "missing_workers") return "missing workers";
  if (statistic == "counter_off") return "counter off";
  return statistic;
}

std::optional<MetricInfo> describe_whole(std::string_view name) {
  for (const MetricFamily& family : families()) {
    if (!name.starts_with(family.name)) continue;
    const std::string_view rest = name.substr(family.name.size());
    if (rest.empty() && family.statistics.empty()) return MetricInfo{&family, {}, {}};
    if (!rest.starts_with('.')) continue;
    const auto found = std::find(family.statistics.begin(), family.statistics.end(), rest.substr(1));
    if (found != family.statistics.end()) return MetricInfo{&family, *found, {}};
  }
  return std::nullopt;
}

bool exists_for(const MetricFamily& family, const Parts& parts) {
  const std::string_view name = family.name;
  if (name.starts_with("share_excess.")) return parts.limits;
  if (name.starts_with("phase_") || name.starts_with("commit_busy")) return false;  // only a reader of journals knows them
  const bool about_requests =
      name.starts_with("requests_") || name.starts_with("tokens_per_minute") || name.starts_with("throttled_");
  return !about_requests || parts.requests;
}

bool exists_for(const MetricFamily& family, Split part) {
  return part == Split::none || family.split == part || family.split == Split::both;
}

void append_names(std::vector<std::string>& names, const std::string& prefix, Split part, const Parts& parts) {
  for (const MetricFamily& family : families()) {
    if (!exists_for(family, part) || !exists_for(family, parts)) continue;
    if (family.statistics.empty()) names.push_back(prefix + std::string(family.name));
    for (const std::string_view statistic : family.statistics)
      names.push_back(fmt::format("{}{}.{}", prefix, family.name, statistic));
  }
}

}  // namespace

std::span<const MetricFamily> metric_families() { return families(); }

Better MetricInfo::better() const { return !part.empty() && family->unit == Unit::count ? Better::neither : family->better; }

std::string MetricInfo::noun() const {
  std::string text(family->noun);
  if (statistic == "p95" || statistic == "p99" || statistic == "sd") {
    text = fmt::format("{} of the {}", statistic_word(statistic), family->noun);
  } else if (!statistic.empty()) {
    const bool highest = statistic == "max" && family->unit != Unit::seconds;
    text = fmt::format("{} {}", highest ? "highest" : statistic_word(statistic), family->noun);
  }
  return part.empty() ? text : fmt::format("{} in {}", text, part);
}

std::string MetricInfo::label() const {
  std::string text(family->label.empty() ? family->noun : family->label);
  if (statistic == "p95" || statistic == "p99" || statistic == "max" || statistic == "sd") {
    text += fmt::format(", {}", statistic);
  } else if (!statistic.empty()) {
    text += fmt::format(", {}", statistic_word(statistic));
  }
  return part.empty() ? text : fmt::format("{}: {}", part, text);
}

std::optional<MetricInfo> describe(std::string_view name) {
  if (auto whole = describe_whole(name)) return whole;
  constexpr std::string_view kQueue = "per_queue.";
  constexpr std::string_view kPool = "per_pool.";
  const bool queue = name.starts_with(kQueue);
  if (!queue && !name.starts_with(kPool)) return std::nullopt;
  const std::string_view rest = name.substr(queue ? kQueue.size() : kPool.size());
  // A part's name may itself contain dots: try every place to cut.
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.', dot + 1)) {
    auto info = describe_whole(rest.substr(dot + 1));
    if (!info || dot == 0 || !exists_for(*info->family, queue ? Split::queue : Split::pool)) continue;
    info->part = fmt::format("{} {}", queue ? "queue" : "pool", rest.substr(0, dot));
    return info;
  }
  return std::nullopt;
}

std::vector<std::string> metric_names(const Parts& parts) {
  std::vector<std::string> names;
  append_names(names, "", Split::none, parts);
  for (const auto& queue : parts.queues) append_names(names, fmt::format("per_queue.{}.", queue), Split::queue, parts);
  for (const auto& pool : parts.pools) append_names(names, fmt::format("per_pool.{}.", pool), Split::pool, parts);
  return names;
}

}  // namespace drydock::reports

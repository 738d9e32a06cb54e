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
       "response / service, of completed jobs; service is the time that the job takes alone"},
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
      {"detection_s",
       "detection time",
       "shortest",
       Unit::seconds,
       Better::lower,
       {"mean", "sd", "p50", "p95", "p99", "max"},
       Split::none,
       "crash until the scheduler knows it"},
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
      {"cost_usd", "cost", "lowest", Unit::usd, Better::lower, {}, Split::none, "of all hosts, USD"},
  };
  return all;
}

std::string_view statistic_word(std::string_view statistic) {
  if (statistic == "p50") return "median";
  if (statistic == "p95") return "95th percentile";
  if (statistic == "p99") return "99th percentile";
  if (statistic == "max") return "longest";
  if (statistic == "sd") return "standard deviation";
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

bool exists_for(const MetricFamily& family, Split part) {
  return part == Split::none || family.split == part || family.split == Split::both;
}

void append_names(std::vector<std::string>& names, const std::string& prefix, Split part) {
  for (const MetricFamily& family : families()) {
    if (!exists_for(family, part)) continue;
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
    text = fmt::format("{} {}", statistic_word(statistic), family->noun);
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
  append_names(names, "", Split::none);
  for (const auto& queue : parts.queues) append_names(names, fmt::format("per_queue.{}.", queue), Split::queue);
  for (const auto& pool : parts.pools) append_names(names, fmt::format("per_pool.{}.", pool), Split::pool);
  return names;
}

}  // namespace drydock::reports

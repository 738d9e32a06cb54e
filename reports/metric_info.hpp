// What each metric is called, measured in, and which direction is better. The one table behind --metrics, the result table
// and README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

enum class Unit : std::uint8_t { seconds, core_seconds, count, ratio, fraction, per_second, per_hour, usd };
enum class Better : std::uint8_t { lower, higher, neither };
// Whether a metric also exists for each queue (per_queue.<queue>.<name>), for each pool (per_pool.<pool>.<name>), or both.
enum class Split : std::uint8_t { none, queue, pool, both };

// One metric, or a family of statistics of one ("wait_s" has "wait_s.mean", "wait_s.p50", ...).
struct MetricFamily {
  std::string_view name;
  std::string_view noun;     // in a sentence: "wait"
  std::string_view best_is;  // "shortest", "highest", ...; empty where no direction is better
  Unit unit = Unit::count;
  Better better = Better::neither;
  std::vector<std::string_view> statistics;  // "mean", "p95", ...; empty: the metric has a value of its own
  Split split = Split::none;
  std::string_view help;
  std::string_view label = {};  // in the table, where it is to be shorter than `noun`
};
[[nodiscard]] std::span<const MetricFamily> metric_families();

// A full metric name taken apart.
struct MetricInfo {
  const MetricFamily* family = nullptr;
  std::string_view statistic;  // "p95", or empty
  std::string part;            // "queue short", "pool main", or empty
  // Which direction is better. None for how many jobs a part had: that says who served whom, not how well.
  [[nodiscard]] Better better() const;
  [[nodiscard]] std::string noun() const;   // "mean wait", "mean wait in queue short"
  [[nodiscard]] std::string label() const;  // "wait, mean", "short: wait, mean"
};
// Nothing when there is no such metric. Views point into `name` or live for ever.
[[nodiscard]] std::optional<MetricInfo> describe(std::string_view name);

struct Parts {
  std::vector<std::string> queues;
  std::vector<std::string> pools;
  bool requests = false;  // some jobs make requests,
  bool limits = false;    // and share the limits of a service
};
// Every name that a scenario with these parts can have, the overall ones first.
[[nodiscard]] std::vector<std::string> metric_names(const Parts& parts);

}  // namespace drydock::reports

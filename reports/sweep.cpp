#include "reports/sweep.hpp"

#include "reports/metric_info.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <set>
#include <utility>

namespace drydock::reports {
namespace {

// Those of most interest, in the order of columns; with at least one, which is shown even where it does not differ.
constexpr std::array<std::string_view, 16> kUsualMetrics{"wait_s.mean",
                                                         "wait_s.p95",
                                                         "bounded_slowdown.mean",
                                                         "utilization",
                                                         "jobs_failed",
                                                         "jobs_rejected",
                                                         "detection_s.mean",
                                                         "false_expiries_per_worker_hour",
                                                         "wasted_cpu_s",
                                                         "drift.time_avg_abs",
                                                         "share_excess.max_ratio",
                                                         "throttled_fraction",
                                                         "leaderless_s",
                                                         "time_to_baseline_s",
                                                         "makespan_s",
                                                         "cost_usd"};

std::vector<std::string> usual_metrics(const SweepResult& result) {
  std::vector<std::string> chosen;
  for (const std::string_view metric : kUsualMetrics) {
    std::set<double> values;
    for (const auto& point : result.runs) {
      for (const SweepRun* run : point) {
        if (const auto found = run->metrics.find(std::string(metric)); found != run->metrics.end())
          values.insert(found->second);
      }
    }
    if (values.size() > 1 || (values.size() == 1 && metric == kUsualMetrics.front())) chosen.emplace_back(metric);
  }
  return chosen;
}

std::vector<std::string_view> parts_of(std::string_view pointer) {
  std::vector<std::string_view> parts;
  while (!pointer.empty()) {
    const std::size_t slash = pointer.rfind('/');
    const std::size_t from = slash == std::string_view::npos ? 0 : slash + 1;
    parts.push_back(pointer.substr(from));
    pointer = pointer.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return parts;
}

std::string last_parts(const std::string& pointer, std::size_t count) {
  const auto parts = parts_of(pointer);
  std::string text;
  for (std::size_t i = std::min(count, parts.size()); i > 0; --i)
    text += (text.empty() ? "" : "/") + std::string(parts[i - 1]);
  return text;
}

}  // namespace

Result<std::vector<SweepPrecision>> parse_precision(std::string_view text) {
  const auto fail = [&](const std::string& why) {
    return Error{
        fmt::format("--precision {}: {}; write METRIC=5% (of its mean) or METRIC=0.5 (in its own unit)", text, why)};
  };
  std::vector<SweepPrecision> all;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view one = rest.substr(0, comma);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) return fail(fmt::format("there is no = in \"{}\"", one));
    SweepPrecision precision{.metric = std::string(one.substr(0, equals))};
    std::string_view number = one.substr(equals + 1);
    precision.relative = number.ends_with('%');
    if (precision.relative) number.remove_suffix(1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), precision.most);
    if (error != std::errc() || end != number.data() + number.size() || !(precision.most > 0) ||
        !std::isfinite(precision.most))
      return fail(fmt::format("\"{}\" is no number above 0", number));
    if (precision.relative) precision.most /= 100;
    all.push_back(std::move(precision));
    if (comma == std::string_view::npos) return all;
    rest.remove_prefix(comma + 1);
  }
}

SweepRuns::SweepRuns(const SweepPlan& plan) : plan_(plan), runs_(plan.points.size()) {
  for (std::size_t i = 0; i < plan.seeds.size(); ++i) place_of_.emplace(plan.seeds[i], i);
  for (auto& point : runs_) point.resize(plan.seeds.size());
}

bool SweepRuns::add(SweepRun run) {
  const auto place = place_of_.find(run.seed);
  if (place == place_of_.end() || run.point >= runs_.size() || !plan_.shard.has(run.point)) return false;
  auto& slot = runs_[run.point][place->second];
  if (slot) return true;
  failures_.erase({run.point, run.seed});
  slot = std::move(run);
  ++size_;
  return true;
}

void SweepRuns::failed(std::size_t point, std::uint64_t seed, std::string why) {
  failures_.emplace(std::pair{point, seed}, std::move(why));
}

bool SweepRuns::precise(std::size_t point, std::size_t seeds) const {
  return std::ranges::all_of(plan_.precision, [&](const SweepPrecision& wanted) {
    std::vector<double> values;
    for (std::size_t i = 0; i < seeds; ++i) {
      if (!runs_[point][i]) continue;
      const auto found = runs_[point][i]->metrics.find(wanted.metric);
      if (found != runs_[point][i]->metrics.end()) values.push_back(found->second);
    }
    const Estimate estimated = estimate(values);
    const double most = wanted.relative ? wanted.most * std::abs(estimated.mean) : wanted.most;
    return estimated.half_width && *estimated.half_width <= most;
  });
}

// How many seeds the point needs, as far as its runs tell: whole blocks.
std::size_t SweepRuns::needed(std::size_t point) const {
  const std::size_t all = plan_.seeds.size();
  if (plan_.precision.empty()) return all;
  for (std::size_t end = std::min(kBlock, all); end < all; end = std::min(end + kBlock, all)) {
    for (std::size_t i = end - std::min(kBlock, end); i < end; ++i) {
      if (!runs_[point][i] && !failures_.contains({point, plan_.seeds[i]})) return end;
    }
    if (precise(point, end)) return end;
  }
  return all;
}

std::vector<std::uint64_t> SweepRuns::wanted(std::size_t point) const {
  std::vector<std::uint64_t> seeds;
  if (!plan_.shard.has(point)) return seeds;
  for (std::size_t i = 0; i < needed(point); ++i) {
    if (!runs_[point][i] && !failures_.contains({point, plan_.seeds[i]})) seeds.push_back(plan_.seeds[i]);
  }
  return seeds;
}

std::vector<const SweepRun*> SweepRuns::counted(std::size_t point) const {
  std::vector<const SweepRun*> runs;
  for (std::size_t i = 0; i < needed(point); ++i) {
    if (runs_[point][i]) runs.push_back(&*runs_[point][i]);
  }
  return runs;
}

std::optional<double> SweepResult::value(std::size_t point, std::uint64_t seed, const std::string& metric) const {
  for (const SweepRun* run : runs[point]) {
    if (run->seed != seed) continue;
    const auto found = run->metrics.find(metric);
    return found == run->metrics.end() ? std::nullopt : std::optional(found->second);
  }
  return std::nullopt;
}

Estimate SweepResult::estimate_of(std::size_t point, const std::string& metric) const {
  std::vector<double> values;
  for (const SweepRun* run : runs[point]) {
    if (const auto found = run->metrics.find(metric); found != run->metrics.end()) values.push_back(found->second);
  }
  return estimate(values);
}

Estimate SweepResult::difference(std::size_t a, std::size_t b, const std::string& metric, double confidence) const {
  std::vector<double> differences;
  for (const SweepRun* run : runs[a]) {
    const auto found = run->metrics.find(metric);
    if (found == run->metrics.end()) continue;
    if (const auto other = value(b, run->seed, metric)) differences.push_back(found->second - *other);
  }
  return estimate(differences, confidence);
}

bool SweepResult::shown(const Estimate& difference) const {
  return plan.random ? difference.excludes_zero() : difference.n > 0 && difference.mean != 0;
}

SweepResult make_result(const SweepPlan& plan, const SweepRuns& runs) {
  SweepResult result{.plan = plan, .runs = {}, .metrics = plan.view.metrics, .failures = runs.failures()};
  for (std::size_t point = 0; point < plan.points.size(); ++point) {
    result.runs.push_back(runs.counted(point));
    result.partial = result.partial || !runs.wanted(point).empty() || !plan.shard.has(point);
  }
  const auto add = [&result](const std::string& metric) {
    if (std::ranges::find(result.metrics, metric) == result.metrics.end()) result.metrics.push_back(metric);
  };
  const bool chosen = !result.metrics.empty();
  for (const std::string& metric : plan.view.pareto) add(metric);
  if (!chosen) {
    for (const std::string& metric : usual_metrics(result)) add(metric);
  }
  for (const SweepPrecision& precision : plan.precision) add(precision.metric);
  return result;
}

std::vector<std::string> short_names(std::span<const SweepParameter> parameters) {
  constexpr std::size_t kMostParts = 64;
  std::vector<std::string> names(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto fits_two = [&](const std::string& name, std::size_t parts) {
      return std::ranges::count_if(parameters, [&](const auto& p) { return last_parts(p.name, parts) == name; }) > 1;
    };
    for (std::size_t parts = 1; parts <= kMostParts; ++parts) {
      names[i] = last_parts(parameters[i].name, parts);
      if (!fits_two(names[i], parts)) break;
    }
  }
  return names;
}

std::string say_point(const SweepPlan& plan, std::size_t point) {
  const std::vector<std::string> names = short_names(plan.parameters);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < names.size(); ++i)
    parts.push_back(fmt::format("{} {}", names[i], plan.points[point].values[i]));
  return fmt::format("point {} ({})", point + 1, fmt::join(parts, ", "));
}

}  // namespace drydock::reports

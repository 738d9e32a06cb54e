#include "reports/sweep_json.hpp"

#include "reports/comparison.hpp"
#include "reports/sensitivity.hpp"
#include "reports/sweep_advice.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace drydock::reports {
namespace {

using SweepJson = nlohmann::ordered_json;

// Whole numbers without ".0"; nothing that JSON cannot say.
SweepJson figure(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double kExact = 9007199254740992.0;
  if (value == std::floor(value) && std::abs(value) < kExact) return static_cast<std::int64_t>(value);
  return value;
}

SweepJson bounds(const Estimate& value) {
  if (!value.half_width) return nullptr;
  return SweepJson::array({figure(value.low()), figure(value.high())});
}

SweepJson estimate_json(const Estimate& value) {
  SweepJson json;
  json["mean"] = figure(value.mean);
  json["ci95"] = bounds(value);
  json["n"] = value.n;
  json["sd"] = value.n > 1 ? figure(value.sd) : SweepJson(nullptr);
  return json;
}

SweepJson settings_json(const SweepPlan& plan, std::size_t point) {
  SweepJson json = SweepJson::object();
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) json[plan.parameters[i].name] = plan.points[point].values[i];
  return json;
}

SweepJson point_json(const SweepResult& result, std::size_t point, const std::optional<SweepFront>& front) {
  SweepJson json;
  json["point"] = point + 1;
  json["values"] = settings_json(result.plan, point);
  json["own"] = result.plan.own == point;
  json["runs"] = result.runs[point].size();
  std::uint64_t violations = 0;
  std::set<std::string> metrics;
  for (const SweepRun* run : result.runs[point]) {
    violations += run->violations;
    for (const auto& [metric, value] : run->metrics) metrics.insert(metric);
  }
  json["violations"] = violations;
  if (front) {
    const bool on = std::ranges::find(front->points, point) != front->points.end();
    json["on_front"] = on;
    json["dominated_by"] = front->dominated_by[point] ? SweepJson(*front->dominated_by[point] + 1) : SweepJson(nullptr);
  }
  json["metrics"] = SweepJson::object();
  for (const std::string& metric : metrics) json["metrics"][metric] = estimate_json(result.estimate_of(point, metric));
  return json;
}

SweepJson run_json_of(const SweepResult& result, const SweepRun& run) {
  SweepJson json;
  json["point"] = run.point + 1;
  json["seed"] = run.seed;
  if (result.plan.mser5) {
    json["warmup_jobs"] = run.deleted;
    json["settled"] = run.settled;
  }
  json["metrics"] = SweepJson::object();
  for (const std::string& metric : result.metrics) {
    if (const auto found = run.metrics.find(metric); found != run.metrics.end())
      json["metrics"][metric] = figure(found->second);
  }
  return json;
}

SweepJson effects_json(const SweepResult& result) {
  SweepJson list = SweepJson::array();
  for (const std::string& metric : result.metrics) {
    std::size_t rank = 0;
    for (const MainEffect& effect : main_effects(result, metric)) {
      const SweepParameter& parameter = result.plan.parameters[effect.parameter];
      SweepJson one;
      one["metric"] = metric;
      one["parameter"] = parameter.name;
      one["rank"] = ++rank;
      one["range"] = figure(effect.range.mean);
      one["interval"] = bounds(effect.range);
      one["confidence"] = effect.confidence;
      one["n"] = effect.range.n;
      one["shown"] = effect.shown;
      one["least"] = parameter.levels[effect.least];
      one["most"] = parameter.levels[effect.most];
      one["levels"] = SweepJson::array();
      for (std::size_t i = 0; i < effect.means.size(); ++i)
        one["levels"].push_back({{"level", parameter.levels[i]}, {"mean", figure(effect.means[i])}});
      list.push_back(std::move(one));
    }
  }
  return list;
}

SweepJson advice_json(const SweepResult& result) {
  const auto advice = advise(result);
  if (!advice) return nullptr;
  SweepJson json;
  json["metric"] = advice->metric;
  json["best"] = advice->best + 1;
  json["baseline"] = advice->baseline + 1;
  json["difference"] = figure(advice->difference.mean);
  json["interval"] = bounds(advice->difference);
  json["confidence"] = advice->confidence;
  json["n"] = advice->difference.n;
  json["shown"] = advice->shown;
  json["elsewhere"] = SweepJson::array();
  for (const auto& side : advice->sides) {
    SweepJson one;
    one["metric"] = side.metric;
    one["difference"] = figure(side.difference.mean);
    one["interval"] = bounds(side.difference);
    one["better"] = side.better;
    json["elsewhere"].push_back(std::move(one));
  }
  json["no_difference_shown"] = advice->same;
  json["not_shown_worse"] = SweepJson::array();
  for (const std::size_t point : advice->equals) json["not_shown_worse"].push_back(point + 1);
  return json;
}

SweepJson precision_json(const SweepPlan& plan) {
  SweepJson list = SweepJson::array();
  for (const SweepPrecision& one : plan.precision) {
    SweepJson json;
    json["metric"] = one.metric;
    json["half_width_at_most"] = one.most;
    json["relative"] = one.relative;
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::string sweep_json(const SweepResult& result) {
  const SweepPlan& plan = result.plan;
  const std::optional<SweepFront> front = front_of(result);
  SweepJson json;
  json["schema"] = kSweepSchema;
  json["version"] = plan.version;
  json["partial"] = result.partial;
  json["scenario"] = {{"name", plan.scenario}, {"description", plan.description}, {"hash", plan.scenario_hash}};
  json["parameters"] = SweepJson::array();
  for (const SweepParameter& parameter : plan.parameters)
    json["parameters"].push_back({{"name", parameter.name}, {"given", parameter.given}, {"levels", parameter.levels}});
  json["drawn_from_seed"] = plan.draw ? SweepJson(*plan.draw) : SweepJson(nullptr);
  json["seeds"] = plan.seeds;
  json["warmup"] = plan.mser5 ? "mser5" : "scenario";
  json["precision"] = precision_json(plan);
  json["metrics"] = result.metrics;
  json["pareto"] = plan.view.pareto;
  json["points"] = SweepJson::array();
  for (std::size_t point = 0; point < plan.points.size(); ++point)
    json["points"].push_back(point_json(result, point, front));
  json["front"] = front ? SweepJson::array() : SweepJson(nullptr);
  if (front) {
    for (const std::size_t point : front->points) json["front"].push_back(point + 1);
  }
  json["effects"] = effects_json(result);
  json["recommendation"] = advice_json(result);
  json["findings"] = say_advice(result);
  json["runs"] = SweepJson::array();
  for (const auto& point : result.runs) {
    for (const SweepRun* run : point) json["runs"].push_back(run_json_of(result, *run));
  }
  json["failed"] = SweepJson::array();
  for (const auto& [which, why] : result.failures) {
    SweepJson one;
    one["point"] = which.first + 1;
    one["seed"] = which.second;
    one["error"] = why;
    json["failed"].push_back(std::move(one));
  }
  return json.dump(1, ' ', false, SweepJson::error_handler_t::replace) + "\n";
}

}  // namespace drydock::reports

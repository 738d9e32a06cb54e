// Plans and runs of a sweep as text, for the folder that it leaves.
#include "reports/sweep.hpp"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::reports {
namespace {

using PlanJson = nlohmann::ordered_json;

constexpr std::string_view kPlanSchema = "drydock.sweep-plan/1";
constexpr std::size_t kChecksumDigits = 16;

// FNV-1a.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

PlanJson parameter_json(const SweepParameter& parameter) {
  return {{"name", parameter.name}, {"given", parameter.given}, {"levels", parameter.levels}};
}

PlanJson view_json(const SweepView& view) {
  PlanJson json{{"metrics", view.metrics}, {"pareto", view.pareto}, {"baseline", nullptr}};
  if (view.baseline) json["baseline"] = *view.baseline;
  return json;
}

template <class T>
PlanJson or_null(const std::optional<T>& value) {
  return value ? PlanJson(*value) : PlanJson(nullptr);
}

template <class T>
std::optional<T> optional_of(const PlanJson& json) {
  return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

SweepPlan plan_of(const PlanJson& json) {
  SweepPlan plan;
  plan.version = json.at("version");
  plan.scenario = json.at("scenario");
  plan.description = json.at("description");
  plan.scenario_hash = json.at("scenario_hash");
  for (const auto& one : json.at("parameters"))
    plan.parameters.push_back({one.at("name"), one.at("given"), one.at("levels").get<std::vector<std::string>>()});
  for (const auto& one : json.at("points")) {
    SweepPoint point{one.at("values").get<std::vector<std::string>>(), one.at("levels").get<std::vector<std::size_t>>()};
    bool good = point.values.size() == plan.parameters.size() && point.levels.size() == plan.parameters.size();
    for (std::size_t i = 0; good && i < point.levels.size(); ++i) good = point.levels[i] < plan.parameters[i].levels.size();
    if (!good) throw std::runtime_error("a point has other values than there are parameters");
    plan.points.push_back(std::move(point));
  }
  plan.own = optional_of<std::size_t>(json.at("own"));
  plan.draw = optional_of<std::uint64_t>(json.at("draw"));
  plan.seeds = json.at("seeds").get<std::vector<std::uint64_t>>();
  plan.random = json.at("random");
  for (const auto& one : json.at("precision"))
    plan.precision.push_back({one.at("metric"), one.at("most"), one.at("relative")});
  plan.mser5 = json.at("mser5");
  plan.unmeasured = json.at("unmeasured");
  plan.shard = {json.at("shard").at("number"), json.at("shard").at("of")};
  const PlanJson& view = json.at("view");
  plan.view = {view.at("metrics").get<std::vector<std::string>>(), view.at("pareto").get<std::vector<std::string>>(),
               optional_of<std::size_t>(view.at("baseline"))};
  const bool inside = (!plan.own || *plan.own < plan.points.size()) &&
                      (!plan.view.baseline || *plan.view.baseline < plan.points.size()) && plan.shard.of > 0 &&
                      plan.shard.number >= 1 && plan.shard.number <= plan.shard.of;
  if (!inside || plan.points.empty() || plan.seeds.empty()) throw std::runtime_error("a number is out of range");
  return plan;
}

std::string say_seeds(const std::vector<std::uint64_t>& seeds) {
  if (seeds.size() > 2 && seeds.back() - seeds.front() + 1 == seeds.size())
    return fmt::format("{}..{}", seeds.front(), seeds.back());
  if (seeds.size() > 10) return fmt::format("{} seeds", seeds.size());
  return fmt::format("{}", fmt::join(seeds, ","));
}

std::string say_precision(const std::vector<SweepPrecision>& all) {
  std::string text;
  for (const SweepPrecision& one : all) {
    text += fmt::format("{}{}={:.12g}{}", text.empty() ? "" : ",", one.metric, one.relative ? one.most * 100 : one.most,
                        one.relative ? "%" : "");
  }
  return text.empty() ? "not given" : text;
}

}  // namespace

std::string write_plan(const SweepPlan& plan) {
  PlanJson json;
  json["schema"] = kPlanSchema;
  json["version"] = plan.version;
  json["scenario"] = plan.scenario;
  json["description"] = plan.description;
  json["scenario_hash"] = plan.scenario_hash;
  json["parameters"] = PlanJson::array();
  for (const SweepParameter& parameter : plan.parameters) json["parameters"].push_back(parameter_json(parameter));
  json["points"] = PlanJson::array();
  for (const SweepPoint& point : plan.points) json["points"].push_back({{"values", point.values}, {"levels", point.levels}});
  json["own"] = or_null(plan.own);
  json["draw"] = or_null(plan.draw);
  json["seeds"] = plan.seeds;
  json["random"] = plan.random;
  json["precision"] = PlanJson::array();
  for (const SweepPrecision& one : plan.precision)
    json["precision"].push_back({{"metric", one.metric}, {"most", one.most}, {"relative", one.relative}});
  json["mser5"] = plan.mser5;
  json["unmeasured"] = plan.unmeasured;
  json["shard"] = {{"number", plan.shard.number}, {"of", plan.shard.of}};
  json["view"] = view_json(plan.view);
  return json.dump(1, ' ', false, PlanJson::error_handler_t::replace) + "\n";
}

Result<SweepPlan> read_plan(std::string_view text, std::string_view label) {
  try {
    const PlanJson json = PlanJson::parse(text);
    const std::string schema = json.value("schema", "");
    if (schema != kPlanSchema)
      return Error{fmt::format("{}: is of the format \"{}\", not {}: another version of drydock wrote it", label, schema,
                               kPlanSchema)};
    return plan_of(json);
  } catch (const std::exception& error) {
    return Error{fmt::format("{}: is damaged, or no plan of a sweep: {}", label, error.what())};
  }
}

std::optional<std::string> plan_difference(const SweepPlan& there, const SweepPlan& here, bool same_shard) {
  if (there.version != here.version) return fmt::format("drydock {} made them, this is {}", there.version, here.version);
  if (there.scenario != here.scenario) return fmt::format("they are of scenario {}, not {}", there.scenario, here.scenario);
  for (std::size_t i = 0; i < std::max(there.parameters.size(), here.parameters.size()); ++i) {
    const auto say = [i](const SweepPlan& plan) {
      return i < plan.parameters.size() ? fmt::format("{}={}", plan.parameters[i].name, plan.parameters[i].given)
                                        : "not given";
    };
    if (say(there) != say(here)) return fmt::format("what is varied was {}, and is {} now", say(there), say(here));
  }
  if (there.points.size() != here.points.size() || there.draw != here.draw) {
    const auto say = [](const SweepPlan& plan) {
      return plan.draw ? fmt::format("{} points drawn with --random-seed {}", plan.points.size(), *plan.draw)
                       : fmt::format("a grid of {}", plan.points.size());
    };
    return fmt::format("there were {}, and are {} now", say(there), say(here));
  }
  if (there.seeds != here.seeds)
    return fmt::format("--seeds was {}, and is {} now", say_seeds(there.seeds), say_seeds(here.seeds));
  if (there.precision != here.precision)
    return fmt::format("--precision was {}, and is {} now", say_precision(there.precision), say_precision(here.precision));
  if (there.mser5 != here.mser5) {
    const auto say = [](bool mser5) { return mser5 ? "mser5" : "of the scenario"; };
    return fmt::format("--warmup was {}, and is {} now", say(there.mser5), say(here.mser5));
  }
  if (same_shard && !(there.shard == here.shard))
    return fmt::format("--shard was {}/{}, and is {}/{} now", there.shard.number, there.shard.of, here.shard.number,
                       here.shard.of);
  if (!same_shard && there.shard.of != here.shard.of)
    return fmt::format("they are of {} shards, not {}", there.shard.of, here.shard.of);
  if (there.scenario_hash != here.scenario_hash)
    return std::string("the scenario, a trace of it or --set has changed since");
  return std::nullopt;
}

std::string write_run(const SweepRun& run) {
  PlanJson json;
  json["point"] = run.point;
  json["seed"] = run.seed;
  json["violations"] = run.violations;
  json["deleted"] = run.deleted;
  json["settled"] = run.settled;
  json["metrics"] = PlanJson::object();
  for (const auto& [name, value] : run.metrics) {
    if (std::isfinite(value)) json["metrics"][name] = value;
  }
  const std::string text = json.dump(-1, ' ', false, PlanJson::error_handler_t::replace);
  return fmt::format("{:016x} {}", checksum(text), text);
}

std::optional<SweepRun> read_run(std::string_view line) {
  if (line.size() < kChecksumDigits + 1 || line[kChecksumDigits] != ' ') return std::nullopt;
  const std::string_view text = line.substr(kChecksumDigits + 1);
  if (fmt::format("{:016x}", checksum(text)) != line.substr(0, kChecksumDigits)) return std::nullopt;
  try {
    const PlanJson json = PlanJson::parse(text);
    SweepRun run{.point = json.at("point"), .seed = json.at("seed"), .metrics = {}};
    run.violations = json.at("violations");
    run.deleted = json.at("deleted");
    run.settled = json.at("settled");
    for (const auto& [name, value] : json.at("metrics").items()) run.metrics.emplace(name, value.get<double>());
    return run;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace drydock::reports

#include "scenarios/random_course.hpp"

#include "scenarios/faults/dice.hpp"
#include "scenarios/faults/faults.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace drydock::scenarios {
namespace {

constexpr std::uint64_t kMostFaults = 5;
constexpr double kMostLatencyMs = 3000;

// Fewer hosts and jobs.
void vary_counts(Json& json, Scenario& scenario, Draws& draws) {
  // Those of a platform file are what they are.
  for (std::size_t i = 0; i < scenario.hosts.size() && !scenario.platform; ++i) {
    if (draws.uniform() < 0.5) continue;
    scenario.hosts[i].count = 1 + static_cast<std::uint32_t>(draws.bits() % scenario.hosts[i].count);
    json["cluster"]["hosts"][i]["count"] = scenario.hosts[i].count;
  }
  if (!json.contains("workload")) return;
  for (Json& entry : json["workload"]) {
    if (!entry.contains("count") || !entry["count"].is_number_integer() || draws.uniform() < 0.5) continue;
    const auto most = entry["count"].get<std::uint64_t>();
    if (most > 0) entry["count"] = 1 + draws.bits() % most;
  }
}

// From nothing to seconds. Workers that share limits must not give up on most of their questions.
void vary_latencies(Json& json, const Scenario& scenario, Draws& draws) {
  const double most_of_redis = scenario.limits ? 450 * seconds(scenario.limits->answer_timeout) : kMostLatencyMs;
  const auto vary = [&](const char* store, const char* name, double most = kMostLatencyMs) {
    if (draws.uniform() < 0.5) return;
    const double ms = rounded(std::min(most, std::pow(10.0, draws.uniform() * 4.5 - 1)));
    const std::string mean = format_duration(duration_of_seconds(ms / 1000));
    if (draws.uniform() < 0.3) json["cluster"]["stores"][store][name] = mean;
    else json["cluster"]["stores"][store][name] = {{"exponential", {{"mean", mean}}}};
  };
  vary("redis", "latency", most_of_redis);
  vary("postgres", "commit");
  vary("postgres", "query");
}

}  // namespace

Json draw_course(const Scenario& scenario, const RandomCourse& random) {
  Draws draws(counted(random.seed, stream_of("hunt"), random.number));
  Json json = Json::parse(scenario.json);
  Scenario varied = scenario;
  json["seed"] = draws.bits() >> 1U;
  vary_counts(json, varied, draws);
  vary_latencies(json, scenario, draws);
  if (!json.contains("faults")) json["faults"] = Json::array();
  const std::uint64_t wanted = 1 + draws.bits() % kMostFaults;
  FaultDice dice(varied, random.course, Draws(draws.bits()));
  std::vector<const FaultKind*> kinds;
  for (const FaultKind& kind : fault_kinds()) {
    if (kind.draw != nullptr) kinds.push_back(&kind);
  }
  constexpr std::uint64_t kMostDraws = 100;
  std::uint64_t drawn = 0;
  for (std::uint64_t tries = 0; drawn < wanted && tries < kMostDraws; ++tries) {
    const FaultKind& kind = *kinds[dice.below(kinds.size())];
    Json fault = kind.draw(dice);
    if (fault.is_null()) continue;
    fault["type"] = kind.type;
    json["faults"].push_back(std::move(fault));
    ++drawn;
  }
  return json;
}

}  // namespace drydock::scenarios

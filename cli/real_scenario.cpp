#include "cli/real_scenario.hpp"

#include "cli/real_run.hpp"
#include "cli/run_checker.hpp"
#include "cli/suggest.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace drydock::cli {

void declare_pool_names(CLI::App& app, RealScenarioOptions& options) {
  app.add_option("--config", options.scenario, "The scheduler's scenario: the names of its pools are shown")
      ->type_name("SCENARIO");
  declare_choice(app, options);
}

void declare_choice(CLI::App& app, RealScenarioOptions& options) {
  app.add_option("--variant", options.variant, "The variant to run; needed where there are several")->type_name("NAME");
  app.add_option("--set", options.sets, "Change a value of the scenario, before its variants do; may be repeated")
      ->allow_extra_args(false)
      ->type_name("/JSON/POINTER=VALUE");
}

#ifdef DRYDOCK_WITH_RUNTIME

namespace {

using scenarios::Scenario;

Result<Scenario> choose(const RealScenarioOptions& options, const std::vector<std::string>& sets) {
  auto loaded =
      scenarios::load(options.scenario, {.sets = sets, .read_platform = sim::read_platform, .check_run = problem_with_run});
  if (!loaded) return loaded.error();
  auto& all = loaded.value();
  std::vector<std::string_view> names;
  for (const Scenario& scenario : all) names.push_back(scenario.variant);
  if (!options.variant) {
    if (all.size() == 1) return std::move(all.front());
    return Error{
        fmt::format("{} has several variants; choose one with --variant: {}", options.scenario, scenarios::listed(names))};
  }
  const auto chosen = std::ranges::find(all, *options.variant, &Scenario::variant);
  if (chosen != all.end()) return std::move(*chosen);
  return Error{fmt::format("--variant {}: {} has no such variant{}; it has: {}", scenarios::printable(*options.variant),
                           options.scenario, did_you_mean(*options.variant, names), scenarios::listed(names))};
}

// A real scheduler bounds its memory, unless the scenario says how. A queue with a capacity is held whole.
std::optional<std::uint64_t> lookahead_to_set(const Scenario& scenario) {
  const nlohmann::json document = nlohmann::json::parse(scenario.json);
  if (document.contains("/control_plane/lookahead"_json_pointer)) return std::nullopt;
  std::uint64_t lookahead = 10'000;
  for (const QueueConfig& queue : scenario.scheduler.queues) lookahead = std::max(lookahead, queue.capacity.value_or(0));
  return std::min<std::uint64_t>(lookahead, std::numeric_limits<std::int32_t>::max());
}

}  // namespace

Result<Scenario> real_scenario(const RealScenarioOptions& options, std::vector<std::string>& notes) {
  auto trial = trial_scenario(options, notes);
  if (!trial) return trial.error();
  return std::move(trial).value().real;
}

Result<TrialScenario> trial_scenario(const RealScenarioOptions& options, std::vector<std::string>& notes) {
  std::vector<std::string> sets = options.sets;
  auto scenario = choose(options, sets);
  // What is filled in is what happens for real, whatever the scenario's time is divided by.
  const auto for_real = [&](Duration time) {
    return scenarios::format_duration(duration_of_seconds(seconds(time) * scenario.value().time_scale));
  };
  if (scenario && scenario.value().liveness.type == "oracle") {
    // Of a trial people want to see the end; in production a short pause of Redis must not end what runs.
    const std::chrono::seconds heartbeat{options.trial ? 1 : 10};
    const std::chrono::seconds ttl{options.trial ? 3 : 35};
    notes.push_back(fmt::format("the scenario has no liveness policy that can be for real: ttl with heartbeat {} and ttl {}",
                                scenarios::format_duration(heartbeat), scenarios::format_duration(ttl)));
    sets.push_back(fmt::format(R"(/policies/liveness={{"type":"ttl","heartbeat":"{}","ttl":"{}"}})", for_real(heartbeat),
                               for_real(ttl)));
    scenario = choose(options, sets);
  }
  if (!scenario) return scenario.error();
  const auto limits = limits_of_real_run(scenario.value(), options.heartbeat_least);
  if (const auto& wrong = limits.error || !options.trial ? limits.error : limits.trial_error) {
    return Error{fmt::format("{}: {}", options.scenario, *wrong)};
  } else if (options.trial) {
    notes.insert(notes.end(), limits.notes.begin(), limits.notes.end());
  }
  if (scenario.value().scheduler.control_plane.registry.reading == Duration{0}) {
    const auto heartbeat = scenario.value().liveness.get<Duration>("heartbeat");
    sets.push_back(fmt::format("/control_plane/registry_reading={}",
                               for_real(std::min<Duration>(heartbeat / 2, std::chrono::seconds{5}))));
    scenario = choose(options, sets);
    if (!scenario) return scenario.error();
  }
  if (const auto lookahead = lookahead_to_set(scenario.value())) {
    sets.push_back(fmt::format("/control_plane/lookahead={}", *lookahead));
    scenario = choose(options, sets);
    if (!scenario) return scenario.error();
  }
  auto real = scenario;
  if (scenario.value().schedulers == 1) {
    if (options.trial) notes.emplace_back("for real a second scheduler stands by, whose leader has a lease of 15 s");
    // A lease that nobody asked for is not of the scenario, and so not scaled with it.
    sets.emplace_back("/control_plane/schedulers=2");
    sets.push_back(fmt::format("/control_plane/lease={}", for_real(std::chrono::seconds{15})));
    sets.push_back(fmt::format("/control_plane/renew={}", for_real(std::chrono::seconds{5})));
    sets.push_back(fmt::format("/control_plane/margin={}", for_real(std::chrono::seconds{1})));
    real = choose(options, sets);
    if (!real) return real.error();
  }
  return TrialScenario{std::move(real).value(), std::move(scenario).value()};
}

Result<Scenario> share_scenario(const RealScenarioOptions& options) { return choose(options, options.sets); }

Result<std::vector<std::string>> pool_names(const RealScenarioOptions& options) {
  std::vector<std::string> names;
  if (options.scenario.empty()) return names;
  std::vector<std::string> notes;
  const auto scenario = real_scenario(options, notes);
  if (!scenario) return scenario.error();
  for (const auto& pool : scenario.value().pools) names.push_back(pool.name);
  return names;
}

#endif

}  // namespace drydock::cli

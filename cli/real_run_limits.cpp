// What a run for real cannot be, or not wholly.
#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_run.hpp"
#include "scenarios/units.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <variant>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

bool has_hazards(const Scenario& scenario) {
  return std::ranges::any_of(scenario.workload, [](const scenarios::Source& source) {
    return std::visit([](const auto& s) { return s.hazards.failure_probability > 0 || s.hazards.time_limit; }, source);
  });
}

// Rounded down, so that who takes it at its word is not refused again.
double scale_possible(double scale) { return std::floor(scale * 100 + 1e-6) / 100; }

}  // namespace

RealRunLimits limits_of_real_run(const Scenario& scenario, Duration heartbeat_least) {
  RealRunLimits limits;
  const auto has_sessions = [](const scenarios::HostGroup& group) { return group.sessions.has_value(); };
  if (scenario.liveness.type != "ttl") {
    limits.error =
        fmt::format("the runtime watches its workers by the liveness policy ttl; \"{}\" is for simulations so far",
                    scenario.liveness.type);
  } else if (scenario.scheduler.control_plane.aggregate) {
    limits.error = "admission \"aggregate\" is for simulations: workers of the runtime admit by their own resources";
  } else if (std::ranges::any_of(scenario.pools, [](const auto& pool) { return pool.beats_in_loop; })) {
    limits.error = "heartbeats from the \"main-loop\" are for simulations: workers of the runtime beat beside their jobs";
  } else if (!scenario.self_fencing || !scenario.safe_beat) {
    limits.error =
        "workers of the runtime always fence themselves and register anew; \"self_fencing\": false and \"beat\": "
        "\"expire-then-set\" are for simulations";
  }
  const bool requests = scenarios::requesting_workers(scenario) > 0;
  if (requests && scenario.limits && scenario.limits->policy.type == "aimd") {
    limits.trial_error =
        "the share policy aimd learns from what the service refuses, and in a trial there is no service; `drydock worker` "
        "and `drydock limiter` have it: their jobs say what was refused (POST /throttled)";
  } else if (requests) {
    limits.notes.emplace_back(
        "requests take their time and succeed: there is no service that refuses any (\"enforced\"), workers hold them to "
        "their shares alone");
  }
  if (std::ranges::any_of(scenario.hosts, has_sessions)) {
    limits.trial_error =
        "hosts with sessions are for simulations: for real their workers come and go, and drain in time by themselves "
        "(`drydock worker --available-until`)";
  }
  if (scenario.time_scale != 1 && scenario.liveness.type == "ttl" &&
      scenario.liveness.get<Duration>("heartbeat") < heartbeat_least) {
    const auto heartbeat = scenario.liveness.get<Duration>("heartbeat");
    limits.trial_error = fmt::format(
        "with \"time_scale\": {:g} heartbeats come each {}, and leases last {}: too short to be kept for real; scale by "
        "{:.4g} "
        "at most, or give longer ones in the scenario",
        scenario.time_scale, scenarios::format_duration(heartbeat),
        scenarios::format_duration(scenario.liveness.get<Duration>("ttl")),
        scale_possible(scenario.time_scale * seconds(heartbeat) / seconds(heartbeat_least)));
  }
  if (has_hazards(scenario))
    limits.notes.emplace_back("\"failure_probability\" and \"time_limit\" have no effect: jobs sleep");
  return limits;
}

}  // namespace drydock::cli

#endif

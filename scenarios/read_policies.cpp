// Section: policies.
#include "policies/catalog.hpp"
#include "policies/session.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::scenarios {
namespace {

std::vector<std::string_view> types_of(PolicyFamily family) {
  std::vector<std::string_view> types;
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family == family) types.push_back(info.type);
  }
  return types;
}

ParameterValue read_parameter(const Node& node, const ParameterInfo& info) {
  struct Read {
    const Node& node;
    const ParameterInfo& info;
    ParameterValue operator()(Duration) const {
      return node.duration(duration_of_seconds(info.minimum), std::min(kLongest, duration_of_seconds(info.maximum)));
    }
    ParameterValue operator()(double) const { return node.number({info.minimum, std::min(1e15, info.maximum)}); }
    ParameterValue operator()(std::int64_t) const {
      constexpr double kMost = 1e15;
      return node.count({static_cast<std::int64_t>(std::clamp(info.minimum, -kMost, kMost)),
                         static_cast<std::int64_t>(std::clamp(info.maximum, -kMost, kMost))});
    }
    ParameterValue operator()(bool) const { return node.boolean(); }
    ParameterValue operator()(const std::string&) const { return node.word(info.choices); }
  };
  return std::visit(Read{node, info}, info.default_value);
}

// A type by itself ("easy"), or an object with the type and parameters.
PolicyConfig read_policy(const Diagnostics& diagnostics, const std::optional<Node>& node, PolicyFamily family,
                         std::string_view fallback) {
  const bool is_object = node && node->json().is_object();
  std::string type(fallback);
  if (is_object) {
    if (!node->json().contains("type")) node->fail("the key \"type\" is missing");
    type = node->member("type").text();
  } else if (node) {
    type = node->text();
  }
  const PolicyInfo* info = find_policy(family, type);
  if (info == nullptr) {
    if (node) {
      const auto types = types_of(family);
      const Node& at = is_object ? node->member("type") : *node;
      const bool may_be_of_plugin = family == PolicyFamily::placement || family == PolicyFamily::isolation;
      at.fail(fmt::format("there is no {} policy \"{}\"{}{}", to_string(family), printable(type), suggestion(type, types),
                          may_be_of_plugin ? "; one of a plugin needs --plugin FILE" : ""));
    }
    return {type, {}};
  }
  std::map<std::string, ParameterValue, std::less<>> given;
  for (const ParameterInfo& parameter : info->parameters) {
    const auto* duration = std::get_if<Duration>(&parameter.default_value);
    if (duration != nullptr) given.emplace(parameter.name, diagnostics.scaled(*duration));
  }
  if (is_object) {
    std::vector<std::string_view> allowed{"type"};
    for (const ParameterInfo& parameter : info->parameters) allowed.push_back(parameter.name);
    const ObjectKeys keys{type, allowed};
    const ObjectReader object(*node, keys);
    for (const ParameterInfo& parameter : info->parameters) {
      if (const auto value = object.find(parameter.name))
        given.insert_or_assign(std::string(parameter.name), read_parameter(*value, parameter));
    }
  }
  return configure(*info, given);
}

void refuse_short_lease(const Node& node, const PolicyConfig& liveness) {
  if (liveness.type != "ttl") return;
  const auto heartbeat = liveness.get<Duration>("heartbeat");
  const auto ttl = liveness.get<Duration>("ttl");
  if (ttl > heartbeat) return;
  node.fail(fmt::format("\"ttl\" is {} and \"heartbeat\" {}: the lease must outlast the time to the next beat",
                        format_duration(ttl), format_duration(heartbeat)));
}

// Reservations and preemption count places, and do not ask how long these are there.
void refuse_careless_placement(const Node& node, const Scenario& scenario) {
  const PolicyConfig& placement = scenario.scheduler.placement;
  if (!scenario.scheduler.session_margin || make_placement(placement)->traits().minds_sessions) return;
  node.fail(
      fmt::format("placement \"{}\" does not mind when sessions end; those that do are fcfs, sjf, saf, f1, wfp3, "
                  "first-fit, best-fit, worst-fit, dot-product, and priority without preemption",
                  placement.type));
}

void refuse_crossed_delays(const Node& node, const PolicyConfig& retry) {
  if (retry.type != "exponential") return;
  const auto delay = retry.get<Duration>("delay");
  const auto longest = retry.get<Duration>("longest");
  if (delay <= longest) return;
  node.fail(fmt::format("\"delay\" is {} and \"longest\" {}: the first delay may not be above the longest",
                        format_duration(delay), format_duration(longest)));
}

void read_session(const Node& node, Scenario& scenario) {
  const PolicyConfig config = read_policy(node.diagnostics(), node, PolicyFamily::session, "");
  if (node.diagnostics().failed()) return;
  scenario.scheduler.session_margin = session_margin(config);
  refuse_careless_placement(node, scenario);
}

void refuse_crossed_bounds(const Node& node, const PolicyConfig& liveness) {
  if (liveness.type != "adaptive") return;
  const auto shortest = liveness.get<Duration>("shortest");
  const auto longest = liveness.get<Duration>("longest");
  if (shortest <= longest) return;
  node.fail(fmt::format("\"shortest\" is {} and \"longest\" {}: the longest interval may not be below the shortest",
                        format_duration(shortest), format_duration(longest)));
}

// A scheduler that works in cycles reads the registry once in each, unless it is told otherwise, where there is one.
void settle_registry(Scenario& scenario) {
  ControlPlaneConfig& plane = scenario.scheduler.control_plane;
  const bool is_told = plane.registry.reading > Duration{0};
  if (plane.trigger == PassTrigger::cycle && !is_told) plane.registry.reading = plane.period;
  if (scenario.liveness.type == "oracle") plane.registry.reading = Duration{0};
  if (plane.registry.hold != Duration{0}) return;
  const auto ttl = scenario.liveness.parameters.find("ttl");
  plane.registry.hold =
      ttl == scenario.liveness.parameters.end() ? Duration{std::chrono::seconds{60}} : std::get<Duration>(ttl->second);
}

void refuse_long_margin(const ObjectReader& top, const Scenario& scenario) {
  const auto ttl = scenario.liveness.parameters.find("ttl");
  if (ttl == scenario.liveness.parameters.end() || scenario.fencing_margin < std::get<Duration>(ttl->second)) return;
  top.node()
      .member("control_plane")
      .member("fencing_margin")
      .fail("must be shorter than the \"ttl\" of the liveness policy: a worker would end all that it begins");
}

// Where turns change from start to start, a policy that has decided before, or undoes what was decided, would never come to rest.
void refuse_other_orders(const Node& node, const SchedulerConfig& config) {
  if (make_isolation(config.isolation)->traits().fixed) return;
  const PlacementTraits placement = make_placement(config.placement)->traits();
  const PlacementTraits traits = make_placement(config)->traits();
  if (!traits.plans_ahead && !traits.preempts) return;
  const std::string who = placement.plans_ahead || placement.preempts ? fmt::format("placement {}", config.placement.type)
                                                                      : "the \"prefetch\" of a pool";
  node.fail(fmt::format(
      "{} changes which queue goes next, but {} {}; it goes with static-pools, shared and priority", config.isolation.type,
      who, traits.plans_ahead ? "decides for jobs long before they start" : "stops running jobs by its own order"));
}

// What admission by totals does not go with.
void refuse_aggregate(const ObjectReader& top, const Scenario& scenario) {
  const SchedulerConfig& config = scenario.scheduler;
  if (!config.control_plane.aggregate) return;
  const Node admission = top.node().member("control_plane").member("admission");
  const PlacementTraits placement = make_placement(config.placement)->traits();
  if (config.accounting.type.empty()) {
    admission.fail("needs to know what is allocated: add \"accounting\" to \"policies\", such as fenced-counter");
  } else if (config.isolation.type != "static-pools") {
    admission.fail(fmt::format("goes with isolation static-pools, not with {}", config.isolation.type));
  } else if (placement.plans_ahead || placement.preempts) {
    admission.fail(fmt::format("does not go with placement {}, which {}; use one such as fcfs or sjf", config.placement.type,
                               placement.plans_ahead ? "decides for jobs long before they start"
                                                     : "stops running jobs by the room on each worker"));
  } else if (std::ranges::any_of(scenario.pools, [](const Pool& pool) {
               return pool.processor_sharing || pool.admission == Admission::slots;
             })) {
    admission.fail(
        "goes with pools whose workers have a number of cpus: not with unlimited slots, nor with admission by slots");
  } else if (std::ranges::any_of(config.pools, [](const PoolConfig& pool) { return pool.prefetch > 0; })) {
    admission.fail("does not go with the \"prefetch\" of a pool, whose workers take jobs long before these start");
  }
}

void refuse_prefetch_ahead(const ObjectReader& top, const SchedulerConfig& config) {
  const bool prefetch = std::ranges::any_of(config.pools, [](const PoolConfig& pool) { return pool.prefetch > 0; });
  if (!prefetch || !make_placement(config.placement)->traits().plans_ahead) return;
  top.node().member("pools").fail(
      fmt::format("workers cannot take jobs ahead (\"prefetch\") under placement {}, which decides "
                  "for jobs long before they start",
                  config.placement.type));
}

}  // namespace

void read_policies(const ObjectReader& top, Scenario& scenario) {
  std::optional<Node> placement;
  std::optional<Node> liveness;
  std::optional<Node> accounting;
  std::optional<Node> retry;
  std::optional<Node> checkpoint;
  std::optional<Node> session;
  std::optional<Node> isolation;
  if (const auto node = top.find("policies")) {
    const ObjectReader policies(*node, keys::kPolicies);
    placement = policies.find("placement");
    liveness = policies.find("liveness");
    isolation = policies.find("isolation");
    accounting = policies.find("accounting");
    retry = policies.find("retry");
    checkpoint = policies.find("checkpoint");
    session = policies.find("session");
  }
  const Diagnostics& diagnostics = top.node().diagnostics();
  scenario.scheduler.placement = read_policy(diagnostics, placement, PolicyFamily::placement, "fcfs");
  scenario.liveness = read_policy(diagnostics, liveness, PolicyFamily::liveness, "oracle");
  scenario.scheduler.isolation = read_policy(diagnostics, isolation, PolicyFamily::isolation, "static-pools");
  if (accounting) scenario.scheduler.accounting = read_policy(diagnostics, accounting, PolicyFamily::accounting, "");
  if (retry) scenario.scheduler.retry = read_policy(diagnostics, retry, PolicyFamily::retry, "");
  if (checkpoint) scenario.checkpoint_policy = read_policy(diagnostics, checkpoint, PolicyFamily::checkpoint, "");
  if (top.node().diagnostics().failed()) return;
  settle_registry(scenario);
  refuse_long_margin(top, scenario);
  if (retry) refuse_crossed_delays(*retry, scenario.scheduler.retry);
  if (session) read_session(*session, scenario);
  if (isolation) refuse_other_orders(*isolation, scenario.scheduler);
  refuse_prefetch_ahead(top, scenario.scheduler);
  refuse_aggregate(top, scenario);
  widen_reach(scenario);
  if (!liveness || top.node().diagnostics().failed()) return;
  refuse_short_lease(*liveness, scenario.liveness);
  refuse_crossed_bounds(*liveness, scenario.liveness);
}

PolicyConfig read_share_policy(const Diagnostics& diagnostics, const std::optional<Node>& node) {
  return read_policy(diagnostics, node, PolicyFamily::share, "leased");
}

}  // namespace drydock::scenarios

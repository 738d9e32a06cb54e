// Sections: policies and faults.
#include "policies/catalog.hpp"
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
PolicyConfig read_policy(const std::optional<Node>& node, PolicyFamily family, std::string_view fallback) {
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
      at.fail(fmt::format("there is no {} policy \"{}\"{}", to_string(family), printable(type), suggestion(type, types)));
    }
    return {type, {}};
  }
  std::map<std::string, ParameterValue, std::less<>> given;
  if (is_object) {
    std::vector<std::string_view> allowed{"type"};
    for (const ParameterInfo& parameter : info->parameters) allowed.push_back(parameter.name);
    const ObjectKeys keys{type, allowed};
    const ObjectReader object(*node, keys);
    for (const ParameterInfo& parameter : info->parameters) {
      if (const auto value = object.find(parameter.name)) given.emplace(parameter.name, read_parameter(*value, parameter));
    }
  }
  return configure(*info, given);
}

void refuse_short_lease(const std::optional<Node>& node, const PolicyConfig& liveness) {
  if (!node || liveness.type != "ttl") return;
  const auto heartbeat = liveness.get<Duration>("heartbeat");
  const auto ttl = liveness.get<Duration>("ttl");
  if (ttl > heartbeat) return;
  node->fail(fmt::format("\"ttl\" is {} and \"heartbeat\" {}: the lease must outlast the time to the next beat",
                         format_duration(ttl), format_duration(heartbeat)));
}

// A mean ("20d": exponential) or a distribution.
Distribution read_time_between(const Node& node) {
  if (node.json().is_object()) return read_duration_distribution(node);
  return Exponential{seconds(node.duration(Duration{1}))};
}

bool is_host(const Scenario& scenario, const std::string& target) {
  for (const HostGroup& group : scenario.hosts) {
    if (group.name == target) return true;
    if (group.count == 1 || !target.starts_with(group.name + "-")) continue;
    const std::string number = target.substr(group.name.size() + 1);
    const bool digits =
        !number.empty() && number.size() <= 8 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && std::to_string(std::stoul(number)) == number && std::stoul(number) < group.count) return true;
  }
  return false;
}

void check_target(const ObjectReader& fault, const Scenario& scenario, const std::string& target) {
  if (!fault.has("target") || is_host(scenario, target)) return;
  std::vector<std::string> names;
  for (const HostGroup& group : scenario.hosts) {
    names.push_back(group.name);
    if (group.count > 1) names.push_back(fmt::format("{}-0 ... {}-{}", group.name, group.name, group.count - 1));
  }
  fault.node().member("target").fail(
      fmt::format("there is no host or host group \"{}\"; there are: {}", printable(target), fmt::join(names, ", ")));
}

WorkerCrash read_crash(const ObjectReader& fault, const Scenario& scenario) {
  WorkerCrash crash;
  crash.target = fault.text("target");
  check_target(fault, scenario, crash.target);
  const bool once = fault.has("at");
  const bool repeated = fault.has("mtbf");
  if (once == repeated) {
    fault.node().fail(
        "needs either \"at\" (one crash; with \"for\", repaired after that time) or \"mtbf\" and \"mttr\" (again and "
        "again)");
  } else if (once) {
    if (fault.has("mttr")) fault.node().member("mttr").fail("goes with \"mtbf\"; with \"at\", say \"for\"");
    WorkerCrash::Once when{fault.duration("at", Duration{0}), std::nullopt};
    if (fault.has("for")) when.lasting = fault.duration("for", Duration{0}, Duration{1});
    crash.when = when;
  } else {
    if (fault.has("for")) fault.node().member("for").fail("goes with \"at\"; with \"mtbf\", say \"mttr\"");
    crash.when = WorkerCrash::Repeated{read_time_between(fault.require("mtbf")), read_time_between(fault.require("mttr"))};
  }
  return crash;
}

}  // namespace

void read_policies(const ObjectReader& top, Scenario& scenario) {
  std::optional<Node> placement;
  std::optional<Node> liveness;
  if (const auto node = top.find("policies")) {
    const ObjectReader policies(*node, keys::kPolicies);
    placement = policies.find("placement");
    liveness = policies.find("liveness");
  }
  scenario.scheduler.placement = read_policy(placement, PolicyFamily::placement, "fcfs");
  scenario.liveness = read_policy(liveness, PolicyFamily::liveness, "oracle");
  if (!top.node().diagnostics().failed()) refuse_short_lease(liveness, scenario.liveness);
}

void read_faults(const ObjectReader& top, Scenario& scenario) {
  constexpr std::array<std::string_view, 1> kTypes{"worker-crash"};
  const auto node = top.find("faults");
  if (!node) return;
  for (const Node& item : node->items()) {
    const ObjectReader fault(item, keys::kFault);
    (void)fault.require("type").word(kTypes);
    scenario.faults.emplace_back(read_crash(fault, scenario));
  }
}

}  // namespace drydock::scenarios

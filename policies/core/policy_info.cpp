#include "policies/core/policy_info.hpp"

#include "policies/core/assert.hpp"

namespace drydock {

std::string_view to_string(PolicyFamily family) {
  switch (family) {
    case PolicyFamily::placement: return "placement";
    case PolicyFamily::liveness: return "liveness";
    case PolicyFamily::accounting: return "accounting";
    case PolicyFamily::share: return "share";
    case PolicyFamily::retry: return "retry";
    case PolicyFamily::checkpoint: return "checkpoint";
    case PolicyFamily::session: return "session";
    case PolicyFamily::isolation: return "isolation";
  }
  return "";
}

PolicyConfig configure(const PolicyInfo& info, const std::map<std::string, ParameterValue, std::less<>>& overrides) {
  PolicyConfig config{std::string(info.type), {}};
  for (const ParameterInfo& parameter : info.parameters) {
    config.parameters.emplace(parameter.name, parameter.default_value);
  }
  for (const auto& [name, value] : overrides) {
    const auto known = config.parameters.find(name);
    DRYDOCK_CHECK(known != config.parameters.end(), "a policy was given a parameter that it does not have");
    DRYDOCK_CHECK(known->second.index() == value.index(), "a policy was given a parameter of another type");
    known->second = value;
  }
  return config;
}

}  // namespace drydock

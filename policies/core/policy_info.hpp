// What a policy says about itself: `drydock policies`, the scenario schema and the checks of parameters all come from here.
#pragma once

#include "policies/core/time.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock {

// Values as written in a scenario: a duration ("30s"), a number, a whole number, true or false, or one of a list of words.
using ParameterValue = std::variant<Duration, double, std::int64_t, bool, std::string>;

struct ParameterInfo {
  std::string_view name;
  ParameterValue default_value;  // its alternative is the parameter's type
  std::string_view help;         // one line, with the unit where the type does not carry it
  double minimum = 0;            // of numbers, and of durations in seconds
  double maximum = 1e18;
  std::vector<std::string_view> choices = {};  // of words
};

// A policy as configured: a type from the catalog with every one of its parameters filled in.
struct PolicyConfig {
  std::string type;
  std::map<std::string, ParameterValue, std::less<>> parameters;

  // The value of a parameter; its name and type must be those of the policy's ParameterInfo.
  template <class T>
  [[nodiscard]] const T& get(std::string_view name) const {
    return std::get<T>(parameters.find(name)->second);
  }
};

enum class PolicyFamily : std::uint8_t {
  placement,
  isolation,
  liveness,
  accounting,
  share,
  retry,
  checkpoint,
  session,
};
[[nodiscard]] std::string_view to_string(PolicyFamily family);

struct PolicyInfo {
  PolicyFamily family = PolicyFamily::placement;
  std::string_view type;     // as in scenarios: "easy"
  std::string_view summary;  // one line
  std::string_view details;  // a paragraph: what it does, what it promises, what it costs
  std::string_view source;   // paper or system
  std::vector<ParameterInfo> parameters = {};
  std::string_view plugin = {};  // the file that it came from; empty: it is built in
};

// The defaults of `info`, with `overrides` put over them (which must name parameters of it, with their types).
[[nodiscard]] PolicyConfig configure(const PolicyInfo& info,
                                     const std::map<std::string, ParameterValue, std::less<>>& overrides = {});

}  // namespace drydock

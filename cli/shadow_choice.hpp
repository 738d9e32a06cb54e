// --shadow POLICY: whose decisions are compared with the scheduler's.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/shadow.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace drydock::cli {

void declare_shadow(CLI::App& app, std::optional<std::string>& policy);

// `policy`: the name of a variant of the scenario file at `path` (changed by `sets`); else a placement, as its name or a JSON object, in
// the place of that of `real`. An error says what it could have been. Appends notes for people.
[[nodiscard]] Result<ShadowChoice> choose_shadow(const std::string& path, const std::vector<std::string>& sets,
                                                 const scenarios::Scenario& real, const std::string& policy,
                                                 std::vector<std::string>& notes);

// The same where there is no file: a placement in the place of that of the scenario `json` (without variants), which runs as `real`.
[[nodiscard]] Result<ShadowChoice> choose_shadow_placement(const std::string& json, const SchedulerConfig& real,
                                                           const std::string& policy);

// What is told of a shadow at the end: a line, and one for each of the first differences, each after `indent`.
[[nodiscard]] std::string shadow_text(const ShadowReport& report, std::string_view indent);

// Tells of a shadow's differences as they come, but not more than a few in a minute.
class ShadowLines {
 public:
  static constexpr std::uint64_t kMostInAMinute = 10;

  // What is to be told now, each with its end of line; to be asked about once a second.
  [[nodiscard]] std::vector<std::string> next(const ShadowReport& report, Time now);

 private:
  Time minute_at_{};
  std::uint64_t told_ = 0;    // in this minute
  std::uint64_t seen_ = 0;    // differences, told or not
  std::uint64_t untold_ = 0;  // likewise, since the minute began
  bool off_ = false;          // told that it is
};

}  // namespace drydock::cli

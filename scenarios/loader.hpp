// Reads scenario files. Every message names the file, the JSON pointer (or line) and what is allowed.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/platform_file.hpp"
#include "scenarios/run_checker.hpp"
#include "scenarios/scenario.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

struct LoadOptions {
  std::vector<std::string> sets;      // "/json/pointer=value", over the file and before the variants
  bool read_traces = true;            // false: only the scheduler's configuration is wanted (replay)
  PlatformReader read_platform = {};  // nothing: platform files are refused, but for what a scenario has recorded of one
  RunChecker check_run = {};          // nothing: whatever jobs are to run is taken as it is
};

// All variants of a scenario, in the order of the file (one with an empty name if there are none).
// `where` is a path, or the name of a built-in scenario.
[[nodiscard]] Result<std::vector<Scenario>> load(std::string_view where, const LoadOptions& options = {});

// The same from text; `label` stands for the file in messages and trace paths are relative to `base`.
[[nodiscard]] Result<std::vector<Scenario>> load_text(std::string_view text, std::string_view label,
                                                      const std::filesystem::path& base, const LoadOptions& options = {});

// Something to set, as --set writes it: text that is no JSON is taken as it is.
struct Setting {
  std::string pointer;
  std::string value;
};
struct PointOptions {
  LoadOptions load;
  std::vector<std::string> variants;  // only these; empty: all
};
// The variants under each of several groups of settings, which go over what --set and the variants say. What they read from files is
// shared. Errors name the settings.
[[nodiscard]] Result<std::vector<std::vector<Scenario>>> load_points(std::string_view where,
                                                                     std::span<const std::vector<Setting>> points,
                                                                     const PointOptions& options);

struct BuiltIn {
  std::string name;
  std::string description;
  std::string text;
};
[[nodiscard]] std::span<const BuiltIn> built_in_scenarios();

}  // namespace drydock::scenarios

// A finished comparison as text: on the terminal, and as files in a folder.
#pragma once

#include "cli/metric_choice.hpp"
#include "cli/terminal.hpp"
#include "policies/core/result.hpp"
#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace drydock::cli {

struct Outcome {
  std::span<const scenarios::Scenario> variants;
  std::vector<reports::RunResult> runs;  // by variant, then seed
  MetricChoice metrics;                  // of --metrics; empty: the default ones
  bool random = true;                    // results depend on the seed
  bool partial = false;                  // stopped before all runs had ended
  std::size_t planned = 0;               // how many runs there were to be; 0: those that are there
};

[[nodiscard]] std::string outcome_json(const Outcome& outcome);
// `plain`: for a file, without colour.
[[nodiscard]] std::string outcome_table(const Outcome& outcome, const Terminal& terminal, bool plain);

// The folder is made if it is missing. Refuses what cannot be written, before any time is spent on runs.
[[nodiscard]] Result<std::filesystem::path> prepare_folder(const std::filesystem::path& folder);
// What a warm-up leaves out, for headings: "first 10 % of the jobs not measured". Empty without one.
[[nodiscard]] std::string unmeasured_part(std::span<const scenarios::Scenario> scenarios);
// Whole or not at all: written beside its place, then moved there.
[[nodiscard]] Result<std::filesystem::path> write_whole_file(const std::filesystem::path& path, const std::string& text);
// Writes result.json and summary.txt.
[[nodiscard]] Result<std::filesystem::path> write_files(const Outcome& outcome, const Terminal& terminal,
                                                        const std::filesystem::path& folder);

}  // namespace drydock::cli

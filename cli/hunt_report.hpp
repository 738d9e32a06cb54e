// What a hunt found, for people and for programs.
#pragma once

#include "cli/terminal.hpp"
#include "sim/hunt.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace drydock::cli {

struct HuntReport {
  std::string scenario;  // as named by the user
  std::size_t variants = 0;
  std::uint64_t seed = 0;
  std::uint64_t runs = 0;  // asked for
  sim::HuntResult result{};
  double elapsed_s = 0;
  // Where something was found:
  sim::Finding found{};  // as small as it got
  std::uint64_t tries = 0;
  bool smallest = false;
  std::filesystem::path scenario_file{};
  std::filesystem::path journal_file{};
  bool several_journals = false;  // journal_file is a pattern of those of several schedulers
};

[[nodiscard]] std::string hunt_text(const HuntReport& report, const Terminal& terminal);
// {"schema": "drydock.hunt/1", scenario, seed, runs, runs_done, partial, error, finding: null or {run, variant, symptom, violations: [{invariant,
// at_s, what}], error, faults, jobs, tries, smallest, scenario_file, journal_file, command}}
[[nodiscard]] std::string hunt_json(const HuntReport& report);

}  // namespace drydock::cli

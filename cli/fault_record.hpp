// What a run for real did of the faults of its scenario, and when.
#pragma once

#include "scenarios/faults/schedule.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

// What became of one fault of the scenario.
struct FaultRecord {
  struct Turn {
    scenarios::FaultTurn::Phase phase{};
    std::string target;    // name of a host, "scheduler 0"; empty: none, or all
    double planned_s = 0;  // scenario time since its beginning, likewise
    double at_s = 0;
    std::string problem;  // why it could not be done then; empty: it was
  };
  std::string type;
  std::optional<std::string> left_out;  // why it is not carried out
  std::vector<Turn> turns;              // the first kMostTurns
  std::uint64_t more_turns = 0;         // beyond
  std::optional<std::uint64_t>
      strikes;  // orders and jobs that met with it; nothing: it is not of single ones, or nobody counts
  static constexpr std::size_t kMostTurns = 10'000;
};

// The faults that cannot be carried out, each with why not; known before the run.
struct LeftOutFault {
  std::size_t fault = 0;  // index into Scenario::faults
  std::string reason;
};
[[nodiscard]] std::vector<LeftOutFault> faults_left_out(const scenarios::Scenario& scenario, bool in_process);

// {"number": 0, "type": "worker-crash", "turns": [{"phase": "begins", "host": "node-0", "planned_s": 5, "at_s": 5.001}, ...]}, for each
// fault of the scenario; "left_out" says why one is not carried out.
[[nodiscard]] nlohmann::json faults_json(const std::vector<FaultRecord>& records);
// For people; a line each.
[[nodiscard]] std::string faults_text(const std::vector<FaultRecord>& records);

}  // namespace drydock::cli

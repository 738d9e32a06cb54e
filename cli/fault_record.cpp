#include "cli/fault_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::cli {

nlohmann::json faults_json(const std::vector<FaultRecord>& records) {
  nlohmann::json all = nlohmann::json::array();
  for (std::size_t number = 0; number < records.size(); ++number) {
    const FaultRecord& record = records[number];
    nlohmann::json fault{{"number", number}, {"type", record.type}};
    if (record.left_out) {
      fault["left_out"] = *record.left_out;
    } else {
      fault["turns"] = nlohmann::json::array();
      for (const FaultRecord::Turn& turn : record.turns) {
        nlohmann::json entry{{"phase", name_of(turn.phase)}, {"planned_s", turn.planned_s}, {"at_s", turn.at_s}};
        if (!turn.target.empty()) entry["target"] = turn.target;
        if (!turn.problem.empty()) entry["problem"] = turn.problem;
        fault["turns"].push_back(std::move(entry));
      }
      if (record.more_turns > 0) fault["more_turns"] = record.more_turns;
      if (record.strikes) fault["strikes"] = *record.strikes;
    }
    all.push_back(std::move(fault));
  }
  return all;
}

std::string faults_text(const std::vector<FaultRecord>& records) {
  std::string text;
  for (std::size_t number = 0; number < records.size(); ++number) {
    const FaultRecord& record = records[number];
    text += fmt::format("  {:9} {} ({})", number == 0 ? "faults" : "", record.type, number);
    if (record.left_out) {
      text += fmt::format(": not carried out: {}\n", *record.left_out);
      continue;
    }
    const std::uint64_t turns = record.turns.size() + record.more_turns;
    text += fmt::format(": {} turn{}", turns, turns == 1 ? "" : "s");
    if (!record.turns.empty()) {
      text += fmt::format(", the first at {:.3f} s ({:.3f} s planned)", record.turns.front().at_s,
                          record.turns.front().planned_s);
    }
    if (record.strikes) text += fmt::format(", {} strike{}", *record.strikes, *record.strikes == 1 ? "" : "s");
    text += '\n';
  }
  return text;
}

}  // namespace drydock::cli

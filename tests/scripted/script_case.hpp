// One case of a script: a scheduler that is told facts, and everything that must be true of what it orders.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"
#include "tests/scripted/script_text.hpp"

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::scripted {

// A job of a played schedule, whose true duration the little world knows.
struct PlayedJob {
  JobSpec spec;
  Time submitted{};
  Duration work{};
  Time started = kNever;  // of the last attempt
};

class Case {
 public:
  Case();
  ~Case();

  // A line of the configuration: policy, queue, pool, control, max_in_flight or store_retry. Only before the first step.
  void configure(const std::string& word, Line& line);
  [[nodiscard]] const Names& names() const { return names_; }

  // What the scheduler orders, line by line, and when it wants to be woken.
  [[nodiscard]] std::vector<std::string> step(Time now, std::vector<Event> events);
  // Runs jobs in a world that answers at once and in which attempts take their work / speed 1; one line per job.
  [[nodiscard]] std::vector<std::string> play(std::vector<PlayedJob> jobs);

  // Broken invariants and differences on replay; empty when all is well.
  [[nodiscard]] std::string verdict();

 private:
  void start();
  std::span<const Command> tell(Time now, std::vector<Event>& events);
  [[nodiscard]] std::string replay_difference(JournalFormat format, const std::string& journal) const;

  SchedulerConfig config_;
  Names names_;
  std::unique_ptr<Scheduler> scheduler_;
  Checker checker_;
  std::ostringstream binary_;
  std::ostringstream json_;
  std::unique_ptr<JournalWriter> binary_writer_;
  std::unique_ptr<JournalWriter> json_writer_;
};

}  // namespace drydock::scripted

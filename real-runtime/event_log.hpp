// What a worker did with its jobs, for log aggregators: a line of JSON for each event,
// {"time":"2026-01-31T12:00:00.000000Z","event":"attempt_ended","node":"here","worker":0,"task":"7-2","details":{...}}.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/executor.hpp"

#include <filesystem>
#include <string>

namespace drydock::runtime {

class EventLog {
 public:
  EventLog(std::string node, WorkerId worker) : node_(std::move(node)), worker_(worker) {}
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Appends to the file from now on; until then nothing is written.
  [[nodiscard]] std::optional<Error> open(const std::filesystem::path& file);

  // How jobs run here.
  void worker_started(const ExecutorFacts& facts);
  // It has its room, and is begun now.
  void attempt_started(AttemptId attempt);
  void attempt_ended(AttemptId attempt, const AttemptOutcome& outcome);

 private:
  // `task`: JSON, as `details` is.
  void write(const char* event, const std::string& task, const std::string& details);

  std::string node_;
  WorkerId worker_;
  int file_ = -1;
};

}  // namespace drydock::runtime

// Traces by file, so that the variants of a scenario share what they read.
#pragma once

#include "scenarios/trace.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace drydock::scenarios {

class TraceCache {
 public:
  // Paths in scenarios are relative to `base`. With `read` false no file is touched and all traces are empty.
  TraceCache(std::filesystem::path base, bool read) : base_(std::move(base)), read_(read) {}

  struct Jobs {
    std::shared_ptr<const std::vector<TraceJob>> jobs;
    std::vector<std::string> queues;  // of the whole trace, by their names there
    std::vector<JobSpec> kinds;       // of a journal, for each of these queues
    std::string left_out;             // which of its jobs are not among these, and why; empty: none
  };
  // `target_of` gives the target of a queue of the trace by its name there; of a journal also what its jobs are like.
  [[nodiscard]] Result<Jobs> jobs(const std::string& path, const TraceOptions& options,
                                  const std::function<TraceTarget(const std::string&, const JobSpec*)>& target_of);

 private:
  std::filesystem::path base_;
  bool read_;
  std::map<std::string, std::shared_ptr<const RawTrace>> raw_;  // by file and columns
  std::map<std::string, Jobs> windows_;                         // by everything that matters
};

}  // namespace drydock::scenarios

// A journal opened from a file.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/result.hpp"
#include "policies/core/scheduler.hpp"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace drydock::cli {

struct JournalFile {
  std::unique_ptr<std::ifstream> stream;  // the reader reads from it
  std::unique_ptr<JournalReader> reader;
};

// Errors name the file.
[[nodiscard]] Result<JournalFile> open_journal(const std::string& path);

// The scheduler's part of the recorded scenario, with `sets` ("/json/pointer=value") applied. Errors name `path`.
[[nodiscard]] Result<SchedulerConfig> recorded_configuration(const std::string& path, const JournalHeader& header,
                                                             const std::vector<std::string>& sets = {});

// "demo, variant easy, seed 3, written by drydock 0.1.0"
[[nodiscard]] std::string describe(const JournalHeader& header);

}  // namespace drydock::cli

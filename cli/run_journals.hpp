// The journals of a run for real: a file, or several where one is full or has another begin, for each of its schedulers.
#pragma once

#include "cli/real_run.hpp"
#include "cli/record_folder.hpp"
#include "cli/version.hpp"
#include "real-runtime/scheduler_process.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

// Of each scheduler: that of the first has the name that was asked for, the others' end in -scheduler-1, -scheduler-2, ...
class RunJournals {
 public:
  RunJournals(const scenarios::Scenario& scenario, const RealRunOptions& options) : scenario_(scenario), options_(options) {
    (void)of(0);
  }

  // nullptr: none is written.
  runtime::JournalShelf* of(std::size_t number) {
    if (options_.journal.empty()) return nullptr;
    while (folders_.size() <= number) {
      const std::string stem = options_.journal.stem().string();
      folders_.push_back(std::make_unique<RecordFolder>(
          RecordFolder::Options{.folder = options_.journal.parent_path(),
                                .stem = folders_.empty() ? stem : fmt::format("{}-scheduler-{}", stem, folders_.size()),
                                .json_lines = options_.json_lines,
                                .header = {.version = std::string(kVersion),
                                           .scenario = scenario_.json,
                                           .variant = scenario_.variant,
                                           .seed = options_.seed}}));
    }
    return folders_[number].get();
  }

  // Why not all could be written; nothing: it could.
  [[nodiscard]] std::optional<std::string> problem() const {
    for (const auto& folder : folders_) {
      if (folder->problem()) return folder->problem();
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<std::filesystem::path> paths() const {
    std::vector<std::filesystem::path> all;
    for (const auto& folder : folders_) all.insert(all.end(), folder->paths().begin(), folder->paths().end());
    return all;
  }

  [[nodiscard]] std::optional<std::string> finish() {
    for (const auto& folder : folders_) folder->finish();
    return problem();
  }

 private:
  const scenarios::Scenario& scenario_;
  const RealRunOptions& options_;
  std::vector<std::unique_ptr<RecordFolder>> folders_;
};

}  // namespace drydock::cli

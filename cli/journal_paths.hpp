// Where the journals of several runs go.
#pragma once

#include "policies/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace drydock::cli {

struct JournalTarget {
  std::filesystem::path path;  // as given: a file for one run, a folder for several
  bool json_lines = false;
  std::size_t runs = 1;
};

// Makes the folders that are missing, and gives back target.path. Refuses a file where a folder is needed.
[[nodiscard]] Result<std::filesystem::path> prepare_journals(const JournalTarget& target);

// target.path itself for one run into a file; else <folder>/<variant>-seed<seed>.journal or .jsonl.
[[nodiscard]] std::filesystem::path journal_path(const JournalTarget& target, const std::string& variant,
                                                 std::uint64_t seed);

}  // namespace drydock::cli

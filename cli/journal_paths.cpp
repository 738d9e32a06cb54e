#include "cli/journal_paths.hpp"

#include "policies/core/rng.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace drydock::cli {
namespace {

bool into_folder(const JournalTarget& target) {
  std::error_code ignored;
  return target.runs > 1 || std::filesystem::is_directory(target.path, ignored) || !target.path.has_filename();
}

// Names of variants are free text; file names are not. One that had to be changed gets a hash of the name, so that two
// variants never share a file.
std::string file_stem(const std::string& variant) {
  std::string stem;
  for (const char c : variant) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    stem += plain ? c : '_';
  }
  if (stem.empty()) return "run";
  return stem == variant ? stem : fmt::format("{}-{:08x}", stem, static_cast<std::uint32_t>(stream_of(variant) >> 32U));
}

}  // namespace

Result<std::filesystem::path> prepare_journals(const JournalTarget& target) {
  const std::filesystem::path folder = into_folder(target) ? target.path : target.path.parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error || (!folder.empty() && !std::filesystem::is_directory(folder))) {
    const std::string_view why = target.runs > 1 ? " (several runs need a folder for their journals)" : "";
    return Error{fmt::format("--journal {}: cannot make the folder {}: {}{}", target.path.string(), folder.string(),
                             error ? error.message() : "there is a file of that name", why)};
  }
  const std::filesystem::path probe = folder.empty() ? "." : folder;
  const std::filesystem::path written = into_folder(target) || !exists(target.path, error) ? probe : target.path;
  if (access(written.c_str(), W_OK) != 0)
    return Error{
        fmt::format("--journal {}: cannot write to {}: {}", target.path.string(), written.string(), std::strerror(errno))};
  return target.path;
}

std::filesystem::path journal_path(const JournalTarget& target, const std::string& variant, std::uint64_t seed) {
  if (!into_folder(target)) return target.path;
  return target.path / fmt::format("{}-seed{}.{}", file_stem(variant), seed, target.json_lines ? "jsonl" : "journal");
}

}  // namespace drydock::cli

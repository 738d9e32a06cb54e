#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/record_folder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>
#include <utility>
#include <vector>

namespace drydock::cli {

namespace fs = std::filesystem;

namespace {

// Whether it is <name>-20260131T235959Z, with or without a number behind it.
bool is_segment_of(std::string_view name, std::string_view stem) {
  if (!stem.starts_with(name)) return false;
  stem.remove_prefix(name.size());
  constexpr std::string_view kShape = "-00000000T000000Z";
  if (stem.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = stem[i] >= '0' && stem[i] <= '9';
    if (kShape[i] == '0' ? !digit : stem[i] != kShape[i]) return false;
  }
  return stem.size() == kShape.size() || stem[kShape.size()] == '-';
}

constexpr std::uint64_t kRoomToBegin = 1U << 20U;

}  // namespace

RecordFolder::RecordFolder(Options options) : options_(std::move(options)) {
  std::error_code error;
  if (!options_.folder.empty() && !fs::is_directory(options_.folder, error)) {
    problem_ = fmt::format("{} is no folder", options_.folder.string());
  }
}

fs::path RecordFolder::next_path() {
  const std::string_view extension = options_.json_lines ? "jsonl" : "journal";
  ++segments_;
  if (segments_ == 1) return options_.folder / fmt::format("{}.{}", options_.stem, extension);
  return options_.folder / fmt::format("{}-{}.{}", options_.stem, segments_, extension);
}

JournalWriter& RecordFolder::next_segment() {
  finish();
  path_ = next_path();
  paths_.push_back(path_);
  remove_oldest();
  file_ = std::ofstream(path_, std::ios::binary | std::ios::trunc);
  if (!file_ && !problem_) problem_ = fmt::format("cannot write {}", path_.string());
  writer_ = std::make_unique<JournalWriter>(file_, options_.json_lines ? JournalFormat::json_lines : JournalFormat::binary,
                                            options_.header);
  return *writer_;
}

// After a disk that was full, another segment begins as soon as there is room for some of it.
bool RecordFolder::full() const {
  if (writer_ == nullptr) return false;
  if (!file_) return room() >= kRoomToBegin;
  if (options_.bytes_max == 0) return false;
  return static_cast<std::uint64_t>(file_.tellp()) >= options_.bytes_max / kSegments;
}

std::uint64_t RecordFolder::room() const {
  std::error_code error;
  const fs::space_info space = fs::space(options_.folder.empty() ? "." : options_.folder, error);
  return error ? 0 : space.available;
}

std::optional<std::string> RecordFolder::problem() const {
  if (problem_ || writer_ == nullptr || file_) return problem_;
  return fmt::format("cannot write to {} any more{}: what follows is not recorded", path_.string(),
                     room() < kRoomToBegin ? " (its disk is full)" : "");
}

void RecordFolder::finish() {
  if (writer_ == nullptr) return;
  writer_.reset();
  file_.close();
  if (!file_ && !problem_) problem_ = fmt::format("cannot write all of {}", path_.string());
}

// So that one more segment has room.
void RecordFolder::remove_oldest() {
  if (options_.bytes_max == 0) return;
  struct Segment {
    fs::file_time_type written;
    fs::path path;
    std::uint64_t bytes = 0;
  };
  std::vector<Segment> segments;
  std::uint64_t sum = options_.bytes_max / kSegments;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(options_.folder, error)) {
    const fs::path& path = entry.path();
    const bool is_journal = path.extension() == ".journal" || path.extension() == ".jsonl";
    if (!is_journal || !is_segment_of(options_.name, path.stem().string())) continue;
    const auto bytes = static_cast<std::uint64_t>(entry.file_size(error));
    segments.push_back({entry.last_write_time(error), path, error ? 0 : bytes});
    sum += segments.back().bytes;
  }
  std::ranges::sort(segments, {}, &Segment::written);
  for (const Segment& segment : segments) {
    if (sum <= options_.bytes_max) break;
    if (fs::remove(segment.path, error)) sum -= segment.bytes;
  }
}

}  // namespace drydock::cli

#endif

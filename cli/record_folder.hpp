// Journals of a process that runs for real: segments in a folder, each a whole journal, the oldest of which go when there are too many
// bytes.
#pragma once

#include "policies/core/journal.hpp"
#include "real-runtime/scheduler_process.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

class RecordFolder final : public runtime::JournalShelf {
 public:
  struct Options {
    std::filesystem::path folder;  // must be there
    std::string stem;              // of names: <stem>.journal, <stem>-2.journal, ...
    std::string name{};  // with a limit: stems are <name>-<time stamp>, and segments of earlier processes count, too
    std::uint64_t bytes_max = 0;  // of all that count, about; 0: no limit
    bool json_lines = false;
    JournalHeader header{};
  };
  explicit RecordFolder(Options options);
  ~RecordFolder() override { finish(); }

  JournalWriter& next_segment() override;
  [[nodiscard]] bool full() const override;
  // Closes the last one.
  void finish();
  // Why not all could be written; nothing: it could.
  [[nodiscard]] std::optional<std::string> problem() const;
  // That it wrote, the oldest first; some may be gone again where there is a limit.
  [[nodiscard]] const std::vector<std::filesystem::path>& paths() const { return paths_; }

  // A part of the limit: so much is lost of the history when the oldest goes.
  static constexpr std::uint64_t kSegments = 8;

 private:
  [[nodiscard]] std::filesystem::path next_path();
  [[nodiscard]] std::uint64_t room() const;  // on its disk, bytes
  void remove_oldest();

  Options options_;
  std::uint64_t segments_ = 0;
  std::filesystem::path path_;  // of the present one
  std::vector<std::filesystem::path> paths_;
  mutable std::ofstream file_;
  std::unique_ptr<JournalWriter> writer_;
  std::optional<std::string> problem_;
};

}  // namespace drydock::cli

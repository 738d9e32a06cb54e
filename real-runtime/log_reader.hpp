// Reads what a program prints from its log (output_log.hpp), also while that grows.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace drydock::runtime {

class LogReader {
 public:
  static constexpr std::size_t kMostAtOnce = 1U << 16U;

  explicit LogReader(std::filesystem::path file);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // What comes next, at most about kMostAtOnce bytes; empty: nothing yet. Of a log that grows faster than it is read, or had grown long
  // before, some may not be there any more: then a line in brackets says so.
  [[nodiscard]] std::string read_more();

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] std::string take() const;
  // Goes on with that file. False: it is not there.
  bool turn_to(const std::filesystem::path& file);
  [[nodiscard]] bool is_at(const std::filesystem::path& file) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  Identity at_{};
  bool in_head_ = true;
};

}  // namespace drydock::runtime

// What a program prints, kept in a file of bounded size: the first bytes and the last ones, with a note of what was cut between.
//
// While it grows, FILE holds the head, and the tail goes on in FILE.tail; when that is full it becomes FILE.tail.old and another begins.
// In the end they are put together in FILE.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace drydock::runtime {

struct OutputBounds {
  std::uint64_t head = 1U << 20U;  // bytes
  std::uint64_t tail = 1U << 20U;  // at least 1
};

class OutputLog {
 public:
  // Makes the file, anew. What cannot be written is tried again, the last time in the end (where the job that filled a disk has been
  // tidied away); then it is counted as cut.
  OutputLog(std::filesystem::path file, OutputBounds bounds);
  ~OutputLog();
  OutputLog(const OutputLog&) = delete;
  OutputLog& operator=(const OutputLog&) = delete;

  void write(std::string_view bytes);
  // Puts the file together. Nothing is written afterwards.
  void finish();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // written to it
  [[nodiscard]] std::uint64_t cut() const { return cut_; }      // of these, not kept; known once it is finished

 private:
  void write_head(std::string_view bytes);
  void write_tail(std::string_view bytes);

  std::filesystem::path file_;
  OutputBounds bounds_;
  int head_;
  int tail_ = -1;
  std::string waiting_;  // of the head, for which there was no room
  std::uint64_t bytes_ = 0;
  std::uint64_t head_bytes_ = 0;
  std::uint64_t tail_bytes_ = 0;  // in the present FILE.tail
  std::uint64_t cut_ = 0;
};

// Where the tail of a growing log is, and the one before that.
[[nodiscard]] std::filesystem::path tail_of(const std::filesystem::path& log);
[[nodiscard]] std::filesystem::path old_tail_of(const std::filesystem::path& log);

// The last bytes of a log, also of one that still grows. Empty where there is none.
[[nodiscard]] std::string end_of_log(const std::filesystem::path& file, std::uint64_t most_bytes);

}  // namespace drydock::runtime

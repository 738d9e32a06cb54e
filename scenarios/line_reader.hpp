// Text files line by line, plain or gzipped (told by the first bytes, not by the name), in memory that does not grow with
// the file.
#pragma once

#include "policies/core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

// Where bytes come from. read() gives 0 at the end; after an error, too.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::size_t read(char* to, std::size_t most) = 0;
  [[nodiscard]] virtual std::optional<std::string> error() const = 0;
};

// Errors name the file and why it cannot be read.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path);
// `bytes` must outlive the source.
[[nodiscard]] std::unique_ptr<ByteSource> open_memory(std::string_view bytes);

// Everything that comes, unpacked if it is gzipped, up to `most` bytes (more is an error). The error does not name the file.
[[nodiscard]] Result<std::string> read_all(std::unique_ptr<ByteSource> source, std::size_t most);
// Everything of a file as it is, likewise.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t most);

class LineReader {
 public:
  // Unpacks gzip by itself. A line longer than that many bytes is an error.
  explicit LineReader(std::unique_ptr<ByteSource> source, std::size_t longest = std::size_t{1} << 20U);
  ~LineReader();

  // The next line, without its end (\n or \r\n); it holds until the next call. False at the end or after an error.
  [[nodiscard]] bool next(std::string_view& line);
  [[nodiscard]] std::uint64_t line_number() const { return line_; }  // of the last line given, from 1
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  [[nodiscard]] bool fill();

  std::unique_ptr<ByteSource> source_;
  std::size_t longest_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not yet given
  std::size_t end_ = 0;    // of what was read
  std::uint64_t line_ = 0;
  bool at_end_ = false;
  std::optional<std::string> error_;
};

}  // namespace drydock::scenarios

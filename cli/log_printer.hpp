// Prints what jobs printed: each stream where it belongs, with headings where several would mix.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::cli {

// The last lines of a text; one without an end counts.
[[nodiscard]] std::string_view last_lines(std::string_view text, std::uint64_t lines);

struct LogChoice {
  bool output = true;                   // what went to stdout
  bool errors = true;                   // and to stderr; where only one of both is chosen it goes to stdout here
  std::optional<std::uint64_t> tail{};  // of each, at first, only that many lines; none: all
};

class LogPrinter {
 public:
  explicit LogPrinter(const LogChoice& choice) : choice_(choice) {}

  // Whether a stream is wanted: "stdout", "stderr-3".
  [[nodiscard]] bool wants(std::string_view stream) const;
  // `source`: what a heading says, as "worker 1: stdout-3"; empty: none.
  void print(std::string_view stream, const std::string& source, std::string_view text);
  // From now on nothing is held back of the stream: what came so far is printed.
  void flush(std::string_view stream, const std::string& source);

 private:
  void write(std::string_view stream, const std::string& source, std::string_view text);

  LogChoice choice_;
  std::map<std::string, std::string> held_back_;  // by stream and source, while only the last lines are wanted
  std::map<std::string, bool> flushed_;
  std::map<bool, std::string> last_source_;  // by whether it went to stderr
};

}  // namespace drydock::cli

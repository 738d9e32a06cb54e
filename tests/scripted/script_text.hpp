// The words of the scripts: reading lines of facts, and writing orders.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/resources.hpp"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scripted {

// A line that is not understood; says which and why.
struct ScriptError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "submit 1 tasks=2 cpus=1": words, and values by name. Every one must be taken: what is left over is an error.
class Line {
 public:
  explicit Line(std::string_view text);

  [[nodiscard]] bool empty() const { return words_.empty() && values_.empty(); }
  [[nodiscard]] std::string word(const char* what);  // the next one
  [[nodiscard]] bool has_word() const { return next_ < words_.size(); }
  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  [[nodiscard]] std::string value(const std::string& name, const std::string& otherwise);
  [[nodiscard]] std::map<std::string, std::string> take_values() { return std::move(values_); }
  void done() const;

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::map<std::string, std::string> values_;
};

[[nodiscard]] Duration parse_duration(const std::string& text);  // "1.5s", "20ms", "2m", "1h"
[[nodiscard]] std::uint64_t parse_number(const std::string& text);
[[nodiscard]] AttemptId parse_attempt(const std::string& text);               // "7.1"
[[nodiscard]] RequestId parse_request(const std::string& text);               // "r3"
[[nodiscard]] ResourceAmounts parse_amounts(Line& line, std::int64_t slots);  // cpus= memory= gpus= slots=

// What ids stand for, by index.
struct Names {
  std::vector<std::string> queues;
  std::vector<std::string> pools;
};
// The facts of one line, as described in README.md.
using Tell = std::function<void(const Event&)>;
void parse_facts(Line& line, const Names& names, const Tell& tell);
[[nodiscard]] JobSpec parse_job(Line& line, const Names& names);  // after the word "submit" or "job"

[[nodiscard]] std::string text_of(Duration duration);  // "1.5s"
[[nodiscard]] std::string text_of(const Command& command);

}  // namespace drydock::scripted

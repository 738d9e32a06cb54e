// What a job is, for the workers that run it: kept in PostgreSQL beside it, and sent along with the order to run it.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::runtime {

// Sleeps for this time on a worker of speed 1, and for less on a faster one.
struct SleepPayload {
  Duration work{};
  bool keeps = true;  // what was done when it is stopped need not be done again
  friend bool operator==(const SleepPayload&, const SleepPayload&) = default;
};
// A program and its arguments; it succeeds with exit status 0.
struct CommandPayload {
  std::vector<std::string> words;
  friend bool operator==(const CommandPayload&, const CommandPayload&) = default;
};
using JobPayload = std::variant<SleepPayload, CommandPayload>;

// {"sleep_ns":1000000000,"keeps":true} or {"command":["/bin/true"]}
[[nodiscard]] std::string to_json(const JobPayload& payload);
[[nodiscard]] Result<JobPayload> parse_payload(std::string_view text);

}  // namespace drydock::runtime

// When attempts began and ended at their workers, for who rehearses a scenario: a file that all worker processes of a machine append to.
// Nothing of it is in production.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace drydock::runtime {

// Since the machine started, by the clock that all its processes share.
[[nodiscard]] Duration shared_time();

struct AttemptTime {
  AttemptId attempt;
  bool ended = false;  // else: began
  Duration at{};       // shared time
};

class AttemptTimes {
 public:
  AttemptTimes() = default;
  ~AttemptTimes();
  AttemptTimes(const AttemptTimes&) = delete;
  AttemptTimes& operator=(const AttemptTimes&) = delete;

  // Until then nothing is written.
  [[nodiscard]] std::optional<Error> open(const std::filesystem::path& file);
  void began(AttemptId attempt) { write(attempt, 'b'); }
  void ended(AttemptId attempt) { write(attempt, 'e'); }

 private:
  void write(AttemptId attempt, char what);
  int file_ = -1;
};

// In the order in which they were written. A line that is no such note is left out: its writer was killed.
[[nodiscard]] std::vector<AttemptTime> read_attempt_times(const std::filesystem::path& file);

}  // namespace drydock::runtime

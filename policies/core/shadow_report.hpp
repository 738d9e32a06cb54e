// What a shadow policy would have decided otherwise (shadow.hpp), in numbers and in words, for whoever shows it.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock {

// Decisions of one kind. A job that only the shadow would start (bind, stop) is counted at the first moment at which it would, not again
// as long as the real policy leaves it as it is.
struct ShadowTally {
  std::uint64_t same = 0;         // by both, at the same moment, on the same workers
  std::uint64_t elsewhere = 0;    // by both, at the same moment, on other workers
  std::uint64_t shadow_only = 0;  // not, or not yet, by the real policy
  std::uint64_t real_only = 0;    // not by the shadow at that moment
  ShadowTally& operator+=(const ShadowTally& more);
  [[nodiscard]] std::uint64_t differences() const { return elsewhere + shadow_only + real_only; }
  friend bool operator==(const ShadowTally&, const ShadowTally&) = default;
};

struct ShadowDifference {
  Time at{};  // since the scheduler's clock began
  JobId job;
  std::string real;    // what it does: "starts on worker 3"
  std::string shadow;  // likewise
  friend bool operator==(const ShadowDifference&, const ShadowDifference&) = default;
};
// "12.500 s, job 7: real waits; shadow starts on worker 3"
[[nodiscard]] std::string to_text(const ShadowDifference& difference);

struct ShadowReport {
  std::string name;  // as it was asked for: a variant or a placement policy
  std::string placement{};
  std::string isolation{};
  // Moments at which the scheduler decided. equal + different + idle + skipped.
  std::uint64_t equal = 0;      // both decided the same
  std::uint64_t different = 0;  // also where all of it was counted before
  std::uint64_t idle = 0;       // neither decided anything
  std::uint64_t skipped = 0;    // not compared, since the shadow had used up its time
  ShadowTally starts{};
  ShadowTally binds{};
  ShadowTally stops{};
  // Jobs that the real policy started after a moment at which the shadow would have.
  std::uint64_t later = 0;
  Duration later_by{};               // in sum
  std::optional<std::string> off{};  // why it was switched off, if it was

  static constexpr std::size_t kKept = 10;
  std::vector<ShadowDifference> first{};  // at most kKept
  std::deque<ShadowDifference> latest{};  // that are not among the first; likewise

  [[nodiscard]] std::uint64_t moments() const { return equal + different + idle + skipped; }
  // Each was new when it was counted: those in `first` and `latest` are the first and the last of so many.
  [[nodiscard]] std::uint64_t differences() const {
    return starts.differences() + binds.differences() + stops.differences();
  }
  void add(ShadowDifference difference);
  // The last `count` of those that are kept, in their order.
  [[nodiscard]] std::vector<ShadowDifference> newest(std::uint64_t count) const;
  // Of a scheduler that came after: another reign, or another run.
  ShadowReport& operator+=(const ShadowReport& more);
  friend bool operator==(const ShadowReport&, const ShadowReport&) = default;
};

// One line: "shadow easy: 120 of 130 decisions equal; it would have started 7 jobs earlier ..."
[[nodiscard]] std::string summary_of(const ShadowReport& report);

// {"schema": "drydock-shadow/1", "name", "moments": {...}, "starts": {...}, ..., "first": [{"at_s", "job", "real", "shadow"}], ...}
[[nodiscard]] std::string to_json(const ShadowReport& report);
// What to_json() gave. An error: it is something else.
[[nodiscard]] Result<ShadowReport> parse_shadow_report(std::string_view json);

}  // namespace drydock

// When one fault holds: spans of time, drawn by number, so that it does not matter when, or how often, they are looked at.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::scenarios {

// No run goes on for longer: int64 nanoseconds hold 292 years.
inline constexpr int kMostYears = 290;
inline constexpr Time kEndOfTime = kTimeZero + kMostYears * std::chrono::hours{24 * 365};

class Course {
 public:
  using Times = std::variant<WorkerCrash::Once, WorkerCrash::Repeated>;
  struct Span {
    Time from{};
    Time until{};  // not part of it; kNever: it has no end
  };

  Course(Times times, std::uint64_t seed, std::uint64_t stream) : times_(std::move(times)), seed_(seed), stream_(stream) {}

  // The number-th span; nullptr when there are fewer.
  [[nodiscard]] const Span* span(std::size_t number) const;
  // The span that `now` is in; nullptr when it is in none.
  [[nodiscard]] const Span* at(Time now) const;
  // The first beginning or end of a span after `now`; kNever when there is none.
  [[nodiscard]] Time next_change(Time now) const;

 private:
  void extend() const;
  void extend_beyond(Time now) const;

  Times times_;
  std::uint64_t seed_;
  std::uint64_t stream_;
  mutable std::vector<Span> spans_;  // as far as they were asked for
  mutable bool over_ = false;
};

}  // namespace drydock::scenarios

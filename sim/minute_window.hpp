// The most of something within a minute.
#pragma once

#include "policies/core/time.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace drydock::sim {

// Looks at minutes that end with the present second and begin with a whole one: what it gives is at most the true maximum over
// all minutes, and at least that over all spans of 59 s.
class MinuteWindow {
 public:
  // `now` never falls.
  void add(Time now, std::int64_t amount) {
    const std::int64_t second = nanos(now) / 1'000'000'000;
    for (std::int64_t i = 0; i < kSeconds && second_ < second; ++i) forget(++second_);
    second_ = second;
    at(second) += amount;
    sum_ += amount;
    max_ = std::max(max_, sum_);
  }
  [[nodiscard]] std::int64_t max() const { return max_; }

 private:
  static constexpr std::int64_t kSeconds = 60;
  std::int64_t& at(std::int64_t second) { return seconds_[static_cast<std::size_t>(second % kSeconds)]; }
  void forget(std::int64_t second) {
    sum_ -= at(second);
    at(second) = 0;
  }

  std::array<std::int64_t, kSeconds> seconds_{};
  std::int64_t second_ = 0;
  std::int64_t sum_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace drydock::sim

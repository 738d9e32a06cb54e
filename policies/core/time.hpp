// Model time: signed 64-bit nanoseconds since the start of a run. The clock has no now(), so that code in the core cannot
// read one: time is always an argument.
#pragma once

#include <chrono>
#include <cstdint>

namespace drydock {

struct ModelClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<ModelClock>;
  static constexpr bool is_steady = true;
};

using Duration = ModelClock::duration;
using Time = ModelClock::time_point;

inline constexpr Time kTimeZero{};
inline constexpr Time kNever = Time::max();

[[nodiscard]] constexpr std::int64_t nanos(Duration d) { return d.count(); }
[[nodiscard]] constexpr std::int64_t nanos(Time t) { return t.time_since_epoch().count(); }
[[nodiscard]] constexpr Time time_at(std::int64_t ns) { return Time{Duration{ns}}; }

[[nodiscard]] constexpr double seconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }
[[nodiscard]] constexpr double seconds(Time t) { return seconds(t.time_since_epoch()); }

// Nearest nanosecond; saturates at the ends of the range. NaN is a programmer error upstream and becomes 0.
[[nodiscard]] constexpr Duration duration_of_seconds(double s) {
  constexpr double kLimit = 9.2e9;
  if (!(s > -kLimit)) return s < 0 ? Duration::min() : Duration{0};
  if (!(s < kLimit)) return Duration::max();
  const double ns = s * 1e9;
  return Duration{static_cast<std::int64_t>(ns < 0 ? ns - 0.5 : ns + 0.5)};
}

// Sum that stays at kNever instead of overflowing.
[[nodiscard]] constexpr Time later(Time t, Duration d) {
  if (d.count() > 0 && t > kNever - d) return kNever;
  return t + d;
}

}  // namespace drydock

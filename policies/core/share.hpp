// Shares of global limits: how much of what a service allows in all one worker may use now.
#pragma once

#include "policies/core/ids.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace drydock {

// A part of the limits, or all of them, or what somebody would like to use. Nothing is below 0.
struct Share {
  std::int64_t concurrency = 0;          // requests at a time
  std::int64_t requests_per_minute = 0;  // a token bucket's rate
  std::int64_t tokens_per_minute = 0;    // a token bucket's rate
  friend bool operator==(const Share&, const Share&) = default;
};

// For doing the same to each part.
inline constexpr std::array<std::int64_t Share::*, 3> kShareParts{&Share::concurrency, &Share::requests_per_minute,
                                                                  &Share::tokens_per_minute};

// A part of the limits that the service does not limit. It is divided like any other number; nothing larger is allowed.
inline constexpr std::int64_t kNoLimit = std::int64_t{1} << 50;

[[nodiscard]] constexpr Share operator+(Share a, const Share& b) {
  for (const auto part : kShareParts) a.*part += b.*part;
  return a;
}
[[nodiscard]] constexpr Share operator-(Share a, const Share& b) {
  for (const auto part : kShareParts) a.*part -= b.*part;
  return a;
}
// The smaller, or the larger, of each part.
[[nodiscard]] constexpr Share least(Share a, const Share& b) {
  for (const auto part : kShareParts) a.*part = std::min(a.*part, b.*part);
  return a;
}
[[nodiscard]] constexpr Share most(Share a, const Share& b) {
  for (const auto part : kShareParts) a.*part = std::max(a.*part, b.*part);
  return a;
}
// No part of `a` is above that of `b`.
[[nodiscard]] constexpr bool fits(const Share& a, const Share& b) {
  return std::ranges::all_of(kShareParts, [&](auto part) { return a.*part <= b.*part; });
}

// What the service allows.
struct ShareLimits {
  Share total;  // all workers together
  Share base;   // one worker when nobody is active
  friend bool operator==(const ShareLimits&, const ShareLimits&) = default;
};

// What a worker says about itself to the others.
struct WorkerReport {
  WorkerId worker;
  std::int64_t weight = 1;  // of its claim, from 1 to 1 000 000; for the policies that weigh
  bool active = false;
  std::int64_t active_tasks = 0;  // requests that run now
  Share load;                     // what it would use now if it were alone
  friend bool operator==(const WorkerReport&, const WorkerReport&) = default;
};

}  // namespace drydock

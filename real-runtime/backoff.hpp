// How long to wait before the next try to connect.
#pragma once

#include "policies/core/time.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace drydock::runtime {

class Backoff {
 public:
  // Doubles from one failure to the next, up to kLongest.
  [[nodiscard]] Duration after_failure() { return std::exchange(next_, std::min(next_ * 2, kLongest)); }
  void succeeded() { next_ = kFirst; }

 private:
  static constexpr Duration kFirst = std::chrono::milliseconds{20};
  static constexpr Duration kLongest = std::chrono::seconds{2};
  Duration next_ = kFirst;
};

}  // namespace drydock::runtime

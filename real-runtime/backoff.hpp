// How long to wait before the next try to connect.
#pragma once

#include "policies/core/time.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace drydock::runtime {

struct Backoff {
  Duration first = std::chrono::milliseconds{20};
  Duration longest = std::chrono::seconds{2};
  Duration next_ = first;

  // Doubles from one failure to the next.
  [[nodiscard]] Duration after_failure() { return std::exchange(next_, std::min(next_ * 2, longest)); }
  void succeeded() { next_ = first; }
};

}  // namespace drydock::runtime

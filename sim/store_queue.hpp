// Orders that wait for one another at the server that carries them out.
#pragma once

#include "policies/core/time.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace drydock::sim {

// So many orders are carried out at a time, in the order in which they arrive.
class StoreQueue {
 public:
  // 0: any number, so that none waits.
  explicit StoreQueue(std::uint32_t places) : places_(places) {}

  // When an order that arrives now is done, if it takes that long by itself. `now` never falls.
  [[nodiscard]] Time take(Time now, Duration service) {
    if (places_ == 0) return later(now, service);
    Time begin = now;
    if (busy_until_.size() == places_) {
      begin = std::max(now, busy_until_.top());
      busy_until_.pop();
    }
    const Time end = later(begin, service);
    busy_until_.push(end);
    return end;
  }

 private:
  std::uint32_t places_;
  std::priority_queue<Time, std::vector<Time>, std::greater<>> busy_until_;  // the first to be free on top
};

}  // namespace drydock::sim

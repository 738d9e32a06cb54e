// The border between the queues of a scenario, which are numbered by their places in it, and those of the database, where a number means a
// name for good.
#pragma once

#include "policies/core/ids.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace drydock::runtime {

class QueueNumbers {
 public:
  QueueNumbers() = default;
  // The database's numbers of the scenario's queues, in its order.
  explicit QueueNumbers(std::vector<std::uint32_t> stored) : stored_(std::move(stored)) {}

  // Of a queue of the scenario.
  [[nodiscard]] QueueId stored(QueueId queue) const { return QueueId{stored_.at(index(queue))}; }
  // Nothing: the scenario has no queue of this name. O(queues).
  [[nodiscard]] std::optional<QueueId> here(QueueId stored) const {
    const auto at = std::ranges::find(stored_, stored.value);
    if (at == stored_.end()) return std::nullopt;
    return QueueId{static_cast<std::uint32_t>(at - stored_.begin())};
  }
  [[nodiscard]] std::size_t size() const { return stored_.size(); }

 private:
  std::vector<std::uint32_t> stored_;
};

}  // namespace drydock::runtime

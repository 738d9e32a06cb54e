#include "sim/gpus.hpp"

#include <algorithm>
#include <numeric>

namespace drydock::sim {

Gpus::Gpus(std::span<const HostFacts> hosts) {
  for (const HostFacts& host : hosts) users_.emplace_back(host.gpus, 0U);
}

std::int64_t Gpus::take(HostIndex host, std::uint32_t holder, Demand demand) {
  std::vector<std::uint32_t>& users = users_[host];
  if (held_.size() <= holder) held_.resize(holder + std::size_t{1});
  const auto each = static_cast<std::size_t>(std::min(demand.each, static_cast<std::int64_t>(users.size())));
  std::int64_t conflicts = 0;
  for (std::uint32_t task = 0; task < demand.tasks; ++task) {
    order_.resize(users.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::ranges::stable_sort(order_, {}, [&](std::uint32_t gpu) { return users[gpu]; });
    for (std::size_t i = 0; i < each; ++i) {
      if (++users[order_[i]] == 2) ++conflicts;
      held_[holder].push_back(order_[i]);
    }
  }
  return conflicts;
}

std::int64_t Gpus::give_back(HostIndex host, std::uint32_t holder) {
  if (holder >= held_.size()) return 0;
  std::int64_t conflicts = 0;
  for (const std::uint32_t gpu : held_[holder]) {
    if (--users_[host][gpu] == 1) --conflicts;
  }
  held_[holder].clear();
  return conflicts;
}

}  // namespace drydock::sim

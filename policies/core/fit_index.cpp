#include "policies/core/fit_index.hpp"

namespace drydock {

void FitIndex::grow(std::uint32_t positions) {
  const auto known = static_cast<std::uint32_t>(rooms_.size());
  if (positions <= known) return;
  rooms_.resize(positions, Resources{Resources::Amounts::Constant(-1)});
  if (fit_ != Fit::first) {
    for (std::uint32_t p = known; p < positions; ++p) ordered_.insert({key_of(p), p, Largest{rooms_[p].amounts}});
    return;
  }
  if (positions <= leaves_) return;
  leaves_ = std::max<std::uint32_t>(leaves_, 64);
  while (leaves_ < positions) leaves_ *= 2;
  tree_.assign(std::size_t{2} * leaves_, Resources::Amounts::Constant(-1));
  for (std::uint32_t p = 0; p < known; ++p) tree_[leaves_ + p] = rooms_[p].amounts;
  for (std::uint32_t node = leaves_ - 1; node >= 1; --node) tree_[node] = tree_[2 * node].max(tree_[2 * node + 1]);
}

void FitIndex::set(std::uint32_t position, const Resources& room) {
  grow(position + 1);
  if (fit_ != Fit::first) {
    const Key old = key_of(position);
    rooms_[position] = room;
    if (key_of(position) == old) {
      ordered_.update(old, Largest{room.amounts});
    } else {
      ordered_.erase(old);
      ordered_.insert({key_of(position), position, Largest{room.amounts}});
    }
    return;
  }
  rooms_[position] = room;
  tree_[leaves_ + position] = room.amounts;
  for (std::uint32_t node = (leaves_ + position) / 2; node >= 1; node /= 2) {
    const Resources::Amounts joined = tree_[2 * node].max(tree_[2 * node + 1]);
    if ((joined == tree_[node]).all()) break;
    tree_[node] = joined;
  }
}

std::optional<std::uint32_t> FitIndex::first_from(std::uint32_t position, const Resources& demand) const {
  if (position >= rooms_.size()) return std::nullopt;
  const auto may_fit = [&](std::uint32_t node) { return (demand.amounts <= tree_[node]).all(); };
  std::uint32_t node = position == 0 ? 1 : leaves_ + position;
  while (true) {
    if (may_fit(node)) {
      if (node >= leaves_) return node - leaves_;
      node *= 2;
      continue;
    }
    while ((node & 1U) == 1U) {  // the right end of what is left of this subtree: up
      node /= 2;
      if (node <= 1) return std::nullopt;
    }
    ++node;
  }
}

}  // namespace drydock

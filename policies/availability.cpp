#include "policies/availability.hpp"

#include <optional>

namespace drydock {

void Availability::add_jump(Time at, std::uint64_t owner, const Amounts& change) {
  jumps_.insert({Key{at, (change < 0).any(), owner}, 0, Levels{change, change, change}});
}

void Availability::remove_jump(Time at, std::uint64_t owner, bool rising) { jumps_.erase(Key{at, !rising, owner}); }

Time Availability::earliest(Time now, const Amounts& free_now, const Amounts& need, Duration length) const {
  Amounts level = free_now;
  Time start = now;
  std::optional<Key> behind;
  // Moves behind the next jump that brings the level below (or up to) the need; nullptr when none does.
  const auto next = [&](auto wanted) {
    const auto accept = [&](const Levels& stretch) {
      if (wanted(stretch)) return true;
      level += stretch.sum;
      return false;
    };
    const Jumps::Entry* entry = behind ? jumps_.find_after(*behind, accept) : jumps_.find(accept);
    if (entry != nullptr) {
      level += entry->summary.sum;
      behind = entry->key;
    }
    return entry;
  };
  const auto falls_short = [&](const Levels& s) { return (level + s.lowest < need).any(); };
  const auto suffices = [&](const Levels& s) { return (level + s.highest >= need).all(); };
  while (true) {
    if ((level >= need).all()) {
      const Jumps::Entry* end = next(falls_short);
      if (end == nullptr || end->key.at >= later(start, length)) return start;
    }
    const Jumps::Entry* enough = next(suffices);
    if (enough == nullptr) return kNever;
    start = std::max(now, enough->key.at);
  }
}

}  // namespace drydock

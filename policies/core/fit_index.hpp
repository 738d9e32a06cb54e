// Finds workers with room. Positions are the workers' places in their pool.
#pragma once

#include "policies/core/ordered_index.hpp"
#include "policies/core/resources.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

namespace drydock {

// Which of the workers that have room comes first.
enum class Fit : std::uint8_t {
  first,  // lowest position
  best,   // least free cpus, then lowest position
  worst,  // most free cpus, then lowest position
  dot,    // largest dot product of demand and room, then lowest position: by Cluster::find_workers; here as `first`
};

class FitIndex {
 public:
  explicit FitIndex(Fit fit) : fit_(fit == Fit::dot ? Fit::first : fit) {}

  // Room of the worker at `position` (any position; the index grows). Negative room: out of use.
  void set(std::uint32_t position, const Resources& room);
  [[nodiscard]] const Resources& room(std::uint32_t position) const { return rooms_[position]; }

  // Calls visit(position, room) for workers where `demand` fits, in order of fit, until it returns false.
  template <class Visit>
  void for_each_fitting(const Resources& demand, Visit&& visit) const;

 private:
  struct Key {
    std::int64_t cpus = 0;
    std::uint32_t position = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // The most of each kind that any one worker below has.
  struct Largest {
    Resources::Amounts amounts = Resources::Amounts::Constant(-1);
    static Largest join(const Largest& a, const Largest& b) { return {a.amounts.max(b.amounts)}; }
  };

  [[nodiscard]] Key key_of(std::uint32_t position) const {
    return {fit_ == Fit::worst ? -rooms_[position].cpus() : rooms_[position].cpus(), position};
  }
  [[nodiscard]] std::optional<std::uint32_t> first_from(std::uint32_t position, const Resources& demand) const;
  void grow(std::uint32_t positions);

  Fit fit_;
  std::vector<Resources> rooms_;
  std::vector<Resources::Amounts> tree_;  // Fit::first: node i has children 2i and 2i + 1; leaves from leaves_ on
  std::uint32_t leaves_ = 0;
  OrderedIndex<Key, std::uint32_t, Largest> ordered_;  // the other fits
};

template <class Visit>
void FitIndex::for_each_fitting(const Resources& demand, Visit&& visit) const {
  if (fit_ == Fit::first) {
    std::uint32_t from = 0;
    while (const auto position = first_from(from, demand)) {
      if (!visit(*position, rooms_[*position])) return;
      from = *position + 1;
    }
    return;
  }
  const auto accept = [&demand](const Largest& largest) { return (demand.amounts <= largest.amounts).all(); };
  const auto* entry =
      fit_ == Fit::best ? ordered_.find_after(Key{demand.cpus() - 1, ~std::uint32_t{0}}, accept) : ordered_.find(accept);
  while (entry != nullptr) {
    const Key key = entry->key;
    if (!visit(entry->value, rooms_[entry->value])) return;
    entry = ordered_.find_after(key, accept);
  }
}

}  // namespace drydock

// A map from job ids to small values. Ids come in rising order and jobs that live together have close ids, so 64 neighbours
// share a page, and only pages are hashed: the table of pages stays small enough for the cache. Its order is never used.
#pragma once

#include "policies/core/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace drydock {

template <class Value>
class IdMap {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  // The pointer holds until the next change.
  [[nodiscard]] const Value* find(JobId id) const {
    if (table_.empty()) return nullptr;
    const std::uint32_t page = table_[place_of(number_of(id))];
    if (page == kNone || (pages_[page].used & bit_of(id)) == 0) return nullptr;
    return &pages_[page].values[slot_of(id)];
  }

  // The id must not be there.
  void insert(JobId id, const Value& value) {
    if (table_.size() < 2 * (live_pages_ + 1)) rehash(table_.empty() ? 64 : 2 * table_.size());
    std::uint32_t& page = table_[place_of(number_of(id))];
    if (page == kNone) page = new_page(number_of(id));
    pages_[page].used |= bit_of(id);
    pages_[page].values[slot_of(id)] = value;
    ++size_;
  }

  // The id must be there.
  void erase(JobId id) {
    const std::size_t place = place_of(number_of(id));
    Page& page = pages_[table_[place]];
    page.used &= ~bit_of(id);
    --size_;
    if (page.used == 0) drop_page(place);
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint64_t kPageBits = 6;

  struct Page {
    std::uint64_t number = 0;  // id / 64
    std::uint64_t used = 0;    // bit by slot
    std::array<Value, std::size_t{1} << kPageBits> values{};
  };

  [[nodiscard]] static std::uint64_t number_of(JobId id) { return id.value >> kPageBits; }
  [[nodiscard]] static std::size_t slot_of(JobId id) { return id.value & ((1U << kPageBits) - 1); }
  [[nodiscard]] static std::uint64_t bit_of(JobId id) { return std::uint64_t{1} << slot_of(id); }
  [[nodiscard]] std::size_t mask() const { return table_.size() - 1; }
  [[nodiscard]] std::size_t home(std::uint64_t number) const {
    return static_cast<std::size_t>((number * 0x9e3779b97f4a7c15U) >> 32U) & mask();
  }
  // Where the page is in the table, or the free place where it would be. Linear probing.
  [[nodiscard]] std::size_t place_of(std::uint64_t number) const {
    std::size_t place = home(number);
    while (table_[place] != kNone && pages_[table_[place]].number != number) place = (place + 1) & mask();
    return place;
  }

  std::uint32_t new_page(std::uint64_t number) {
    std::uint32_t page = 0;
    if (free_pages_.empty()) {
      page = static_cast<std::uint32_t>(pages_.size());
      pages_.emplace_back();
    } else {
      page = free_pages_.back();
      free_pages_.pop_back();
    }
    pages_[page].number = number;
    pages_[page].used = 0;
    ++live_pages_;
    return page;
  }

  // Entries behind it move up, so that probing never meets a gap.
  void drop_page(std::size_t hole) {
    free_pages_.push_back(table_[hole]);
    --live_pages_;
    for (std::size_t i = (hole + 1) & mask(); table_[i] != kNone; i = (i + 1) & mask()) {
      const std::size_t distance_from_home = (i - home(pages_[table_[i]].number)) & mask();
      if (distance_from_home < ((i - hole) & mask())) continue;
      table_[hole] = table_[i];
      hole = i;
    }
    table_[hole] = kNone;
  }

  void rehash(std::size_t capacity) {
    std::vector<std::uint32_t> old(capacity, kNone);
    old.swap(table_);
    for (const std::uint32_t page : old) {
      if (page != kNone) table_[place_of(pages_[page].number)] = page;
    }
  }

  std::vector<std::uint32_t> table_;  // indices of pages, or kNone
  std::vector<Page> pages_;
  std::vector<std::uint32_t> free_pages_;
  std::size_t live_pages_ = 0;
  std::size_t size_ = 0;
};

}  // namespace drydock

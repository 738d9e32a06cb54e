// A hash map from job ids to small values: open addressing, linear probing, no tombstones. Its order is never used.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace drydock {

template <class Value>
class IdMap {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] const Value* find(JobId id) const {
    if (cells_.empty()) return nullptr;
    for (std::size_t i = home(id);; i = (i + 1) & mask()) {
      if (!cells_[i].used) return nullptr;
      if (cells_[i].id == id) return &cells_[i].value;
    }
  }

  // The id must not be there.
  void insert(JobId id, const Value& value) {
    if (cells_.size() < 2 * (size_ + 1)) rehash(cells_.empty() ? 64 : 2 * cells_.size());
    put(id, value);
    ++size_;
  }

  // The id must be there. Entries behind it move up, so that probing never meets a gap.
  void erase(JobId id) {
    std::size_t hole = home(id);
    while (cells_[hole].id != id || !cells_[hole].used) hole = (hole + 1) & mask();
    for (std::size_t i = (hole + 1) & mask(); cells_[i].used; i = (i + 1) & mask()) {
      const std::size_t distance_from_home = (i - home(cells_[i].id)) & mask();
      if (distance_from_home < ((i - hole) & mask())) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].used = false;
    --size_;
  }

 private:
  struct Cell {
    JobId id;
    Value value{};
    bool used = false;
  };
  [[nodiscard]] std::size_t mask() const { return cells_.size() - 1; }
  // Ids come in rising order, and jobs that live together have close ids: runs of 64 stay together, for the cache's sake.
  [[nodiscard]] std::size_t home(JobId id) const {
    return static_cast<std::size_t>(((id.value >> 6U) * 0x9e3779b97f4a7c15U >> 32U << 6U) + (id.value & 63U)) & mask();
  }
  void put(JobId id, const Value& value) {
    std::size_t i = home(id);
    while (cells_[i].used) i = (i + 1) & mask();
    cells_[i] = Cell{id, value, true};
  }
  void rehash(std::size_t capacity) {
    std::vector<Cell> old(capacity);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.used) put(cell.id, cell.value);
    }
  }

  std::vector<Cell> cells_;
  std::size_t size_ = 0;
};

}  // namespace drydock

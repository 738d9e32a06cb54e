// Elements at addresses that do not move, found by number, many to a block.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace drydock {

template <class T>
class Slab {
 public:
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] T& operator[](std::uint32_t i) { return (*blocks_[i / kBlock])[i % kBlock]; }
  [[nodiscard]] const T& operator[](std::uint32_t i) const { return (*blocks_[i / kBlock])[i % kBlock]; }

  // Adds a default element and returns its number.
  std::uint32_t add() {
    if (size_ == blocks_.size() * kBlock) blocks_.push_back(std::make_unique<std::array<T, kBlock>>());
    return size_++;
  }

 private:
  static constexpr std::uint32_t kBlock = 256;
  std::vector<std::unique_ptr<std::array<T, kBlock>>> blocks_;
  std::uint32_t size_ = 0;
};

}  // namespace drydock

// A vector of plain values that keeps the first few in place: most jobs have one task on one worker.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace drydock {

template <class T, std::size_t kInPlace>
class InlineVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  InlineVector() = default;
  InlineVector(const InlineVector&) = delete;
  InlineVector& operator=(const InlineVector&) = delete;
  InlineVector(InlineVector&&) = delete;
  InlineVector& operator=(InlineVector&&) = delete;
  ~InlineVector() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* begin() { return data(); }
  [[nodiscard]] T* end() { return data() + size_; }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] const T* end() const { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t i) { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data()[i]; }

  [[nodiscard]] const T& back() const { return data()[size_ - 1]; }
  void pop_back() { --size_; }
  // Keeps its room for the next use.
  void clear() { size_ = 0; }
  void push_back(const T& value) {
    if (size_ == capacity_) grow();
    data()[size_++] = value;
  }
  void assign(std::span<const T> values) {
    clear();
    for (const T& value : values) push_back(value);
  }

 private:
  [[nodiscard]] T* data() { return heap_ ? heap_.get() : in_place_.data(); }
  [[nodiscard]] const T* data() const { return heap_ ? heap_.get() : in_place_.data(); }
  void grow() {
    auto larger = std::make_unique<T[]>(capacity_ * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = data()[i];
    heap_ = std::move(larger);
    capacity_ *= 2;
  }

  std::size_t size_ = 0;
  std::size_t capacity_ = kInPlace;
  std::unique_ptr<T[]> heap_;
  std::array<T, kInPlace> in_place_{};
};

}  // namespace drydock

// Arrays that live until the next clear(), at addresses that do not move: what the spans in commands point to.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace drydock {

template <class T>
class Arena {
 public:
  // `count` default values, to be filled by the caller.
  [[nodiscard]] std::span<T> take(std::size_t count) {
    while (chunk_ < chunks_.size() && chunks_[chunk_].size() - used_ < count) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) chunks_.emplace_back(count > kChunk ? count : kChunk);
    const std::span<T> result = std::span(chunks_[chunk_]).subspan(used_, count);
    used_ += count;
    return result;
  }
  [[nodiscard]] std::span<T> copy(std::span<const T> values) {
    const std::span<T> result = take(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) result[i] = values[i];
    return result;
  }
  void clear() {
    chunk_ = 0;
    used_ = 0;
  }

 private:
  static constexpr std::size_t kChunk = 256;
  std::vector<std::vector<T>> chunks_;  // moving a vector does not move its elements
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

}  // namespace drydock

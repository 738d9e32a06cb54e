// A histogram of durations (or other non-negative whole numbers) over the whole 63-bit range, with quantiles whose relative
// error is bounded. The layout is that of HdrHistogram (G. Tene): a power of two is cut into equal buckets.
#pragma once

#include "policies/core/time.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace drydock::reports {

__extension__ using Int128 = __int128;

// Memory grows with the spread of the values, not with their number: 512 bytes for every 64 neighbouring buckets in use,
// above a fixed 3.5 kB that the first value allocates.
class Histogram {
 public:
  // |quantile - true quantile| <= kRelativeError * true quantile; values below 1024 are exact.
  static constexpr double kRelativeError = 1.0 / 1024;

  // Negative values are programmer errors upstream and count as 0. O(1).
  void add(std::int64_t value) {
    if (value < 0) value = 0;
    ++counter(bucket_of(static_cast<std::uint64_t>(value)));
    ++count_;
    sum_ += value;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }
  void add(Duration value) { add(nanos(value)); }
  // As if every value of `other` had been added here.
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Int128 sum() const { return sum_; }
  [[nodiscard]] std::int64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::int64_t max() const { return max_; }
  // From the exact sum, rounded once. 0 when empty.
  [[nodiscard]] double mean() const;
  // The smallest value that at least a part `q` (0..1) of the values do not exceed (nearest rank), within kRelativeError and
  // never outside [min(), max()]. 0 when empty.
  [[nodiscard]] double quantile(double q) const;
  [[nodiscard]] std::size_t memory_bytes() const;
  // visit(value, how many values are up to it), ascending: for each bucket in use the value that quantile() gives for it.
  template <class Visit>
  void each(const Visit& visit) const {
    std::uint64_t up_to = 0;
    for (std::size_t page = 0; page < pages_.size(); ++page) {
      if (!pages_[page]) continue;
      for (std::size_t i = 0; i < kPageSize; ++i) {
        const std::uint64_t here = (*pages_[page])[i];
        if (here == 0) continue;
        up_to += here;
        const double value = std::max(middle_of(page * kPageSize + i), static_cast<double>(min_));
        visit(up_to == count_ ? static_cast<double>(max_) : std::min(value, static_cast<double>(max_)), up_to);
      }
    }
  }

 private:
  // Values of kSubBits + 1 bits and fewer have a bucket each; above, the kSubBits bits after the leading one choose it.
  static constexpr unsigned kSubBits = 9;
  static constexpr std::size_t kPageSize = 64;
  static constexpr std::size_t kBuckets = (std::size_t{63} - kSubBits + 1) << kSubBits;
  static constexpr std::size_t kPages = kBuckets / kPageSize;
  using Page = std::array<std::uint64_t, kPageSize>;

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kSubBits + 1) return static_cast<std::size_t>(value);
    const unsigned shift = width - kSubBits - 1;
    return (std::size_t{shift} << kSubBits) + static_cast<std::size_t>(value >> shift);
  }
  static double middle_of(std::size_t bucket);

  std::uint64_t& counter(std::size_t bucket) {
    const std::size_t page = bucket / kPageSize;
    if (page >= pages_.size() || !pages_[page]) make_page(page);
    return (*pages_[page])[bucket % kPageSize];
  }
  void make_page(std::size_t page);

  std::vector<std::unique_ptr<Page>> pages_;
  std::uint64_t count_ = 0;
  Int128 sum_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = 0;
};

// sum / count, rounded to the nearest double but once: no drift however many values there are.
[[nodiscard]] double exact_mean(Int128 sum, std::uint64_t count);

}  // namespace drydock::reports

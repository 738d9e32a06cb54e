#include "reports/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::reports {

double exact_mean(Int128 sum, std::uint64_t count) {
  if (count == 0) return 0;
  const auto n = static_cast<Int128>(count);
  const Int128 whole = sum / n;
  return static_cast<double>(whole) + static_cast<double>(sum % n) / static_cast<double>(count);
}

void Histogram::make_page(std::size_t page) {
  if (pages_.empty()) pages_.resize(kPages);
  pages_[page] = std::make_unique<Page>();
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  for (std::size_t page = 0; page < other.pages_.size(); ++page) {
    if (!other.pages_[page]) continue;
    if (pages_.empty() || !pages_[page]) make_page(page);
    for (std::size_t i = 0; i < kPageSize; ++i) (*pages_[page])[i] += (*other.pages_[page])[i];
  }
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double Histogram::mean() const { return exact_mean(sum_, count_); }

double Histogram::middle_of(std::size_t bucket) {
  const std::size_t octave = bucket >> kSubBits;
  if (octave <= 1) return static_cast<double>(bucket);
  const auto shift = static_cast<int>(octave - 1);
  const std::size_t mantissa = bucket - (static_cast<std::size_t>(shift) << kSubBits);
  const double low = std::ldexp(static_cast<double>(mantissa), shift);
  return low + (std::ldexp(1.0, shift) - 1) / 2;
}

double Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  // The product may round up past a whole rank (0.95 * 100 does): step back by less than any rank can matter.
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_) * (1 - 1e-15));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  if (rank == count_) return static_cast<double>(max_);
  std::uint64_t seen = 0;
  for (std::size_t page = 0; page < pages_.size(); ++page) {
    if (!pages_[page]) continue;
    for (std::size_t i = 0; i < kPageSize; ++i) {
      seen += (*pages_[page])[i];
      if (seen < rank) continue;
      return std::clamp(middle_of(page * kPageSize + i), static_cast<double>(min_), static_cast<double>(max_));
    }
  }
  return static_cast<double>(max_);
}

std::size_t Histogram::memory_bytes() const {
  const auto used = std::count_if(pages_.begin(), pages_.end(), [](const auto& page) { return page != nullptr; });
  return pages_.capacity() * sizeof(pages_[0]) + static_cast<std::size_t>(used) * sizeof(Page);
}

}  // namespace drydock::reports

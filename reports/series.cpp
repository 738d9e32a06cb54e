#include "reports/series.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>

namespace drydock::reports {
namespace {

constexpr Duration kFinestBucket{std::int64_t{1} << 20U};  // about a millisecond

SeriesBucket joined(const SeriesBucket& a, const SeriesBucket& b) {
  if (a.length == Duration{}) return b;
  if (b.length == Duration{}) return a;
  return {std::min(a.least, b.least), std::max(a.greatest, b.greatest), a.area + b.area, a.length + b.length};
}

}  // namespace

double SeriesBucket::mean() const {
  return length == Duration{} ? 0 : static_cast<double>(area) / static_cast<double>(length.count());
}

SteppedSeries::SteppedSeries(Time from, std::size_t most) : from_(from), at_(from), width_(kFinestBucket), most_(most) {
  DRYDOCK_CHECK(most >= 2 && most % 2 == 0, "buckets are joined two by two");
}

void SteppedSeries::set(Time now, std::int64_t value) {
  go_on_to(now);
  value_ = value;
}

ThinnedSeries SteppedSeries::finish(Time end) {
  go_on_to(end);
  return {from_, width_, buckets_};
}

void SteppedSeries::go_on_to(Time now) {
  DRYDOCK_CHECK(now >= at_, "time does not fall");
  while (at_ < now) {
    const auto place = static_cast<std::size_t>((at_ - from_) / width_);
    if (place >= most_) {
      halve();
      continue;
    }
    if (place >= buckets_.size()) buckets_.resize(place + 1);
    // The end of the bucket itself may be beyond all times.
    const Duration length = std::min(now - at_, width_ - (at_ - from_) % width_);
    buckets_[place] = joined(buckets_[place], {value_, value_, Wide{value_} * length.count(), length});
    at_ += length;
  }
}

void SteppedSeries::halve() {
  if (buckets_.size() % 2 != 0) buckets_.emplace_back();
  for (std::size_t i = 0; i < buckets_.size() / 2; ++i) buckets_[i] = joined(buckets_[2 * i], buckets_[2 * i + 1]);
  buckets_.resize(buckets_.size() / 2);
  width_ *= 2;
}

}  // namespace drydock::reports

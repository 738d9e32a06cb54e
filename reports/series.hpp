// A quantity that stays the same between changes, as a series of few points, whatever the number of changes: time is divided into buckets
// of one width, and of each bucket the least, the greatest and the mean value are kept. So no peak is lost, and no area.
#pragma once

#include "policies/core/time.hpp"
#include "policies/core/wide.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace drydock::reports {

struct SeriesBucket {
  std::int64_t least = 0;
  std::int64_t greatest = 0;
  Wide area = 0;      // value x nanoseconds
  Duration length{};  // of the bucket that the series covers; 0: nothing of it
  [[nodiscard]] double mean() const;
  friend bool operator==(const SeriesBucket&, const SeriesBucket&) = default;
};

// The buckets of a finished series; the first begins at `from`.
struct ThinnedSeries {
  Time from{};
  Duration width{};
  std::vector<SeriesBucket> buckets;
};

// Memory is for so many buckets: where they are full, each two become one of double width. Series that begin and end together have the same
// buckets.
class SteppedSeries {
 public:
  // `most` is even and at least 2.
  SteppedSeries(Time from, std::size_t most);

  // It is `value` from `now` on. Times never fall; a value that another replaces at the same instant never was.
  void set(Time now, std::int64_t value);
  void add(Time now, std::int64_t change) { set(now, value_ + change); }
  [[nodiscard]] std::int64_t value() const { return value_; }

  // Up to `end`, which is not before the last change.
  [[nodiscard]] ThinnedSeries finish(Time end);

 private:
  void go_on_to(Time now);
  void halve();

  Time from_;
  Time at_;  // up to here all is in buckets
  Duration width_;
  std::size_t most_;
  std::int64_t value_ = 0;
  std::vector<SeriesBucket> buckets_;
};

}  // namespace drydock::reports

// Series and charts that are thinned, against dumb references that keep everything.
#include "policies/core/rng.hpp"
#include "reports/gantt.hpp"
#include "reports/series.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace drydock::reports::report_series_test {
namespace {

struct Change {
  Time at;
  std::int64_t value = 0;
};

// What holds within [from, to), looked up piece by piece.
SeriesBucket looked_up(const std::vector<Change>& changes, Time from, Time to) {
  SeriesBucket bucket{.least = std::numeric_limits<std::int64_t>::max(),
                      .greatest = std::numeric_limits<std::int64_t>::min(),
                      .area = 0,
                      .length = {}};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Time begin = std::max(from, changes[i].at);
    const Time end = i + 1 < changes.size() ? std::min(to, changes[i + 1].at) : to;
    if (end <= begin) continue;
    bucket.least = std::min(bucket.least, changes[i].value);
    bucket.greatest = std::max(bucket.greatest, changes[i].value);
    bucket.area += Wide{changes[i].value} * (end - begin).count();
    bucket.length += end - begin;
  }
  return bucket.length == Duration{} ? SeriesBucket{} : bucket;
}

// Each bucket has the least, the greatest and the area of what was in it, whatever the number of buckets and changes.
TEST(SteppedSeries, AgreesWithALookupOfEveryChange) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed, "series");
    const Time from = time_at(static_cast<std::int64_t>(rng.below(1'000'000)));
    const std::size_t most = 2 * (1 + rng.below(20));
    SteppedSeries series(from, most);
    std::vector<Change> changes{{from, 0}};
    Time now = from;
    for (std::uint64_t n = rng.below(200); n > 0; --n) {
      now += Duration{
          static_cast<std::int64_t>(rng.below(2) == 0 ? rng.below(3) : rng.below(std::uint64_t{1} << rng.below(34)))};
      const auto value = static_cast<std::int64_t>(rng.below(2000)) - 1000;
      series.set(now, value);
      changes.push_back({now, value});
    }
    const Time end = now + Duration{static_cast<std::int64_t>(rng.below(1U << 24U))};
    const ThinnedSeries thinned = series.finish(end);
    ASSERT_LE(thinned.buckets.size(), most) << "seed " << seed;
    Duration covered{};
    for (std::size_t i = 0; i < thinned.buckets.size(); ++i) {
      const Time begin = thinned.from + thinned.width * static_cast<std::int64_t>(i);
      ASSERT_EQ(thinned.buckets[i], looked_up(changes, begin, std::min(end, begin + thinned.width)))
          << "seed " << seed << ", bucket " << i;
      covered += thinned.buckets[i].length;
    }
    EXPECT_EQ(covered, end - from) << "seed " << seed;
  }
}

TEST(SteppedSeries, ThatEndTogetherHaveTheSameBuckets) {
  SteppedSeries busy(kTimeZero, 100);
  SteppedSeries quiet(kTimeZero, 100);
  for (int i = 0; i < 5000; ++i) busy.set(time_at(std::int64_t{i} * 1'000'000'000), i % 7);
  const ThinnedSeries a = busy.finish(time_at(5'000'000'000'000));
  const ThinnedSeries b = quiet.finish(time_at(5'000'000'000'000));
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.buckets.size(), b.buckets.size());
}

TEST(SteppedSeries, GoesToTheEndOfAllTimes) {
  SteppedSeries series(time_at(0), 6);
  series.set(time_at(1), 3);
  const ThinnedSeries thin = series.finish(Time::max());
  Wide area = 0;
  for (const SeriesBucket& bucket : thin.buckets) area += bucket.area;
  EXPECT_TRUE(area == Wide{3} * (Time::max() - time_at(1)).count());
}

TEST(SteppedSeries, AValueReplacedAtOnceNeverWas) {
  SteppedSeries series(kTimeZero, 2);
  series.set(kTimeZero, 1000);
  series.set(kTimeZero, 1);
  EXPECT_EQ(series.finish(time_at(10)).buckets.front(), (SeriesBucket{1, 1, 10, Duration{10}}));
}

Stretch random_stretch(Rng& rng, std::uint32_t worker, Time& free) {
  const Time from = free + Duration{static_cast<std::int64_t>(rng.below(std::uint64_t{1} << rng.below(36)))};
  free = from + Duration{static_cast<std::int64_t>(rng.below(std::uint64_t{1} << rng.below(36)))};
  return {.attempt = {JobId{rng.below(1000)}, 1},
          .worker = WorkerId{worker},
          .queue = QueueId{static_cast<std::uint32_t>(rng.below(3))},
          .tasks = 1,
          .lane = 0,
          .from = from,
          .to = free,
          .end = static_cast<StretchEnd>(rng.below(5))};
}

// Thinning loses no attempt and no busy time, never goes beyond the bounds, and draws nothing where nothing was.
TEST(Gantt, KeepsAttemptsAndBusyTime) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed, "gantt");
    const std::vector<WorkerId> workers{WorkerId{0}, WorkerId{2}};
    const GanttOptions options{.workers = 2, .bars = 2 + rng.below(60), .lanes = 32};
    Gantt gantt(workers, options);
    std::uint64_t attempts = 0;
    Duration busy{};
    for (const std::uint32_t worker : {0U, 1U, 2U}) {
      Time free{};
      for (std::uint64_t n = rng.below(300); n > 0; --n) {
        const Stretch stretch = random_stretch(rng, worker, free);
        gantt.add(stretch);
        if (worker == 1) continue;  // not chosen
        ++attempts;
        busy += stretch.to - stretch.from;
      }
    }
    const Gantt::Chart chart = gantt.finish();
    std::size_t bars = 0;
    for (const GanttRow& row : chart.rows) {
      bars += row.bars.size();
      for (std::size_t i = 0; i < row.bars.size(); ++i) {
        attempts -= row.bars[i].attempts;
        busy -= row.bars[i].busy;
        EXPECT_LE(row.bars[i].busy, row.bars[i].to - row.bars[i].from);
        if (i == 0) continue;
        EXPECT_LE(row.bars[i - 1].to, row.bars[i].from) << "seed " << seed;
      }
    }
    EXPECT_LE(bars, options.bars) << "seed " << seed;
    EXPECT_EQ(attempts, 0U) << "seed " << seed;
    EXPECT_EQ(busy, Duration{}) << "seed " << seed;
  }
}

TEST(Gantt, DrawsThoseThatLostMostAndOthersEvenly) {
  std::vector<std::uint32_t> losses(1000, 0);
  losses[500] = 3;
  losses[7] = 9;
  const auto chosen = choose_workers(losses, 10);
  EXPECT_EQ(chosen.size(), 10U);
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  for (const std::uint32_t worker : {7U, 500U}) EXPECT_TRUE(std::ranges::find(chosen, WorkerId{worker}) != chosen.end());
  EXPECT_GT(chosen.back().value, 800U);
  EXPECT_EQ(choose_workers(std::vector<std::uint32_t>(3, 0), 10).size(), 3U);
}

}  // namespace
}  // namespace drydock::reports::report_series_test

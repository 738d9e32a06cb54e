#include "scenarios/workload.hpp"

#include "scenarios/arrivals.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/lublin.hpp"
#include "scenarios/sampling.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <vector>

namespace drydock::scenarios::workload_test {
namespace {

using namespace std::chrono_literals;

struct Moments {
  double mean = 0;
  double sd = 0;
};

Moments moments(const std::function<double(std::uint64_t)>& draw, std::uint64_t count) {
  double sum = 0;
  double squares = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double x = draw(i);
    sum += x;
    squares += x * x;
  }
  const auto n = static_cast<double>(count);
  return {sum / n, std::sqrt(std::max(0.0, squares / n - (sum / n) * (sum / n)))};
}

SyntheticSource poisson(double rate, std::uint64_t count) {
  SyntheticSource source;
  source.arrivals = PoissonArrivals{rate};
  source.duration = Exponential{1};
  source.count = count;
  source.shape.per_task = make_resources({.cpus_milli = 1000});
  return source;
}

Scenario with(std::vector<Source> sources) {
  Scenario scenario;
  scenario.workload = std::move(sources);
  return scenario;
}

std::vector<Arrival> all_of(const Scenario& scenario, std::uint64_t seed) {
  Workload workload(scenario, seed);
  std::vector<Arrival> jobs;
  Arrival arrival;
  while (workload.next(arrival)) jobs.push_back(arrival);
  EXPECT_FALSE(workload.next(arrival));
  return jobs;
}

std::vector<double> times_of(const Arrivals& arrivals, const std::optional<Cycle>& cycle, std::size_t count,
                             std::uint64_t seed = 5) {
  const auto process = make_arrivals(arrivals, cycle, seed, 77);
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(static_cast<double>(process->next_ns()) / 1e9);
  return times;
}

TEST(Draws, BeginAsCountedSays) {
  const DrawStream stream(42, 7);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(stream.at(i).bits(), counted(42, 7, i));
  Draws draws = stream.at(3);
  EXPECT_NE(draws.bits(), draws.bits());
}

TEST(Draws, NormalAndGammaHaveTheirMoments) {
  const DrawStream stream(1, 2);
  const Moments normal = moments([&](std::uint64_t i) { return stream.at(i).normal(); }, 200'000);
  EXPECT_NEAR(normal.mean, 0, 0.01);
  EXPECT_NEAR(normal.sd, 1, 0.01);
  for (const double shape : {0.3, 1.0, 6.57, 639.1}) {
    const Moments gamma = moments([&](std::uint64_t i) { return stream.at(i).gamma(shape); }, 200'000);
    EXPECT_NEAR(gamma.mean / shape, 1, 0.02) << shape;
    EXPECT_NEAR(gamma.sd / std::sqrt(shape), 1, 0.02) << shape;
  }
}

// Each distribution against its mean and standard deviation in closed form.
TEST(Distributions, HaveTheirMoments) {
  struct Case {
    Distribution distribution;
    double mean;
    double sd;
  };
  const double weibull_mean = 2 * std::tgamma(1 + 1 / 1.5);
  const std::vector<Case> cases{
      {Exponential{3}, 3, 3},
      {Deterministic{4}, 4, 0},
      {Uniform{2, 6}, 4, 4 / std::sqrt(12.0)},
      {Lognormal{10, 0.5}, 10, 5},
      {Weibull{1.5, 2}, weibull_mean, std::sqrt(4 * std::tgamma(1 + 2 / 1.5) - weibull_mean * weibull_mean)},
      {Hyperexponential{{0.9, 0.1}, {1, 10}}, 1.9, std::sqrt(2 * (0.9 + 10) - 1.9 * 1.9)},
      // E[X^2] of a Pareto between 1 and 10 with index 3: 3 / mass * (1 - 1/10).
      {BoundedPareto{3, 1, 10}, 1.5 * 0.99 / 0.999, std::sqrt(3 * 0.9 / 0.999 - std::pow(1.5 * 0.99 / 0.999, 2))},
      {BoundedPareto{1, 1, 10}, std::log(10.0) / 0.9, std::sqrt(9 / 0.9 - std::pow(std::log(10.0) / 0.9, 2))},
      {Empirical{{1, 2, 6}}, 3, std::sqrt(14.0 / 3)}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    EXPECT_NEAR(mean_of(c.distribution), c.mean, 1e-9 * c.mean) << i;
    const Moments m = moments([&](std::uint64_t n) { return sample(c.distribution, 9, i, n); }, 400'000);
    EXPECT_NEAR(m.mean, c.mean, 0.01 * c.mean) << i;
    EXPECT_NEAR(m.sd, c.sd, 0.03 * c.mean) << i;
  }
}

TEST(Distributions, StayInTheirBounds) {
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    EXPECT_GE(sample(Exponential{1}, 1, 1, n), 0);
    const double pareto = sample(BoundedPareto{0.5, 2, 50}, 1, 2, n);
    EXPECT_TRUE(pareto >= 2 && pareto <= 50) << pareto;
    const double uniform = sample(Uniform{3, 4}, 1, 3, n);
    EXPECT_TRUE(uniform >= 3 && uniform < 4) << uniform;
  }
}

TEST(Arrivals, PoissonHasItsRateAndExponentialGaps) {
  const auto times = times_of(PoissonArrivals{2.0}, std::nullopt, 200'000);
  EXPECT_NEAR(times.back(), 100'000, 1000);
  std::vector<double> gaps(times.size());
  std::adjacent_difference(times.begin(), times.end(), gaps.begin());
  const Moments m = moments([&](std::uint64_t i) { return gaps[i]; }, gaps.size());
  EXPECT_NEAR(m.sd / m.mean, 1, 0.01);
}

TEST(Arrivals, RegularOnesStandWhereTheyShould) {
  EXPECT_EQ(times_of(RegularArrivals{10s, 3s}, std::nullopt, 4), (std::vector<double>{3, 13, 23, 33}));
  EXPECT_EQ(times_of(AtOnce{7s}, std::nullopt, 2), (std::vector<double>{7, 7}));
}

TEST(Arrivals, BurstsHaveTheMeanRateAndMoreVariance) {
  const MmppArrivals bursts{{1.0, 20.0}, {60, 20}};
  const auto times = times_of(bursts, std::nullopt, 300'000);
  const double rate = (1.0 * 60 + 20.0 * 20) / 80;
  EXPECT_NEAR(*mean_rate(bursts, std::nullopt), rate, 1e-12);
  EXPECT_NEAR(300'000 / times.back(), rate, 0.03 * rate);
  std::vector<double> gaps(times.size());
  std::adjacent_difference(times.begin(), times.end(), gaps.begin());
  const Moments m = moments([&](std::uint64_t i) { return gaps[i]; }, gaps.size());
  EXPECT_GT(m.sd / m.mean, 1.5);
}

TEST(Arrivals, SilentStatesArePassedOver) {
  const auto times = times_of(MmppArrivals{{0, 5}, {10, 10}}, std::nullopt, 50'000);
  EXPECT_NEAR(50'000 / times.back(), 2.5, 0.15);
}

// Share of jobs in each quarter of the cycle against the factors, for a process with draws and for one without.
TEST(Arrivals, FollowTheirCycle) {
  const Cycle cycle{100s, {0, 1, 2, 1}};
  for (const Arrivals& arrivals :
       std::vector<Arrivals>{PoissonArrivals{3}, RenewalArrivals{Uniform{0.1, 0.5}}, RegularArrivals{Duration{300ms}, 0s},
                             MmppArrivals{{2, 4}, {1, 1}}}) {
    std::array<double, 4> quarter{};
    const auto times = times_of(arrivals, cycle, 100'000);
    for (const double t : times) quarter[static_cast<std::size_t>(std::fmod(t, 100) / 25)] += 1;
    EXPECT_LE(quarter[0], 100'000 * 0.001) << "jobs while the factor is 0";
    EXPECT_NEAR(quarter[1] / 100'000, 0.25, 0.01);
    EXPECT_NEAR(quarter[2] / 100'000, 0.5, 0.01);
    EXPECT_NEAR(quarter[3] / 100'000, 0.25, 0.01);
    EXPECT_NEAR(100'000 / times.back() / *mean_rate(arrivals, cycle), 1, 0.02) << arrivals.index();
    EXPECT_TRUE(std::ranges::is_sorted(times));
  }
}

TEST(Arrivals, EndWhereModelTimeEnds) {
  const auto times = times_of(PoissonArrivals{1e-12}, std::nullopt, 3);
  EXPECT_EQ(times.back(), seconds(kLongest));
}

// The published marginals: share of serial jobs and of powers of two, and the arrival pattern of the day.
TEST(Lublin, HasThePublishedShares) {
  const DrawStream stream(3, 4);
  const LublinArrivals model;
  constexpr int kJobs = 100'000;
  int serial = 0;
  int powers = 0;
  for (std::uint64_t i = 0; i < kJobs; ++i) {
    const std::uint32_t size = lublin_size(model, stream.at(i));
    ASSERT_TRUE(size >= 1 && size <= 128);
    serial += size == 1 ? 1 : 0;
    powers += size > 1 && (size & (size - 1)) == 0 ? 1 : 0;
  }
  EXPECT_NEAR(serial / double{kJobs}, 0.2927, 0.005);
  // Sizes that are rounded to powers, and a few of the others.
  EXPECT_GE(powers / double{kJobs}, 0.6686 - 0.005);
  EXPECT_LE(powers / double{kJobs}, 0.6686 + 0.02);
}

TEST(Lublin, RuntimesDependOnSizesAsPublished) {
  const DrawStream stream(3, 5);
  const LublinArrivals model;
  // Mean of ln(runtime): p a1 b1 + (1 - p) a2 b2, p = -0.003 size + 0.6986, but for the few drawn again above 12.
  for (const std::uint32_t size : {1U, 64U, 128U}) {
    const double p = -0.003 * size + 0.6986;
    const double expected = p * 6.57 * 0.823 + (1 - p) * 639.1 * 0.0156;
    const Moments m =
        moments([&](std::uint64_t i) { return std::log(lublin_runtime_s(model, size, stream.at(i))); }, 100'000);
    EXPECT_NEAR(m.mean, expected, 0.05) << size;
  }
}

TEST(Lublin, DayHasMeanOneAndPeaksInTheAfternoon) {
  for (const LublinJobs jobs : {LublinJobs::batch, LublinJobs::interactive, LublinJobs::all}) {
    const auto day = lublin_day(lublin_parameters(jobs));
    EXPECT_NEAR(std::accumulate(day.begin(), day.end(), 0.0), 48, 1e-9);
    const auto peak = std::ranges::max_element(day) - day.begin();
    EXPECT_GE(peak, 2 * 10);
    EXPECT_LE(peak, 2 * 17);
    EXPECT_GT(*std::ranges::max_element(day), 5 * *std::ranges::min_element(day));
  }
}

TEST(Lublin, ArrivalsFollowTheDay) {
  const auto times = times_of(LublinArrivals{128, LublinJobs::batch, 0.01}, std::nullopt, 400'000);
  const auto day = lublin_day(lublin_parameters(LublinJobs::batch));
  EXPECT_TRUE(std::ranges::is_sorted(times));
  std::array<double, 48> found{};
  const double days = std::floor(times.back() / 86400);
  double used = 0;
  for (const double t : times) {
    if (t >= days * 86400) break;
    found[static_cast<std::size_t>(std::fmod(t, 86400) / 1800)] += 1;
    used += 1;
  }
  for (std::size_t i = 0; i < 48; ++i) EXPECT_NEAR(found[i] / used * 48, day[i], 0.35) << i;
}

TEST(Workloads, DependOnTheSeedAlone) {
  const Scenario scenario = with({poisson(1, 1000), poisson(2, 1000)});
  const auto a = all_of(scenario, 1);
  const auto b = all_of(scenario, 1);
  const auto c = all_of(scenario, 2);
  ASSERT_EQ(a.size(), 2000U);
  EXPECT_TRUE(std::ranges::equal(a, b, [](const Arrival& x, const Arrival& y) { return x.at == y.at && x.work == y.work; }));
  EXPECT_FALSE(std::ranges::equal(a, c, [](const Arrival& x, const Arrival& y) { return x.at == y.at; }));
}

TEST(Workloads, MergeByTimeThenSourceWithIdsInThatOrder) {
  SyntheticSource a = poisson(1, 3);
  a.arrivals = RegularArrivals{10s, 0s};
  a.shape.priority = 1;
  SyntheticSource b = a;
  b.shape.priority = 2;
  const auto jobs = all_of(with({a, b}), 1);
  ASSERT_EQ(jobs.size(), 6U);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(jobs[i].job.id.value, i);
    EXPECT_EQ(jobs[i].at, time_at(static_cast<std::int64_t>(i / 2) * 10'000'000'000));
    EXPECT_EQ(jobs[i].job.priority, i % 2 == 0 ? 1 : 2);
  }
}

// Common random numbers: a change in one source, or in when jobs come, leaves the other draws as they were.
TEST(Workloads, SourcesDoNotDisturbEachOther) {
  const auto before = all_of(with({poisson(1, 500), poisson(2, 500)}), 1);
  SyntheticSource changed = poisson(2, 500);
  changed.duration = Deterministic{3};
  changed.estimate_factor = Uniform{1, 2};
  const auto after = all_of(with({poisson(1, 500), changed}), 1);
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].at, after[i].at);
    if (after[i].work != Duration{3s}) {
      EXPECT_EQ(before[i].work, after[i].work);
    }
  }
  const auto faster = all_of(with({poisson(10, 500)}), 1);
  const auto slower = all_of(with({poisson(1, 500)}), 1);
  for (std::size_t i = 0; i < faster.size(); ++i) EXPECT_EQ(faster[i].work, slower[i].work);
}

TEST(Workloads, TotalIsExactWithAndWithoutABound) {
  Scenario scenario = with({poisson(1, 1000), poisson(2, 300)});
  EXPECT_EQ(Workload(scenario, 1).total(), 1300U);
  scenario.duration = 100s;
  EXPECT_EQ(Workload(scenario, 1).total(), all_of(scenario, 1).size());
  std::get<SyntheticSource>(scenario.workload[0]).count.reset();
  scenario.duration = 5000s;
  const auto jobs = all_of(scenario, 3);
  EXPECT_EQ(Workload(scenario, 3).total(), jobs.size());
  EXPECT_LT(jobs.back().at, time_at(0) + 5000s);
  EXPECT_NEAR(static_cast<double>(jobs.size()), 5300, 4 * std::sqrt(5000.0));
  Workload half(scenario, 3);
  Arrival arrival;
  ASSERT_TRUE(half.next(arrival));
  EXPECT_EQ(half.total(), jobs.size()) << "after the first job";
}

TEST(Workloads, EstimatesAreExactOrMultiplied) {
  SyntheticSource source = poisson(1, 1000);
  for (const Arrival& job : all_of(with({source}), 1)) EXPECT_EQ(job.job.estimate, job.work);
  source.estimate_factor = Uniform{2, 3};
  for (const Arrival& job : all_of(with({source}), 1)) {
    EXPECT_GE(seconds(job.job.estimate), 1.999 * seconds(job.work));
    EXPECT_LE(seconds(job.job.estimate), 3.001 * seconds(job.work) + 1e-9);
  }
}

TEST(Workloads, RandomTasksAreWholeAndCutOff) {
  SyntheticSource source = poisson(1, 20'000);
  source.tasks = Exponential{4};
  source.most_tasks = 10;
  std::map<std::uint32_t, int> seen;
  for (const Arrival& job : all_of(with({source}), 1)) ++seen[job.job.tasks];
  EXPECT_EQ(seen.begin()->first, 1U);
  EXPECT_EQ(seen.rbegin()->first, 10U);
}

TEST(Workloads, WorkIsPositiveAndBounded) {
  SyntheticSource source = poisson(1, 1000);
  source.duration = Weibull{0.05, 1e-6};
  for (const Arrival& job : all_of(with({source}), 1)) {
    EXPECT_GE(job.work, Duration{1});
    EXPECT_LE(job.work, kLongest);
    EXPECT_GE(job.job.estimate, Duration{1});
  }
}

TEST(Workloads, TracesAreCutAtTheDuration) {
  TraceSource trace;
  trace.jobs = std::make_shared<const std::vector<TraceJob>>(
      std::vector<TraceJob>{{0, 5, 7, 2, 1}, {10, 5, 7, 1, 0}, {20, 5, 7, 1, 0}});
  trace.shape.priority = 4;
  Scenario scenario = with({trace});
  const auto jobs = all_of(scenario, 1);
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].job.tasks, 2U);
  EXPECT_EQ(jobs[0].job.queue, QueueId{1});
  EXPECT_EQ(jobs[0].work, Duration{5});
  EXPECT_EQ(jobs[0].job.estimate, Duration{7});
  EXPECT_EQ(jobs[2].job.priority, 4);
  scenario.duration = Duration{20};
  EXPECT_EQ(all_of(scenario, 1).size(), 2U);
  EXPECT_EQ(Workload(scenario, 1).total(), 2U);
}

TEST(Workloads, NoSourcesNoJobs) {
  EXPECT_TRUE(all_of(with({}), 1).empty());
  EXPECT_EQ(Workload(with({}), 1).total(), 0U);
}

}  // namespace
}  // namespace drydock::scenarios::workload_test

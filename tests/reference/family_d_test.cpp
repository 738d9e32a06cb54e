// Shares: the known answers of dividing limits and of the source system's rule.
#include "policies/catalog.hpp"
#include "policies/core/rate_limit.hpp"
#include "tests/toy/share_world.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

namespace drydock::reference::family_d_test {
namespace {

using Overrides = std::map<std::string, ParameterValue, std::less<>>;

nlohmann::json expected(const std::string& id) {
  const auto file = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "../shared/reference/expected.json";
  if (!std::filesystem::exists(file)) return {};
  for (const auto& entry : nlohmann::json::parse(std::ifstream(file))) {
    if (entry.at("id") == id) return entry;
  }
  return {};
}

constexpr const char* kNoFile = "no ../shared/reference/expected.json beside the repository";

TEST(FamilyD, WaterFilling) {
  const nlohmann::json reference = expected("D1");
  if (reference.is_null()) GTEST_SKIP() << kNoFile;
  const std::vector<double> parts = water_fill(10, std::vector<double>{2, 2.6, 4, 5});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_NEAR(parts[i], reference.at("expected").at(i).get<double>(), reference.at("tol").get<double>());
  }
}

TEST(FamilyD, DominantResourceFairness) {
  const nlohmann::json reference = expected("D2");
  if (reference.is_null()) GTEST_SKIP() << kNoFile;
  const std::vector<DrfUser> users{{.per_task = {1, 4}}, {.per_task = {3, 1}}};
  EXPECT_EQ(drf_tasks(std::vector<std::int64_t>{9, 18}, users), reference.at("expected").get<std::vector<std::int64_t>>());
}

TEST(FamilyD, TokenBucket) {
  const nlohmann::json reference = expected("D3");
  if (reference.is_null()) GTEST_SKIP() << kNoFile;
  TokenBucket bucket({10, std::chrono::seconds{1}}, 20, kTimeZero, 20);
  int admitted = 0;
  for (int i = 0; i < 50; ++i) admitted += bucket.take(kTimeZero) ? 1 : 0;
  for (int i = 1; i <= 100; ++i) admitted += bucket.take(kTimeZero + i * std::chrono::milliseconds{50}) ? 1 : 0;
  EXPECT_EQ(admitted, reference.at("expected").get<int>());
}

constexpr Time kNewcomers = kTimeZero + std::chrono::seconds{60};
const ShareLimits kLimits{.total = {60, 1200, 60'000}, .base = {15, 300, 15'000}};

struct Case {
  std::uint32_t workers = 2;
  Overrides parameters = {};
  Duration stagger{};  // between one newcomer and the next
  Duration later{};    // than kNewcomers
};

// One worker has been active for a minute, then the others become active. No message takes any time.
toy::ShareWorldResult run(const Case& c, std::uint64_t seed,
                          std::function<void(Time, std::uint32_t, const Share&)> on_change = {}) {
  const auto policy = make_share(configure(
      *find_policy(PolicyFamily::share, c.parameters.contains("lease") ? "leased" : "equal-active"), c.parameters));
  toy::ShareWorldConfig config;
  config.limits = kLimits;
  config.policy = policy.get();
  config.seed = seed;
  config.end = kNewcomers + std::chrono::seconds{25};
  Rng rng(seed, "phases");
  for (std::uint32_t w = 0; w < c.workers; ++w) {
    config.workers.push_back({.weight = 1,
                              .clock = {},
                              .check_phase = Duration{static_cast<std::int64_t>(rng.below(5'000'000'000))},
                              .adjust_phase = Duration{static_cast<std::int64_t>(rng.below(10'000'000'000))}});
    const Time begins = w == 0 ? kTimeZero + Duration{static_cast<std::int64_t>(rng.below(5'000'000'000))}
                               : kNewcomers + c.later + (w - 1) * c.stagger;
    config.happenings.push_back({.at = begins, .worker = w, .load = kLimits.total});
  }
  toy::ShareWorld world(config, std::make_unique<toy::LedgerInUse>(config.limits, *policy));
  world.on_change = std::move(on_change);
  return world.run();
}

struct Sample {
  double mean = 0;
  double sd = 0;
  double max = 0;
  double max_ratio = 0;
  double min_ratio = 0;  // the smallest of the runs' largest ratios
};

Sample excess_of(const Case& c, int runs) {
  Sample sample{.min_ratio = 1e9};
  double squares = 0;
  for (int i = 1; i <= runs; ++i) {
    const toy::ShareWorldResult result = run(c, static_cast<std::uint64_t>(i));
    sample.mean += result.excess_active_s;
    squares += result.excess_active_s * result.excess_active_s;
    sample.max = std::max(sample.max, result.excess_active_s);
    sample.max_ratio = std::max(sample.max_ratio, result.max_ratio_active);
    sample.min_ratio = std::min(sample.min_ratio, result.max_ratio_active);
  }
  sample.mean /= runs;
  sample.sd = std::sqrt(squares / runs - sample.mean * sample.mean);
  return sample;
}

double four_errors(const Sample& sample, int runs) { return 4 * sample.sd / std::sqrt(runs); }

// The reading of the reference: an idle worker holds nothing, a newcomer takes total / N at once, the old holder finds out at
// its next check and gives up at the adjustment after it: U(0, 5) + U(0, 10).
TEST(FamilyD, OldHolderKeepsTooMuch) {
  const nlohmann::json mean = expected("D4");
  if (mean.is_null()) GTEST_SKIP() << kNoFile;
  const nlohmann::json most = expected("D4m");
  if (most.is_null()) GTEST_SKIP() << kNoFile;
  constexpr int kRuns = 70'000;
  const Sample sample = excess_of({}, kRuns);
  const double tolerance = mean.at("tol").get<double>();
  EXPECT_LE(four_errors(sample, kRuns), tolerance) << "more runs are needed";
  EXPECT_NEAR(sample.mean, mean.at("expected").get<double>(), tolerance);
  EXPECT_LE(sample.max, most.at("expected").get<double>());
  EXPECT_GT(sample.max, 0.95 * most.at("expected").get<double>());
  EXPECT_NEAR(sample.sd, std::sqrt((25.0 + 100.0) / 12), 0.05);
  EXPECT_EQ(sample.max_ratio, 1.5);
  EXPECT_EQ(sample.min_ratio, 1.5);
}

TEST(FamilyD, SimultaneousNewcomersReachTwoMinusOneNth) {
  for (const std::uint32_t n : {2U, 3U, 4U, 5U, 6U}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      EXPECT_NEAR(run({.workers = n}, seed).max_ratio_active, 2 - 1.0 / n, 1e-12) << n << " workers, seed " << seed;
    }
  }
}

// Each counts itself and those before it, and the first ones have not noticed the later ones.
TEST(FamilyD, NewcomersOneAfterTheOtherReachTheHarmonicNumber) {
  for (const auto& [n, harmonic] :
       std::map<std::uint32_t, double>{{2, 1.5}, {3, 11.0 / 6}, {4, 25.0 / 12}, {5, 137.0 / 60}}) {
    double most = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      const auto ratio = run({.workers = n, .stagger = std::chrono::milliseconds{1}}, seed).max_ratio_active;
      EXPECT_LE(ratio, harmonic + 1e-12);
      most = std::max(most, ratio);
    }
    EXPECT_NEAR(most, harmonic, 1e-12) << n << " workers";
  }
}

struct Reading {
  std::string name;
  Overrides parameters;
  double mean = 0;  // of the excess in seconds, derived beside
  double max = 0;
  double max_ratio = 1.5;
  double min_ratio = 0;
};

// X: to the old holder's next check, U(0, 5). Y: to its next adjustment after it, U(0, 10). A: to the newcomer's, U(0, 10).
TEST(FamilyD, OtherReadings) {
  const std::string next = "next-adjustment";
  const std::string check = "check";
  const std::string base = "base";
  const std::vector<Reading> readings{
      {"shrinks at its check: E X", {{"shrink_at", check}}, 2.5, 5, 1.5, 1.5},
      // E max(0, X + Y - A) = 2.5 + E (10 - X)^3 / 600 = 2.5 + (10^4 - 5^4) / 12000
      {"newcomer waits", {{"newcomer", next}}, 3.28125, 15, 1.5, 1.0},
      // E max(0, X - A) = E X^2 / 20
      {"newcomer waits, holder shrinks at its check", {{"newcomer", next}, {"shrink_at", check}}, 25.0 / 60, 5, 1.5, 1.0},
      // The newcomer uses its quarter from the first moment.
      {"idle holds base, at once", {{"idle_share", base}}, 7.5, 15, 1.5, 1.5},
      {"idle holds base, newcomer waits", {{"idle_share", base}, {"newcomer", next}}, 7.5, 15, 1.5, 1.25},
      {"idle holds base, newcomer waits, holder shrinks at its check",
       {{"idle_share", base}, {"newcomer", next}, {"shrink_at", check}},
       2.5,
       5,
       1.5,
       1.25}};
  constexpr int kRuns = 10'000;
  for (const Reading& reading : readings) {
    SCOPED_TRACE(reading.name);
    const Sample sample = excess_of({.parameters = reading.parameters}, kRuns);
    EXPECT_NEAR(sample.mean, reading.mean, four_errors(sample, kRuns));
    EXPECT_LE(sample.max, reading.max);
    EXPECT_GT(sample.max, 0.85 * reading.max);
    EXPECT_EQ(sample.max_ratio, reading.max_ratio);
    EXPECT_EQ(sample.min_ratio, reading.min_ratio);
  }
}

// With four workers and a base share of a quarter, what is in the hands of all is 1.75 times the limit all the time.
TEST(FamilyD, IdleWorkersThatHoldTheirBaseExceedTheLimitAtRest) {
  const toy::ShareWorldResult result = run({.workers = 4, .parameters = {{"idle_share", std::string("base")}}}, 1);
  EXPECT_NEAR(result.max_ratio, 1.75, 1e-12);
  EXPECT_GT(result.excess_s, 50);
}

// The same change under leased shares: no excess; the newcomer has its half after the old holder's next renewal, U(0, 5), and
// its own next try, at most 1 s later.
TEST(FamilyD, LeasedSharesNeverExceedAndTheNewcomerWaitsForOneRenewal) {
  constexpr int kRuns = 3'000;
  double sum = 0;
  double most = 0;
  for (int i = 1; i <= kRuns; ++i) {
    Time served = kNever;
    const auto note = [&](Time t, std::uint32_t worker, const Share& to) {
      if (worker == 1 && to == Share{30, 600, 30'000}) served = std::min(served, t);
    };
    // The old holder's renewals stand at a random time against it.
    Rng rng(static_cast<std::uint64_t>(i), "newcomer");
    const Duration later{static_cast<std::int64_t>(rng.below(5'000'000'000))};
    const Overrides leased{{"lease", Duration{std::chrono::seconds{15}}}};
    const toy::ShareWorldResult result =
        run({.parameters = leased, .stagger = {}, .later = later}, static_cast<std::uint64_t>(i), note);
    ASSERT_EQ(result.excess, "");
    ASSERT_LE(result.max_ratio, 1.0);
    ASSERT_NE(served, kNever);
    const double waited = seconds(served - kNewcomers - later);
    sum += waited;
    most = std::max(most, waited);
  }
  EXPECT_NEAR(sum / kRuns, 3.0, 4 * std::sqrt((25 + 1) / 12.0 / kRuns) + 0.1);
  EXPECT_LE(most, 6.0);
}

}  // namespace
}  // namespace drydock::reference::family_d_test

// Queueing theory against simulation: every scenario file of scenarios/reference, run until four standard errors of the mean
// over independent seeds are below the tolerance; then the mean must be within the tolerance of the closed form.
#include "reports/run_result.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"
#include "tests/reference/queueing.hpp"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace drydock::reference {
namespace {

constexpr PriorityClass kShort{0.03, 10, 100};     // deterministic 10 s, load 0.3
constexpr PriorityClass kLong{0.0004, 1000, 1e6};  // deterministic 1000 s, load 0.4

struct Case {
  std::string id;        // as in expected.json, where it stands there
  std::string scenario;  // file in scenarios/reference
  std::string variant;
  std::string metric;
  double expected = 0;
  double tolerance = 0;  // relative
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.id; }
};

// M/H2/8 with 1.6 Erlang of mean 10 s and 4 Erlang of mean 1000 s has no short closed form: these two figures are the
// numerical solution of its Markov chain.
constexpr double kSharedWait = 61.0827161;
constexpr double kSharedWaitFraction = 0.30178342;

std::vector<Case> cases() {
  return {
      {"A1", "mm1", "", "wait_s.mean", mmc_wait(1, 0.8, 1), 0.02},
      {"A1p99", "mm1", "", "response_s.p99", std::log(100.0) / (1 - 0.8), 0.03},
      {"A2c", "mm50", "", "wait_s.mean", mmc_wait(50, 45, 1), 0.06},
      {"A2d", "mm10-loss", "", "rejected_fraction", erlang_b(10, 8), 0.01},
      {"A3", "md1", "", "wait_s.mean", mg1_wait(0.8, 1, 1), 0.015},
      {"A4bl", "priority", "non-preemptive", "per_queue.long.wait_s.mean", cobham_wait_low(kShort, kLong), 0.04},
      {"A4cl", "priority", "preemptive-resume", "per_queue.long.response_s.mean", preemptive_response_low(kShort, kLong),
       0.03},
      {"A5sh", "shared-or-isolated", "shared", "wait_s.mean", kSharedWait, 0.1},
      {"A5shP", "shared-or-isolated", "shared", "waited_fraction", kSharedWaitFraction, 0.03},
      {"A5i3s", "shared-or-isolated", "isolated", "per_queue.short.wait_s.mean", mmc_wait(3, 0.16, 0.1), 0.03},
      {"A5i5l", "shared-or-isolated", "isolated", "per_queue.long.wait_s.mean", mmc_wait(5, 0.004, 0.001), 0.04},
      {"A6h", "mm8-priority", "", "per_queue.high.wait_s.mean", mmc_priority_wait_high(8, 1.6, 4.8, 1), 0.02},
      {"A7", "processor-sharing", "", "slowdown.mean", 1 / (1 - 0.8), 0.02},
      {"A8srpt", "srpt", "", "response_s.mean", srpt_response(0.8), 0.015},
      {"sjf", "sjf", "", "wait_s.mean", sjf_wait(0.8), 0.02},
      {"breakdowns", "breakdowns", "", "response_s.mean", breakdown_response(0.5, 1, 0.01, 0.1), 0.03},
  };
}

struct Estimate {
  double mean = 0;
  double standard_error = 0;
  std::size_t runs = 0;
};

Estimate estimate(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  const double n = static_cast<double>(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1) / n), values.size()};
}

class FamilyA : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyA, AgreesWithTheory) {
  constexpr std::size_t kRunsFirst = 6;
  constexpr std::size_t kRunsMax = 192;
  const Case& c = GetParam();
  const auto loaded = scenarios::load(std::string(DRYDOCK_SOURCE_DIR) + "/scenarios/reference/" + c.scenario + ".json");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const auto scenario = std::ranges::find(loaded.value(), c.variant, &scenarios::Scenario::variant);
  ASSERT_NE(scenario, loaded.value().end()) << "no variant '" << c.variant << "'";

  const std::atomic<bool> stop{false};
  std::vector<double> values;
  Estimate result;
  while (true) {
    std::vector<sim::RunRequest> requests;
    for (std::size_t i = 0; i < std::max(kRunsFirst, values.size()); ++i) {
      requests.push_back({&*scenario, 1000 + values.size() + i, {}});
    }
    for (const auto& run : sim::run_all(requests, std::thread::hardware_concurrency(), stop, {})) {
      ASSERT_FALSE(run.error) << *run.error;
      ASSERT_TRUE(run.metrics.contains(c.metric)) << c.metric << " was not measured";
      values.push_back(run.metrics.at(c.metric));
    }
    result = estimate(values);
    if (4 * result.standard_error <= c.tolerance * c.expected) break;
    ASSERT_LT(values.size(), kRunsMax) << "four standard errors are still " << 4 * result.standard_error / c.expected
                                       << " of the expected value: the scenario needs more jobs";
  }
  std::cout << c.id << ": " << result.mean << " +- " << result.standard_error << " over " << result.runs
            << " runs, expected " << c.expected << " (" << 100 * (result.mean / c.expected - 1) << " %)\n";
  EXPECT_NEAR(result.mean, c.expected, c.tolerance * c.expected);
}

INSTANTIATE_TEST_SUITE_P(Theory, FamilyA, ::testing::ValuesIn(cases()), [](const auto& param) { return param.param.id; });

// The closed forms themselves, and the tolerances, are those of the published list.
TEST(FamilyAList, IsThatOfTheReference) {
  const std::filesystem::path file = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "../shared/reference/expected.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no reference list beside the repository";
  std::ifstream in(file);
  std::size_t found = 0;
  for (const auto& entry : nlohmann::json::parse(in)) {
    const std::string id = entry.at("id");
    if (!id.starts_with("A")) continue;
    const auto all = cases();
    const auto c = std::ranges::find(all, id, &Case::id);
    ASSERT_NE(c, all.end()) << "no test for " << id;
    EXPECT_NEAR(c->expected, entry.at("expected").get<double>(), 1e-5 * c->expected) << id;
    EXPECT_LE(c->tolerance, entry.at("tol").get<double>()) << id;
    ++found;
  }
  EXPECT_GE(found, 14U);
}

}  // namespace
}  // namespace drydock::reference

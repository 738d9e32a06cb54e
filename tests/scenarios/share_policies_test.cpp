// What the built-in scenario share-policies says that it shows.
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::scenarios::share_policies_test {
namespace {

constexpr std::uint64_t kSeeds = 10;

struct Sums {
  std::map<std::string, double> of;  // over all seeds, by metric
  double max_ratio = 0;
};

TEST(SharePolicies, LeasedOnesAloneKeepTheLimitAndCostLittle) {
  const auto loaded = load("share-policies");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  std::vector<sim::RunRequest> requests;
  for (const Scenario& scenario : loaded.value()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      requests.push_back({.scenario = &scenario, .seed = seed, .options = {.check = true, .journal = {}}});
    }
  }
  const std::atomic<bool> stop{false};
  std::map<std::string, Sums> sums;
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    ASSERT_FALSE(run.error) << *run.error;
    EXPECT_EQ(run.violation_count, 0U) << run.variant << ": " << run.violations.front().what;
    Sums& sum = sums[run.variant];
    for (const auto& [name, value] : run.metrics) sum.of[name] += value;
    sum.max_ratio = std::max(sum.max_ratio, run.metrics.at("share_excess.max_ratio"));
  }
  const Sums& leased = sums.at("leased");
  EXPECT_LE(leased.max_ratio, 1);
  for (const char* name : {"share_excess.seconds", "requests_refused", "requests_stopped", "jobs_failed"}) {
    EXPECT_EQ(leased.of.at(name), 0) << name;
  }
  for (const std::string announced : {"equal-active", "max-min", "drf"}) {
    SCOPED_TRACE(announced);
    EXPECT_GT(sums.at(announced).max_ratio, 2);
    EXPECT_GT(sums.at(announced).of.at("requests_refused"), 0);
    EXPECT_LT(leased.of.at("response_s.mean"), 1.1 * sums.at(announced).of.at("response_s.mean"));
  }
  EXPECT_GT(sums.at("max-min").of.at("requests_refused"), sums.at("equal-active").of.at("requests_refused"));
  EXPECT_GT(sums.at("max-min").of.at("jobs_failed"), sums.at("equal-active").of.at("jobs_failed"));
  EXPECT_GT(sums.at("aimd").of.at("requests_refused"), 0);
  EXPECT_EQ(sums.at("equal-active-measured").of.at("requests_refused"), 0);
}

}  // namespace
}  // namespace drydock::scenarios::share_policies_test

#include "tests/reference/replications.hpp"

#include "reports/run_result.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace drydock::reference {
namespace {

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

}  // namespace

void expect_agreement(const Case& c) {
  constexpr std::size_t kRunsFirst = 6;
  constexpr std::size_t kRunsMax = 192;
  const auto loaded = scenarios::load(DRYDOCK_SOURCE_DIR "/scenarios/reference/" + c.scenario + ".json");
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
    if (4 * result.standard_error <= c.tolerance) break;
    ASSERT_LT(values.size(), kRunsMax) << "four standard errors are still " << 4 * result.standard_error
                                       << ", the tolerance is " << c.tolerance << ": the scenario needs more jobs";
  }
  std::cout << c.id << ": " << result.mean << " +- " << result.standard_error << " over " << result.runs
            << " runs, expected " << c.expected << " (" << 100 * (result.mean / c.expected - 1) << " %)\n";
  EXPECT_NEAR(result.mean, c.expected, c.tolerance);
}

std::optional<std::vector<Known>> known_answers(const std::string& family) {
  const std::filesystem::path file = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "../shared/reference/expected.json";
  if (!std::filesystem::exists(file)) return std::nullopt;
  std::ifstream in(file);
  std::vector<Known> all;
  for (const auto& entry : nlohmann::json::parse(in)) {
    const std::string id = entry.at("id");
    if (!id.starts_with(family)) continue;
    const double expected = entry.at("expected").get<double>();
    const bool relative = entry.at("tol_kind").get<std::string>().starts_with("rel");
    all.push_back(
        {id, entry.at("kind") == "formula", expected, entry.at("tol").get<double>() * (relative ? expected : 1.0)});
  }
  return all;
}

void expect_case(const std::vector<Case>& cases, const Known& known, double unit) {
  const auto c = std::ranges::find(cases, known.id, &Case::id);
  ASSERT_NE(c, cases.end()) << "no test for " << known.id;
  EXPECT_NEAR(c->expected / unit, known.expected, 2e-5 * known.expected) << known.id;
  EXPECT_LE(c->tolerance / unit, known.tolerance * (1 + 1e-4)) << known.id;
}

}  // namespace drydock::reference

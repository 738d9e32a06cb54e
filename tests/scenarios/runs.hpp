// All runs of a scenario: a built-in one, for the tests of what it says that it shows, or one of a few lines.
#pragma once

#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::scenarios {

using Metrics = std::map<std::string, double>;

// Metrics by variant, a run for each seed from 1 on. None has an error or breaks an invariant.
inline std::map<std::string, std::vector<Metrics>> runs_of(const std::string& name, std::uint64_t seeds) {
  std::map<std::string, std::vector<Metrics>> by_variant;
  const auto loaded = load(name);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  if (!loaded) return by_variant;
  std::vector<sim::RunRequest> requests;
  for (const Scenario& scenario : loaded.value()) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      requests.push_back({.scenario = &scenario, .seed = seed, .options = {.check = true, .journal = {}}});
    }
  }
  const std::atomic<bool> stop{false};
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    EXPECT_FALSE(run.error) << *run.error;
    EXPECT_EQ(run.violation_count, 0U) << (run.violations.empty() ? "" : run.violations.front().what);
    by_variant[run.variant].push_back(run.metrics);
  }
  return by_variant;
}

// Metrics of the runs of a scenario without variants under seeds 1 to 5. None has an error or breaks an invariant.
inline std::vector<Metrics> runs_of_text(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("drydock-text-" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << text;
  const auto loaded = load(path.string());
  std::filesystem::remove(path);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  if (!loaded) return {};
  std::vector<sim::RunRequest> requests;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    requests.push_back({.scenario = &loaded.value().front(), .seed = seed, .options = {.check = true, .journal = {}}});
  }
  const std::atomic<bool> stop{false};
  std::vector<Metrics> metrics;
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    EXPECT_FALSE(run.error) << *run.error;
    EXPECT_EQ(run.violation_count, 0U) << (run.violations.empty() ? "" : run.violations.front().what);
    metrics.push_back(run.metrics);
  }
  return metrics;
}

inline double mean_of(const std::vector<Metrics>& runs, const std::string& metric) {
  double sum = 0;
  for (const Metrics& run : runs) {
    EXPECT_TRUE(run.contains(metric)) << metric;
    if (run.contains(metric)) sum += run.at(metric);
  }
  return sum / static_cast<double>(runs.size());
}

}  // namespace drydock::scenarios

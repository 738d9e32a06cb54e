// Real and common workloads against published figures.
#include "reports/run_result.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace drydock::reference::traces_test {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = fs::path(DRYDOCK_SOURCE_DIR) / "../shared";

// Metrics by variant of a scenario given as text, whose paths are relative to `base`.
std::map<std::string, std::map<std::string, double>> run(const std::string& text, const fs::path& base) {
  std::map<std::string, std::map<std::string, double>> metrics;
  const auto loaded = scenarios::load_text(text, "test", base);
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  if (!loaded.ok()) return metrics;
  std::vector<sim::RunRequest> requests;
  sim::RunOptions options;
  options.check = true;
  for (const auto& scenario : loaded.value()) requests.push_back({&scenario, 1, options});
  const std::atomic<bool> stop{false};
  for (const auto& result : sim::run_all(requests, std::thread::hardware_concurrency(), stop, {})) {
    EXPECT_FALSE(result.error) << result.error.value_or("");
    EXPECT_EQ(result.violation_count, 0U);
    metrics[result.variant] = result.metrics;
  }
  return metrics;
}

TEST(Traces, NasaIpsc) {
  if (!fs::exists(kShared / "traces")) GTEST_SKIP() << "no traces beside the repository";
  const auto metrics = run(R"({
    "name": "nasa", "cluster": {"hosts": [{"name": "node", "count": 128, "cpus": 1}]},
    "workload": [{"trace": {"format": "swf", "path": "traces/NASA-iPSC-1993-3.1-cln.swf.gz", "estimate": "runtime"}}],
    "variants": [{"name": "fcfs"},
                 {"name": "easy", "set": {"/policies/placement": {"type": "easy"}}},
                 {"name": "easy-sjf", "set": {"/policies/placement": {"type": "easy-sjf"}}},
                 {"name": "conservative", "set": {"/policies/placement": {"type": "conservative"}}}]})",
                           kShared);
  ASSERT_EQ(metrics.size(), 4U);
  for (const auto& [variant, expected] :
       std::map<std::string, double>{{"fcfs", 8.0813}, {"easy", 4.0666}, {"easy-sjf", 0.3679}, {"conservative", 4.0666}}) {
    EXPECT_EQ(metrics.at(variant).at("jobs_completed"), 18066) << variant;
    EXPECT_NEAR(metrics.at(variant).at("wait_s.mean"), expected, 5e-5) << variant;
  }
}

TEST(Traces, Hpc2nRunsUnderEveryBackfillingPolicy) {
  if (!fs::exists(kShared / "traces")) GTEST_SKIP() << "no traces beside the repository";
  const auto metrics = run(R"({
    "name": "hpc2n", "cluster": {"hosts": [{"name": "node", "count": 120, "cpus": 2}]},
    "workload": [{"trace": {"format": "swf", "path": "traces/HPC2N-2002-head.swf", "estimate": "requested"}}],
    "variants": [{"name": "fcfs"},
                 {"name": "easy", "set": {"/policies/placement": {"type": "easy"}}},
                 {"name": "easy-sjf", "set": {"/policies/placement": {"type": "easy-sjf"}}},
                 {"name": "conservative", "set": {"/policies/placement": {"type": "conservative"}}},
                 {"name": "greedy", "set": {"/policies/placement": {"type": "greedy-backfill"}}}]})",
                           kShared);
  ASSERT_EQ(metrics.size(), 5U);
  for (const auto& [variant, values] : metrics) {
    EXPECT_EQ(values.at("jobs_completed"), values.at("jobs_submitted")) << variant;
    EXPECT_GT(values.at("jobs_completed"), 2000) << variant;
    if (variant == "fcfs") continue;
    EXPECT_LT(values.at("wait_s.mean"), metrics.at("fcfs").at("wait_s.mean")) << variant;
  }
}

struct Common {
  std::string tag;
  std::string arguments;  // of make_workload.py
  double wait = 0;
  double makespan = 0;
  friend void PrintTo(const Common& c, std::ostream* out) { *out << c.tag; }
};

class CommonWorkload : public ::testing::TestWithParam<Common> {};

TEST_P(CommonWorkload, GivesThePublishedMeans) {
  const fs::path maker = kShared / "peers/make_workload.py";
  if (!fs::exists(maker) || std::system("command -v python3 >/dev/null") != 0) {
    GTEST_SKIP() << "no workload maker beside the repository, or no python3";
  }
  const Common& c = GetParam();
  const fs::path folder = fs::path(::testing::TempDir()) / ("drydock-" + c.tag);
  fs::create_directories(folder);
  const std::string command =
      "cd '" + folder.string() + "' && python3 '" + fs::absolute(maker).string() + "' " + c.arguments;
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto metrics = run(R"({"name": "common", "cluster": {"hosts": [{"name": "node", "count": 1000, "cpus": 1}]},
                             "workload": [{"trace": {"format": "swf", "path": ")" +
                               c.tag + R"(.swf"}}]})",
                           folder);
  fs::remove_all(folder);
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_NEAR(metrics.at("").at("wait_s.mean"), c.wait, 5e-6);
  EXPECT_EQ(metrics.at("").at("makespan_s"), c.makespan);
}

INSTANTIATE_TEST_SUITE_P(Peers, CommonWorkload,
                         ::testing::Values(Common{"W10kq", "10000 W10kq 1.1", 249.9765, 7077},
                                           Common{"W100k", "100000 W100k", 0.00159, 67616},
                                           Common{"W100kq", "100000 W100kq 1.1", 2925.15005, 61151}),
                         [](const auto& param) { return param.param.tag; });

}  // namespace
}  // namespace drydock::reference::traces_test

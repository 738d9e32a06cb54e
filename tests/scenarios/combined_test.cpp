// What went wrong where several parts of the control plane meet, as scenarios of a few lines.
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::scenarios {
namespace {

// Metrics of the runs under seeds 1 to 5, none of which has an error or breaks an invariant.
std::vector<std::map<std::string, double>> runs_of_text(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("drydock-combined-" + std::to_string(getpid()) + ".json");
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
  std::vector<std::map<std::string, double>> metrics;
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    EXPECT_FALSE(run.error) << *run.error;
    EXPECT_EQ(run.violation_count, 0U) << (run.violations.empty() ? "" : run.violations.front().what);
    metrics.push_back(run.metrics);
  }
  return metrics;
}

class ClearingCounter : public ::testing::TestWithParam<std::string> {};

TEST_P(ClearingCounter, DoesNotWaitForRoomThatItHoldsItself) {
  const auto runs = runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}], "stores": {"redis": {"latency": "1ms"}}},
    "workload": [{"count": 3, "arrivals": {"at-once": {}}, "duration": "10s"}], "policies": {"accounting": ")" +
                                 GetParam() + R"("}})");
  for (const auto& run : runs) {
    EXPECT_EQ(run.at("jobs_completed"), 3);
    EXPECT_LT(run.at("makespan_s"), 40);
  }
}

TEST_P(ClearingCounter, OverfillsNoWorkerHoweverLateTheAnswers) {
  const auto runs =
      runs_of_text(R"({"duration": "20m", "cluster": {"hosts": [{"name": "a", "cpus": 2}, {"name": "b", "cpus": 8}],
    "stores": {"redis": {"latency": {"exponential": {"mean": "0.5s"}}}, "postgres": {"commit": {"exponential": {"mean": "0.3s"}}}}},
    "workload": [{"arrivals": {"poisson": {"rate": "1/s"}}, "duration": {"exponential": {"mean": "6s"}}}],
    "policies": {"accounting": ")" +
                   GetParam() + R"("}})");
  for (const auto& run : runs) EXPECT_GT(run.at("jobs_completed"), 200);
}

TEST_P(ClearingCounter, TakesWorkersWithoutALimit) {
  const auto runs = runs_of_text(R"({"cluster": {"hosts": [{"name": "n", "count": 5000}]},
    "pools": [{"name": "p", "slots_per_worker": "unlimited"}],
    "workload": [{"count": 2, "arrivals": {"at-once": {}}, "duration": "1s"}], "policies": {"accounting": ")" +
                                 GetParam() + R"("}})");
  for (const auto& run : runs) EXPECT_EQ(run.at("jobs_completed"), 2);
}

INSTANTIATE_TEST_SUITE_P(Both, ClearingCounter, ::testing::Values("atomic-counter", "reserve-confirm"),
                         [](const auto& param) {
                           return param.param == "atomic-counter" ? std::string("atomic") : std::string("reserve");
                         });

TEST(Suspicion, EndsWithTheKeyThatIsBack) {
  const auto runs = runs_of_text(R"({"duration": "1h", "cluster": {"hosts": [{"name": "n"}]},
    "control_plane": {"mode": "cycle", "cycle": "7s", "mass_expiry_hold": "6500ms"},
    "workload": [{"arrivals": {"deterministic": {"interval": "10s"}}, "duration": "2s"}], "policies": {"liveness": "ttl"},
    "faults": [{"type": "worker-key-eviction", "at": "83s"}]})");
  for (const auto& run : runs) EXPECT_GT(run.at("jobs_completed"), 340);
}

TEST(Suspicion, IsNotAboutDeathWhileNobodyCanLook) {
  const auto runs =
      runs_of_text(R"({"duration": "1h", "cluster": {"hosts": [{"name": "n"}]}, "control_plane": {"mode": "cycle",
    "self_fencing": false}, "workload": [{"arrivals": {"at-once": {"at": "80s"}}, "count": 1, "duration": "10m"}],
    "policies": {"liveness": "ttl"},
    "faults": [{"type": "worker-key-eviction", "at": "83s"}, {"type": "redis-outage", "at": "86s", "for": "114s"}]})");
  for (const auto& run : runs) EXPECT_EQ(run.at("attempts_lost"), 0);
}

TEST(Cycle, WaitsForAReadingThatTakesTime) {
  const auto runs = runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}], "stores": {"redis": {"latency": "1ms"}}},
    "control_plane": {"mode": "cycle"}, "workload": [{"count": 2, "arrivals": {"at-once": {}}, "duration": "2s"}],
    "policies": {"liveness": "ttl"}})");
  for (const auto& run : runs) EXPECT_EQ(run.at("jobs_completed"), 2);
}

// In event mode too, where a scenario says so: a worker whose key is lost is not believed to be dead at once.
TEST(Event, ReadsTheRegistryWhereItIsToldTo) {
  const auto runs = runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}]},
    "control_plane": {"mode": "event", "registry_reading": "5s", "mass_expiry_hold": "1m"},
    "workload": [{"count": 2, "arrivals": {"at-once": {}}, "duration": "100s"}], "policies": {"liveness": "ttl"},
    "faults": [{"type": "worker-key-eviction", "at": "32s"}]})");
  for (const auto& run : runs) {
    EXPECT_EQ(run.at("jobs_completed"), 2);
    EXPECT_EQ(run.at("attempts_lost"), 0);
  }
}

TEST(Children, MakeRoomBesideWhatWasGivenUp) {
  const auto runs = runs_of_text(R"({"duration": "10m", "cluster": {"hosts": [{"name": "n"}]},
    "control_plane": {"mode": "cycle", "self_fencing": false, "mass_expiry_guard": false},
    "pools": [{"name": "p", "slots_per_worker": 1, "max_tasks_per_child": 3}],
    "workload": [{"count": 2, "arrivals": {"at-once": {}}, "duration": "100s"}], "policies": {"liveness": "ttl"},
    "faults": [{"type": "worker-key-eviction", "at": "32s"}]})");
  for (const auto& run : runs) EXPECT_EQ(run.at("jobs_completed"), 2);
}

TEST(Duration, MayCutOffTheLastRelease) {
  (void)runs_of_text(
      R"({"duration": "6500ms", "cluster": {"hosts": [{"name": "n"}], "stores": {"postgres": {"commit": "1s"}}},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "5s"}]})");
}

}  // namespace
}  // namespace drydock::scenarios

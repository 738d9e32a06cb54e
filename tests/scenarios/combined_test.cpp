// What went wrong where several parts of the control plane meet, as scenarios of a few lines.
#include "tests/scenarios/runs.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::combined_test {
namespace {

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

// All servers are busy with long jobs when Redis comes back from before they began: no update meets the outage, nor any later.
class OldSnapshot : public ::testing::TestWithParam<std::string> {};
TEST_P(OldSnapshot, IsNoticedThoughNoUpdateMeetsIt) {
  const auto runs = runs_of_text(R"({"duration": "2h", "cluster": {"hosts": [{"name": "n", "count": 4, "cpus": 8}],
    "stores": {"redis": {"latency": "1ms"}, "postgres": {"commit": "4ms", "query": "60ms"}}},
    "control_plane": {"mode": "cycle", "cycle": "5s"},
    "workload": [{"arrivals": {"at-once": {"at": "20m"}}, "count": 20, "duration": "3h"}],
    "policies": {"liveness": "ttl", "accounting": {"type": ")" +
                                 GetParam() + R"(", "resync": "0s"}},
    "faults": [{"type": "redis-restart", "at": "3662s", "for": "5s", "snapshot_age": "1h"}]})");
  for (const auto& run : runs) {
    EXPECT_GE(run.at("drift.abs_max"), 20);
    EXPECT_LT(run.at("drift.time_avg_abs") * 7200, 20 * 15.0);  // cpus x s: right again within two cycles after the outage
  }
}
INSTANTIATE_TEST_SUITE_P(Safe, OldSnapshot,
                         ::testing::Values("fenced-counter", "atomic-counter", "reserve-confirm", "outbox"),
                         [](const auto& param) { return param.param.substr(0, param.param.find('-')); });

TEST(Duration, MayCutOffTheLastRelease) {
  (void)runs_of_text(
      R"({"duration": "6500ms", "cluster": {"hosts": [{"name": "n"}], "stores": {"postgres": {"commit": "1s"}}},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "5s"}]})");
}

}  // namespace
}  // namespace drydock::scenarios::combined_test

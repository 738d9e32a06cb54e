// Figures that were wrong once.
#include "tests/scenarios/runs.hpp"

#include <gtest/gtest.h>

namespace drydock::scenarios::figures_test {
namespace {

// The second crash comes before anybody has read that the worker is back (at 112 s): it is known when that key expires.
TEST(Figures, TheDeathOfAWorkerThatIsReadLaterIsDetectedThen) {
  for (const auto& run : runs_of_text(R"({"duration": "600s", "cluster": {"hosts": [{"name": "node"}]},
      "control_plane": {"mode": "cycle", "cycle": "7s"},
      "workload": [{"count": 1, "arrivals": {"at-once": {"at": "100s"}}, "duration": "1s"}],
      "faults": [{"type": "worker-crash", "at": "10s", "for": "100s"}, {"type": "worker-crash", "at": "111s", "for": "300s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "20s", "ttl": "90s"}}})")) {
    EXPECT_NEAR(run.at("detection_s.mean"), (81 + 92) / 2.0, 0.01);
    EXPECT_NEAR(run.at("detection_s.max"), 92, 0.1);
  }
}

// The training ends when the run does, which is a due time as well: that one does not fire.
TEST(Figures, NothingFiresAtTheEndOfARun) {
  for (const auto& run : runs_of_text(R"({"duration": "2h", "cluster": {"hosts": [{"name": "s"}]},
      "workload": [{"name": "training", "count": 1, "arrivals": {"at-once": {}}, "duration": "2h"},
                   {"name": "metrics", "every": "60s", "first": "60s", "duration": "5s"}]})")) {
    EXPECT_EQ(run.at("periodic_missed"), 0);
    EXPECT_EQ(run.at("jobs_submitted"), 1 + 119);
  }
}

}  // namespace
}  // namespace drydock::scenarios::figures_test

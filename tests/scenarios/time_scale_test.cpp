// A scenario whose time runs faster is the same one, where stores and network take no time.
#include "tests/scenarios/runs.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::time_scale_test {
namespace {

// Everything that takes time by itself: arrivals, durations, cycles, leases, crashes, retries, periodic jobs, sessions.
std::string busy(int scale) {
  return R"({"time_scale": )" + std::to_string(scale) + R"(, "duration": "2d",
    "cluster": {"hosts": [{"name": "node", "count": 6, "cpus": 2},
                          {"name": "short", "count": 2, "sessions": {"max": "5h", "quota": {"time": "30h"}, "startup": "90s"}}]},
    "control_plane": {"mode": "cycle"},
    "queues": [{"name": "default"}],
    "pools": [{"name": "main", "hosts": ["node", "short"], "queues": ["default"], "slots_per_worker": 2}],
    "workload": [
      {"count": 2000, "arrivals": {"poisson": {"rate": "45/h"}}, "cycle": {"period": "1d", "factors": [0.5, 1.5]},
       "duration": {"lognormal": {"mean": "14m", "cv": 1.5}}, "estimate": {"factor": {"uniform": {"low": 1, "high": 3}}}},
      {"name": "metrics", "every": "10m", "duration": "20s"}],
    "faults": [{"type": "worker-crash", "mtbf": "9h", "mttr": "20m"}, {"type": "redis-outage", "at": "5h", "for": "10m"},
               {"type": "message-delay", "between": ["workers", "redis"], "delay": {"exponential": {"mean": "2s"}}}],
    "policies": {"placement": "easy", "liveness": {"type": "ttl", "heartbeat": "20s", "ttl": "65s"}, "retry": "exponential"}})";
}

TEST(TimeScaleRuns, GiveTheSameInLessTime) {
  const auto as_written = runs_of_text(busy(1));
  const auto faster = runs_of_text(busy(50));
  ASSERT_EQ(as_written.size(), faster.size());
  for (std::size_t i = 0; i < faster.size(); ++i) {
    for (const char* count : {"jobs_submitted", "jobs_completed", "false_expiries"}) {
      EXPECT_EQ(as_written[i].at(count), faster[i].at(count)) << count << ", seed " << i + 1;
    }
    for (const char* time : {"wait_s.mean", "wait_s.max", "response_s.mean", "detection_s.mean", "makespan_s"}) {
      EXPECT_NEAR(as_written[i].at(time) / 50, faster[i].at(time), 1e-4 * faster[i].at(time)) << time << ", seed " << i + 1;
    }
    EXPECT_NEAR(as_written[i].at("utilization"), faster[i].at("utilization"), 1e-4);
  }
}

}  // namespace
}  // namespace drydock::scenarios::time_scale_test

// Hosts that stand still or are slow, stores that are slow or busy, workers that ask and that beat between their jobs: to the
// nanosecond, in scenarios of a few lines.
#include "tests/scenarios/runs.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::troubles_test {
namespace {

// One job of 100 s on one core from the start on, and these faults.
std::string one_job(const std::string& faults) {
  return R"({"cluster": {"hosts": [{"name": "n"}]}, "workload": [{"arrivals": {"at-once": {}}, "count": 1, "duration": "100s"}],
    "faults": [)" +
         faults + "]}";
}

TEST(WorkerPause, DelaysWhatRuns) {
  for (const auto& run : runs_of_text(one_job(R"({"type": "worker-pause", "at": "30s", "for": "20s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 120);
    EXPECT_EQ(run.at("attempts_lost"), 0);
    EXPECT_DOUBLE_EQ(run.at("utilization"), 100.0 / 120);
  }
  // One after the other, and one within the other.
  for (const auto& run : runs_of_text(one_job(R"({"type": "worker-pause", "at": "30s", "for": "20s"},
      {"type": "worker-pause", "at": "50s", "for": "20s"}, {"type": "worker-pause", "at": "55s", "for": "5s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 140);
  }
}

TEST(WorkerPause, KeepsAJobThatComesMeanwhileWaiting) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}]},
      "workload": [{"arrivals": {"at-once": {"at": "20s"}}, "count": 1, "duration": "100s"}],
      "faults": [{"type": "worker-pause", "target": "n", "at": "10s", "for": "30s"}]})")) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 20);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 140);
  }
}

TEST(WorkerPause, ObeysNoOrderBeforeItsEnd) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}]},
      "queues": [{"name": "low"}, {"name": "high", "priority": 1}],
      "workload": [{"queue": "low", "arrivals": {"at-once": {}}, "count": 1, "duration": "100s"},
                   {"queue": "high", "arrivals": {"at-once": {"at": "20s"}}, "count": 1, "duration": "5s"}],
      "policies": {"placement": {"type": "priority", "preemptive": true}},
      "faults": [{"type": "worker-pause", "at": "10s", "for": "30s"}]})")) {
    EXPECT_DOUBLE_EQ(run.at("per_queue.high.wait_s.mean"), 20);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 135);
  }
}

std::string beating(const std::string& pause) {
  return R"({"duration": "10m", "cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"arrivals": {"at-once": {}}, "count": 1, "duration": "100s"}],
    "policies": {"liveness": {"type": "ttl", "heartbeat": "30s", "ttl": "60s"}}, "faults": [{"type": "worker-pause", )" +
         pause + "}]}";
}

TEST(WorkerPause, IsAFalseExpiryWhenALeaseEndsInIt) {
  const auto expiries = [](const std::string& pause) {
    const auto runs = runs_of_text(beating(pause));
    return runs.empty() ? -1 : runs.front().at("false_expiries");
  };
  EXPECT_EQ(expiries(R"("at": "59s", "for": "31s")"), 0);  // the beat of 30 s holds until 90 s
  EXPECT_EQ(expiries(R"("at": "59s", "for": "32s")"), 1);
  EXPECT_EQ(expiries(R"("at": "61s", "for": "58s")"), 0);  // that of 60 s until 120 s
  EXPECT_EQ(expiries(R"("at": "61s", "for": "60s")"), 1);
}

TEST(WorkerSlow, TakesAsMuchLongerAsItIsSlow) {
  for (const auto& run : runs_of_text(one_job(R"({"type": "worker-slow", "speed": 0.5, "at": "10s", "for": "40s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 120);
  }
  for (const auto& run : runs_of_text(one_job(R"({"type": "worker-slow", "speed": 0.5, "at": "10s"},
      {"type": "worker-slow", "speed": 0.5, "at": "20s", "for": "20s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 10 + 10 + 20 + 2 * 80);  // of the work: 10, 5, 5, 80
  }
}

TEST(RedisSlow, IsAFalseExpiryWhenABeatComesLate) {
  for (const auto& run : runs_of_text(R"({"duration": "5m", "cluster": {"hosts": [{"name": "n"}],
        "stores": {"redis": {"latency": "1ms"}}},
      "workload": [{"arrivals": {"at-once": {}}, "count": 1, "duration": "10s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "15s"}},
      "faults": [{"type": "redis-slow", "factor": 10000, "at": "99s", "for": "60s"}]})")) {
    EXPECT_EQ(run.at("false_expiries"), 1);
  }
}

// Two workers of 3 cpus, two jobs of 2 cpus and one of 2: by totals there is room for all three.
TEST(AggregateAdmission, LooksAtTotalsAlone) {
  const auto text = [](const std::string& admission) {
    return R"({"cluster": {"hosts": [{"name": "n", "count": 2, "cpus": 3}]},
      "control_plane": {"mode": "cycle", "cycle": "5s", "admission": ")" +
           admission +
           R"("}, "workload": [{"arrivals": {"at-once": {"at": "1s"}}, "count": 4, "cpus": 2, "duration": "60s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "30s"}, "accounting": "database"}})";
  };
  for (const auto& run : runs_of_text(text("per-worker"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 5 + 120);
    EXPECT_FALSE(run.contains("overcommitted_cpu_s"));
  }
  // Three at 5 s: two on one worker, each at 3/4 of its speed, for 80 s; the one alone is done after 60 s, at 65 s, and the
  // fourth follows it in that cycle.
  for (const auto& run : runs_of_text(text("aggregate"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 125);
    EXPECT_DOUBLE_EQ(run.at("overcommitted_cpu_s"), 80);
    EXPECT_EQ(run.at("overallocated_cpu_s"), 0);
    EXPECT_DOUBLE_EQ(run.at("wait_s.max"), 64);
  }
}

// The database is away when the total is asked for: nobody starts anything, until a cycle knows it again.
TEST(AggregateAdmission, StartsNothingUnlessTheTotalIsKnown) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n", "cpus": 2}]},
      "control_plane": {"mode": "cycle", "cycle": "5s", "admission": "aggregate"},
      "workload": [{"arrivals": {"at-once": {"at": "1s"}}, "count": 1, "duration": "60s"}],
      "policies": {"accounting": "database"}, "faults": [{"type": "database-outage", "at": "2s", "for": "20s"}]})")) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 24);
  }
}

// Two commits, half a second apart.
std::string two_commits(const std::string& postgres, const std::string& faults) {
  return R"({"cluster": {"hosts": [{"name": "n", "cpus": 2}], "stores": {"postgres": {"commit": "1s")" + postgres + R"(}}},
    "workload": [{"arrivals": {"at-once": {}}, "count": 1, "duration": "10s"},
                 {"arrivals": {"at-once": {"at": "500ms"}}, "count": 1, "duration": "10s"}], "faults": [)" +
         faults + "]}";
}

TEST(Postgres, LetsOrdersWaitForAConnection) {
  for (const auto& run : runs_of_text(two_commits("", ""))) EXPECT_DOUBLE_EQ(run.at("wait_s.max"), 1);
  for (const auto& run : runs_of_text(two_commits(R"(, "connections": 1)", ""))) {
    EXPECT_NEAR(run.at("wait_s.max"), 1.5, 1e-9);
  }
}

TEST(DatabaseSlow, DelaysCommits) {
  const std::string slow = R"({"type": "database-slow", "factor": 3, "at": "250ms", "for": "1s"})";
  for (const auto& run : runs_of_text(two_commits("", slow))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.p50"), 1);
    EXPECT_NEAR(run.at("wait_s.max"), 3, 1e-9);
  }
}

// A reading of 50 keys at 1 ms each, of which half the time goes to heartbeats: 50 workers, one beat a second, 10 ms each.
TEST(Redis, CarriesOutOrdersOneAfterAnother) {
  const std::string text = R"({"duration": "60s", "cluster": {"hosts": [{"name": "n", "count": 50}],
        "stores": {"redis": {"latency": "1ms", "service": "10ms"}}},
      "control_plane": {"mode": "cycle", "cycle": "5s"},
      "workload": [{"arrivals": {"at-once": {"at": "20s"}}, "count": 1, "duration": "10s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "1s", "ttl": "30s"}}})";
  for (const auto& run : runs_of_text(text)) EXPECT_NEAR(run.at("wait_s.mean"), 50 * 0.010 / 0.5 + 0.002, 1e-6);
}

TEST(Poll, CostsHalfAPeriodOnAverage) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}]}, "pools": [{"name": "p", "poll": "5s"}],
      "workload": [{"arrivals": {"deterministic": {"interval": "7.3s"}}, "count": 500, "duration": "1s"}]})")) {
    EXPECT_NEAR(run.at("wait_s.mean"), 2.5, 0.06);
    EXPECT_LE(run.at("wait_s.max"), 5);
  }
}

std::string busy_worker(const std::string& heartbeats) {
  return R"({"duration": "200s", "cluster": {"hosts": [{"name": "n"}]}, "control_plane": {"mode": "cycle", "cycle": "1s"},
      "pools": [{"name": "p", "slots_per_worker": 1, "heartbeats": ")" +
         heartbeats + R"("}], "workload": [{"arrivals": {"at-once": {"at": "5s"}}, "count": 1, "duration": "60s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "20s"}}})";
}

TEST(Heartbeats, FromTheMainLoopWaitForTheJob) {
  for (const auto& run : runs_of_text(busy_worker("thread"))) {
    EXPECT_EQ(run.at("jobs_completed"), 1);
    EXPECT_EQ(run.at("false_expiries"), 0);
  }
  // Declared dead at 20 s, back at 65 s, and so on: 65 to 85 and 125 s, 125 to 145 and 185 s.
  for (const auto& run : runs_of_text(busy_worker("main-loop"))) {
    EXPECT_EQ(run.at("jobs_completed"), 0);
    EXPECT_EQ(run.at("false_expiries"), 3);
    EXPECT_DOUBLE_EQ(run.at("wasted_cpu_s"), 3 * 60);
  }
}

}  // namespace
}  // namespace drydock::scenarios::troubles_test

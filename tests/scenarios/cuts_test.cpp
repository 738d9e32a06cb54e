// Workers that are cut off, asked to end, or talked to badly; clocks that are wrong; a Redis that another takes the place of.
#include "tests/scenarios/runs.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::cuts_test {
namespace {

constexpr std::uint64_t kSeeds = 6;

TEST(Partition, AWorkerThatIsNotHeardIsGivenUpAndHasEndedByThen) {
  const auto runs = runs_of("partition", kSeeds);  // which checks that nothing is declared dead while it runs
  for (const char* variant : {"both", "to-redis"}) {
    for (const Metrics& run : runs.at(variant)) {
      EXPECT_EQ(run.at("false_expiries"), 1) << variant;
      EXPECT_GT(run.at("attempts_lost"), 5) << variant;
    }
    const double unfenced = mean_of(runs.at(std::string(variant) + "-unfenced"), "wasted_cpu_s");
    EXPECT_GT(unfenced, 1.3 * mean_of(runs.at(variant), "wasted_cpu_s")) << variant;
  }
}

TEST(Partition, AWorkerThatHearsNothingIsTrustedAndEndsAllTheSame) {
  const auto runs = runs_of("partition", kSeeds);
  for (const Metrics& run : runs.at("from-redis")) {
    EXPECT_EQ(run.at("false_expiries"), 0);
    EXPECT_GT(run.at("attempts_lost"), 5);
    EXPECT_GT(run.at("wasted_cpu_s"), 0);
  }
  for (const Metrics& run : runs.at("from-redis-unfenced")) {
    EXPECT_EQ(run.at("false_expiries"), 0);
    EXPECT_EQ(run.at("attempts_lost"), 0);
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
  }
  // What it is sent waits for the end of the cut, though others have room.
  for (const char* variant : {"from-redis", "from-redis-unfenced"}) {
    EXPECT_GT(mean_of(runs.at(variant), "wait_s.max"), 300) << variant;
  }
  EXPECT_LT(mean_of(runs.at("none"), "wait_s.max"), 60);
}

TEST(WorkerUpgrade, WhoIsAskedLosesNothing) {
  const auto runs = runs_of("worker-upgrade", kSeeds);
  for (const auto& [variant, metrics] : runs) {
    for (const Metrics& run : metrics) EXPECT_EQ(run.at("jobs_completed"), 3000) << variant;
  }
  for (const Metrics& run : runs.at("asked")) {
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
    EXPECT_EQ(run.at("attempts_lost"), 0);
  }
  EXPECT_GT(mean_of(runs.at("given-10s"), "wasted_cpu_s"), 0);
  EXPECT_GT(mean_of(runs.at("killed"), "wasted_cpu_s"), mean_of(runs.at("given-10s"), "wasted_cpu_s"));
}

// --- to the nanosecond ---

std::string one_job(const std::string& faults, const std::string& plane = "{}") {
  return R"({"cluster": {"hosts": [{"name": "n"}]}, "control_plane": )" + plane + R"(,
    "workload": [{"arrivals": {"at-once": {"at": "20s"}}, "count": 1, "duration": "100s"}],
    "faults": [)" +
         faults + "]}";
}

std::string cut(const std::string& direction, const std::string& at, const std::string& lasting) {
  return fmt::format(R"({{"type": "worker-cut", "direction": "{}", "at": "{}", "for": "{}"}})", direction, at, lasting);
}

TEST(WorkerCut, ReportsAndOrdersWaitForItsEnd) {
  for (const auto& run : runs_of_text(one_job(cut("to-redis", "110s", "30s")))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 140) << "ended at 120 s, told at 140 s";
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 0);
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
  }
  for (const auto& run : runs_of_text(one_job(cut("from-redis", "10s", "30s")))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 20);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 140);
  }
  for (const auto& run : runs_of_text(one_job(cut("from-redis", "110s", "30s")))) EXPECT_EQ(run.at("makespan_s"), 120);
}

TEST(WorkerCut, AnOrderToStopWaitsForItsEnd) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n"}]},
      "queues": [{"name": "low"}, {"name": "high", "priority": 1}],
      "workload": [{"queue": "low", "arrivals": {"at-once": {}}, "count": 1, "duration": "100s"},
                   {"queue": "high", "arrivals": {"at-once": {"at": "20s"}}, "count": 1, "duration": "5s"}],
      "policies": {"placement": {"type": "priority", "preemptive": true}}, "faults": [)" +
                                      cut("both", "10s", "30s") + "]}")) {
    EXPECT_DOUBLE_EQ(run.at("per_queue.high.wait_s.mean"), 20);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 105);
  }
}

// Ended at 120 s, while nobody hears of it; then its host dies, with the result.
TEST(WorkerCut, AResultThatNobodyHeardIsLostWithItsWorker) {
  for (const auto& run :
       runs_of_text(one_job(cut("to-redis", "110s", "60s") + R"(, {"type": "worker-crash", "at": "130s", "for": "10s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 140 + 100);
    EXPECT_DOUBLE_EQ(run.at("wasted_cpu_s"), 100);
  }
}

// The lease of 30 s ends, the job runs again on the other worker, and ends there before the cut does: its first result is refused.
TEST(WorkerCut, AResultThatComesTooLateIsRefused) {
  for (const auto& run : runs_of_text(R"({"duration": "3m", "cluster": {"hosts": [{"name": "n", "count": 2}]},
      "control_plane": {"mode": "cycle", "cycle": "1s", "mass_expiry_guard": false},
      "workload": [{"arrivals": {"at-once": {"at": "1s"}}, "count": 1, "duration": "15s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "30s"}},
      "faults": [{"type": "worker-cut", "target": "n-0", "at": "5s", "for": "100s"}]})")) {
    EXPECT_EQ(run.at("jobs_completed"), 1);
    EXPECT_DOUBLE_EQ(run.at("wasted_cpu_s"), 15);
    EXPECT_NEAR(run.at("response_s.max"), 30 + 15, 1.5);
  }
}

TEST(WorkerStop, FinishesWhatRunsAndTakesNothingNew) {
  const std::string stop = R"({"type": "worker-stop", "at": "50s", "for": "10s")";
  for (const auto& run : runs_of_text(one_job(stop + "}"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 120);
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
  }
  // Ended at 80 s, with 60 s of work, and there again at 90 s.
  for (const auto& run : runs_of_text(one_job(stop + R"(, "grace": "30s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 190);
    EXPECT_DOUBLE_EQ(run.at("wasted_cpu_s"), 60);
  }
  // Idle, it leaves at once; the job of 20 s waits for the next start.
  for (const auto& run : runs_of_text(one_job(R"({"type": "worker-stop", "at": "10s", "for": "30s"})"))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 20);
  }
}

TEST(WorkerStop, IsNoDeathThatSomebodyHasToDetect) {
  const std::string plane = R"({"mode": "cycle", "cycle": "5s"})";
  for (const auto& run :
       runs_of_text(R"({"duration": "10m", "cluster": {"hosts": [{"name": "n", "count": 4}]}, "control_plane": )" + plane +
                    R"(, "workload": [{"arrivals": {"at-once": {}}, "count": 1, "duration": "10s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "30s"}},
      "faults": [{"type": "worker-stop", "at": "60s", "for": "7s"}]})")) {
    EXPECT_EQ(run.at("false_expiries"), 0);
    EXPECT_EQ(run.at("attempts_lost"), 0);
    EXPECT_DOUBLE_EQ(run.at("availability"), 1 - 7.0 / 600);
  }
}

std::string message_fault(const std::string& type, const std::string& rest) {
  return R"({"type": ")" + type + R"(", "between": ["workers", "redis"], )" + rest + "}";
}

TEST(MessageDelay, IsAddedToOrdersAndReports) {
  for (const auto& run :
       runs_of_text(one_job(message_fault("message-delay", R"("delay": "3s", "kinds": ["dispatches"])")))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 3);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 123);
  }
  for (const auto& run : runs_of_text(one_job(message_fault("message-delay", R"("delay": "3s", "kinds": ["reports"])")))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 0);
    EXPECT_DOUBLE_EQ(run.at("makespan_s"), 123);
  }
}

TEST(MessageLoss, OfOrdersAndReportsIsMadeGoodByRepetition) {
  const std::string window = R"("probability": 1, "at": "20s", "for": "1s", "kinds": ["dispatches"])";
  for (const auto& run : runs_of_text(one_job(message_fault("message-loss", window)))) {
    EXPECT_DOUBLE_EQ(run.at("wait_s.mean"), 1.5) << "said again after 0.5 s and 1 s more";
  }
}

// Each beat comes late and each thing twice: the same jobs end, once.
TEST(MessageRepeat, ChangesNothing) {
  const std::string plain =
      R"({"cluster": {"hosts": [{"name": "n", "count": 3}]}, "control_plane": {"mode": "cycle", "cycle": "1s"},
    "workload": [{"arrivals": {"poisson": {"rate": "0.5/s"}}, "count": 200, "duration": {"exponential": {"mean": "4s"}},
                  "failure_probability": 0.2}],
    "policies": {"liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "30s"}, "retry": {"type": "fixed"},
                 "accounting": {"type": "atomic-counter"}}, "faults": [)";
  const auto once = runs_of_text(plain + "]}");
  const auto twice =
      runs_of_text(plain + message_fault("message-repeat", R"("delay": {"uniform": {"low": "1ms", "high": "20s"}})") + "]}");
  ASSERT_EQ(once.size(), twice.size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    for (const char* metric : {"jobs_completed", "jobs_failed", "makespan_s", "wait_s.mean", "retries", "attempts_lost"}) {
      EXPECT_EQ(once[i].at(metric), twice[i].at(metric)) << metric;
    }
  }
}

std::string skewed(const std::string& expiry, const std::string& skew) {
  return R"({"duration": "10m", "cluster": {"hosts": [{"name": "n", "count": 4}]}, "control_plane": {"mode": "cycle", "cycle": "5s"},
    "workload": [{"arrivals": {"poisson": {"rate": "0.1/s"}}, "duration": "20s"}],
    "policies": {"liveness": {"type": "ttl", "heartbeat": "20s", "ttl": "60s", "expiry": ")" +
         expiry + R"("}}, "faults": [)" + skew + "]}";
}

// The journals of the runs under seeds 1 to 5.
std::vector<std::uint64_t> journals_of(const std::string& text) {
  const auto loaded = load_text(text, "skew.json", "");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  std::vector<sim::RunRequest> requests;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    requests.push_back({.scenario = &loaded.value().front(), .seed = seed, .options = {.check = true, .journal = {}}});
  }
  const std::atomic<bool> stop{false};
  std::vector<std::uint64_t> hashes;
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    EXPECT_FALSE(run.error) << *run.error;
    hashes.push_back(run.journal_hash);
  }
  return hashes;
}

TEST(ClockSkew, AnOffsetMattersOnlyWhereClocksAreCompared) {
  const std::string skew = R"({"type": "clock-skew", "target": "n-1", "offset": "-70s"})";
  const auto right = journals_of(skewed("store", ""));
  EXPECT_EQ(right, journals_of(skewed("store", skew)));
  EXPECT_EQ(right, journals_of(skewed("wall-clock", "")));
  EXPECT_NE(right, journals_of(skewed("wall-clock", skew)));
  for (const Metrics& run : runs_of_text(skewed("wall-clock", skew))) EXPECT_EQ(run.at("false_expiries"), 1);
}

// A worker that is cut off, with a clock at half speed, goes on for 48 s after its lease is over: it runs what others run again.
TEST(ClockSkew, ASlowClockBreaksSelfFencing) {
  const auto text = [](const std::string& rate) {
    return R"({"duration": "20m", "cluster": {"hosts": [{"name": "n", "count": 4}]},
      "control_plane": {"mode": "cycle", "cycle": "5s", "fencing_margin": "6s"},
      "workload": [{"arrivals": {"at-once": {"at": "1s"}}, "count": 4, "duration": "15m"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "20s", "ttl": "60s"}},
      "faults": [{"type": "worker-cut", "target": "n-1", "at": "70s", "for": "10m"},
                 {"type": "clock-skew", "target": "n-1", "rate": )" +
           rate + "}]}";
  };
  const auto wasted = [](const std::string& scenario, std::uint64_t violations) {
    const auto loaded = load_text(scenario, "skew.json", "");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    const sim::RunRequest request{.scenario = &loaded.value().front(), .seed = 1, .options = {.check = true, .journal = {}}};
    const std::atomic<bool> stop{false};
    const auto result = sim::run_all({&request, 1}, 1, stop, {}).front();
    EXPECT_FALSE(result.error) << *result.error;
    EXPECT_EQ(result.violation_count, violations);
    return result.metrics.at("wasted_cpu_s");
  };
  EXPECT_NEAR(wasted(text("1"), 0), 60 + 54 - 5, 6);
  EXPECT_NEAR(wasted(text("0.95"), 0), 60 + 57 - 5, 6);
  EXPECT_NEAR(wasted(text("0.5"), 1), 40 + 2 * 54 - 5, 6);
}

// A replica that has all but the last second: nothing is run again, and the counter is right again at the next commit.
TEST(RedisFailover, LosesNothingButTime) {
  for (const auto& run : runs_of_text(R"({"cluster": {"hosts": [{"name": "n", "count": 4, "cpus": 4}],
        "stores": {"redis": {"latency": "1ms"}}},
      "control_plane": {"mode": "cycle", "cycle": "2s"},
      "workload": [{"arrivals": {"poisson": {"rate": "0.5/s"}}, "count": 300, "duration": {"exponential": {"mean": "20s"}}}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "5s", "ttl": "20s"},
                   "accounting": {"type": "fenced-counter", "resync": "30s"}},
      "faults": [{"type": "redis-failover", "at": "100s", "for": "4s", "lag": "2s"},
                 {"type": "redis-failover", "at": "300s", "for": "10s", "lag": "4s"}]})")) {
    EXPECT_EQ(run.at("jobs_completed"), 300);
    EXPECT_EQ(run.at("attempts_lost"), 0);
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
  }
}

}  // namespace
}  // namespace drydock::scenarios::cuts_test

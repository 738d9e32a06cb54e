// "time_scale": what is divided, what is multiplied, and what stays.
#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <variant>
#include <vector>

namespace drydock::scenarios::time_scale_test {
namespace {

using namespace std::chrono_literals;

Scenario loaded(const std::string& text, const std::filesystem::path& base = "") {
  auto scenarios = load_text(text, "scaled.json", base);
  EXPECT_TRUE(scenarios.ok()) << scenarios.error().message;
  return scenarios.ok() ? std::move(scenarios.value().front()) : Scenario{};
}

TEST(TimeScale, DividesWhatIsWrittenAndWhatIsNot) {
  const Scenario scenario = loaded(R"({"time_scale": 60, "duration": "1h",
    "cluster": {"hosts": [{"name": "node", "count": 3, "cost_per_hour": 0.5,
                           "sessions": {"max": "9h", "quota": {"time": "30h"}, "calendar": [{"from": "Mon 00:00", "to": "Tue 12:00"}]}}],
                "network": {"latency": "3ms"},
                "stores": {"redis": {"latency": "2ms"}, "postgres": {"commit": "6ms"}}},
    "control_plane": {"mode": "cycle"},
    "workload": [{"count": 3, "arrivals": {"poisson": {"rate": "2/h"}}, "duration": {"exponential": {"mean": "30m"}}},
                 {"name": "beat", "every": "1m", "duration": "6s"}],
    "faults": [{"type": "worker-crash", "at": "10m", "for": "2m"}, {"type": "clock-skew", "offset": "-90s"}],
    "policies": {"liveness": {"type": "ttl", "ttl": "90s"}, "retry": {"type": "fixed", "delay": "6s"}}})");
  EXPECT_EQ(scenario.time_scale, 60);
  EXPECT_EQ(scenario.duration, 1min);
  EXPECT_EQ(scenario.liveness.get<Duration>("ttl"), 1500ms);
  EXPECT_EQ(scenario.liveness.get<Duration>("heartbeat"), 500ms) << "30 s when absent";
  EXPECT_EQ(scenario.scheduler.retry.get<Duration>("delay"), 100ms);
  EXPECT_EQ(scenario.scheduler.control_plane.period, Duration{5s} / 60) << "5 s when absent";
  const auto& source = std::get<SyntheticSource>(scenario.workload.front());
  EXPECT_DOUBLE_EQ(std::get<PoissonArrivals>(source.arrivals).rate, 2.0 / 60);
  EXPECT_DOUBLE_EQ(std::get<Exponential>(*source.duration).mean, 30);
  const SessionRules& sessions = *scenario.hosts.front().sessions;
  EXPECT_EQ(sessions.longest, 9min);
  EXPECT_EQ(sessions.quota->time, 30min);
  EXPECT_EQ(sessions.quota->period, 168min);
  EXPECT_EQ(sessions.week, 168min);
  EXPECT_EQ(sessions.windows.front().length, 36min);
  EXPECT_DOUBLE_EQ(scenario.hosts.front().cost_per_hour, 30) << "the bill is the same";
}

TEST(TimeScale, LeavesStoresAndNetworkAlone) {
  const Scenario scenario = loaded(R"({"time_scale": 60,
    "cluster": {"hosts": [{"name": "node"}], "network": {"latency": "3ms"},
                "stores": {"redis": {"latency": "2ms"}, "postgres": {"commit": {"exponential": {"mean": "6ms"}}}}},
    "workload": [{"count": 1, "arrivals": {"at-once": {"at": "1m"}}, "duration": "1m"}]})");
  EXPECT_EQ(scenario.network.latency, 3ms);
  EXPECT_DOUBLE_EQ(std::get<Deterministic>(*scenario.registry_latency).value, 0.002);
  EXPECT_DOUBLE_EQ(std::get<Exponential>(*scenario.commit_latency).mean, 0.006);
  EXPECT_EQ(std::get<AtOnce>(std::get<SyntheticSource>(scenario.workload.front()).arrivals).at, 1s)
      << "scaled again after that";
}

TEST(TimeScale, MultipliesLimitsPerMinuteButNotAtATime) {
  const Scenario scenario = loaded(R"({"time_scale": 10, "cluster": {"hosts": [{"name": "node", "count": 4}]},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "requests": {"count": 9, "duration": "2s", "tokens": 100}}],
    "limits": {"concurrency": 40, "requests_per_minute": 800, "tokens_per_minute": 40000, "base": {"requests_per_minute": 200}}})");
  EXPECT_EQ(scenario.limits->shares.total.concurrency, 40);
  EXPECT_EQ(scenario.limits->shares.total.requests_per_minute, 8000);
  EXPECT_EQ(scenario.limits->shares.total.tokens_per_minute, 400'000);
  EXPECT_EQ(scenario.limits->shares.base.requests_per_minute, 2000);
  const Requests& requests = *std::get<SyntheticSource>(scenario.workload.front()).requests;
  EXPECT_EQ(requests.delay, 10ms) << "0.1 s when absent";
}

TEST(TimeScale, DividesTimesOfTraces) {
  const auto folder = std::filesystem::temp_directory_path() / ("drydock-time-scale-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "t.csv") << "at,took\n0,2\n4,6\n";
  const Scenario scenario = loaded(R"({"time_scale": 60, "cluster": {"hosts": [{"name": "node"}]},
    "workload": [{"trace": {"format": "csv", "path": "t.csv", "columns": {"submit": "at", "runtime": "took"},
                            "units": {"submit": "m", "runtime": "m"}}}]})",
                                   folder);
  std::filesystem::remove_all(folder);
  ASSERT_EQ(scenario.workload.size(), 1U);
  const auto& jobs = *std::get<TraceSource>(scenario.workload.front()).jobs;
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[1].submit_ns, 4'000'000'000);
  EXPECT_EQ(jobs[1].work_ns, 6'000'000'000);
  EXPECT_EQ(jobs[0].estimate_ns, 2'000'000'000);
}

// What was recorded at this pace already is not made faster once more.
TEST(TimeScale, OfARecordedJournalIsThatOfItsScenario) {
  RawTrace raw;
  raw.jobs = {{.submit_ns = 0, .runtime_ns = 60}, {.submit_ns = 120, .runtime_ns = 60}};
  raw.queues = {"q"};
  TraceOptions options;
  options.time_scale = 60;
  const std::vector<TraceTarget> one{{.queue = 0, .most_tasks = 1}};
  EXPECT_EQ(select_jobs(raw, options, one).value().jobs[1].submit_ns, 2);
  raw.time_scale = 60;
  EXPECT_EQ(select_jobs(raw, options, one).value().jobs[1].submit_ns, 120);
  options.time_scale = 120;
  EXPECT_EQ(select_jobs(raw, options, one).value().jobs[1].work_ns, 30);
}

TEST(TimeScale, IsRefusedWhereItCannotBe) {
  const auto text = [](const std::string& scale, const std::string& arrivals) {
    const auto scenarios =
        load_text(R"({"time_scale": )" + scale + R"(, "cluster": {"hosts": [{"name": "node", "count": 128}]},
      "workload": [{"count": 1, "arrivals": )" +
                      arrivals + R"(, "duration": "1m"}]})",
                  "scaled.json", "");
    return scenarios.ok() ? "good" : scenarios.error().message;
  };
  EXPECT_NE(text("0.5", R"({"at-once": {}})").find("/time_scale: expected a number of at least 1"), std::string::npos)
      << text("0.5", R"({"at-once": {}})");
  EXPECT_NE(text("2", R"({"lublin": {}})").find("days and nights"), std::string::npos) << text("2", R"({"lublin": {}})");
}

}  // namespace
}  // namespace drydock::scenarios::time_scale_test

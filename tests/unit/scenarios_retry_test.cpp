// The keys of retries, checkpoints, sessions and what goes wrong with attempts: good values, and bad ones with their advice.
#include "policies/catalog.hpp"
#include "scenarios/loader.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::scenarios::scenarios_retry_test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFull = R"({
  "cluster": {"hosts": [
    {"name": "node", "count": 10, "cost_per_month": 20, "sessions": {
      "max": "9h", "quota": {"time": "30h", "per": "7d"}, "startup": "2m", "restart": "5m", "idle_stop": "10m", "available_until": "4w",
      "calendar": [{"from": "Mon 00:00", "to": "Wed 06:00"}, {"from": "Sun 20:30", "to": "Mon 02:00"}, {"from": "Fri 12:00", "to": "Sun 24:00"}]}},
    {"name": "steady"}]},
  "workload": [{"name": "w", "count": 10, "arrivals": {"poisson": {"rate": "1/s"}}, "duration": "1s", "on_failure": "checkpoint",
                "failure_probability": 0.25, "time_limit": "1h"}],
  "faults": [{"type": "poison-job", "jobs": "w", "probability": 0.5, "after": "3s", "restart": "1m"}, {"type": "poison-job"},
             {"type": "worker-crash", "mtbf": "20d", "mttr": "1h"}, {"type": "worker-crash", "target": "steady", "mtbf": "11d", "mttr": "1h"}],
  "policies": {"retry": {"type": "exponential", "retries": 5, "delay": "2s", "factor": 3, "longest": "1m", "jitter": "equal",
                         "budget": 0.1, "reserve": 20, "quarantine_after": 4},
               "checkpoint": {"type": "young", "cost": "60s", "restart": "30s"},
               "session": {"type": "fitting", "margin": "1m"}}
})";

TEST(RetryKeys, AreRead) {
  const auto loaded = load_text(kFull, "full.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& s = loaded.value().front();
  EXPECT_EQ(s.scheduler.retry.type, "exponential");
  EXPECT_EQ(s.scheduler.retry.get<Duration>("longest"), 1min);
  EXPECT_EQ(make_retry(s.scheduler.retry)->rules().quarantine_after, 4);
  EXPECT_EQ(s.scheduler.session_margin, Duration{1min});
  const auto& hazards = std::get<SyntheticSource>(s.workload[0]).hazards;
  EXPECT_EQ(hazards.failure_probability, 0.25);
  EXPECT_EQ(hazards.time_limit, Duration{1h});
  const auto& poison = std::get<PoisonJob>(s.faults[0]);
  EXPECT_EQ(poison.jobs, "w");
  EXPECT_EQ(poison.probability, 0.5);
  EXPECT_EQ(poison.after, Duration{3s});
  EXPECT_EQ(poison.restart, Duration{1min});
  EXPECT_EQ(std::get<PoisonJob>(s.faults[1]).restart, Duration{10s});
  EXPECT_FALSE(std::get<PoisonJob>(s.faults[1]).after);
}

TEST(SessionKeys, AreRead) {
  const auto loaded = load_text(kFull, "full.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const HostGroup& group = loaded.value().front().hosts[0];
  EXPECT_EQ(group.cost_per_month, 20);
  ASSERT_TRUE(group.sessions);
  const SessionRules& rules = *group.sessions;
  EXPECT_EQ(rules.longest, Duration{9h});
  EXPECT_EQ(rules.quota->time, Duration{30h});
  EXPECT_EQ(rules.quota->period, Duration{168h});
  EXPECT_EQ(rules.startup, Duration{2min});
  EXPECT_EQ(rules.restart, Duration{5min});
  EXPECT_EQ(rules.idle_stop, Duration{10min});
  EXPECT_EQ(rules.available_until, kTimeZero + 672h);
  ASSERT_EQ(rules.windows.size(), 3U);
  EXPECT_EQ(rules.windows[0].from, Duration{0});
  EXPECT_EQ(rules.windows[0].length, Duration{54h});
  EXPECT_EQ(rules.windows[1].from, Duration{6 * 24h + 20h + 30min});
  EXPECT_EQ(rules.windows[1].length, Duration{5h + 30min});
  EXPECT_EQ(rules.windows[2].length, Duration{60h});
  EXPECT_FALSE(loaded.value().front().hosts[1].sessions);
}

// Eleven hosts: ten fail every 20 days, the one called steady every 20 and every 11.
TEST(CheckpointKeys, TheMeanTimeToFailureComesFromTheFaults) {
  const auto loaded = load_text(kFull, "full.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& s = loaded.value().front();
  const double rate = (11 / (20 * 86'400.0) + 1 / (11 * 86'400.0)) / 11;
  EXPECT_NEAR(seconds(s.checkpoint.interval), young_interval({.cost_s = 60, .mttf_s = 1 / rate}), 1e-6);
  EXPECT_EQ(s.checkpoint.cost, Duration{1min});
  EXPECT_EQ(s.checkpoint.restart, Duration{30s});
  ASSERT_EQ(s.notes.size(), 1U);
  EXPECT_NE(s.notes[0].find("mttf"), std::string::npos);
  LoadOptions given;
  given.sets = {"/policies/checkpoint/mttf=4h"};
  const auto again = load_text(kFull, "full.json", "", given);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_NEAR(seconds(again.value().front().checkpoint.interval), 1314.534, 0.001);
  EXPECT_TRUE(again.value().front().notes.empty());
}

TEST(RetryKeys, NothingChangesWithoutThem) {
  const auto loaded = load_text(
      R"({"cluster": {"hosts": [{"name": "n"}]}, "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})",
      "small.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& s = loaded.value().front();
  EXPECT_TRUE(s.scheduler.retry.type.empty());
  EXPECT_FALSE(s.scheduler.session_margin);
  EXPECT_EQ(s.checkpoint.interval, Duration{0});
}

TEST(SessionKeys, JobsThatFitInNoSessionAreNoted) {
  const auto notes = [](const std::string& duration, const std::string& session) {
    const std::string text = R"({"cluster": {"hosts": [{"name": "n", "sessions": {"max": "9h", "startup": "1h"}}]},
      "policies": {"session": ")" +
                             session + R"("},
      "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": )" +
                             duration + "}]}";
    const auto loaded = load_text(text, "sessions.json", "");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return loaded ? loaded.value().front().notes.size() : 99;
  };
  EXPECT_EQ(notes(R"("8h")", "fitting"), 0U);
  EXPECT_EQ(notes(R"("8.1h")", "fitting"), 1U);
  EXPECT_EQ(notes(R"("8.1h")", "oblivious"), 0U);
  EXPECT_EQ(notes(R"({"exponential": {"mean": "1h"}})", "fitting"), 1U);
}

TEST(RetryKeys, HopelessJobsAreNoted) {
  const auto notes = [](const std::string& keys) {
    const std::string text = R"({"cluster": {"hosts": [{"name": "n", "speed": 2}]}, "workload": [
      {"count": 1, "arrivals": {"at-once": {}}, "duration": {"uniform": {"low": "10s", "high": "20s"}}, )" +
                             keys + "}]}";
    const auto loaded = load_text(text, "hopeless.json", "");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return loaded ? loaded.value().front().notes.size() : 99;
  };
  EXPECT_EQ(notes(R"("time_limit": "5s")"), 0U);
  EXPECT_EQ(notes(R"("time_limit": "4.9s")"), 1U);
  EXPECT_EQ(notes(R"("time_limit": "4.9s", "on_failure": "resume")"), 0U);
  EXPECT_EQ(notes(R"("failure_probability": 1)"), 1U);
  EXPECT_EQ(notes(R"("failure_probability": 0.99)"), 0U);
}

struct Bad {
  std::string set;
  std::vector<std::string> parts;
};

TEST(RetryKeys, BadValuesAreRefusedWithPlaceAndRemedy) {
  const std::vector<Bad> cases{
      {"/policies/retry=\"fixd\"", {"/policies/retry", "did you mean \"fixed\"?"}},
      {"/policies/retry/jitter=\"much\"", {"/policies/retry/jitter", "full"}},
      {"/policies/retry/delay=\"2m\"", {"/policies/retry", "may not be above the longest"}},
      {"/policies/retry/factor=0.5", {"/policies/retry/factor"}},
      {"/policies/retry/retries=-1", {"/policies/retry/retries"}},
      {"/policies/checkpoint=\"yuong\"", {"did you mean \"young\"?"}},
      {"/policies/checkpoint/cost=\"0s\"", {"/policies/checkpoint/cost"}},
      {"/checkpoint={\"interval\": \"1h\"}", {"leave one of them out"}},
      {"/faults=[]", {"/policies/checkpoint", "give \"mttf\""}},
      {"/policies/session=\"fiting\"", {"did you mean \"fitting\"?"}},
      {"/policies/placement=\"easy\"", {"/policies/session", "does not mind when sessions end"}},
      {"/workload/0/failure_probability=1.5", {"/workload/0/failure_probability"}},
      {"/workload/0/time_limit=\"0s\"", {"/workload/0/time_limit"}},
      {"/faults/0/jobs=\"v\"", {"/faults/0/jobs", "There are: w"}},
      {"/faults/0/probability=2", {"/faults/0/probability"}},
      {"/cluster/hosts/0/sessions={}", {"sessions without an end"}},
      {"/cluster/hosts/0/sessions/startup=\"10h\"", {"no session is ever longer"}},
      {"/cluster/hosts/0/sessions/max=\"0s\"", {"/cluster/hosts/0/sessions/max"}},
      {"/cluster/hosts/0/sessions/calendar=[]", {"at least one window"}},
      {"/cluster/hosts/0/sessions/calendar/0/to=\"Wed 6:00\"", {"/calendar/0/to", "such as \"Wed 06:00\""}},
      {"/cluster/hosts/0/sessions/calendar/0/to=\"Wed 24:30\"", {"/calendar/0/to"}},
      {"/cluster/hosts/0/sessions/quota={\"per\": \"7d\"}", {"\"time\" is missing"}}};
  for (const Bad& bad : cases) {
    LoadOptions options;
    options.sets = {bad.set};
    const auto loaded = load_text(kFull, "bad.json", "", options);
    ASSERT_FALSE(loaded.ok()) << bad.set;
    for (const std::string& part : bad.parts)
      EXPECT_NE(loaded.error().message.find(part), std::string::npos) << bad.set << ": " << loaded.error().message;
  }
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_retry_test

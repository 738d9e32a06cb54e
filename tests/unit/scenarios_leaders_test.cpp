// The keys of several schedulers and what happens to them: good values, and bad ones with their advice.
#include "scenarios/loader.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::scenarios_leaders_test {
namespace {

using namespace std::chrono_literals;

std::string with(const std::string& plane, const std::string& faults = "[]") {
  return R"({"cluster": {"hosts": [{"name": "n"}]}, "control_plane": )" + plane + R"(, "faults": )" + faults +
         R"(, "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})";
}

std::string message_of(const std::string& text) {
  const auto loaded = load_text(text, "bad.json", "");
  return loaded.ok() ? "accepted" : loaded.error().message;
}

void expect_told(const std::string& text, const std::string& where, const std::string& what) {
  const std::string message = message_of(text);
  EXPECT_NE(message.find(where), std::string::npos) << message;
  EXPECT_NE(message.find(what), std::string::npos) << message;
}

TEST(SchedulerKeys, AreRead) {
  const auto loaded = load_text(with(R"({"schedulers": 3, "lease": "20s", "renew": "4s", "margin": "2s", "restart": "3s"})",
                                     R"([{"type": "scheduler-crash", "target": 2, "at": "1m", "for": "5s", "graceful": true},
            {"type": "scheduler-pause", "mtbf": "1h", "mttr": "1m"},
            {"type": "scheduler-cut", "target": "any", "from": "both", "at": "1m", "for": "5s"}])"),
                                "good.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& s = loaded.value().front();
  const LeadershipConfig& leadership = s.scheduler.control_plane.leadership;
  EXPECT_EQ(s.schedulers, 3U);
  EXPECT_EQ(leadership.lease, Duration{20s});
  EXPECT_EQ(leadership.renew, Duration{4s});
  EXPECT_EQ(leadership.margin, Duration{2s});
  EXPECT_EQ(s.scheduler_restart, Duration{3s});
  const auto& crash = std::get<SchedulerFault>(s.faults[0]);
  EXPECT_EQ(crash.whom, SchedulerFault::Whom::one);
  EXPECT_EQ(crash.index, 2U);
  EXPECT_TRUE(crash.graceful);
  const auto& pause = std::get<SchedulerFault>(s.faults[1]);
  EXPECT_EQ(pause.kind, SchedulerFault::Kind::pause);
  EXPECT_EQ(pause.whom, SchedulerFault::Whom::leader);
  const auto& cut = std::get<SchedulerFault>(s.faults[2]);
  EXPECT_EQ(cut.whom, SchedulerFault::Whom::any);
  EXPECT_TRUE(cut.from_postgres && cut.from_redis);
}

TEST(SchedulerKeys, OneSchedulerHasNoLease) {
  const auto loaded = load_text(with(R"({"schedulers": 1})"), "good.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().front().scheduler.control_plane.leadership.lease, Duration{0});
  expect_told(with(R"({"lease": "20s"})"), "/control_plane/lease", "has an effect only with several \"schedulers\"");
}

TEST(SchedulerKeys, ALeaseOutlastsTheTimeToTheNextAsking) {
  expect_told(with(R"({"schedulers": 2, "lease": "6s"})"), "/control_plane", "\"renew\" 5s and \"margin\" 1s");
  EXPECT_EQ(message_of(with(R"({"schedulers": 2, "lease": "6001ms"})")), "accepted");
}

TEST(SchedulerFaults, NeedSeveralSchedulersAndOneThatIsThere) {
  expect_told(with("{}", R"([{"type": "scheduler-pause", "at": "1m", "for": "1s"}])"), "/faults/0",
              "needs several schedulers");
  expect_told(with(R"({"schedulers": 2})", R"([{"type": "scheduler-crash", "target": 2, "at": "1m"}])"), "/faults/0/target",
              "0 to 1");
  expect_told(with(R"({"schedulers": 2})", R"([{"type": "scheduler-crash", "target": "boss", "at": "1m"}])"),
              "/faults/0/target", "\"leader\", \"any\", \"all\" or the number of a scheduler");
  expect_told(with(R"({"schedulers": 2})", R"([{"type": "scheduler-pause", "at": "1m"}])"), "/faults/0", "add \"for\"");
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_leaders_test

// The keys control_plane.lookahead, statistics and alerts: good values, and bad ones with their advice.
#include "scenarios/loader.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::scenarios_lookahead_test {
namespace {

using namespace std::chrono_literals;

std::string with(const std::string& plane, const std::string& more = "") {
  return R"({"cluster": {"hosts": [{"name": "n"}]}, "control_plane": )" + plane + more +
         R"(, "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})";
}

std::string message_of(const std::string& text) {
  const auto loaded = load_text(text, "bad.json", "");
  return loaded.ok() ? "accepted" : loaded.error().message;
}

Scenario read(const std::string& text) {
  const auto loaded = load_text(text, "good.json", "");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded.ok() ? loaded.value().front() : Scenario{};
}

TEST(LookaheadKeys, AreRead) {
  const Scenario s =
      read(with(R"({"lookahead": 100, "statistics": "60s", "alerts": {"utilization": 0.8, "counter": 0.2}})"));
  EXPECT_EQ(s.scheduler.control_plane.lookahead, 100U);
  EXPECT_EQ(s.scheduler.control_plane.statistics, Duration{60s});
  EXPECT_EQ(s.alerts.utilization, 0.8);
  EXPECT_EQ(s.alerts.counter, 0.2);
}

TEST(LookaheadKeys, AreNotNeeded) {
  const Scenario s = read(with("{}"));
  EXPECT_EQ(s.scheduler.control_plane.lookahead, 0U);
  EXPECT_EQ(s.scheduler.control_plane.statistics, Duration{0});
  EXPECT_EQ(s.alerts.utilization, 0.9);
  EXPECT_EQ(s.alerts.counter, 0.1);
  EXPECT_TRUE(s.notes.empty());
}

TEST(LookaheadKeys, AQueueWithACapacityMustFit) {
  const std::string queues = R"(, "queues": [{"name": "default", "capacity": 11}])";
  const std::string message = message_of(with(R"({"lookahead": 10})", queues));
  EXPECT_NE(message.find("/queues/0/capacity"), std::string::npos) << message;
  EXPECT_NE(message.find("raise control_plane.lookahead, or lower the capacity"), std::string::npos) << message;
  EXPECT_EQ(message_of(with(R"({"lookahead": 11})", queues)), "accepted");
  EXPECT_EQ(message_of(with(R"({"lookahead": 0})", queues)), "accepted");
}

TEST(LookaheadKeys, AlertsWithoutStatisticsAreRefused) {
  const std::string message = message_of(with(R"({"alerts": {"utilization": 0.8}})"));
  EXPECT_NE(message.find("/control_plane/alerts"), std::string::npos) << message;
  EXPECT_NE(message.find("\"statistics\""), std::string::npos) << message;
}

TEST(LookaheadKeys, AreToldOf) {
  const Scenario plain = read(with(R"({"lookahead": 7})"));
  ASSERT_EQ(plain.notes.size(), 1U);
  EXPECT_NE(plain.notes.front().find("looks ahead 7 jobs"), std::string::npos);
  EXPECT_EQ(plain.notes.front().find("chooses among"), std::string::npos);
  const Scenario other = read(with(R"({"lookahead": 7})", R"(, "policies": {"placement": "sjf"})"));
  ASSERT_EQ(other.notes.size(), 1U);
  EXPECT_NE(other.notes.front().find("\"sjf\" chooses among those that it sees"), std::string::npos);
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_lookahead_test

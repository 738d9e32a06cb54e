// Cuts, messages on their way, and clocks.
#include "sim/clocks.hpp"
#include "sim/faults.hpp"
#include "sim/mail.hpp"
#include "tests/unit/sim_support.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::sim::sim_links_test {
namespace {

using scenarios::Scenario;
using scenarios::WorkerCut;

constexpr Time at(Duration time) { return kTimeZero + time; }

Scenario nodes() { return scenario_on({{.name = "node", .count = 2}}); }

WorkerCut cut(bool to_redis, bool from_redis, Duration from, Duration lasting) {
  return {.target = "node-0",
          .to_redis = to_redis,
          .from_redis = from_redis,
          .when = scenarios::WorkerCrash::Once{from, lasting}};
}

TEST(Links, AreCutInOneDirectionOrBoth) {
  Scenario scenario = nodes();
  scenario.faults = {cut(true, false, 10s, 10s), cut(true, true, 15s, 10s)};
  const Platform platform(scenario);
  const Links links(scenario, 1);
  EXPECT_TRUE(links.any() && links.any_from_redis());
  EXPECT_FALSE(links.is_cut(0, Way::to_redis, at(10s) - 1ns));
  EXPECT_TRUE(links.is_cut(0, Way::to_redis, at(10s)));
  EXPECT_FALSE(links.is_cut(0, Way::from_redis, at(14s)));
  EXPECT_FALSE(links.is_cut(1, Way::to_redis, at(12s)));
  EXPECT_EQ(links.open_at(0, Way::to_redis, at(12s)), at(25s)) << "one cut ends within another";
  EXPECT_EQ(links.open_at(0, Way::from_redis, at(16s)), at(25s));
  EXPECT_EQ(links.open_at(0, Way::to_redis, at(26s)), at(26s));
  EXPECT_EQ(links.healed_by(0, at(5s), at(60s)), at(20s));
  EXPECT_EQ(links.healed_by(0, at(20s), at(60s)), at(25s));
  EXPECT_EQ(links.healed_by(0, at(25s), at(60s)), at(60s));
  EXPECT_EQ(links.healed_by(1, at(5s), at(60s)), at(60s));
}

class MailTest : public testing::Test {
 protected:
  Time arrival(const Scenario& scenario, Mail::Kind kind, Duration sent, std::uint64_t job = 7, std::uint32_t worker = 0) {
    const Platform platform(scenario);
    const Links links(scenario, 1);
    const Mail mail(scenario, platform, 1, links);
    EXPECT_TRUE(mail.any());
    return mail.arrival({.kind = kind, .worker = WorkerId{worker}, .attempt = {JobId{job}, 1}}, at(sent));
  }
};

TEST_F(MailTest, WaitsForTheEndOfACutOfItsDirection) {
  Scenario scenario = nodes();
  scenario.faults = {cut(true, false, 10s, 10s)};
  EXPECT_EQ(arrival(scenario, Mail::Kind::report, 12s), at(20s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::run, 12s), at(12s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::report, 12s, 7, 1), at(12s)) << "another host";
  scenario.faults = {cut(false, true, 10s, 10s)};
  EXPECT_EQ(arrival(scenario, Mail::Kind::report, 12s), at(12s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::stop, 12s), at(20s));
}

// As the dispatcher and the agent do it: after 0.5 s, 1 s, 2 s, ... and after 1 s, 2 s, ...
TEST_F(MailTest, IsSaidAgainUntilItGetsThrough) {
  Scenario scenario = nodes();
  scenarios::MessageLoss loss;
  loss.kinds = {.beats = false, .dispatches = true, .reports = true, .shares = false};
  loss.probability = 1;
  loss.at = 10s;
  loss.lasting = 5s;
  scenario.faults = {loss};
  EXPECT_EQ(arrival(scenario, Mail::Kind::run, 10s), at(10s + 500ms + 1s + 2s + 4s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::report, 10s), at(10s + 1s + 2s + 4s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::run, 15s), at(15s));
}

TEST_F(MailTest, IsLateByADrawOfItsOwn) {
  Scenario scenario = nodes();
  scenarios::MessageDelay delay;
  delay.target = "node-0";
  delay.kinds = {.beats = true, .dispatches = true, .reports = false, .shares = true};
  delay.delay = scenarios::Uniform{2, 4};
  scenario.faults = {delay};
  Duration sum{};
  constexpr int kMessages = 1000;
  for (std::uint64_t job = 0; job < kMessages; ++job) {
    const Duration late = arrival(scenario, Mail::Kind::run, 10s, job) - at(10s);
    EXPECT_GE(late, Duration{2s});
    EXPECT_LE(late, Duration{4s});
    sum += late;
  }
  EXPECT_NEAR(seconds(sum) / kMessages, 3, 0.06);
  EXPECT_EQ(arrival(scenario, Mail::Kind::report, 10s), at(10s));
  EXPECT_EQ(arrival(scenario, Mail::Kind::run, 10s, 7, 1), at(10s)) << "another host";
}

TEST(Clocks, ShowWhatTheyAreSaidTo) {
  Scenario scenario = nodes();
  EXPECT_EQ(Clocks(scenario, Platform(scenario)).ahead(0, at(1h)), Duration{0});
  scenario.faults = {scenarios::ClockSkew{.scheduler = false, .target = "node-1", .offset = -Duration{90s}, .rate = 0.5},
                     scenarios::ClockSkew{.scheduler = true, .target = "", .offset = 10s, .rate = 1}};
  const Clocks clocks(scenario, Platform(scenario));
  EXPECT_EQ(clocks.ahead(0, at(1h)), -Duration{10s});
  EXPECT_EQ(clocks.ahead(1, at(1min)), -Duration{90s} - 30s - 10s);
  EXPECT_EQ(clocks.rate(0), 1);
  EXPECT_EQ(clocks.true_time(0, 10s), Duration{10s});
  EXPECT_EQ(clocks.true_time(1, 10s), Duration{20s});
}

}  // namespace
}  // namespace drydock::sim::sim_links_test

// Workers that end what they run at another time than that at which the registry gives them up: turns to the nanosecond, and the same
// turns looked ahead and beat by beat.
#include "policies/catalog.hpp"
#include "sim/beats.hpp"
#include "tests/unit/sim_support.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drydock::sim::sim_fences_test {
namespace {

using scenarios::Scenario;
using Turn = BeatTrack::Turn;
using Turns = std::vector<std::pair<Time, Turn>>;

constexpr BeatChannel::Sender kSender{.worker = 1, .process = 2, .host = 1};

constexpr Time at(Duration time) { return kTimeZero + time; }

scenarios::WorkerCut cut(bool to_redis, bool from_redis, Duration from, Duration lasting) {
  return {
      .target = "node", .to_redis = to_redis, .from_redis = from_redis, .when = scenarios::WorkerCrash::Once{from, lasting}};
}

scenarios::ClockSkew clock(double rate, Duration offset = {}) {
  return {.scheduler = false, .target = "node", .offset = offset, .rate = rate};
}

// What a worker that starts at once sees until `end`.
struct Life {
  Turns turns;
  std::uint32_t fences = 0;
  std::uint32_t announced = 0;
};

Life life(const Scenario& scenario, Duration end, bool eager, std::uint64_t seed = 1) {
  const Platform platform(scenario);
  const StoreFaults faults(scenario, seed);
  const Links links(scenario, seed);
  const Clocks clocks(scenario, platform);
  const BeatChannel channel(scenario, platform, seed,
                            {.faults = &faults, .hosts = nullptr, .links = &links, .clocks = &clocks});
  const auto policy = make_liveness(scenario.liveness);
  BeatTrack track;
  track.start(*policy, channel, kSender, false, kTimeZero);
  Life seen;
  for (Time next = track.next(eager); next <= at(end); next = track.next(eager)) {
    if (const auto turn = track.advance()) seen.turns.emplace_back(next, *turn);
  }
  seen.fences = track.fences();
  seen.announced = track.announced();
  return seen;
}

Scenario beating(std::vector<scenarios::Fault> faults, Duration margin = 6s) {
  Scenario scenario = scenario_on({{.name = "node", .count = 2}});
  scenario.liveness = ttl(20s, 60s);
  scenario.fencing_margin = margin;
  scenario.faults = std::move(faults);
  return scenario;
}

TEST(Fences, NoTurnsWhereBeatsAreAcknowledged) {
  EXPECT_TRUE(life(beating({}), 1h, false).turns.empty());
  EXPECT_TRUE(life(beating({cut(false, true, 601s, 50s)}), 1h, false).turns.empty()) << "the next beat comes in time";
}

// The last beat that is acknowledged is that of 100 s. At its end the worker beats at once, and again as soon as the cut has healed.
TEST(Fences, AWorkerThatHearsNothingComesBackAsAnother) {
  const Life seen = life(beating({cut(false, true, 101s, 100s)}), 1h, false);
  const Turns expected{{at(100s + 54s), Turn::fenced}, {at(154s), Turn::learned}, {at(201s), Turn::learned}};
  EXPECT_EQ(seen.turns, expected);
  EXPECT_EQ(seen.fences, 1U);
  EXPECT_EQ(seen.announced, 1U);
}

TEST(Fences, AWorkerThatIsNotHeardEndsBeforeItIsGivenUp) {
  const Life seen = life(beating({cut(true, false, 101s, 100s)}), 1h, false);
  const Turns expected{{at(154s), Turn::fenced}, {at(160s), Turn::suspected}, {at(201s), Turn::trusted_again}};
  EXPECT_EQ(seen.turns, expected);
}

TEST(Fences, AnOffsetOfItsClockChangesNothing) {
  const auto turns = [](Duration offset) {
    return life(beating({cut(true, true, 101s, 100s), clock(1, offset)}), 1h, false).turns;
  };
  EXPECT_EQ(turns(0s).size(), 3U);
  EXPECT_EQ(turns(24h), turns(0s));
  EXPECT_EQ(turns(-24h), turns(0s));
}

// A margin of a tenth of the lease is enough for a clock that is a tenth too slow, and for no other.
TEST(Fences, ASlowClockEndsTooLate) {
  const auto fenced = [](double rate) {
    const Life seen = life(beating({cut(true, false, 101s, 200s), clock(rate)}), 1h, false);
    for (const auto& [time, turn] : seen.turns) {
      if (turn == Turn::fenced || turn == Turn::suspected) return turn;
    }
    return Turn::learned;
  };
  EXPECT_EQ(fenced(1), Turn::fenced);
  EXPECT_EQ(fenced(0.901), Turn::fenced);
  EXPECT_EQ(fenced(0.899), Turn::suspected);
}

Scenario by_wall_clock(std::vector<scenarios::Fault> faults) {
  Scenario scenario = beating(std::move(faults), 0s);
  scenario.liveness =
      configure(*find_policy(PolicyFamily::liveness, "ttl"),
                {{"heartbeat", Duration{20s}}, {"ttl", Duration{60s}}, {"expiry", std::string("wall-clock")}});
  return scenario;
}

TEST(WallClock, DeclaresAWorkerDeadWhoseClockIsBehindByMoreThanTheTtl) {
  EXPECT_TRUE(life(by_wall_clock({clock(1, -40s)}), 1h, false).turns.empty()) << "beats come before it looks dead";
  const Life behind = life(by_wall_clock({clock(1, -61s)}), 1h, false);
  EXPECT_EQ(behind.turns, (Turns{{kTimeZero, Turn::suspected}}));
  // From 40 s on each beat is too old for a part of the time.
  const Life flapping = life(by_wall_clock({clock(1, -50s)}), 1min, false);
  const Turns expected{{at(10s), Turn::suspected},     {at(20s), Turn::trusted_again}, {at(30s), Turn::suspected},
                       {at(40s), Turn::trusted_again}, {at(50s), Turn::suspected},     {at(60s), Turn::trusted_again}};
  EXPECT_EQ(flapping.turns, expected);
  scenarios::ClockSkew ahead{.scheduler = true, .target = "", .offset = 61s, .rate = 1};
  EXPECT_EQ(life(by_wall_clock({ahead}), 1h, false).turns, behind.turns) << "the schedulers' is ahead by as much";
}

// The beat of 100 s was acknowledged, and is not in the replica: the registry gives the worker up 20 s before it ends by itself.
TEST(Failover, TheWorkerCountsOnABeatThatTheReplicaNeverSaw) {
  scenarios::StoreFault failover{
      .kind = scenarios::StoreFault::Kind::redis_failover, .when = scenarios::WorkerCrash::Once{101s, 100s}, .lag = 2s};
  const Turns expected{{at(140s), Turn::suspected}, {at(160s), Turn::fenced}, {at(220s), Turn::trusted_again}};
  EXPECT_EQ(life(beating({failover}, 0s), 1h, false).turns, expected);
  failover.lag = 500ms;
  EXPECT_EQ(life(beating({failover}, 0s), 1h, false).turns.front(), std::pair(at(160s), Turn::fenced));
}

// --- random ---

scenarios::WorkerCut cuts(bool to_redis, bool from_redis, double up, double down) {
  return {.target = "node",
          .to_redis = to_redis,
          .from_redis = from_redis,
          .when = scenarios::WorkerCrash::Repeated{scenarios::Exponential{up}, scenarios::Exponential{down}}};
}

std::vector<scenarios::Fault> troubles(std::uint64_t seed) {
  scenarios::MessageDelay delay;
  delay.delay = scenarios::Exponential{20};
  delay.repeats = seed % 2 == 0;
  delay.probability = 0.4;
  scenarios::MessageLoss loss;
  loss.probability = 0.2;
  const scenarios::StoreFault failover{
      .kind = scenarios::StoreFault::Kind::redis_failover,
      .when = scenarios::WorkerCrash::Repeated{scenarios::Exponential{900}, scenarios::Deterministic{5}},
      .lag = 30s};
  const std::vector<scenarios::Fault> all{cuts(false, true, 500, 100),
                                          cuts(true, false, 700, 60),
                                          cuts(true, true, 900, 40),
                                          clock(0.95, -1h),
                                          delay,
                                          loss,
                                          failover};
  std::vector<scenarios::Fault> some;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((mix64(seed) >> i & 1U) != 0) some.push_back(all[i]);
  }
  return some;
}

TEST(Fences, LookingAheadAndBeatByBeatSeeTheSame) {
  std::map<Turn, int> kinds;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Scenario scenario = beating(troubles(seed), seed % 3 == 0 ? Duration{0} : Duration{6s});
    if (seed % 5 == 0) scenario.registry_latency = scenarios::Exponential{0.5};
    const Life lazy = life(scenario, 10h, false, seed);
    const Life eager = life(scenario, 10h, true, seed);
    EXPECT_EQ(lazy.turns, eager.turns) << "seed " << seed;
    EXPECT_EQ(lazy.fences, eager.fences) << "seed " << seed;
    for (const auto& [time, turn] : lazy.turns) ++kinds[turn];
    EXPECT_LE(lazy.announced, lazy.fences);
  }
  EXPECT_EQ(kinds.size(), 4U) << "every kind of turn was seen";
}

}  // namespace
}  // namespace drydock::sim::sim_fences_test

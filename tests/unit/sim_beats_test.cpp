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

namespace drydock::sim::sim_beats_test {
namespace {

using scenarios::MessageLoss;
using scenarios::Scenario;
using Turns = std::vector<std::pair<Time, BeatTrack::Turn>>;

constexpr BeatChannel::Sender kSender{.worker = 1, .process = 2, .host = 1};

PolicyConfig liveness(std::string_view type, const std::map<std::string, ParameterValue, std::less<>>& parameters) {
  return configure(*find_policy(PolicyFamily::liveness, type), parameters);
}

struct Setting {
  std::string name;
  PolicyConfig policy;
  std::optional<scenarios::Distribution> latency;
  std::vector<MessageLoss> losses;
  friend void PrintTo(const Setting& s, std::ostream* out) { *out << s.name; }

  [[nodiscard]] BeatChannel channel(std::uint64_t seed) const {
    Scenario scenario = scenario_on({{.name = "node", .count = 3}});
    scenario.registry_latency = latency;
    for (const MessageLoss& loss : losses) scenario.faults.emplace_back(loss);
    return {scenario, Platform(scenario), seed};
  }
};

struct Seen {
  Turns turns;
  Time given_up{};  // after it stopped
};

// Follows one process to its end at `stop`.
Seen follow(const Setting& setting, std::uint64_t seed, Time start, Time stop, bool eager) {
  const auto policy = make_liveness(setting.policy);
  const BeatChannel channel = setting.channel(seed);
  BeatTrack track;
  track.start(*policy, channel, kSender, false, start);
  Seen seen;
  bool trusted = true;
  for (Time at = track.next(eager); at <= stop; at = track.next(eager)) {
    const auto turn = track.advance();
    if (!turn) continue;
    seen.turns.emplace_back(at, *turn);
    trusted = *turn == BeatTrack::Turn::trusted_again;
  }
  seen.given_up = trusted ? track.trusted_after_stop(stop) : stop;
  return seen;
}

// The same from all beats at once: every beat that comes opens a stretch of trust; where the stretches leave a gap, the worker is
// suspected.
Seen from_the_list_of_beats(const Setting& setting, std::uint64_t seed, Time start, Time stop) {
  const auto policy = make_liveness(setting.policy);
  const BeatChannel channel = setting.channel(seed);
  std::vector<std::pair<Time, Time>> stretches{{start, policy->trusted_until({0, start, start})}};
  std::uint32_t bad = 0;
  std::uint64_t sequence = 1;
  for (Time sent = start + *policy->interval(); sent <= stop; sent += *policy->interval(), ++sequence) {
    if (channel.loses(kSender, sequence, sent, bad)) continue;
    const Time arrived = sent + channel.delay(kSender, sequence, sent);
    stretches.emplace_back(arrived, policy->trusted_until({sequence, sent, arrived}));
  }
  std::ranges::sort(stretches);
  Seen seen{.turns = {}, .given_up = stretches.front().second};
  for (const auto& [from, until] : stretches) {
    if (until <= from) continue;
    if (from > seen.given_up) {
      if (seen.given_up <= stop) seen.turns.emplace_back(seen.given_up, BeatTrack::Turn::suspected);
      if (from > stop) break;
      seen.turns.emplace_back(from, BeatTrack::Turn::trusted_again);
    }
    seen.given_up = std::max(seen.given_up, until);
  }
  const bool suspected = !seen.turns.empty() && seen.turns.back().second == BeatTrack::Turn::suspected;
  if (!suspected && seen.given_up <= stop) seen.turns.emplace_back(seen.given_up, BeatTrack::Turn::suspected);
  if (seen.given_up <= stop || suspected) seen.given_up = stop;
  return seen;
}

MessageLoss loss(double probability) {
  MessageLoss fault;
  fault.probability = probability;
  return fault;
}
MessageLoss bursts(double enter, double leave, double good, double lost) {
  MessageLoss fault = loss(good);
  fault.burst = {.enter = enter, .leave = leave, .lost = lost};
  return fault;
}
MessageLoss window(double probability, Duration at, Duration lasting) {
  MessageLoss fault = loss(probability);
  fault.at = at;
  fault.lasting = lasting;
  return fault;
}

std::vector<Setting> settings() {
  const auto ttl = [](Duration beat, Duration life) { return liveness("ttl", {{"heartbeat", beat}, {"ttl", life}}); };
  const auto nfd = [](Duration shift) { return liveness("nfd-s", {{"heartbeat", Duration{30s}}, {"shift", shift}}); };
  const scenarios::Distribution late = scenarios::Exponential{0.5};
  const scenarios::Distribution overtaking = scenarios::Uniform{0, 200};  // beats pass each other
  return {
      {"steady", ttl(30s, 60s), {}, {}},
      {"too short", ttl(30s, 20s), {}, {}},
      {"constant delay", ttl(30s, 60s), scenarios::Deterministic{7}, {}},
      {"constant delay, too long", ttl(30s, 31s), scenarios::Deterministic{7}, {}},
      {"knife edge", ttl(30s, 60s), late, {loss(0.1)}},
      {"losses", ttl(30s, 65s), {}, {loss(0.3)}},
      {"losses at the edge", ttl(30s, 60s), {}, {loss(0.3)}},
      {"bursts", ttl(30s, 65s), late, {bursts(0.05, 0.3, 0.01, 0.9)}},
      {"two losses", ttl(30s, 65s), late, {loss(0.1), bursts(0.1, 0.5, 0, 1), window(1, 1h, 10min)}},
      {"cut off", ttl(30s, 90s), {}, {window(1, 30min, 5h)}},
      {"overtaking", ttl(30s, 60s), overtaking, {loss(0.2)}},
      {"nfd-s", nfd(30s), late, {loss(0.1)}},
      {"nfd-s overtaking", nfd(45s), overtaking, {loss(0.1)}},
  };
}

class Tracks : public testing::TestWithParam<Setting> {};

TEST_P(Tracks, LookingAheadOneByOneAndAllAtOnceSeeTheSame) {
  std::size_t turns = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Time start = time_at(static_cast<std::int64_t>(seed) * 1'234'567'891);
    const Time stop = start + Duration{static_cast<std::int64_t>(mix64(seed) % 40'000'000'000'000)};  // up to 11 h
    const Seen lazy = follow(GetParam(), seed, start, stop, false);
    const Seen eager = follow(GetParam(), seed, start, stop, true);
    EXPECT_EQ(lazy.turns, eager.turns) << "seed " << seed;
    EXPECT_EQ(lazy.given_up, eager.given_up) << "seed " << seed;
    const Seen all = from_the_list_of_beats(GetParam(), seed, start, stop);
    EXPECT_EQ(lazy.turns, all.turns) << "seed " << seed;
    EXPECT_EQ(lazy.given_up, all.given_up) << "seed " << seed;
    turns += all.turns.size();
  }
  const bool quiet = GetParam().name == "steady" || GetParam().name == "constant delay";
  EXPECT_EQ(turns == 0, quiet);
}

INSTANTIATE_TEST_SUITE_P(All, Tracks, testing::ValuesIn(settings()), [](const auto& param) {
  std::string name = param.param.name;
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
});

TEST(Channel, LosesInBurstsOfTheMeanLengthSaid) {
  const Setting setting{"", liveness("ttl", {}), {}, {bursts(0.02, 0.25, 0, 1)}};
  const BeatChannel channel = setting.channel(7);
  std::uint32_t bad = 0;
  int lost = 0;
  int runs = 0;
  bool before = false;
  constexpr int kBeats = 200'000;
  for (int i = 1; i <= kBeats; ++i) {
    const bool now = channel.loses(kSender, static_cast<std::uint64_t>(i), time_at(i), bad);
    lost += now ? 1 : 0;
    runs += now && !before ? 1 : 0;
    before = now;
  }
  EXPECT_NEAR(static_cast<double>(lost) / kBeats, 0.02 / (0.02 + 0.25), 0.004);
  EXPECT_NEAR(static_cast<double>(lost) / runs, 1 / 0.25, 0.15);
}

TEST(Channel, ConcernsTheTargetInItsTimeOnly) {
  Setting setting{"", liveness("ttl", {}), {}, {window(1, 10s, 5s)}};
  setting.losses[0].target = "node-1";
  const BeatChannel channel = setting.channel(7);
  std::uint32_t bad = 0;
  const auto lost = [&](HostIndex host, Duration at) {
    return channel.loses({.worker = host, .process = 0, .host = host}, 1, kTimeZero + at, bad);
  };
  EXPECT_FALSE(lost(1, 10s - 1ns));
  EXPECT_TRUE(lost(1, 10s));
  EXPECT_TRUE(lost(1, 15s - 1ns));
  EXPECT_FALSE(lost(1, 15s));
  EXPECT_FALSE(lost(0, 12s));
  EXPECT_FALSE(channel.steady());
}

}  // namespace
}  // namespace drydock::sim::sim_beats_test

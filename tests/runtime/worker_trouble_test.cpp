// What becomes of single messages, and how workers are told.
#include "real-runtime/chaos/worker_trouble.hpp"

#include "real-runtime/chaos/trouble_line.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <vector>

namespace drydock::runtime::chaos::worker_trouble_test {
namespace {

using namespace std::chrono_literals;
using Kind = MessageFates::Kind;

WorkerTrouble trouble() {
  WorkerTrouble all{.seed = 7, .speed = 0.25, .rules = {}};
  all.rules.push_back({.fault = 1,
                       .kinds = {.beats = true, .dispatches = false, .reports = false, .shares = false},
                       .probability = 0.1,
                       .burst = scenarios::MessageLoss::Burst{.enter = 0.2, .leave = 0.3, .lost = 1},
                       .loses = true});
  all.rules.push_back({.fault = 3, .kinds = {.beats = false}, .probability = 1, .delays = {5ms, 7ms}});
  all.rules.push_back({.fault = 4, .kinds = {.beats = false}, .probability = 1, .repeats = true, .delays = {9ms}});
  return all;
}

TEST(WorkerTrouble, IsReadAsItWasWritten) {
  const auto read = parse_trouble(to_json(trouble()));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(to_json(read.value()), to_json(trouble()));
  EXPECT_DOUBLE_EQ(read.value().speed, 0.25);
  EXPECT_FALSE(parse_trouble("{").ok());
  EXPECT_FALSE(parse_trouble("{}").ok());
}

TEST(MessageFates, AreThoseOfTheRulesThatConcernTheMessage) {
  MessageFates fates;
  EXPECT_FALSE(fates.next(Kind::report).lost);
  fates.set(trouble());
  const MessageFates::Fate odd = fates.next(Kind::report);  // the second report
  EXPECT_FALSE(odd.lost);
  EXPECT_EQ(odd.late, Duration{7ms});
  EXPECT_EQ(odd.again, Duration{9ms});
  EXPECT_EQ(fates.next(Kind::report).late, Duration{5ms});
  EXPECT_EQ(fates.next(Kind::beat).late, Duration{0});
}

// In the long run a chain is in its bad state for enter / (enter + leave) of the messages, and loses a tenth of the others.
TEST(MessageFates, AreLostInBurstsAsOftenAsTheChainSays) {
  MessageFates fates;
  fates.set(trouble());
  int lost = 0;
  constexpr int kMessages = 20'000;
  for (int i = 0; i < kMessages; ++i) lost += fates.next(Kind::beat).lost ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(lost) / kMessages, 0.4 + 0.6 * 0.1, 0.02);
}

TEST(TroubleLine, TellsAWorkerItsTroublesWheneverItConnects) {
  EventLoop loop;
  auto teller = TroubleTeller::start(loop);
  ASSERT_TRUE(teller.ok()) << teller.error().message;
  teller.value()->tell(WorkerId{2}, trouble());
  std::vector<double> heard;
  const auto listen = [&](std::uint32_t worker) {
    auto listener =
        TroubleListener::connect(loop, teller.value()->socket(), WorkerId{worker}, [&](const WorkerTrouble& told) {
          heard.push_back(told.speed);
          if (told.speed == 1) loop.stop();
          else teller.value()->tell(WorkerId{2}, {.seed = 7, .speed = 1, .rules = {}});
        });
    EXPECT_TRUE(listener.ok());
    return std::move(listener).value();
  };
  const auto other = listen(1);
  const auto mine = listen(2);
  loop.run();
  EXPECT_EQ(heard, (std::vector<double>{0.25, 1}));
}

}  // namespace
}  // namespace drydock::runtime::chaos::worker_trouble_test

// When sessions begin and end: by hand, and against a slow reference that looks at every minute.
#include "policies/core/session.hpp"

#include "policies/core/rng.hpp"

#include <gtest/gtest.h>

namespace drydock::session_test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

Time at(Duration since) { return kTimeZero + since; }

TEST(SessionClock, NineHoursThenTheQuotaThenNextWeek) {
  SessionClock clock({.longest = hours{9}, .quota = SessionRules::Quota{hours{30}, hours{168}}});
  for (int n = 0; n < 3; ++n) {
    EXPECT_EQ(clock.next_start(at(hours{9 * n})), at(hours{9 * n}));
    EXPECT_EQ(clock.begin(at(hours{9 * n})), at(hours{9 * n + 9}));
    clock.end(at(hours{9 * n + 9}));
  }
  EXPECT_EQ(clock.begin(at(hours{27})), at(hours{30})) << "three hours are left";
  clock.end(at(hours{30}));
  EXPECT_EQ(clock.next_start(at(hours{30})), at(hours{168}));
}

TEST(SessionClock, WhatIsNotUsedIsLeft) {
  SessionClock clock({.longest = hours{9}, .quota = SessionRules::Quota{hours{30}, hours{168}}});
  (void)clock.begin(at(hours{0}));
  clock.end(at(hours{1}));
  (void)clock.begin(at(hours{100}));
  clock.end(at(hours{109}));
  (void)clock.begin(at(hours{120}));
  clock.end(at(hours{129}));
  (void)clock.begin(at(hours{130}));
  clock.end(at(hours{139}));
  EXPECT_EQ(clock.begin(at(hours{140})), at(hours{142}));
}

TEST(SessionClock, ASessionOverTheBorderCountsInBothPeriods) {
  SessionClock clock({.longest = hours{9}, .quota = SessionRules::Quota{hours{30}, hours{168}}});
  EXPECT_EQ(clock.begin(at(hours{164})), at(hours{173}));
  clock.end(at(hours{173}));
  // Five of the 30 hours of the second week are gone.
  Time now = at(hours{173});
  Duration used{};
  while (clock.next_start(now) < at(hours{336})) {
    now = clock.next_start(now);
    const Time end = clock.begin(now);
    used += end - now;
    clock.end(end);
    now = end;
  }
  EXPECT_EQ(used, hours{25});
}

TEST(SessionClock, WindowsAreWeeklyAndMayGoOverTheEndOfTheWeek) {
  SessionClock clock({.windows = {{.from = hours{160}, .length = hours{10}}}});
  EXPECT_EQ(clock.next_start(at(hours{0})), at(hours{0}));
  EXPECT_EQ(clock.begin(at(hours{0})), at(hours{2}));
  clock.end(at(hours{2}));
  EXPECT_EQ(clock.next_start(at(hours{2})), at(hours{160}));
  EXPECT_EQ(clock.begin(at(hours{161})), at(hours{170}));
}

TEST(SessionClock, NoSessionIsShorterThanItsStartup) {
  SessionClock clock({.windows = {{.from = hours{0}, .length = hours{1}}}, .startup = minutes{10}});
  EXPECT_EQ(clock.next_start(at(minutes{49})), at(minutes{49}));
  EXPECT_EQ(clock.next_start(at(minutes{50})), at(hours{168}));
  EXPECT_EQ(SessionClock({.longest = minutes{5}, .startup = minutes{5}}).next_start(at(hours{0})), kNever);
}

TEST(SessionClock, ARestartTakesTimeAndNothingIsLeftAtTheEnd) {
  SessionClock clock({.longest = hours{1}, .available_until = at(hours{2}), .restart = minutes{20}});
  EXPECT_EQ(clock.begin(at(hours{0})), at(hours{1}));
  clock.end(at(hours{1}));
  EXPECT_EQ(clock.next_start(at(hours{1})), at(minutes{80}));
  EXPECT_EQ(clock.begin(at(minutes{80})), at(hours{2}));
  clock.end(at(hours{2}));
  EXPECT_EQ(clock.next_start(at(hours{2})), kNever);
}

using Turn = SessionKeeper::Turn;

TEST(SessionKeeper, BeginsIsReadyAndEnds) {
  SessionKeeper keeper({.longest = hours{9}, .startup = minutes{2}, .restart = minutes{10}}, at(hours{0}));
  EXPECT_EQ(keeper.next(), at(hours{0}));
  EXPECT_EQ(keeper.wake(at(hours{0})), Turn::none);
  EXPECT_FALSE(keeper.is_ready());
  EXPECT_EQ(keeper.next(), at(minutes{2}));
  EXPECT_EQ(keeper.wake(at(minutes{2})), Turn::ready);
  EXPECT_TRUE(keeper.is_ready());
  EXPECT_EQ(keeper.until(), at(hours{9}));
  EXPECT_EQ(keeper.tell_work(at(hours{1}), false), Turn::none) << "it may idle for as long as it likes";
  EXPECT_EQ(keeper.next(), at(hours{9}));
  EXPECT_EQ(keeper.wake(at(hours{9})), Turn::ended);
  EXPECT_EQ(keeper.next(), at(hours{9} + minutes{10}));
  EXPECT_EQ(keeper.used(at(hours{20})), hours{9});
}

TEST(SessionKeeper, AfterAVainSessionTheNextOneWaitsForWorkOrANewQuota) {
  SessionKeeper keeper({.quota = SessionRules::Quota{hours{30}, hours{168}}, .idle_stop = minutes{5}}, at(hours{0}));
  EXPECT_EQ(keeper.wake(at(hours{0})), Turn::ready);
  EXPECT_EQ(keeper.tell_work(at(hours{0}), true), Turn::none);
  EXPECT_EQ(keeper.tell_work(at(hours{1}), false), Turn::none);
  EXPECT_EQ(keeper.next(), at(hours{1} + minutes{5}));
  EXPECT_EQ(keeper.tell_work(at(hours{1} + minutes{4}), true), Turn::none);
  EXPECT_EQ(keeper.next(), at(hours{30}));
  EXPECT_EQ(keeper.tell_work(at(hours{2}), false), Turn::none);
  EXPECT_EQ(keeper.wake(at(hours{2} + minutes{5})), Turn::ended);
  EXPECT_EQ(keeper.next(), at(hours{2} + minutes{5})) << "something ran: there may be more";
  EXPECT_EQ(keeper.wake(keeper.next()), Turn::ready);
  EXPECT_EQ(keeper.tell_work(at(hours{2} + minutes{5}), false), Turn::none);
  EXPECT_EQ(keeper.wake(at(hours{2} + minutes{10})), Turn::ended);
  EXPECT_EQ(keeper.next(), at(hours{168})) << "in vain";
  keeper.tell_arrival(at(hours{3}));
  EXPECT_EQ(keeper.next(), at(hours{3}));
  EXPECT_EQ(keeper.used(at(hours{3})), hours{2} + minutes{10});
}

// Random rules; sessions as long as allowed, or cut short: none is outside a window, too long, or over the quota.
TEST(SessionClock, KeepsItsRulesMinuteByMinute) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed, "sessions");
    const auto some = [&](std::uint64_t most) { return minutes{1 + static_cast<std::int64_t>(rng.below(most))}; };
    SessionRules rules{.longest = some(900), .quota = SessionRules::Quota{some(2000), hours{168}}};
    for (std::uint64_t n = rng.below(3); n > 0; --n) rules.windows.push_back({.from = some(10'079), .length = some(5000)});
    rules.startup = minutes{rng.below(20)};
    rules.restart = minutes{rng.below(60)};
    SessionClock clock(rules);
    std::vector<bool> used(4 * 10'080);
    Time now{};
    for (int n = 0; n < 500; ++n) {
      const Time start = clock.next_start(now);
      if (start >= at(hours{4 * 168})) break;
      const Time last = clock.begin(start);
      ASSERT_GT(last - start, rules.startup) << seed;
      ASSERT_LE(last - start, *rules.longest) << seed;
      const Time end = rng.below(2) == 0 ? last : start + minutes{(last - start) / minutes{2}};
      for (Time t = start; t < end; t += minutes{1}) {
        const auto minute = static_cast<std::size_t>(t.time_since_epoch() / minutes{1});
        if (minute >= used.size()) break;
        ASSERT_FALSE(used[minute]);
        used[minute] = true;
        bool open = rules.windows.empty();
        for (const auto& w : rules.windows) {
          const std::int64_t since = (static_cast<std::int64_t>(minute) - w.from / minutes{1} + 2 * 10'080) % 10'080;
          open = open || since < w.length / minutes{1};
        }
        ASSERT_TRUE(open) << "seed " << seed << ", minute " << minute;
      }
      clock.end(end);
      now = end;
    }
    for (std::size_t week = 0; week < 4; ++week) {
      const auto first = used.begin() + static_cast<std::ptrdiff_t>(week * 10'080);
      EXPECT_LE(std::count(first, first + 10'080, true), rules.quota->time / minutes{1}) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace drydock::session_test

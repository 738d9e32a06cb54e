#include "policies/core/share_limiter.hpp"

#include "policies/core/rng.hpp"

#include <gtest/gtest.h>

namespace drydock::share_limiter_test {
namespace {

using namespace std::chrono_literals;
using Shortage = ShareLimiter::Shortage;
using Verdict = ShareLimiter::Verdict;

constexpr Share kTotal{40, 800, 40'000};
constexpr Share kQuarter{10, 200, 10'000};
// A minute's worth of the rates, as scenarios have it.
constexpr ShareLimiterConfig kConfig{.total = kTotal, .burst = kTotal};

constexpr Time at(Duration since_start) { return kTimeZero + 1h + since_start; }

ShareLimiter with_share(const Share& share, Duration waited = 2min) {
  ShareLimiter limiter(kConfig, at(-waited));
  limiter.use(at(-waited), share, kNever);
  return limiter;
}

TEST(ShareLimiter, HoldsNothingUntilItHasAShare) {
  ShareLimiter limiter(kConfig, at(0s));
  const auto reply = limiter.acquire(at(0s), {}, false);
  EXPECT_EQ(reply.verdict, Verdict::not_now);
  EXPECT_EQ(reply.shortage, Shortage::share);
  EXPECT_EQ(reply.ready, kNever);
}

TEST(ShareLimiter, BucketsStartEmptyAndFillAtTheRatesOfTheShare) {
  ShareLimiter limiter(kConfig, at(0s));
  limiter.use(at(0s), kQuarter, kNever);
  // 200 a minute: one in 300 ms. 10 000 tokens a minute: 4096 in 24.576 s.
  auto reply = limiter.acquire(at(0s), {}, false);
  EXPECT_EQ(reply.shortage, Shortage::requests);
  EXPECT_EQ(reply.ready, at(300ms));
  reply = limiter.acquire(at(0s), {.tokens = 4096}, false);
  EXPECT_EQ(reply.shortage, Shortage::tokens);
  EXPECT_EQ(reply.ready, at(24'576ms));
  EXPECT_EQ(limiter.acquire(at(24'576ms), {.tokens = 4096}, false).verdict, Verdict::granted);
  EXPECT_EQ(limiter.acquire(at(24'576ms), {.tokens = 1}, false).shortage, Shortage::tokens);
}

TEST(ShareLimiter, NoMoreAtATimeThanTheShare) {
  ShareLimiter limiter = with_share(kQuarter);
  PermitId last;
  for (int i = 0; i < 10; ++i) {
    const auto reply = limiter.acquire(at(0s), {}, false);
    ASSERT_EQ(reply.verdict, Verdict::granted) << i;
    last = reply.permit;
  }
  EXPECT_EQ(limiter.running(), 10);
  EXPECT_EQ(limiter.acquire(at(0s), {}, false).shortage, Shortage::concurrency);
  EXPECT_TRUE(limiter.release(at(1s), last));
  EXPECT_FALSE(limiter.release(at(1s), last)) << "once";
  EXPECT_EQ(limiter.acquire(at(1s), {}, false).verdict, Verdict::granted);
  limiter.check();
}

TEST(ShareLimiter, APermitMayCountForSeveralRequestsAndHoldFewer) {
  ShareLimiter limiter = with_share(kQuarter);
  EXPECT_EQ(limiter.acquire(at(0s), {.requests = 200, .concurrency = 1}, false).verdict, Verdict::granted);
  EXPECT_EQ(limiter.running(), 1);
  EXPECT_EQ(limiter.acquire(at(0s), {}, false).shortage, Shortage::requests);
  EXPECT_EQ(limiter.acquire(at(0s), {.requests = 0, .concurrency = 0}, false).permit, PermitId{}) << "nothing to give back";
}

TEST(ShareLimiter, WhatAllTogetherCannotHaveIsNeverGranted) {
  ShareLimiter limiter = with_share(kTotal);
  EXPECT_EQ(limiter.acquire(at(0s), {.tokens = 40'001}, true).verdict, Verdict::never);
  EXPECT_EQ(limiter.acquire(at(0s), {.concurrency = 41}, true).verdict, Verdict::never);
  EXPECT_EQ(limiter.acquire(at(0s), {.requests = 801}, true).verdict, Verdict::never);
  EXPECT_EQ(limiter.acquire(at(0s), {.tokens = 40'000}, true).verdict, Verdict::granted);
}

TEST(ShareLimiter, FirstComeFirstServed) {
  ShareLimiter limiter = with_share({1, 800, 40'000});
  const PermitId first = limiter.acquire(at(0s), {}, true).permit;
  const PermitId second = limiter.acquire(at(0s), {}, true).permit;
  const PermitId third = limiter.acquire(at(0s), {}, true).permit;
  EXPECT_EQ(limiter.waiting(), 2U);
  EXPECT_TRUE(limiter.serve(at(1s)).empty());
  EXPECT_EQ(limiter.look(at(1s), third).shortage, Shortage::concurrency);
  limiter.release(at(1s), first);
  EXPECT_EQ(limiter.acquire(at(1s), {}, false).shortage, Shortage::turn) << "nobody overtakes";
  EXPECT_EQ(limiter.serve(at(1s)), std::vector{second});
  EXPECT_TRUE(limiter.release(at(1s), second));
  EXPECT_EQ(limiter.serve(at(1s)), std::vector{third});
}

TEST(ShareLimiter, WhoWaitsForALargerShareLetsOthersPass) {
  ShareLimiter limiter = with_share(kQuarter);
  const PermitId large = limiter.acquire(at(0s), {.tokens = 20'000}, true).permit;
  EXPECT_EQ(limiter.look(at(0s), large).shortage, Shortage::share);
  EXPECT_EQ(limiter.acquire(at(0s), {.tokens = 100}, false).verdict, Verdict::granted);
  limiter.use(at(0s), kTotal, kNever);
  EXPECT_TRUE(limiter.serve(at(1s)).empty()) << "the bucket has grown, and must fill";
  EXPECT_EQ(limiter.serve(at(30s)), std::vector{large});
}

TEST(ShareLimiter, NobodyWaitsBeyondTheBound) {
  ShareLimiterConfig config = kConfig;
  config.waiting_max = 2;
  ShareLimiter limiter(config, at(0s));
  EXPECT_EQ(limiter.acquire(at(0s), {}, true).verdict, Verdict::not_now);
  EXPECT_EQ(limiter.acquire(at(0s), {}, true).verdict, Verdict::not_now);
  EXPECT_EQ(limiter.acquire(at(0s), {}, true).verdict, Verdict::too_many);
}

TEST(ShareLimiter, NobodyGetsAPermitBeyondTheBound) {
  ShareLimiterConfig config = kConfig;
  config.permits_max = 1;
  ShareLimiter limiter(config, at(-2min));
  limiter.use(at(-2min), kTotal, kNever);
  const PermitId first = limiter.acquire(at(0s), {.hold = 1h}, false).permit;
  EXPECT_EQ(limiter.acquire(at(0s), {}, false).verdict, Verdict::too_many);
  limiter.use(at(0s), {}, kNever);
  const PermitId waits = limiter.acquire(at(0s), {}, true).permit;
  limiter.use(at(0s), kTotal, kNever);
  EXPECT_TRUE(limiter.serve(at(2min)).empty());
  EXPECT_EQ(limiter.next_wakeup(at(2min)), at(1h)) << "there is nothing to look for before";
  limiter.release(at(2min), first);
  EXPECT_EQ(limiter.serve(at(2min)), std::vector{waits});
}

TEST(ShareLimiter, AHolderThatEndsHoldsNothingAndWaitsForNothing) {
  ShareLimiter limiter = with_share({2, 800, 40'000});
  constexpr HolderId kJob{7};
  const PermitRequest of_job{.holder = kJob};
  std::ignore = limiter.acquire(at(0s), of_job, false);
  std::ignore = limiter.acquire(at(0s), {}, false);
  std::ignore = limiter.acquire(at(0s), of_job, true);
  EXPECT_EQ(limiter.release_all(at(1s), kJob), 2U);
  EXPECT_EQ(limiter.running(), 1);
  EXPECT_EQ(limiter.waiting(), 0U);
}

TEST(ShareLimiter, WhatIsHeldTooLongIsGivenBack) {
  ShareLimiter limiter = with_share({1, 800, 40'000});
  std::ignore = limiter.acquire(at(0s), {.hold = 10s}, false);
  const PermitId next = limiter.acquire(at(0s), {}, true).permit;
  EXPECT_EQ(limiter.next_wakeup(at(0s)), at(10s));
  EXPECT_TRUE(limiter.serve(at(9s)).empty());
  EXPECT_EQ(limiter.serve(at(10s)), std::vector{next});
  EXPECT_EQ(limiter.lapsed(), 1U);
}

TEST(ShareLimiter, AShareThatIsOverGrantsNothingWhoeverHasNotCome) {
  ShareLimiter limiter(kConfig, at(-2min));
  limiter.use(at(-2min), kTotal, at(1s));
  std::ignore = limiter.acquire(at(0s), {}, false);
  EXPECT_EQ(limiter.next_wakeup(at(0s)), at(1s));
  EXPECT_EQ(limiter.acquire(at(1s), {}, false).shortage, Shortage::share);
  EXPECT_EQ(limiter.running(), 1) << "what runs counts until it ends";
  limiter.use(at(2s), kTotal, at(20s));
  EXPECT_EQ(limiter.acquire(at(2s), {.tokens = 1}, false).shortage, Shortage::requests) << "it begins with empty buckets";
  limiter.extend(at(3s), at(30s));
  EXPECT_EQ(limiter.acquire(at(25s), {}, false).verdict, Verdict::granted);
}

TEST(ShareLimiter, AShareThatShrinksLetsWhatRunsEnd) {
  ShareLimiter limiter = with_share(kTotal);
  std::vector<PermitId> permits;
  for (int i = 0; i < 20; ++i) permits.push_back(limiter.acquire(at(0s), {}, false).permit);
  limiter.use(at(0s), kQuarter, kNever);
  EXPECT_EQ(limiter.running(), 20);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(limiter.acquire(at(1s), {}, false).shortage, Shortage::concurrency) << i;
    limiter.release(at(1s), permits[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(limiter.acquire(at(1s), {}, false).shortage, Shortage::concurrency);
  limiter.release(at(1s), permits[10]);
  EXPECT_EQ(limiter.acquire(at(1s), {}, false).verdict, Verdict::granted);
}

TEST(ShareLimiter, PartsWithoutALimitAreNotHeldBack) {
  const ShareLimiterConfig config{.total = {2, kNoLimit, kNoLimit}, .burst = {2, kNoLimit, kNoLimit}};
  ShareLimiter limiter(config, at(0s));
  limiter.use(at(0s), {2, kNoLimit, kNoLimit}, kNever);
  EXPECT_EQ(limiter.acquire(at(0s), {.requests = 1'000'000, .tokens = 1'000'000'000, .concurrency = 1}, false).verdict,
            Verdict::granted);
}

TEST(ShareLimiter, SaysWhatRunsAndWaitsAndWhatTheLastMinuteTook) {
  ShareLimiter limiter = with_share({1, 800, 40'000});
  EXPECT_EQ(limiter.load(at(0s)).load, Share{});
  const PermitId first = limiter.acquire(at(0s), {.tokens = 100}, false).permit;
  limiter.release(at(1s), first);
  EXPECT_EQ(limiter.load(at(1s)).load, Share{}) << "nothing is there: it may be idle";
  std::ignore = limiter.acquire(at(2s), {.tokens = 50}, false);
  std::ignore = limiter.acquire(at(2s), {.tokens = 7}, true);
  const LoadChanged load = limiter.load(at(2s));
  EXPECT_EQ(load.active_tasks, 1);
  EXPECT_EQ(load.load, (Share{2, 3, 157}));
  EXPECT_EQ(limiter.load(at(61s)).load, (Share{2, 2, 57})) << "the first was more than a minute ago";
}

TEST(ShareLimiter, WhoIsRefusedCountsForSomeSeconds) {
  ShareLimiter limiter(kConfig, at(0s));
  std::ignore = limiter.acquire(at(0s), {.tokens = 4096}, false);
  EXPECT_EQ(limiter.load(at(9s)).load, (Share{1, 1, 4096}));
  EXPECT_EQ(limiter.next_wakeup(at(9s)), at(10s));
  EXPECT_EQ(limiter.load(at(10s)).load, Share{});
}

// In every interval they admit no more than the burst and the rate, however the shares move, and never more at a time than the
// sum of the shares that they had when it was granted.
TEST(ShareLimiter, SeveralNeverAdmitMoreThanTheLimitsTogether) {
  Rng rng(1, "share-limiter");
  const ShareLimiterConfig config{.total = {8, 600, 60'000}, .burst = {8, 100, 10'000}};
  std::array<ShareLimiter, 3> limiters{ShareLimiter(config, at(0s)), ShareLimiter(config, at(0s)),
                                       ShareLimiter(config, at(0s))};
  std::int64_t requests = 0;
  std::int64_t tokens = 0;
  std::vector<std::pair<std::size_t, PermitId>> held;
  constexpr auto kStep = 20ms;
  for (int step = 0; step < 20'000; ++step) {
    const Time now = at(step * kStep);
    if (step % 500 == 0) {
      // Shrunk before others grow.
      const auto cut = static_cast<std::int64_t>(rng.below(5));
      const Share first{cut, cut * 75, cut * 7500};
      for (std::size_t i = 0; i < limiters.size(); ++i) limiters[i].use(now, least(limiters[i].share(), first), kNever);
      const std::size_t gets = rng.below(limiters.size());
      Share others;
      for (std::size_t i = 0; i < limiters.size(); ++i) others = others + (i == gets ? Share{} : limiters[i].share());
      limiters[gets].use(now, config.total - others, kNever);
    }
    const std::size_t who = rng.below(limiters.size());
    const PermitRequest ask{.requests = static_cast<std::int64_t>(rng.below(4)),
                            .tokens = static_cast<std::int64_t>(rng.below(500)),
                            .concurrency = 1};
    const auto reply = limiters[who].acquire(now, ask, false);
    if (reply.verdict == Verdict::granted) {
      requests += ask.requests;
      tokens += ask.tokens;
      held.emplace_back(who, reply.permit);
      EXPECT_LE(limiters[who].running(), limiters[who].share().concurrency);
    }
    if (!held.empty() && rng.below(2) == 0) {
      const std::size_t ends = rng.below(held.size());
      EXPECT_TRUE(limiters[held[ends].first].release(now, held[ends].second));
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(ends));
    }
    const double minutes = seconds(step * kStep) / 60;
    ASSERT_LE(static_cast<double>(requests), 100 + 600 * minutes + 1e-6) << step;
    ASSERT_LE(static_cast<double>(tokens), 10'000 + 60'000 * minutes + 1e-6) << step;
    for (const ShareLimiter& limiter : limiters) limiter.check();
  }
  EXPECT_GT(requests, 1000) << "they were used";
}

}  // namespace
}  // namespace drydock::share_limiter_test

#include "reports/findings.hpp"

#include "tests/unit/report_support.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace drydock::reports::findings_test {
namespace {

std::string say_one(const std::vector<RunResult>& runs, const std::string& metric = "wait_s.mean", bool random = true) {
  return say(judge(runs, metric).value(), ShownUnits(summarise(runs)), random);
}

std::vector<std::string> find(const std::vector<RunResult>& runs,
                              const std::vector<std::string>& metrics = {"wait_s.mean"}) {
  return say_findings(runs, metrics, ShownUnits(summarise(runs)), true);
}

TEST(Findings, BestInWords) {
  EXPECT_EQ(say_one(waits({{"fcfs", {48, 58, 62, 71}}, {"easy-sjf", {8, 16, 21, 30}}})),
            "easy-sjf has the shortest mean wait: 41.0 s (69 %) less than fcfs (95 % interval 39.7 to 42.3 s, 4 paired "
            "seeds).");
}

TEST(Findings, TiesInWords) {
  EXPECT_EQ(say_one(waits({{"a", {10, 20, 30}}, {"b", {10, 20, 30}}, {"c", {60, 71, 80}}})),
            "Mean wait: a and b give exactly the same; a is shown to be better than c.");
  const std::string open = say_one(waits({{"a", {10, 20, 30}}, {"b", {12, 18, 33}}}));
  EXPECT_TRUE(has(open, "Mean wait: no difference shown between a and b (1.0 s less with a; 95 % interval -")) << open;
  EXPECT_EQ(say_one(waits({{"a", {1, 2}}, {"b", {1, 2}}})), "Mean wait: exactly the same in all variants.");
}

TEST(Findings, ManyTiesAreCounted) {
  ByVariant many{{"a", {10, 20, 30}}, {"z", {160, 171, 180}}};
  for (const char* name : {"b", "c", "d", "e"}) many.push_back({name, {12, 18, 33}});
  EXPECT_EQ(
      say_one(waits(many)),
      "Mean wait: a has the best mean (20 s), but no difference is shown to 4 others; a is shown to be better than z.");
}

TEST(Findings, OneRunEachClaimsNothingBeyondIt) {
  EXPECT_EQ(say_one(waits({{"fcfs", {8.0813}}, {"easy", {4.0666}}, {"easy-sjf", {0.3679}}}), "wait_s.mean", false),
            "easy-sjf has the shortest mean wait in this scenario: 3.699 s (91 %) less than easy, the next best, and "
            "7.713 s (95 %) less than fcfs.");
}

TEST(Findings, CostsAndTheirIntervalsHaveOneNotation) {
  const std::string text = say_one(waits({{"a", {10, 20, 30}}, {"b", {28, 38.5, 47.5}}}, "cost_usd"), "cost_usd");
  EXPECT_EQ(text, "a has the lowest cost: 18.0 USD (47 %) less than b (95 % interval 16.8 to 19.2 USD, 3 paired seeds).");
}

TEST(Findings, DifferencesAreInTheUnitOfTheTable) {
  const std::string text = say_one(waits({{"a", {36'000, 37'000, 38'000}}, {"b", {36'090, 37'091, 38'089}}}));
  EXPECT_TRUE(has(text, "0.02500 h (0.24 %) less than b")) << text;
  EXPECT_FALSE(has(text, " s ")) << text;
}

// The differences are m - 20, m and m + 20: their half-width is 49.68.
TEST(Findings, ABoundNearZeroShowsItsSign) {
  const std::string below = say_one(waits({{"a", {100, 200, 300}}, {"b", {129.5, 249.5, 369.5}}}));
  EXPECT_TRUE(has(below, "interval -0.2 to 99 s")) << below;
  const std::string above = say_one(waits({{"a", {100, 200, 300}}, {"b", {129.9, 249.9, 369.9}}}));
  EXPECT_TRUE(has(above, "interval 0.2 to 100 s")) << above;
}

TEST(Findings, SharesOfSharesAndOfNothingAreNotSaid) {
  const std::string shares = say_one(waits({{"a", {0.5, 0.6}}, {"b", {0.1, 0.21}}}, "utilization"), "utilization");
  EXPECT_TRUE(has(shares, "percentage points more than b")) << shares;
  EXPECT_FALSE(has(shares, "points (")) << shares;
  const std::string nothing = say_one(waits({{"a", {5, 6}}, {"b", {0, 0}}}, "throughput_per_s"), "throughput_per_s");
  EXPECT_FALSE(has(nothing, "inf")) << nothing;
}

// easy-sjf waits least, but its unluckiest job waits longest.
std::vector<RunResult> unlucky(const std::vector<double>& longest_of_sjf) {
  auto runs = waits({{"fcfs", {100, 110, 121}}, {"easy-sjf", {10, 20, 30}}, {"greedy", {60, 71, 80}}});
  add(runs, "wait_s.max", {{"fcfs", {4000, 4100, 4210}}, {"easy-sjf", longest_of_sjf}, {"greedy", {3000, 3100, 3200}}});
  return runs;
}

TEST(TradeOffs, AMuchLongerLongestWaitIsSaid) {
  const auto sentences = find(unlucky({6000, 6210, 6400}));
  ASSERT_EQ(sentences.size(), 2U);
  EXPECT_EQ(sentences[1], "But its longest wait, 6203 s, is 2.0 times that of greedy (3100 s).");
}

TEST(TradeOffs, ALongerLongestWaitMustBeShownAndBeMuchLonger) {
  EXPECT_EQ(find(unlucky({4400, 4510, 4600})).size(), 1U);    // 1.45 times
  EXPECT_EQ(find(unlucky({1000, 12'000, 6500})).size(), 1U);  // noise
  EXPECT_EQ(find(unlucky({6000, 6210, 6400}), {"bounded_slowdown.mean"}).size(), 0U);
}

TEST(TradeOffs, ALeaderWhoIsNotShownToBeBestIsNamed) {
  auto runs = waits({{"a", {10, 20, 30}}, {"b", {12, 18, 33}}});
  add(runs, "wait_s.max", {{"a", {600, 620, 640}}, {"b", {200, 210, 225}}});
  const auto sentences = find(runs);
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_TRUE(has(sentences[1], "But a's longest wait, 620 s, is 2.9 times that of b (212 s)")) << sentences[1];
}

TEST(TradeOffs, AQueueThatAnotherVariantServesBetterIsNamed) {
  auto runs = waits({{"easy", {10, 20, 30}}, {"priority", {40, 51, 60}}, {"fcfs", {80, 92, 103}}});
  add(runs, "per_queue.batch.wait_s.mean", {{"easy", {9, 19, 30}}, {"priority", {90, 99, 111}}, {"fcfs", {90, 98, 120}}});
  add(runs, "per_queue.interactive.wait_s.mean",
      {{"easy", {30, 31, 32}}, {"priority", {2, 3.5, 4}}, {"fcfs", {80, 83, 85}}});
  const auto sentences = find(runs);
  ASSERT_EQ(sentences.size(), 2U);
  EXPECT_TRUE(has(sentences[1], "Queue interactive waits least under priority: 27.8 s (90 %) less than under easy."))
      << sentences[1];
  // What has a sentence of its own is not said twice.
  const auto chosen = find(runs, {"wait_s.mean", "per_queue.interactive.wait_s.mean"});
  EXPECT_EQ(std::ranges::count_if(chosen, [](const auto& s) { return has(s, "Queue interactive waits"); }), 0);
}

TEST(TradeOffs, AQueueWithoutAShownBestIsNotNamed) {
  auto runs = waits({{"easy", {10, 20, 30}}, {"priority", {40, 51, 60}}});
  add(runs, "per_queue.a.wait_s.mean", {{"easy", {9, 19, 30}}, {"priority", {8, 20, 28}}});
  add(runs, "per_queue.b.wait_s.mean", {{"easy", {9, 19, 30}}, {"priority", {90, 99, 111}}});
  EXPECT_EQ(find(runs).size(), 1U);
}

TEST(TradeOffs, SixSentencesAtMost) {
  auto runs = unlucky({6000, 6210, 6400});
  add(runs, "bounded_slowdown.mean", {{"fcfs", {1, 2, 3}}, {"easy-sjf", {1.2, 1.8, 3.1}}, {"greedy", {1.1, 2.2, 2.9}}});
  add(runs, "makespan_s", {{"fcfs", {1, 2, 3}}, {"easy-sjf", {1.2, 1.8, 3.1}}, {"greedy", {1.1, 2.2, 2.9}}});
  for (const char* queue : {"p", "q", "r"}) {
    add(runs, fmt::format("per_queue.{}.wait_s.mean", queue),
        {{"fcfs", {1, 2, 3}}, {"easy-sjf", {11, 12.5, 13}}, {"greedy", {60, 71, 80}}});
  }
  const auto sentences = find(runs, {"wait_s.mean", "bounded_slowdown.mean", "makespan_s"});
  ASSERT_EQ(sentences.size(), 6U);
  EXPECT_EQ(sentences[2], "3 queues wait least under other variants than easy-sjf.");
  EXPECT_TRUE(has(sentences[5], "more seeds would tell"));
}

}  // namespace
}  // namespace drydock::reports::findings_test

#include "reports/table.hpp"

#include "reports/findings.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::reports {
namespace {

using Metrics = std::map<std::string, double>;

RunResult run(const std::string& variant, std::uint64_t seed, Metrics metrics) {
  RunResult result;
  result.variant = variant;
  result.seed = seed;
  result.metrics = std::move(metrics);
  return result;
}

// `wait` by variant, one value per seed.
std::vector<RunResult> waits(const std::vector<std::pair<std::string, std::vector<double>>>& by_variant,
                             const std::string& metric = "wait_s.mean") {
  std::vector<RunResult> runs;
  for (const auto& [variant, values] : by_variant) {
    for (std::size_t i = 0; i < values.size(); ++i) runs.push_back(run(variant, i + 1, {{metric, values[i]}}));
  }
  return runs;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Judge, PairingFindsWhatSeparateIntervalsHide) {
  // The seeds differ by hundreds, the variants by about ten under every seed.
  const auto runs = waits({{"a", {100, 400, 900, 1600}}, {"b", {110, 411, 909, 1610}}});
  const auto summaries = summarise(runs);
  EXPECT_GT(summaries[0].metrics.at("wait_s.mean").high(), summaries[1].metrics.at("wait_s.mean").low());
  const auto verdict = judge(runs, "wait_s.mean");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->leader, "a");
  EXPECT_TRUE(verdict->best);
  EXPECT_DOUBLE_EQ(verdict->rivals[0].lead.mean, 10);
}

TEST(Judge, NoiseIsNotCalledBest) {
  const auto runs = waits({{"a", {10, 20, 30}}, {"b", {12, 18, 33}}});
  const auto verdict = judge(runs, "wait_s.mean");
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->best);
  EXPECT_FALSE(verdict->rivals[0].shown);
}

TEST(Judge, BestMustBeatEveryOther) {
  const auto runs = waits({{"a", {10, 20, 30}}, {"b", {11, 19, 30.5}}, {"c", {60, 71, 80}}});
  const auto verdict = judge(runs, "wait_s.mean");
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->best);
  EXPECT_EQ(verdict->rivals[0].variant, "b");
  EXPECT_TRUE(verdict->rivals[1].shown);
}

TEST(Judge, MoreVariantsNeedWiderIntervals) {
  const auto two = judge(waits({{"a", {1, 2}}, {"b", {3, 4}}}), "wait_s.mean");
  const auto four = judge(waits({{"a", {1, 2}}, {"b", {3, 4}}, {"c", {3, 4}}, {"d", {3, 4}}}), "wait_s.mean");
  EXPECT_DOUBLE_EQ(two->confidence, 0.95);
  EXPECT_DOUBLE_EQ(four->confidence, 1 - 0.05 / 3);
}

TEST(Judge, DirectionDependsOnTheMetric) {
  EXPECT_EQ(judge(waits({{"a", {0.1, 0.2}}, {"b", {0.5, 0.6}}}, "utilization"), "utilization")->leader, "b");
  EXPECT_EQ(judge(waits({{"a", {0.1, 0.2}}, {"b", {0.5, 0.6}}}, "cost_usd"), "cost_usd")->leader, "a");
  EXPECT_FALSE(judge(waits({{"a", {1, 2}}, {"b", {5, 6}}}, "jobs_submitted"), "jobs_submitted"));
}

TEST(Judge, OneSeedNeverGivesABest) {
  const auto verdict = judge(waits({{"a", {1}}, {"b", {1000}}}), "wait_s.mean");
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->best);
}

TEST(Judge, PartialAndFailedRunsAreLeftOut) {
  auto runs = waits({{"a", {1, 2, 3}}, {"b", {5, 6.5, 7}}});
  runs[0].partial = true;
  runs[4].error = "no memory";
  const auto verdict = judge(runs, "wait_s.mean");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->rivals[0].lead.n, 1U);  // only seed 3 is whole in both
  const auto summaries = summarise(runs);
  EXPECT_EQ(summaries[0].metrics.at("wait_s.mean").n, 2U);
  EXPECT_EQ(summaries[1].failed, 1U);
}

TEST(Describe, NamesAreTakenApart) {
  EXPECT_EQ(describe("wait_s.p95")->noun(), "95th percentile of the wait");
  EXPECT_EQ(describe("per_queue.gpu.large.wait_s.mean")->noun(), "mean wait in queue gpu.large");
  EXPECT_EQ(describe("false_expiries_per_worker_hour")->family->unit, Unit::per_hour);
  EXPECT_FALSE(describe("wait_s"));
  EXPECT_FALSE(describe("wait_s.p42"));
  EXPECT_FALSE(describe("per_queue.x.utilization"));
  EXPECT_FALSE(describe("nonsense"));
}

TEST(Describe, EveryListedNameIsKnown) {
  for (const auto& name : metric_names({{"a", "b.c"}, {"p"}})) EXPECT_TRUE(describe(name)) << name;
}

TEST(Numbers, AreRoundedToWhatTheIntervalAllows) {
  EXPECT_EQ(round_to(8.0813, 0.312), "8.08");
  EXPECT_EQ(round_to(8.0813, 0.0312), "8.081");
  EXPECT_EQ(round_to(16.992691, 0.00080), "16.993");
  EXPECT_EQ(round_to(0.00080, 0.00080), "0.00080");
  EXPECT_EQ(round_to(2925.15, std::nullopt), "2925");
  EXPECT_EQ(round_to(0.00159, std::nullopt), "0.001590");
  EXPECT_EQ(round_to(1024, std::nullopt), "1024");
  EXPECT_EQ(round_to(0, std::nullopt), "0");
  EXPECT_EQ(say_value(Unit::seconds, 0.0031), "3.100 ms");
  EXPECT_EQ(say_value(Unit::seconds, 61151), "16.99 h");
  EXPECT_EQ(say_value(Unit::usd, 12.4), "$12.40");
}

TEST(Findings, BestInWords) {
  const auto verdict = judge(waits({{"fcfs", {48, 58, 62, 71}}, {"easy-sjf", {8, 16, 21, 30}}}), "wait_s.mean");
  EXPECT_EQ(say(*verdict, true),
            "easy-sjf has the shortest mean wait: 41 s less than fcfs (95 % interval 39.7 to 42.3 s, 4 paired seeds).");
}

TEST(Findings, TiesInWords) {
  const auto tie = judge(waits({{"a", {10, 20, 30}}, {"b", {10, 20, 30}}, {"c", {60, 71, 80}}}), "wait_s.mean");
  EXPECT_EQ(say(*tie, true), "Mean wait: a and b give exactly the same; a is shown to be better than c.");
  const auto open = judge(waits({{"a", {10, 20, 30}}, {"b", {12, 18, 33}}}), "wait_s.mean");
  EXPECT_TRUE(has(say(*open, true), "Mean wait: no difference shown between a and b (1 s less with a; 95 % interval -"))
      << say(*open, true);
  const auto same = judge(waits({{"a", {1, 2}}, {"b", {1, 2}}}), "wait_s.mean");
  EXPECT_EQ(say(*same, true), "Mean wait: exactly the same in all variants.");
}

TEST(Findings, ManyTiesAreCounted) {
  std::vector<std::pair<std::string, std::vector<double>>> many{{"a", {10, 20, 30}}, {"z", {160, 171, 180}}};
  for (const char* name : {"b", "c", "d", "e"}) many.push_back({name, {12, 18, 33}});
  EXPECT_EQ(
      say(*judge(waits(many), "wait_s.mean"), true),
      "Mean wait: a has the best mean (20 s), but no difference is shown to 4 others; a is shown to be better than z.");
}

TEST(Findings, OneRunEachClaimsNothingBeyondIt) {
  const auto verdict = judge(waits({{"fcfs", {8.0813}}, {"easy", {4.0666}}, {"easy-sjf", {0.3679}}}), "wait_s.mean");
  const std::string text = say(*verdict, false);
  EXPECT_EQ(text,
            "easy-sjf has the shortest mean wait in this scenario: 3.699 s less than easy, the next best, and 7.713 s less "
            "than fcfs.");
}

TEST(Table, ShowsVariantsSideBySideAndMarksTheBest) {
  const auto runs = waits({{"fcfs", {48, 58, 62, 71}}, {"easy-sjf", {8, 16, 21, 30}}});
  const std::string text = render_table({"demo", "", runs, {}, true}, {.width = 100, .colour = false, .unicode = false});
  EXPECT_TRUE(has(text, "demo: 2 variants, 4 seeds each"));
  EXPECT_TRUE(has(text, "* 19 +- 15")) << text;
  EXPECT_TRUE(has(text, "60 +- 15")) << text;
  EXPECT_TRUE(has(text, "shortest mean wait"));
  EXPECT_FALSE(has(text, "\x1b["));
  EXPECT_TRUE(has(render_table({"demo", "", runs, {}, true}, {.colour = true}), "\x1b[1;32m"));
}

TEST(Table, FitsTheWidthInBlocks) {
  std::vector<std::pair<std::string, std::vector<double>>> many;
  for (int i = 0; i < 12; ++i) many.push_back({"variant-number-" + std::to_string(i), {1.0 * i, 2.0 * i, 3.5 * i}});
  const auto runs = waits(many);
  const std::string text = render_table({"wide", "", runs, {"wait_s.mean"}, true}, {.width = 80, .unicode = false});
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = text.find('\n', start);
    EXPECT_LE(end - start, 80U) << text.substr(start, end - start);
    start = end + 1;
  }
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(has(text, "variant-number-" + std::to_string(i)));
}

TEST(Table, SaysWhatIsPartialBrokenOrWrong) {
  auto runs = waits({{"a", {1}}, {"b", {2}}, {"c", {3}}});
  runs[0].partial = true;
  runs[1].error = "the policy placed a job twice";
  runs[2].checked = true;
  runs[2].violation_count = 2;
  runs[2].violations = {{3, Time{std::chrono::seconds{12}}, "worker 4 holds 5 of 4 cpus"}};
  const std::string text = render_table({"demo", "", runs, {}, true}, {});
  EXPECT_TRUE(has(text, "PARTIAL: a"));
  EXPECT_TRUE(has(text, "the policy placed a job twice"));
  EXPECT_TRUE(has(text, "2 invariant violations"));
  EXPECT_TRUE(has(text, "worker 4 holds 5 of 4 cpus"));
}

TEST(Table, UnfinishedJobsAreSaid) {
  const std::vector<RunResult> runs{run("", 1, {{"wait_s.mean", 1}, {"jobs_unfinished", 7}})};
  const std::string text = render_table({"demo", "", runs, {}, true}, {.width = 200});
  EXPECT_TRUE(has(text, "jobs unfinished"));
  EXPECT_TRUE(has(text, "true waits are longer"));
}

TEST(Table, RowsAppearOnlyWhereThereIsSomethingToSee) {
  const std::vector<RunResult> quiet{run("", 1, {{"wait_s.mean", 1}, {"jobs_failed", 0}, {"per_queue.a.wait_s.mean", 1}})};
  EXPECT_EQ(std::ranges::count(default_metrics(quiet), "jobs_failed"), 0);
  EXPECT_EQ(std::ranges::count(default_metrics(quiet), "per_queue.a.wait_s.mean"), 0);
  const std::vector<RunResult> busy{
      run("", 1, {{"wait_s.mean", 1}, {"jobs_failed", 2}, {"per_queue.a.wait_s.mean", 1}, {"per_queue.b.wait_s.mean", 1}})};
  EXPECT_EQ(std::ranges::count(default_metrics(busy), "jobs_failed"), 1);
  EXPECT_EQ(std::ranges::count(default_metrics(busy), "per_queue.b.wait_s.mean"), 1);
}

}  // namespace
}  // namespace drydock::reports

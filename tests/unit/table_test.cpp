#include "reports/table.hpp"

#include "reports/share_metrics.hpp"
#include "tests/unit/report_support.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::reports::table_test {
namespace {

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
  for (const auto& name : metric_names({{"a", "b.c"}, {"p"}, true, true})) EXPECT_TRUE(describe(name)) << name;
}

TEST(Describe, ListsFiguresAboutRequestsAndLimitsOnlyWhereThereAreSuch) {
  std::map<std::string, double> put;
  ShareFigures figures;
  figures.excess.fill(ExcessFigures{});
  figures.any_excess = ExcessFigures{};
  figures.task_s = 1;
  put_figures(figures, put);

  const auto without = metric_names({{"a"}, {"p"}});
  const auto requests = metric_names({{"a"}, {"p"}, true});
  const auto all = metric_names({{"a"}, {"p"}, true, true});
  EXPECT_EQ(all.size(), without.size() + put.size());
  for (const auto& [name, value] : put) {
    EXPECT_TRUE(describe(name)) << name;
    EXPECT_EQ(std::ranges::count(without, name), 0) << name;
    EXPECT_EQ(std::ranges::count(requests, name), name.starts_with("share_excess") ? 0 : 1) << name;
    EXPECT_EQ(std::ranges::count(all, name), 1) << name;
  }
  EXPECT_EQ(describe("requests_in_flight.max")->noun(), "highest requests in flight");
  EXPECT_EQ(describe("wait_s.max")->noun(), "longest wait");
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

TEST(Table, OneUnitForAllRowsOfAFamily) {
  const std::vector<RunResult> runs{run("", 1,
                                        {{"wait_s.mean", 20'000},
                                         {"wait_s.p50", 0.5},
                                         {"wait_s.max", 5'000'000},
                                         {"per_queue.a.wait_s.mean", 900},
                                         {"per_queue.b.wait_s.mean", 36'000},
                                         {"makespan_s", 60}})};
  const std::string text = render_table({"demo", "", runs, {}, false}, {.width = 200});
  for (const char* row : {"wait, mean          h", "wait, median        h", "wait, max           h",
                          "queue a: wait, mean h      0.2500", "queue b: wait, mean h"})
    EXPECT_TRUE(has(text, row)) << row << "\n" << text;
  EXPECT_TRUE(has(text, "makespan            s")) << text;
}

TEST(Table, AMeanHasTheDecimalsOfItsHalfWidth) {
  const auto wide = waits({{"", {39.21, 39.28, 39.35}}}, "bounded_slowdown.mean");
  const std::string wider = render_table({"demo", "", wide, {"bounded_slowdown.mean"}, true}, {.unicode = false});
  EXPECT_TRUE(has(wider, "39.28 +- 0.17\n")) << wider;
  const auto narrow = waits({{"", {39.284, 39.287, 39.290}}}, "bounded_slowdown.mean");
  const std::string narrower = render_table({"demo", "", narrow, {"bounded_slowdown.mean"}, true}, {.unicode = false});
  EXPECT_TRUE(has(narrower, "39.287 +- 0.007\n")) << narrower;
}

TEST(Table, TheHeadingSaysWhatIsNotMeasured) {
  const auto runs = waits({{"a", {1, 2}}, {"b", {3, 4}}});
  TableInput input{"demo", "", runs, {}, true};
  EXPECT_FALSE(has(render_table(input, {}), "not measured"));
  input.unmeasured = "first 10 % of the jobs not measured";
  EXPECT_TRUE(has(render_table(input, {.width = 200}), "interval, first 10 % of the jobs not measured\n"));
  const std::string narrow = render_table(input, {.width = 40, .colour = true});
  EXPECT_TRUE(has(narrow, "\x1b[1mdemo\x1b[0m: 2 variants")) << narrow;
}

TEST(Table, JobsOfAPartHaveNoBest) {
  for (const char* metric : {"per_pool.main.jobs_completed", "per_queue.a.jobs_completed"}) {
    const auto runs = waits({{"a", {1, 2, 3}}, {"b", {50, 51, 52.5}}}, metric);
    EXPECT_FALSE(has(render_table({"demo", "", runs, {metric}, true}, {.unicode = false}), "*")) << metric;
    EXPECT_FALSE(judge(runs, metric)) << metric;
  }
  const auto whole = waits({{"a", {1, 2, 3}}, {"b", {50, 51, 52.5}}}, "jobs_completed");
  EXPECT_EQ(judge(whole, "jobs_completed")->leader, "b");
  EXPECT_TRUE(judge(waits({{"a", {1, 2, 3}}, {"b", {50, 51, 52.5}}}, "per_queue.a.wait_s.mean"), "per_queue.a.wait_s.mean"));
}

TEST(Table, RowsOfAPatternNeedAValue) {
  const auto runs = waits({{"a", {1, 2}}, {"b", {3, 4}}});
  TableInput input{"demo", "", runs, {"wait_s.mean", "detection_s.mean"}, true};
  EXPECT_TRUE(has(render_table(input, {}), "detection time, mean"));
  input.if_measured = {"detection_s.mean"};
  EXPECT_FALSE(has(render_table(input, {}), "detection"));
  input.metrics = {"detection_s.mean"};
  const std::string nothing = render_table(input, {});
  EXPECT_TRUE(has(nothing, "None of the metrics asked for has a value in any run.\n")) << nothing;
  EXPECT_FALSE(has(nothing, "jobs completed"));
}

TEST(Table, PartialVariantsAreMarkedInTheirColumn) {
  auto runs = waits({{"a", {1}}, {"b", {2}}, {"c", {3}}});
  runs[1].partial = true;
  runs[2].metrics.clear();
  runs[2].partial = true;
  runs[2].error = "not run: the program was interrupted before";
  const std::string text = render_table({"demo", "", runs, {"wait_s.mean"}, true}, {});
  EXPECT_TRUE(has(text, "demo: 3 variants")) << text;
  EXPECT_TRUE(has(text, "b (partial)")) << text;
  EXPECT_TRUE(has(text, "c (no result)")) << text;
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
}  // namespace drydock::reports::table_test

// What a sweep is made of, by itself: MSER-5, fronts, effects, blocks of seeds, what is written and read back.
#include "policies/core/rng.hpp"
#include "reports/mser.hpp"
#include "reports/pareto.hpp"
#include "reports/sensitivity.hpp"
#include "reports/sweep.hpp"
#include "reports/sweep_advice.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::reports::sweep_parts_test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::vector<double> fivefold(const std::vector<double>& means) {
  std::vector<double> series;
  for (const double mean : means) {
    for (const double off : {-2.0, -1.0, 0.0, 1.0, 2.0}) series.push_back(mean + off);
  }
  return series;
}

// Squared deviations over squared numbers, by hand: 9 1 2 1 2 1 2 1 2 1 gives 0.536 with all, 2.222 / 81 = 0.0274 without the first, then
// 2 / 64 = 0.0313, 1.714 / 49 = 0.0350, 1.5 / 36 = 0.0417, 1.2 / 25 = 0.048: the first goes.
TEST(Mser, ExampleByHand) {
  const Truncation found = mser(fivefold({9, 1, 2, 1, 2, 1, 2, 1, 2, 1}));
  EXPECT_EQ(found.deleted, 5U);
  EXPECT_TRUE(found.settled);
}

TEST(Mser, DeletesNothingWhereNothingIsToBeDeleted) {
  EXPECT_EQ(mser(std::vector<double>(100, 3.0)).deleted, 0U);
  EXPECT_EQ(mser(fivefold({1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2})).deleted, 0U);
}

TEST(Mser, SaysWhenTheSeriesIsTooShort) {
  std::vector<double> rising;
  for (int i = 0; i < 500; ++i) rising.push_back(i);
  const Truncation found = mser(rising);
  EXPECT_FALSE(found.settled);
  EXPECT_LE(found.deleted, rising.size() / 2);
  EXPECT_FALSE(mser(std::vector<double>(20, 1.0)).settled);
}

TEST(Mser, FindsTheEndOfAStart) {
  Rng rng(3, "noise");
  std::vector<double> series;
  for (int i = 0; i < 5000; ++i) series.push_back((i < 500 ? 20.0 * (500 - i) / 500 : 0.0) + rng.uniform());
  const Truncation found = mser(series);
  EXPECT_TRUE(found.settled);
  EXPECT_GT(found.deleted, 400U);
  EXPECT_LT(found.deleted, 600U);
}

// Every pair of rows.
std::vector<bool> dumb_front(const std::vector<std::vector<double>>& rows, const std::vector<Better>& better) {
  std::vector<bool> on(rows.size(), true);
  for (std::size_t a = 0; a < rows.size(); ++a) {
    for (std::size_t b = 0; b < rows.size(); ++b) {
      bool no_worse = true;
      bool one_better = false;
      for (std::size_t m = 0; m < better.size(); ++m) {
        const double gain = better[m] == Better::lower ? rows[a][m] - rows[b][m] : rows[b][m] - rows[a][m];
        no_worse = no_worse && gain >= 0;
        one_better = one_better || gain > 0;
      }
      if (no_worse && one_better) on[a] = false;
    }
  }
  return on;
}

TEST(Pareto, AsADumbReferenceSays) {
  Rng rng(1, "fronts");
  for (int round = 0; round < 300; ++round) {
    const std::size_t metrics = 1 + rng.below(4);
    std::vector<Better> better;
    for (std::size_t m = 0; m < metrics; ++m) better.push_back(rng.below(2) == 0 ? Better::lower : Better::higher);
    std::vector<std::vector<double>> rows(1 + rng.below(30));
    for (auto& row : rows) {
      for (std::size_t m = 0; m < metrics; ++m) row.push_back(static_cast<double>(rng.below(5)));
    }
    const auto by = dominated_by(rows, better);
    const auto expected = dumb_front(rows, better);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(!by[i].has_value(), expected[i]) << "round " << round << ", row " << i;
      EXPECT_TRUE(!by[i] || expected[*by[i]]) << "dominated by one that is not on the front";
    }
  }
}

SweepPlan plan_of(std::size_t seeds) {
  SweepPlan plan;
  plan.version = "1";
  plan.scenario = "s";
  plan.scenario_hash = "00";
  plan.parameters = {{"/a", "1,2,3", {"1", "2", "3"}}, {"/b", "x,y", {"x", "y"}}};
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 2; ++b)
      plan.points.push_back({{plan.parameters[0].levels[a], plan.parameters[1].levels[b]}, {a, b}});
  }
  for (std::size_t i = 0; i < seeds; ++i) plan.seeds.push_back(i + 1);
  return plan;
}

// wait = 10 a - b + 100 seed: what differs between seeds is far more than what differs between points.
void run_all_of(const SweepPlan& plan, SweepRuns& runs) {
  for (std::size_t point = 0; point < plan.points.size(); ++point) {
    for (const std::uint64_t seed : runs.wanted(point)) {
      const double a = static_cast<double>(plan.points[point].levels[0]);
      const double b = static_cast<double>(plan.points[point].levels[1]);
      const double noise = 0.01 * static_cast<double>((seed * 7 + point) % 3);
      EXPECT_TRUE(runs.add(
          {.point = point,
           .seed = seed,
           .metrics = {{"wait_s.mean", 100 * static_cast<double>(seed) + 10 * a - b + noise}, {"cost_usd", 5 - a}}}));
    }
  }
}

TEST(Sensitivity, RanksMainEffectsByPairedSeeds) {
  const SweepPlan plan = plan_of(6);
  SweepRuns runs(plan);
  run_all_of(plan, runs);
  const SweepResult result = make_result(plan, runs);
  const auto effects = main_effects(result, "wait_s.mean");
  ASSERT_EQ(effects.size(), 2U);
  EXPECT_EQ(effects[0].parameter, 0U);
  EXPECT_NEAR(effects[0].range.mean, 20, 0.05);
  EXPECT_EQ(effects[0].least, 0U);
  EXPECT_EQ(effects[0].most, 2U);
  EXPECT_TRUE(effects[0].shown);
  EXPECT_NEAR(effects[0].confidence, 1 - 0.05 / 3, 1e-12) << "three pairs of levels";
  EXPECT_EQ(effects[1].parameter, 1U);
  EXPECT_NEAR(effects[1].range.mean, 1, 0.05);
  EXPECT_EQ(effects[1].least, 1U);
  EXPECT_TRUE(effects[1].shown);
  EXPECT_TRUE(main_effects(result, "utilization").empty());
  const auto on_cost = main_effects(result, "cost_usd");
  EXPECT_EQ(on_cost[0].parameter, 0U);
  EXPECT_FALSE(on_cost[1].shown) << "b has no effect on the cost";
}

TEST(Advice, RecommendsWhatIsShownAndSaysWhatItCosts) {
  SweepPlan plan = plan_of(6);
  plan.own = 4;  // a 3, b x
  plan.view.metrics = {"wait_s.mean", "cost_usd"};
  plan.view.pareto = plan.view.metrics;
  SweepRuns runs(plan);
  run_all_of(plan, runs);
  const SweepResult result = make_result(plan, runs);
  const auto advice = advise(result);
  ASSERT_TRUE(advice.has_value());
  EXPECT_EQ(advice->best, 1U) << "a 1, b y";
  EXPECT_EQ(advice->baseline, 4U);
  EXPECT_NEAR(advice->confidence, 0.99, 1e-12) << "five others";
  EXPECT_TRUE(advice->shown);
  ASSERT_EQ(advice->sides.size(), 1U);
  EXPECT_EQ(advice->sides[0].metric, "cost_usd");
  EXPECT_FALSE(advice->sides[0].better);
  EXPECT_TRUE(advice->equals.empty());
  const auto sentences = say_advice(result);
  ASSERT_GE(sentences.size(), 2U);
  EXPECT_TRUE(has(sentences[0], "Point 2 (a 1, b y): mean wait")) << sentences[0];
  EXPECT_TRUE(has(sentences[0], "less")) << sentences[0];
  EXPECT_TRUE(has(sentences[0], "than the scenario as it is (point 5) (99 % interval")) << sentences[0];
  EXPECT_TRUE(has(sentences[1], "It costs: cost 2 USD more.")) << sentences[1];
  const auto front = front_of(result);
  EXPECT_EQ(front->points, (std::vector<std::size_t>{1, 3, 5}));
}

TEST(Advice, ShowsNoDifferenceWhereThereIsNone) {
  SweepPlan plan = plan_of(5);
  plan.view.metrics = {"wait_s.mean"};
  SweepRuns runs(plan);
  for (std::size_t point = 0; point < plan.points.size(); ++point) {
    for (const std::uint64_t seed : plan.seeds)
      (void)runs.add(
          {.point = point, .seed = seed, .metrics = {{"wait_s.mean", static_cast<double>((seed * 31 + point * 17) % 11)}}});
  }
  const SweepResult result = make_result(plan, runs);
  EXPECT_FALSE(advise(result)->shown);
  EXPECT_TRUE(has(say_advice(result)[0], "no difference shown")) << say_advice(result)[0];
}

TEST(SweepRuns, TakesBlocksOfSeedsUntilTheyArePreciseEnough) {
  SweepPlan plan = plan_of(23);
  plan.precision = {{.metric = "wait_s.mean", .most = 0.1, .relative = false}};
  SweepRuns runs(plan);
  EXPECT_EQ(runs.wanted(0), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  const auto add = [&](std::size_t point, std::uint64_t seed, double value) {
    EXPECT_TRUE(runs.add({.point = point, .seed = seed, .metrics = {{"wait_s.mean", value}}}));
  };
  for (const std::uint64_t seed : {5U, 4U, 3U, 2U}) add(0, seed, 7);
  EXPECT_EQ(runs.wanted(0), (std::vector<std::uint64_t>{1}));
  add(0, 1, 7);
  EXPECT_TRUE(runs.wanted(0).empty()) << "the half-width is 0";
  EXPECT_EQ(runs.counted(0).size(), 5U);
  // One that was made too early does not count.
  add(0, 9, 1000);
  EXPECT_EQ(runs.counted(0).size(), 5U);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) add(1, seed, static_cast<double>(seed % 2));
  EXPECT_EQ(runs.wanted(1), (std::vector<std::uint64_t>{21, 22, 23})) << "the last block is what is left";
  runs.failed(1, 21, "x");
  runs.failed(1, 22, "x");
  runs.failed(1, 23, "x");
  EXPECT_TRUE(runs.wanted(1).empty()) << "what failed is not tried again";
  EXPECT_EQ(runs.counted(1).size(), 20U);
}

TEST(SweepRuns, ShardsHaveAllPointsOnce) {
  for (std::uint64_t of = 1; of < 9; ++of) {
    for (std::size_t point = 0; point < 20; ++point) {
      int owners = 0;
      for (std::uint64_t number = 1; number <= of; ++number) owners += SweepShard{number, of}.has(point) ? 1 : 0;
      EXPECT_EQ(owners, 1);
    }
  }
}

TEST(SweepRuns, LinesAreReadBackExactlyOrNotAtAll) {
  const SweepRun run{.point = 3,
                     .seed = ~std::uint64_t{0},
                     .metrics = {{"wait_s.mean", 0.1 + 0.2}, {"per_queue.ä \"x\".wait_s.max", 1e-300}},
                     .violations = 2,
                     .deleted = 40,
                     .settled = false};
  const std::string line = write_run(run);
  const auto back = read_run(line);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->metrics, run.metrics);
  EXPECT_EQ(back->seed, run.seed);
  EXPECT_EQ(back->violations, 2U);
  EXPECT_EQ(back->deleted, 40U);
  EXPECT_FALSE(back->settled);
  EXPECT_EQ(write_run(*back), line);
  for (std::size_t cut = 0; cut < line.size(); ++cut) EXPECT_FALSE(read_run(line.substr(0, cut)).has_value()) << cut;
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::string broken = line;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_FALSE(read_run(broken).has_value()) << broken;
  }
}

TEST(SweepPlan, IsReadBackAndToldApart) {
  SweepPlan plan = plan_of(3);
  plan.own = 2;
  plan.draw = 9;
  plan.precision = {{.metric = "wait_s.mean", .most = 0.05, .relative = true}};
  plan.shard = {2, 3};
  plan.view = {{"wait_s.mean"}, {"wait_s.mean", "cost_usd"}, 1};
  const auto back = read_plan(write_plan(plan), "plan.json");
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(write_plan(back.value()), write_plan(plan));
  EXPECT_EQ(plan_difference(back.value(), plan, true), std::nullopt);
  const auto difference = [&](auto change, bool same_shard = true) {
    SweepPlan other = plan;
    change(other);
    return plan_difference(plan, other, same_shard).value_or("");
  };
  EXPECT_EQ(difference([](SweepPlan& p) { p.version = "2"; }), "drydock 1 made them, this is 2");
  EXPECT_EQ(difference([](SweepPlan& p) { p.seeds = {1, 2}; }), "--seeds was 1..3, and is 1,2 now");
  EXPECT_EQ(difference([](SweepPlan& p) { p.parameters[1].given = "x"; }), "what is varied was /b=x,y, and is /b=x now");
  EXPECT_EQ(difference([](SweepPlan& p) { p.precision.clear(); }), "--precision was wait_s.mean=5%, and is not given now");
  EXPECT_EQ(difference([](SweepPlan& p) { p.shard.number = 1; }), "--shard was 2/3, and is 1/3 now");
  EXPECT_EQ(difference([](SweepPlan& p) { p.shard.number = 1; }, false), "");
  EXPECT_EQ(difference([](SweepPlan& p) { p.mser5 = true; }), "--warmup was of the scenario, and is mser5 now");
  EXPECT_TRUE(has(difference([](SweepPlan& p) { p.scenario_hash = "1"; }), "has changed since"));
  EXPECT_EQ(difference([](SweepPlan& p) { p.view = {}; }), "");
  EXPECT_FALSE(read_plan("{}", "plan.json").ok());
  EXPECT_FALSE(read_plan("nonsense", "plan.json").ok());
}

TEST(Precision, IsReadAndRefused) {
  const auto both = parse_precision("wait_s.mean=5%,detection_s.mean=0.5");
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both.value()[0], (SweepPrecision{"wait_s.mean", 0.05, true}));
  EXPECT_EQ(both.value()[1], (SweepPrecision{"detection_s.mean", 0.5, false}));
  for (const char* bad : {"", "wait_s.mean", "wait_s.mean=", "wait_s.mean=0", "wait_s.mean=-1%", "wait_s.mean=x", "a=1,"})
    EXPECT_FALSE(parse_precision(bad).ok()) << bad;
}

TEST(ShortNames, AreAsLongAsTheyMustBe) {
  const std::vector<SweepParameter> parameters{{"variant", "", {}},
                                               {"/policies/liveness/ttl", "", {}},
                                               {"/cluster/hosts/0/count", "", {}},
                                               {"/workload/0/count", "", {}}};
  EXPECT_EQ(short_names(parameters), (std::vector<std::string>{"variant", "ttl", "hosts/0/count", "workload/0/count"}));
}

}  // namespace
}  // namespace drydock::reports::sweep_parts_test

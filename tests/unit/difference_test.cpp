// What `compare` says of recorded runs: who is compared with whom, what is shown, and how often that is wrong.
#include "reports/difference.hpp"

#include "policies/core/rng.hpp"
#include "reports/difference_table.hpp"
#include "reports/difference_words.hpp"
#include "reports/holm.hpp"
#include "reports/normal.hpp"
#include "tests/unit/report_support.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <numbers>
#include <string>
#include <tuple>
#include <vector>

namespace drydock::reports::difference_test {
namespace {

using Draw = std::function<double(Rng&)>;

double exponential(Rng& rng) { return -std::log1p(-rng.uniform()); }
double normal(Rng& rng) { return normal_quantile(std::clamp(rng.uniform(), 0x1.0p-53, 1 - 0x1.0p-53)); }
double heavy(Rng& rng) { return std::exp(1.5 * normal(rng)); }

Recorded recorded(const std::string& label, const std::vector<std::string>& variants, std::vector<RunResult> runs) {
  Recorded result;
  result.label = label;
  result.version = "0.1.0";
  result.scenario = "demo";
  for (const std::string& name : variants) result.variants.push_back({name, "0123456789abcdef", R"({"seed": 1})"});
  result.runs = std::move(runs);
  return result;
}

// One variant "v" with these values of `metric` under seeds from `first` on.
ChosenRun one_variant(const std::string& label, const std::vector<double>& values, std::uint64_t first = 1,
                      const std::string& metric = "wait_s.mean") {
  std::vector<RunResult> runs;
  for (std::size_t i = 0; i < values.size(); ++i) runs.push_back(run("v", first + i, {{metric, values[i]}}));
  return {recorded(label, {"v"}, std::move(runs)), std::nullopt};
}

struct Compared {
  std::vector<ChosenRun> runs;
  Matches matches;
  DifferenceReport report;
};

// By reference: the report points into it.
void compare(Compared& compared, const std::vector<std::string>& metrics = {}, bool across = false) {
  auto matches = match_runs(compared.runs, across);
  ASSERT_TRUE(matches) << matches.error().message;
  compared.matches = std::move(matches).value();
  compared.report =
      find_differences(compared.matches.matches, metrics, {.confidence = 0.95, .margin = 0.05, .seed = 1, .resamples = 30});
}

std::string refusal(const std::vector<ChosenRun>& runs, bool across = false) {
  const auto matches = match_runs(runs, across);
  return matches ? "" : matches.error().message;
}

std::string words(const Compared& compared) {
  const DifferenceTableInput input{
      .title = "title", .notes = compared.matches.notes, .report = &compared.report, .gate = {}, .details = true};
  return render_differences(input, {.width = 1000, .colour = false, .unicode = false});
}

TEST(Matching, VariantsByNameAndWhatIsOnOneSideAlone) {
  Compared compared;
  compared.runs = {{recorded("out/base/result.json", {"fcfs", "easy"},
                             {run("fcfs", 1, {{"wait_s.mean", 4}}), run("easy", 1, {{"wait_s.mean", 3}})}),
                    {}},
                   {recorded("out/head/result.json", {"easy", "sjf"},
                             {run("easy", 1, {{"wait_s.mean", 2}}), run("sjf", 1, {{"wait_s.mean", 1}})}),
                    {}}};
  compare(compared);
  ASSERT_EQ(compared.matches.matches.size(), 1U);
  EXPECT_EQ(compared.matches.matches[0].base_title, "base:easy");
  EXPECT_EQ(compared.matches.matches[0].title, "head:easy");
  const std::string text = words(compared);
  EXPECT_TRUE(has(text, "Only out/base/result.json has fcfs: not compared.")) << text;
  EXPECT_TRUE(has(text, "Only out/head/result.json has sjf: not compared.")) << text;
}

TEST(Matching, TwoOfOneFileAndOneFileAlone) {
  const Recorded file = recorded("r.json", {"a", "b", "c"}, {run("a", 1, {}), run("b", 1, {}), run("c", 1, {})});
  Compared two;
  two.runs = {{file, "a"}, {file, "c"}};
  compare(two);
  ASSERT_EQ(two.matches.matches.size(), 1U);
  EXPECT_EQ(two.matches.matches[0].title, "c");
  Compared alone;
  alone.runs = {{file, std::nullopt}};
  compare(alone);
  ASSERT_EQ(alone.matches.matches.size(), 2U);
  EXPECT_EQ(alone.matches.matches[1].base_title, "a");
  EXPECT_EQ(alone.matches.matches[1].title, "c");
}

TEST(Matching, RefusesWhatCannotBeComparedAndSaysWhatToDo) {
  ChosenRun base = one_variant("base", {1, 2});
  ChosenRun other = one_variant("other", {1, 2});
  other.recorded.scenario = "shop";
  EXPECT_TRUE(has(refusal({base, other}), "base is of scenario \"demo\", other of \"shop\"")) << refusal({base, other});
  EXPECT_TRUE(has(refusal({base, other}), "--across-scenarios"));
  EXPECT_EQ(refusal({base, other}, true), "");
  const ChosenRun chosen{base.recorded, "w"};
  EXPECT_TRUE(has(refusal({chosen, base}), "base has no variant \"w\"; it has v"));
  const ChosenRun two{recorded("two", {"x", "y"}, {run("x", 1, {}), run("y", 1, {})}), std::nullopt};
  EXPECT_TRUE(has(refusal({base, two}), "no variant of two has the name of one of base")) << refusal({base, two});
  EXPECT_TRUE(has(refusal({base, two}), "base:VARIANT two:VARIANT"));
  ChosenRun broken = base;
  for (RunResult& one : broken.recorded.runs) one.error = "no memory";
  EXPECT_TRUE(has(refusal({base, broken}), "has no complete run")) << refusal({base, broken});
}

TEST(Matching, SaysHowScenariosAndVersionsDiffer) {
  Compared compared;
  compared.runs = {one_variant("base", {1, 2}), one_variant("other", {1, 2})};
  compared.runs[1].recorded.version = "0.2.0";
  compared.runs[1].recorded.variants[0] = {"v", "fedcba9876543210", R"({"seed": 2, "pools": [1]})"};
  compare(compared);
  const std::string text = words(compared);
  EXPECT_TRUE(has(text, "base by drydock 0.1.0, other by 0.2.0")) << text;
  EXPECT_TRUE(
      has(text,
          "base:v (0123456789abcdef) and other:v (fedcba9876543210) differ in /pools (nothing -> [1]) and /seed (1 -> 2)."))
      << text;
}

TEST(Pairing, BySeedsThatBothHave) {
  Compared compared;
  compared.runs = {one_variant("base", {10, 11, 12, 13}, 1), one_variant("other", {100, 8, 9, 10.5}, 1)};
  compared.runs[1].recorded.runs[0].seed = 77;
  compare(compared);
  const Difference& wait = compared.report.sides[0].metrics.at(0);
  EXPECT_EQ(compared.report.sides[0].samples.pairing, Pairing::paired);
  EXPECT_EQ(wait.n, 3U);
  EXPECT_NEAR(wait.change, (8 - 11 + 9 - 12 + 10.5 - 13) / 3, 1e-12);
  EXPECT_NEAR(*wait.relative, wait.change / 12, 1e-12);
  EXPECT_TRUE(has(words(compared), "2 runs left out, of seeds that the other side has not"));
}

TEST(Pairing, WelchWhereSeedsDifferAndNothingForOneRun) {
  Compared welch;
  welch.runs = {one_variant("base", {10, 11, 12, 13}, 1), one_variant("other", {20, 21, 22, 23.5}, 11)};
  compare(welch);
  EXPECT_EQ(welch.report.sides[0].samples.pairing, Pairing::unpaired);
  EXPECT_EQ(welch.report.sides[0].metrics.at(0).finding, Finding::worse);
  EXPECT_TRUE(has(words(welch), "Not paired: Welch's intervals")) << words(welch);
  Compared single;
  single.runs = {one_variant("base", {10}), one_variant("other", {20})};
  compare(single);
  EXPECT_EQ(single.report.sides[0].metrics.at(0).finding, Finding::unknown);
  EXPECT_FALSE(single.report.sides[0].metrics.at(0).student);
  EXPECT_TRUE(has(words(single), "One run of a side says nothing of chance")) << words(single);
}

TEST(Pairing, OneRunEachIsExactWhereNothingIsRandom) {
  Compared compared;
  compared.runs = {one_variant("base", {10}), one_variant("other", {20})};
  for (ChosenRun& run : compared.runs) run.recorded.random = false;
  compare(compared);
  EXPECT_EQ(compared.report.sides[0].metrics.at(0).finding, Finding::worse);
  EXPECT_TRUE(has(words(compared), "one run each, in which nothing is random")) << words(compared);
}

TEST(Difference, FindingsByHand) {
  Compared compared;
  std::vector<RunResult> base;
  std::vector<RunResult> other;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const double noise = seed % 2 == 0 ? 1 : -1;
    const auto s = static_cast<double>(seed);
    base.push_back(run("v", seed,
                       {{"wait_s.mean", 100 + s},
                        {"utilization", 0.5 + s / 100},
                        {"makespan_s", 1000},
                        {"jobs_submitted", s},
                        {"wait_s.max", 400 + s},
                        {"cost_usd", 50 + s}}));
    other.push_back(run("v", seed,
                        {{"wait_s.mean", 80 + s + noise},
                         {"utilization", 0.4 + s / 100 + 0.01 * noise},
                         {"makespan_s", 1000},
                         {"jobs_submitted", s + 3 + noise},
                         {"wait_s.max", 400 + s + 40 * noise},
                         {"cost_usd", 50 + s + 0.1 * noise}}));
    base.back().journal_hash = other.back().journal_hash = seed;
  }
  compared.runs = {{recorded("base", {"v"}, base), {}}, {recorded("other", {"v"}, other), {}}};
  compare(compared, {"wait_s.mean", "utilization", "makespan_s", "jobs_submitted", "wait_s.max", "cost_usd", "jobs_failed"});
  const auto& metrics = compared.report.sides[0].metrics;
  ASSERT_EQ(metrics.size(), 6U) << "what nobody measured is left out";
  EXPECT_EQ(metrics[0].finding, Finding::better);
  EXPECT_FALSE(metrics[0].equivalent);
  EXPECT_EQ(metrics[1].finding, Finding::worse);
  EXPECT_EQ(metrics[2].finding, Finding::equal);
  EXPECT_EQ(metrics[3].finding, Finding::different);
  EXPECT_EQ(metrics[4].finding, Finding::not_shown);
  EXPECT_FALSE(metrics[4].equivalent) << "it may be anything";
  EXPECT_EQ(metrics[5].finding, Finding::not_shown);
  EXPECT_TRUE(metrics[5].equivalent);
  EXPECT_EQ(compared.report.tests, 6U);
  EXPECT_GT(*metrics[0].p_holm, *metrics[0].p);
  EXPECT_DOUBLE_EQ(*metrics[0].cliffs_delta, -1);
  const std::string text = words(compared);
  EXPECT_TRUE(
      has(text,
          "other:v against base:v (8 paired seeds), of 6 metrics: better in 1, worse in 1, different in 1, equal in 1 and "
          "no difference shown in 2 (1 shown to be the same within 5 %)."))
      << text;
  EXPECT_TRUE(has(text, "Better: mean wait 20.00 s (19 %) less (95 % interval 19.11 to 20.89 s).")) << text;
  EXPECT_TRUE(has(text, "Worse: utilization 10.00 percentage points less")) << text;
  EXPECT_TRUE(has(text, "same within 5 %"));
  EXPECT_TRUE(has(text, "Every decision is the same under all 8 seeds")) << text;
  EXPECT_TRUE(has(text, "p (Holm)"));
}

TEST(Difference, MarkdownIsATableAndHoldsNothingOfItsInput) {
  Compared compared;
  compared.runs = {one_variant("a|b<i>", {10, 11, 12, 13}), one_variant("c", {20, 21, 22, 23.5})};
  compare(compared);
  const DifferenceTableInput input{
      .title = "a|b<i>", .notes = compared.matches.notes, .report = &compared.report, .gate = {}, .details = false};
  const std::string text = render_markdown(input);
  EXPECT_TRUE(text.starts_with("<!-- drydock compare -->\n### a\\|b&lt;i>")) << text;
  EXPECT_TRUE(has(text, "| ---: |"));
  EXPECT_TRUE(has(text, "**worse**"));
  EXPECT_FALSE(has(text, "<i>"));
}

// The finding of one metric between two samples of `n`, with shift added to the second.
Finding finding_of_samples(std::uint64_t k, std::size_t n, bool paired, const Draw& draw, double shift, const Draw& common) {
  Rng rng(k, "samples");
  std::vector<double> base;
  std::vector<double> other;
  for (std::size_t i = 0; i < n; ++i) {
    const double both = common(rng);
    base.push_back(10 + (paired ? both : 0) + draw(rng));
    other.push_back(10 + (paired ? both : 0) + draw(rng) + shift);
  }
  Compared compared;
  compared.runs = {one_variant("base", base), one_variant("other", other, paired ? 1 : 1001)};
  compare(compared);
  return compared.report.sides.at(0).metrics.at(0).finding;
}

// In at least 930 of 1000 repetitions two samples of the same kind must not be told apart.
TEST(FalseAlarms, AreRareForOneMetricAlsoWhereItIsSkewed) {
  const Draw none = [](Rng&) { return 0.0; };
  for (const auto& [name, draw] :
       {std::pair<const char*, Draw>{"normal", normal}, {"exponential", exponential}, {"heavy tail", heavy}}) {
    for (const bool paired : {true, false}) {
      int not_shown = 0;
      for (std::uint64_t k = 0; k < 1000; ++k)
        not_shown +=
            finding_of_samples(k, 20, paired, draw, 0, paired ? Draw(exponential) : none) == Finding::not_shown ? 1 : 0;
      EXPECT_GE(not_shown, 930) << name << (paired ? ", paired" : ", unpaired");
    }
  }
}

TEST(FalseAlarms, OfAnyOfTwelveMetricsAreAsRare) {
  int clean = 0;
  for (std::uint64_t k = 0; k < 1000; ++k) {
    Rng rng(k, "many");
    std::vector<double> p_values;
    for (int metric = 0; metric < 12; ++metric) {
      std::vector<double> base(20);
      std::vector<double> other(20);
      for (double& v : base) v = exponential(rng);
      for (double& v : other) v = exponential(rng);
      p_values.push_back(*paired_contrast(base, other).p_value());
    }
    const std::vector<double> raised = holm(p_values);
    clean += *std::min_element(raised.begin(), raised.end()) >= 0.05 ? 1 : 0;
  }
  EXPECT_GE(clean, 930);
}

// Power of the paired t test (two-sided, 5 %) by the noncentral t distribution: 0.8078 for 34 pairs that differ by half a standard
// deviation of their difference, 0.8213 for 15 by 0.8 (G*Power 3). 3.6 standard errors of 1000 repetitions are 0.045.
TEST(Power, IsThatOfStudentsTest) {
  const Draw half = [](Rng& rng) {
    return normal(rng) / std::numbers::sqrt2;
  };  // so that differences have standard deviation 1
  for (const auto& [n, d, power] : {std::tuple{34U, 0.5, 0.8078}, std::tuple{15U, 0.8, 0.8213}}) {
    int found = 0;
    for (std::uint64_t k = 0; k < 1000; ++k)
      found += finding_of_samples(k + 5000, n, true, half, d, heavy) == Finding::worse ? 1 : 0;
    EXPECT_NEAR(found / 1000.0, power, 0.045) << n;
  }
}

}  // namespace
}  // namespace drydock::reports::difference_test

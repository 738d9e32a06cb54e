#include "cli/metric_choice.hpp"
#include "cli/seeds.hpp"
#include "cli/terminal.hpp"
#include "reports/metric_info.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::cli::cli_parsing_test {
namespace {

using Seeds = std::vector<std::uint64_t>;

TEST(Seeds, NumbersRangesAndLists) {
  EXPECT_EQ(parse_seeds("7").value(), (Seeds{7}));
  EXPECT_EQ(parse_seeds("1..4").value(), (Seeds{1, 2, 3, 4}));
  EXPECT_EQ(parse_seeds("1,2,5").value(), (Seeds{1, 2, 5}));
  EXPECT_EQ(parse_seeds("9,1..2").value(), (Seeds{9, 1, 2}));
  EXPECT_EQ(parse_seeds("18446744073709551615").value(), (Seeds{~std::uint64_t{0}}));
}

TEST(Seeds, NonsenseIsRefusedWithWhatIsAllowed) {
  for (const char* text : {"", "x", "1..", "..3", "3..1", "1,,2", "1,", "-1", "1.5", "1...3", "1 2", "2,1..3",
                           "0..99999999999", "18446744073709551616", "1-5"}) {
    const auto seeds = parse_seeds(text);
    ASSERT_FALSE(seeds) << text;
    EXPECT_NE(seeds.error().message.find("1..20"), std::string::npos) << text;
  }
}

scenarios::Scenario scenario_of(const scenarios::Arrivals& arrivals, const scenarios::Distribution& duration) {
  scenarios::SyntheticSource source;
  source.arrivals = arrivals;
  source.duration = duration;
  scenarios::Scenario scenario;
  scenario.seed = 40;
  scenario.workload.emplace_back(source);
  return scenario;
}

TEST(DefaultSeeds, TenWhereSomethingIsRandomAndOneWhereNothingIs) {
  const scenarios::RegularArrivals regular{.interval = std::chrono::seconds{1}, .first = {}};
  const std::vector fixed{scenario_of(regular, scenarios::Deterministic{1})};
  EXPECT_EQ(default_seeds(fixed), (Seeds{40}));
  const std::vector drawn{fixed[0], scenario_of(scenarios::PoissonArrivals{1}, scenarios::Deterministic{1})};
  EXPECT_EQ(default_seeds(drawn), (Seeds{40, 41, 42, 43, 44, 45, 46, 47, 48, 49}));
  EXPECT_TRUE(is_random(scenario_of(regular, scenarios::Exponential{1})));
  EXPECT_FALSE(is_random(scenario_of(regular, scenarios::Empirical{{3}})));
  scenarios::Scenario faults = fixed[0];
  faults.faults.emplace_back(scenarios::WorkerCrash{"", scenarios::WorkerCrash::Once{std::chrono::seconds{1}, {}}});
  EXPECT_FALSE(is_random(faults));
  faults.faults.emplace_back(
      scenarios::WorkerCrash{"", scenarios::WorkerCrash::Repeated{scenarios::Exponential{9}, scenarios::Deterministic{1}}});
  EXPECT_TRUE(is_random(faults));
  scenarios::Scenario sampling = fixed[0];
  sampling.scheduler.placement.type = "jsq";
  EXPECT_TRUE(is_random(sampling));
}

TEST(DefaultSeeds, LastSeedDoesNotWrapAround) {
  auto scenario = scenario_of(scenarios::PoissonArrivals{1}, scenarios::Exponential{1});
  scenario.seed = ~std::uint64_t{0} - 1;
  EXPECT_EQ(default_seeds(std::vector{scenario}), (Seeds{~std::uint64_t{0} - 1, ~std::uint64_t{0}}));
}

TEST(MetricChoice, NamesBeginningsAndPatterns) {
  const auto names = reports::metric_names({{"short", "long"}, {"main"}});
  using Names = std::vector<std::string>;
  EXPECT_EQ(choose_metrics("utilization,wait_s.max", names).value().names, (Names{"utilization", "wait_s.max"}));
  EXPECT_EQ(choose_metrics("wait_s", names).value().names,
            (Names{"wait_s.mean", "wait_s.p50", "wait_s.p95", "wait_s.p99", "wait_s.max"}));
  EXPECT_EQ(choose_metrics("per_queue.*.wait_s.mean", names).value().names,
            (Names{"per_queue.short.wait_s.mean", "per_queue.long.wait_s.mean"}));
  EXPECT_EQ(choose_metrics("wait_s.max,wait_s.max", names).value().names.size(), 1U);
}

TEST(MetricChoice, WhatIsNamedInFullIsNoPattern) {
  const auto names = reports::metric_names({{"short"}, {"main"}});
  const auto choice = choose_metrics("*.p95,wait_s.p95,utilization", names).value();
  EXPECT_TRUE(choice.by_pattern.contains("response_s.p95"));
  EXPECT_FALSE(choice.by_pattern.contains("wait_s.p95"));
  EXPECT_FALSE(choice.by_pattern.contains("utilization"));
  EXPECT_TRUE(choose_metrics("detection_s", names).value().by_pattern.contains("detection_s.mean"));
}

TEST(MetricChoice, AListTellsEachNameWithUnitAndMeaning) {
  const auto names = reports::metric_names({{"short"}, {"main"}});
  const std::string list = list_metrics(names);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(list, '\n')), names.size() + 2) << "and what quantiles are";
  for (const auto& name : names) EXPECT_NE(("\n" + list).find("\n" + name + " "), std::string::npos) << name;
  EXPECT_NE(list.find("s       mean wait in queue short: submission to first start"), std::string::npos) << list;
  EXPECT_NE(list.find("cost_usd"), std::string::npos);
}

TEST(MetricChoice, MessagesAreShortAndPointToTheList) {
  const auto names = reports::metric_names({{"short"}, {"main"}});
  for (const char* wanted : {"utilisation", "", "zzzzzz"}) {
    const std::string message = choose_metrics(wanted, names).error().message;
    EXPECT_NE(message.find("`--metrics list`"), std::string::npos) << message;
    EXPECT_LT(message.size(), 160U) << message;
  }
}

TEST(Columns, AWholeNumberFrom40To1000IsTheWidth) {
  EXPECT_EQ(wanted_width("40"), 40U);
  EXPECT_EQ(wanted_width("1000"), 1000U);
  for (const char* text : {"", "39", "1001", "-80", "+80", "80x", "80.0", " 80", "99999999999999999999"})
    EXPECT_FALSE(wanted_width(text)) << text;
}

TEST(MetricChoice, UnknownOnesAreRefusedWithASuggestion) {
  const auto names = reports::metric_names({{"short"}, {"main"}});
  for (const char* wanted : {"utilisation", "", "wait_s,", "wait", "*.p42", "per_queue.medium.wait_s"})
    EXPECT_FALSE(choose_metrics(wanted, names)) << wanted;
  EXPECT_NE(choose_metrics("utilisation", names).error().message.find("did you mean \"utilization\""), std::string::npos);
}

TEST(Paragraph, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(paragraph("one two three", 9), "one two\nthree\n");
  EXPECT_EQ(paragraph("one two three", 9, 2), "  one two\n  three\n");
  EXPECT_EQ(paragraph("incomprehensibilities", 5), "incomprehensibilities\n");
  EXPECT_EQ(paragraph("", 5), "\n");
}

}  // namespace
}  // namespace drydock::cli::cli_parsing_test

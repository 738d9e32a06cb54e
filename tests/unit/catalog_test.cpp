#include "policies/catalog.hpp"

#include "policies/session.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace drydock::catalog_test {
namespace {

TEST(Catalog, HoldsEveryBuiltInPolicy) {
  for (const char* type : {"fcfs",
                           "sjf",
                           "saf",
                           "f1",
                           "wfp3",
                           "srpt",
                           "las",
                           "easy",
                           "easy-sjf",
                           "conservative",
                           "greedy-backfill",
                           "first-fit",
                           "best-fit",
                           "worst-fit",
                           "dot-product",
                           "jsq",
                           "jiq",
                           "work-stealing",
                           "batch-sampling",
                           "min-min",
                           "max-min",
                           "sufferage",
                           "priority"}) {
    EXPECT_NE(find_policy(PolicyFamily::placement, type), nullptr) << type;
    EXPECT_EQ(find_policy(PolicyFamily::liveness, type), nullptr) << type;
  }
  for (const char* type : {"oracle", "ttl"}) {
    EXPECT_NE(find_policy(PolicyFamily::liveness, type), nullptr) << type;
    EXPECT_EQ(find_policy(PolicyFamily::placement, type), nullptr) << type;
  }
  for (const char* type : {"static-pools", "shared", "priority", "borrowing", "weighted-fair", "fair-share", "drf"}) {
    EXPECT_NE(find_policy(PolicyFamily::isolation, type), nullptr) << type;
  }
  for (const char* type : {"equal-active", "max-min", "drf", "aimd", "leased"}) {
    EXPECT_NE(find_policy(PolicyFamily::share, type), nullptr) << type;
    EXPECT_EQ(find_policy(PolicyFamily::liveness, type), nullptr) << type;
  }
  EXPECT_EQ(find_policy(PolicyFamily::placement, ""), nullptr);
  EXPECT_EQ(find_policy(PolicyFamily::placement, "FCFS"), nullptr);
}

TEST(Catalog, EachPolicyIsListedOnceAndDescribesItself) {
  std::set<std::pair<PolicyFamily, std::string_view>> seen;
  for (const PolicyInfo& info : policy_catalog()) {
    SCOPED_TRACE(std::string(to_string(info.family)) + " " + std::string(info.type));
    EXPECT_TRUE(seen.insert({info.family, info.type}).second);
    EXPECT_FALSE(info.summary.empty());
    EXPECT_EQ(info.summary.find('\n'), std::string_view::npos);
    EXPECT_GT(info.details.size(), 60U);
    EXPECT_TRUE(info.details.ends_with('.'));
    EXPECT_FALSE(info.source.empty());
  }
}

void expect_default_in_range(const ParameterInfo& parameter) {
  if (const auto* duration = std::get_if<Duration>(&parameter.default_value)) {
    EXPECT_GE(seconds(*duration), parameter.minimum);
    EXPECT_LE(seconds(*duration), parameter.maximum);
  } else if (const auto* number = std::get_if<double>(&parameter.default_value)) {
    EXPECT_GE(*number, parameter.minimum);
    EXPECT_LE(*number, parameter.maximum);
  } else if (const auto* whole = std::get_if<std::int64_t>(&parameter.default_value)) {
    EXPECT_GE(static_cast<double>(*whole), parameter.minimum);
    EXPECT_LE(static_cast<double>(*whole), parameter.maximum);
  } else if (const auto* word = std::get_if<std::string>(&parameter.default_value)) {
    EXPECT_NE(std::ranges::find(parameter.choices, *word), parameter.choices.end());
  }
  EXPECT_LE(parameter.minimum, parameter.maximum);
}

TEST(Catalog, EachParameterHasHelpAndADefaultWithinItsRange) {
  for (const PolicyInfo& info : policy_catalog()) {
    std::set<std::string_view> names;
    for (const ParameterInfo& parameter : info.parameters) {
      SCOPED_TRACE(std::string(info.type) + "." + std::string(parameter.name));
      EXPECT_TRUE(names.insert(parameter.name).second);
      EXPECT_NE(parameter.name, "type") << "taken by the policy's own name in scenarios";
      EXPECT_FALSE(parameter.help.empty());
      EXPECT_EQ(parameter.choices.empty(), !std::holds_alternative<std::string>(parameter.default_value));
      expect_default_in_range(parameter);
    }
  }
}

TEST(Catalog, EachPolicyCanBeMadeWithDefaultsAndWithEachChoice) {
  for (const PolicyInfo& info : policy_catalog()) {
    SCOPED_TRACE(std::string(info.type));
    std::vector<PolicyConfig> configs{configure(info)};
    for (const ParameterInfo& parameter : info.parameters) {
      for (const std::string_view choice : parameter.choices) {
        configs.push_back(configure(info, {{std::string(parameter.name), std::string(choice)}}));
      }
    }
    for (const PolicyConfig& config : configs) {
      EXPECT_EQ(config.type, info.type);
      EXPECT_EQ(config.parameters.size(), info.parameters.size());
      switch (info.family) {
        case PolicyFamily::placement: EXPECT_NE(make_placement(config), nullptr); break;
        case PolicyFamily::liveness: EXPECT_NE(make_liveness(config), nullptr); break;
        case PolicyFamily::accounting: EXPECT_NE(make_accounting(config), nullptr); break;
        case PolicyFamily::isolation: EXPECT_NE(make_isolation(config), nullptr); break;
        case PolicyFamily::share: EXPECT_NE(make_share(config), nullptr); break;
        case PolicyFamily::retry: EXPECT_NE(make_retry(config), nullptr); break;
        case PolicyFamily::checkpoint: EXPECT_NE(make_checkpoint(config), nullptr); break;
        case PolicyFamily::session: EXPECT_EQ(session_margin(config).has_value(), info.type == "fitting"); break;
      }
    }
  }
}

TEST(Catalog, WrongParametersAndTypesAreProgrammersErrors) {
  const PolicyInfo& easy = *find_policy(PolicyFamily::placement, "easy");
  EXPECT_DEATH(std::ignore = configure(easy, {{"depht", std::int64_t{3}}}), "does not have");
  EXPECT_DEATH(std::ignore = configure(easy, {{"depth", 3.0}}), "another type");
  EXPECT_DEATH(std::ignore = make_placement({"no-such-policy", {}}), "not in the catalog");
}

TEST(Liveness, TtlExpiresOneTtlAfterTheBeat) {
  const PolicyInfo& info = *find_policy(PolicyFamily::liveness, "ttl");
  const auto ttl = make_liveness(configure(info, {{"heartbeat", Duration{30}}, {"ttl", Duration{65}}}));
  EXPECT_EQ(ttl->interval(), Duration{30});
  EXPECT_EQ(ttl->trusted_until({.arrived = time_at(100)}), time_at(165));
  EXPECT_EQ(ttl->trusted_until({.arrived = kNever - Duration{1}}), kNever);
}

TEST(Shares, ParametersReachTheRules) {
  const auto rules = [](std::string_view type, const std::map<std::string, ParameterValue, std::less<>>& overrides) {
    return make_share(configure(*find_policy(PolicyFamily::share, type), overrides))->rules();
  };
  const ShareRules naive = rules("equal-active", {{"newcomer", std::string("next-adjustment")},
                                                  {"shrink_at", std::string("check")},
                                                  {"idle_share", std::string("base")},
                                                  {"check", Duration{7}}});
  EXPECT_EQ(naive.idle_holds, IdleHolds::base);
  EXPECT_EQ(naive.idle_after, std::chrono::seconds{30});
  const auto& announced = std::get<AnnouncedShares>(naive.protocol);
  EXPECT_EQ(announced.newcomer, NewcomerStarts::next_adjustment);
  EXPECT_EQ(announced.holder, HolderShrinks::at_check);
  EXPECT_EQ(announced.check, Duration{7});
  EXPECT_EQ(announced.adjust, std::chrono::seconds{10});
  const auto lease = std::get<LeasedShares>(rules("leased", {{"after_loss", std::string("refuse")}}).protocol);
  EXPECT_EQ(lease.after_loss, AfterLoss::refuse);
  EXPECT_EQ(lease.lease, std::chrono::seconds{15});
  EXPECT_EQ(std::get<AdaptiveShares>(rules("aimd", {{"decrease", 0.8}}).protocol).aimd.decrease, 0.8);
}

TEST(Liveness, OracleNeedsNoBeats) {
  const auto oracle = make_liveness(configure(*find_policy(PolicyFamily::liveness, "oracle")));
  EXPECT_EQ(oracle->interval(), std::nullopt);
  EXPECT_EQ(oracle->trusted_until({.arrived = time_at(100)}), kNever);
}

}  // namespace
}  // namespace drydock::catalog_test

#include "policies/vain_searches.hpp"

#include <gtest/gtest.h>

namespace drydock::vain_searches_test {
namespace {

using std::chrono::seconds;

SoughtRoom sought(std::int64_t cpus_milli, std::int64_t memory, std::int64_t tasks = 1, Duration remaining = seconds{10}) {
  return {make_resources({cpus_milli, memory, 0, 1}), tasks, remaining};
}

TEST(VainSearches, RuleOutWhoAsksForNoLess) {
  VainSearches vain;
  EXPECT_FALSE(vain.rule_out(sought(2, 2, 2)));
  vain.add(sought(2, 2, 2));
  EXPECT_TRUE(vain.rule_out(sought(2, 2, 2)));
  EXPECT_TRUE(vain.rule_out(sought(3, 2, 2)));
  EXPECT_TRUE(vain.rule_out(sought(2, 2, 3, seconds{11})));
  EXPECT_FALSE(vain.rule_out(sought(9, 1, 9))) << "less memory";
  EXPECT_FALSE(vain.rule_out(sought(2, 2, 1))) << "fewer tasks";
  EXPECT_FALSE(vain.rule_out(sought(2, 2, 2, seconds{9}))) << "shorter";
  vain.clear();
  EXPECT_FALSE(vain.rule_out(sought(2, 2, 2)));
}

TEST(VainSearches, GiveUpAfterTooMany) {
  VainSearches vain;
  for (std::int64_t i = 0; i < 63; ++i) vain.add(sought(100 - i, 100 + i));
  EXPECT_FALSE(vain.rule_out(sought(1, 1)));
  vain.add(sought(37, 163));
  EXPECT_TRUE(vain.rule_out(sought(1, 1)));
}

}  // namespace
}  // namespace drydock::vain_searches_test

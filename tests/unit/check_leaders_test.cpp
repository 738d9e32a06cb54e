#include "policies/core/check_leaders.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::check_leaders_test {
namespace {

struct Write {
  std::uint64_t version = 0;
  bool read_back = false;
};

void add_journal(LeaderChecker& checker, const std::string& name, std::int64_t epoch, const std::vector<Write>& writes) {
  checker.begin(name);
  if (epoch > 0) {
    const std::vector<Event> lease{LeaseAnswered{.request = RequestId{1}, .held = true, .epoch = epoch}};
    checker.step(kTimeZero, lease, {});
  }
  for (const Write& write : writes) {
    Event event = CommitAnswered{RequestId{9}, Answer::done, write.version};
    if (write.read_back) event = BatchRead{RequestId{9}, Answer::done, true, write.version};
    checker.step(kTimeZero, {&event, 1}, {});
  }
}

TEST(LeaderChecker, AcceptsLeadersOneAfterTheOther) {
  LeaderChecker checker;
  add_journal(checker, "b", 2, {{4}, {5, true}});
  add_journal(checker, "a", 1, {{1}, {3}});
  add_journal(checker, "c", 3, {});
  add_journal(checker, "d", 0, {{2}});
  EXPECT_TRUE(checker.finish().empty());
}

TEST(LeaderChecker, FindsTwoWritersInOneEpoch) {
  LeaderChecker checker;
  add_journal(checker, "a", 1, {{1}});
  add_journal(checker, "b", 1, {{2}});
  ASSERT_EQ(checker.finish().size(), 1U);
  EXPECT_EQ(checker.finish().front().invariant, 7);
  EXPECT_EQ(checker.finish().front().what, "writes of both a and b were accepted in epoch 1");
}

TEST(LeaderChecker, FindsAWriteOfALowerEpochAfterOneOfAHigher) {
  LeaderChecker checker;
  add_journal(checker, "a", 1, {{1}, {3}});
  add_journal(checker, "b", 2, {{2}});
  ASSERT_EQ(checker.finish().size(), 1U);
  EXPECT_EQ(checker.finish().front().what, "a wrote version 3 in epoch 1, after b had written version 2 in epoch 2");
}

}  // namespace
}  // namespace drydock::check_leaders_test

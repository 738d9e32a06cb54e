// The checker's totals: the store's sums against its commits, and what a counter is set to; and leases that have not expired.
#include "policies/core/check.hpp"
#include "tests/unit/check_story.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::check_totals_test {
namespace {

using namespace check_story;

constexpr ResourceAmounts kHost{.cpus_milli = 4000, .slots = 4};
constexpr ResourceAmounts kTask{.cpus_milli = 1000};

// Steps that hold any orders, a second apart.
class Totals : public ::testing::Test {
 protected:
  void step(std::vector<Event> events, std::vector<Command> commands = {}) {
    checker_.step(time_at(++seconds_ * 1'000'000'000), events, commands);
  }
  Command commit(std::uint64_t request, std::uint64_t job) {
    static const std::vector<Placement> kThere{on(0)};
    assignments_.push_back({{attempt(job, 1), kThere}});
    return Commit{RequestId{request}, {}, assignments_.back()};
  }
  static Event done(std::uint64_t request, std::uint64_t version) {
    return CommitAnswered{RequestId{request}, Answer::done, version};
  }
  static Command sum(std::uint64_t request) { return SumAllocations{RequestId{request}}; }
  static Event summed(std::uint64_t request, std::int64_t cpus, std::uint64_t version) {
    return AllocationsSummed{RequestId{request}, Answer::done, cpus, version};
  }
  static Command set(std::uint64_t request, std::int64_t cpus) {
    return AskCounter{.request = RequestId{request}, .op = CounterOp::fenced_set, .amount = cpus};
  }
  void begin() { step({registered(0, 1, kHost), submitted(1, 1, kTask), submitted(2, 1, kTask)}, {commit(1, 1)}); }
  [[nodiscard]] std::string first() const { return checker_.violations().empty() ? "" : checker_.violations().front().what; }
  [[nodiscard]] int invariant() const { return checker_.violations().empty() ? 0 : checker_.violations().front().invariant; }

  Checker checker_;
  std::int64_t seconds_ = 0;
  std::deque<std::vector<Assignment>> assignments_;
};

TEST_F(Totals, AreSilentAboutSumsThatAreRight) {
  begin();
  step({done(1, 1)}, {sum(2), commit(3, 2)});
  step({summed(2, 1000, 1), done(3, 2)}, {set(4, 1000)});  // another commit came between: not at rest
  step({}, {sum(5)});
  step({summed(5, 2000, 2)}, {set(6, 2000)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

TEST_F(Totals, FindASumThatIsNoneOfItsCommits) {
  begin();
  step({done(1, 1)}, {sum(2)});
  step({summed(2, 2000, 1)});
  EXPECT_EQ(invariant(), 4) << first();
}

TEST_F(Totals, WaitForCommitsThatTheSumHasSeenAndTheSchedulerHasNot) {
  begin();
  step({}, {sum(2)});
  step({summed(2, 1000, 1)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
  step({done(1, 1)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

TEST_F(Totals, FindSuchASumThatIsWrongOnceTheyAreAnswered) {
  begin();
  step({}, {sum(2)});
  step({summed(2, 3000, 1)});
  step({CommitAnswered{RequestId{1}, Answer::unknown}}, {ReadBatch{RequestId{3}, RequestId{1}}});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
  step({BatchRead{RequestId{3}, Answer::done, true, 1}});
  EXPECT_EQ(invariant(), 4) << first();
}

TEST_F(Totals, KnowWhatTheTotalWasWhenTheSumWasMade) {
  begin();
  step({done(1, 1)}, {sum(2), commit(3, 2)});
  step({done(3, 2)});
  step({summed(2, 1000, 1)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

TEST_F(Totals, FindACounterThatIsSetToSomethingElseAtRest) {
  begin();
  step({done(1, 1)}, {sum(2)});
  step({summed(2, 1000, 1)}, {set(3, 0)});
  EXPECT_EQ(invariant(), 5) << first();
}

TEST_F(Totals, JudgeNothingWhereTheStoreDoesNotCountVersions) {
  begin();
  step({done(1, 0)}, {sum(2)});
  step({summed(2, 5000, 0)}, {set(3, 7000)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

TEST_F(Totals, JudgeNothingInAJournalThatBeginsLater) {
  begin();
  step({done(1, 41)}, {sum(2)});
  step({summed(2, 5000, 41)}, {set(3, 7000)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

class Deaths : public Totals {
 protected:
  void reading(std::uint64_t request, std::vector<Event> changes, std::vector<Command> commands = {}) {
    step({}, {ReadRegistry{RequestId{request}}});
    changes.insert(changes.begin(), RegistryRead{.request = RequestId{request}});
    step(std::move(changes), std::move(commands));
  }
  static Command dead(std::uint32_t incarnation) { return DeclareDead{WorkerId{0}, incarnation}; }
};

TEST_F(Deaths, FollowALeaseThatHasExpired) {
  reading(1, {registered(0, 1, kHost)});
  reading(2, {LeaseExpired{WorkerId{0}, 1}});
  reading(3, {}, {dead(1)});
  reading(4, {registered(0, 2, kHost)});
  reading(5, {registered(0, 3, kHost)}, {dead(2)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
}

TEST_F(Deaths, WithoutOneAreFound) {
  reading(1, {registered(0, 1, kHost)});
  reading(2, {}, {dead(1)});
  EXPECT_EQ(invariant(), 3) << first();
}

TEST_F(Deaths, OfAWorkerWhoseKeyIsBackAreFound) {
  reading(1, {registered(0, 1, kHost)});
  reading(2, {LeaseExpired{WorkerId{0}, 1, true}});
  reading(3, {registered(0, 1, kHost)});
  EXPECT_EQ(checker_.violation_count(), 0U) << first();
  reading(4, {}, {dead(1)});
  EXPECT_EQ(invariant(), 3) << first();
}

}  // namespace
}  // namespace drydock::check_totals_test

#include "policies/core/share_agent.hpp"

#include "policies/catalog.hpp"

#include <gtest/gtest.h>

namespace drydock::share_agent_test {
namespace {

using std::chrono::seconds;

constexpr Time at(std::int64_t s) { return kTimeZero + seconds{s}; }
const ShareLimits kLimits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};
const Share kAll = kLimits.total;
const Share kHalf{20, 400, 20'000};
const LoadChanged kBusy{1, kAll};
const LoadChanged kQuiet{0, {}};

using Overrides = std::map<std::string, ParameterValue, std::less<>>;

class Agent {
 public:
  explicit Agent(std::string_view type, const Overrides& parameters = {})
      : policy_(make_share(configure(*find_policy(PolicyFamily::share, type), parameters))),
        agent_({.worker = {1}, .limits = kLimits, .check_phase = seconds{3}, .adjust_phase = seconds{4}}, *policy_) {}

  std::vector<ShareCommand> step(std::int64_t second, const std::vector<ShareEvent>& events = {}) {
    const auto orders = agent_.step(at(second), events);
    return {orders.begin(), orders.end()};
  }
  ShareAgent& operator*() { return agent_; }
  ShareAgent* operator->() { return &agent_; }

 private:
  std::unique_ptr<SharePolicy> policy_;
  ShareAgent agent_;
};

// The only order of that kind.
template <class T>
const T& only(const std::vector<ShareCommand>& orders) {
  const T* found = nullptr;
  for (const ShareCommand& order : orders) {
    if (const auto* match = std::get_if<T>(&order)) {
      EXPECT_EQ(found, nullptr) << "more than one";
      found = match;
    }
  }
  if (found == nullptr) throw std::logic_error("no such order");
  return *found;
}
template <class T>
const T& operation(const std::vector<ShareCommand>& orders) {
  return std::get<T>(only<AskLedger>(orders).operation);
}
RequestId request(const std::vector<ShareCommand>& orders) { return only<AskLedger>(orders).request; }

LedgerAnswered published(RequestId id) { return {id, Answer::done, ReportPublished{}}; }
LedgerAnswered read(RequestId id, std::initializer_list<std::uint32_t> active) {
  ReportsRead reports;
  for (const std::uint32_t worker : active) reports.reports.push_back({WorkerId{worker}, 1, true, 1, kAll});
  return {id, Answer::done, reports};
}
LedgerAnswered granted(RequestId id, const Share& amount, const Share& target) {
  return {id, Answer::done, GrantReply{.amount = amount, .target = target, .lease = seconds{15}}};
}

TEST(AnnouncedAgent, ANewcomerTakesItsPartAtOnceAndTheOldHolderAtItsAdjustment) {
  Agent agent("equal-active");
  EXPECT_TRUE(agent.step(0).empty());
  EXPECT_EQ(agent->next_wakeup(), at(3));
  auto orders = agent.step(1, {kBusy});
  EXPECT_TRUE(operation<PublishReport>(orders).report.active);
  orders = agent.step(1, {published(request(orders))});
  std::ignore = operation<ReadReports>(orders);
  orders = agent.step(1, {read(request(orders), {1})});
  EXPECT_EQ(only<ShareChanged>(orders).to, kAll);
  EXPECT_EQ(only<ShareChanged>(orders).valid_until, kNever);

  orders = agent.step(3);
  orders = agent.step(3, {published(request(orders))});
  EXPECT_TRUE(agent.step(3, {read(request(orders), {1, 2})}).empty()) << "only its adjustment changes the share";
  EXPECT_EQ(agent->next_wakeup(), at(4));
  EXPECT_EQ(only<ShareChanged>(agent.step(4)).to, kHalf);
  EXPECT_EQ(agent->known().size(), 2U);
}

TEST(AnnouncedAgent, IsIdleAfterThirtySecondsWithoutWork) {
  Agent agent("equal-active");
  std::ignore = agent.step(0, {kBusy});
  std::ignore = agent.step(50, {kQuiet});
  EXPECT_TRUE(agent->active());
  std::ignore = agent.step(79);
  EXPECT_TRUE(agent->active());
  std::ignore = agent.step(80);
  EXPECT_FALSE(agent->active());
}

TEST(AnnouncedAgent, WorkThatWaitsIsActivity) {
  Agent agent("equal-active");
  std::ignore = agent.step(0, {LoadChanged{0, {1, 0, 0}}});
  std::ignore = agent.step(100);
  EXPECT_TRUE(agent->active());
}

TEST(AnnouncedAgent, KeepsWhatItKnowsWhileTheStoreIsAway) {
  Agent agent("equal-active");
  auto orders = agent.step(0, {kBusy});
  orders = agent.step(0, {LedgerAnswered{request(orders), Answer::failed, {}}});
  orders = agent.step(0, {LedgerAnswered{request(orders), Answer::unknown, {}}});
  EXPECT_TRUE(orders.empty());
  EXPECT_TRUE(agent->known().empty());
  orders = agent.step(4);
  EXPECT_EQ(agent->share(), Share{}) << "it has never seen the others";
  orders = agent.step(5, {LedgerAnswered{request(orders), Answer::failed, {}}});
  std::ignore = agent.step(6, {LedgerAnswered{request(orders), Answer::failed, {}}});
  orders = agent.step(8);
  orders = agent.step(8, {published(request(orders))});
  EXPECT_EQ(only<ShareChanged>(agent.step(8, {read(request(orders), {1})})).to, kAll);
}

TEST(AnnouncedAgent, DoesNotMakeUpForWhatItSlept) {
  Agent agent("equal-active");
  std::ignore = agent.step(0);
  std::ignore = agent.step(101);
  EXPECT_EQ(agent->next_wakeup(), at(103));
}

TEST(LeasedAgent, UsesAGrantUntilItsMarginCountedFromTheRequest) {
  Agent agent("leased");
  auto orders = agent.step(0, {kBusy});
  EXPECT_EQ(operation<RenewGrant>(orders).holding, (Share{1, 0, 0})) << "what runs counts";
  orders = agent.step(4, {granted(request(orders), kAll, kAll)});
  EXPECT_EQ(only<ShareChanged>(orders).valid_until, at(13));
  EXPECT_EQ(agent->next_wakeup(), at(9));
  orders = agent.step(9);
  EXPECT_EQ(operation<RenewGrant>(orders).holding, kAll);
  EXPECT_EQ(agent->next_wakeup(), at(13));
  orders = agent.step(10, {granted(request(orders), kAll, kAll)});
  EXPECT_EQ(only<ShareExtended>(orders).valid_until, at(22));
}

TEST(LeasedAgent, StopsByItselfWithoutAnAnswerAndThenIgnoresIt) {
  Agent agent("leased");
  auto orders = agent.step(0, {kBusy});
  std::ignore = agent.step(0, {granted(request(orders), kAll, kAll)});
  const auto asked = agent.step(5);
  orders = agent.step(13, {granted(request(asked), kAll, kAll)});
  EXPECT_EQ(only<ShareChanged>(orders).to, Share{}) << "the lease goes first, also at one instant";
  EXPECT_EQ(only<ShareChanged>(orders).valid_until, at(13)) << "what runs has to stop";
  EXPECT_EQ(operation<RenewGrant>(orders).holding, (Share{1, 0, 0}));
  EXPECT_TRUE(agent.step(14, {granted(request(asked), kAll, kAll)}).empty());
  EXPECT_EQ(agent->share(), Share{});
}

TEST(LeasedAgent, AGrantThatIsOverOnArrivalIsNone) {
  Agent agent("leased");
  auto orders = agent.step(0, {kBusy});
  EXPECT_TRUE(agent.step(13, {granted(request(orders), kAll, kAll)}).empty());
  EXPECT_EQ(agent->share(), Share{});
  EXPECT_EQ(agent->next_wakeup(), at(14)) << "after the retry";
}

TEST(LeasedAgent, SaysAtOnceWhatItGaveUpButNotBeforeItIsTrue) {
  Agent agent("leased");
  auto orders = agent.step(0, {LoadChanged{30, kAll}});
  std::ignore = agent.step(0, {granted(request(orders), kAll, kAll)});
  orders = agent.step(5);
  orders = agent.step(5, {granted(request(orders), kHalf, kHalf)});
  EXPECT_EQ(only<ShareChanged>(orders).to, kHalf);
  EXPECT_EQ(orders.size(), 1U) << "30 requests still run";
  EXPECT_TRUE(agent.step(5, {LoadChanged{21, kAll}}).empty());
  EXPECT_EQ(operation<RenewGrant>(agent.step(5, {LoadChanged{20, kAll}})).holding, kHalf);

  Agent other("leased");
  orders = other.step(0, {LoadChanged{0, kAll}});
  std::ignore = other.step(0, {granted(request(orders), kAll, kAll)});
  orders = other.step(5);
  EXPECT_EQ(operation<RenewGrant>(other.step(5, {granted(request(orders), kHalf, kHalf)})).holding, kHalf);
}

TEST(LeasedAgent, AsksAgainSoonWhileItHasLessThanItShould) {
  Agent agent("leased");
  auto orders = agent.step(0, {kBusy});
  std::ignore = agent.step(0, {granted(request(orders), {}, kHalf)});
  EXPECT_EQ(agent->next_wakeup(), at(1));
  orders = agent.step(1);
  std::ignore = agent.step(2, {LedgerAnswered{request(orders), Answer::unknown, {}}});
  EXPECT_EQ(agent->next_wakeup(), at(3));
  orders = agent.step(3);
  std::ignore =
      agent.step(3, {LedgerAnswered{request(orders), Answer::done, GrantReply{.verdict = GrantVerdict::refused_loss}}});
  EXPECT_EQ(agent->next_wakeup(), at(4));
}

TEST(LeasedAgent, HasOneRequestOnItsWayAndNumbersRise) {
  Agent agent("leased");
  const auto first = agent.step(0);
  EXPECT_TRUE(agent.step(1, {kBusy}).empty());
  const auto second = agent.step(2, {granted(request(first), {}, {})});
  EXPECT_TRUE(operation<RenewGrant>(second).report.active) << "became active meanwhile";
  EXPECT_GT(operation<RenewGrant>(second).number, operation<RenewGrant>(first).number);
}

TEST(AdaptiveAgent, RaisesWhatIsUsedUpAndCutsOncePerPeriod) {
  Agent agent("aimd");
  EXPECT_TRUE(agent.step(0).empty());
  EXPECT_EQ(only<ShareChanged>(agent.step(1, {kBusy})).to, kLimits.base);
  EXPECT_EQ(only<ShareChanged>(agent.step(4)).to, (Share{11, 220, 11'000}));
  EXPECT_EQ(only<ShareChanged>(agent.step(5, {Throttled{}, Throttled{}})).to, (Share{5, 110, 5'500}));
  EXPECT_TRUE(agent.step(14).empty()) << "no raise in a period with a refusal";
  EXPECT_EQ(only<ShareChanged>(agent.step(24)).to, (Share{6, 130, 6'500}));
  std::ignore = agent.step(30, {kQuiet});
  EXPECT_EQ(only<ShareChanged>(agent.step(60)).to, Share{}) << "idle";
}

TEST(ShareAgent, TimeDoesNotGoBack) {
  Agent agent("leased");
  std::ignore = agent.step(5);
  EXPECT_DEATH(std::ignore = agent.step(4), "time went back");
}

}  // namespace
}  // namespace drydock::share_agent_test

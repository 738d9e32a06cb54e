// The ways to keep a counter beside the store, against a Redis that loses orders and answers: when nothing is under way any more, the
// safe ones are right; the source systems' is not.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "sim/redis.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::accounting_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Odds {
  double lost_order = 0;
  double lost_answer = 0;
  double redis_fails = 0;
  double sum_fails = 0;
  double eviction = 0;
  double abort = 0;
};

// Random commits, and whatever a policy asks for because of them; orders and answers take random times.
class Bench {
 public:
  Bench(const std::string& type, std::uint64_t seed, const Odds& odds,
        const std::map<std::string, ParameterValue, std::less<>>& parameters = {})
      : policy_(make_accounting(configure(*find_policy(PolicyFamily::accounting, type), parameters))),
        rng_(seed, "bench"),
        odds_(odds) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (rng_.below(3) == 0 && in_doubt_.empty()) commit();
      if (rng_.uniform() < odds_.eviction) (void)redis_.apply(now_, redis::DeleteCounter{});
      advance(Duration{milliseconds{static_cast<std::int64_t>(rng_.below(20))}});
    }
  }
  // No faults, no commits: until nothing is under way, and one resync more.
  void settle() {
    odds_ = {};
    for (int i = 0; i < 5000; ++i) advance(Duration{milliseconds{100}});
  }
  [[nodiscard]] std::int64_t drift() {
    const auto value = std::get<redis::Value>(redis_.apply(now_, redis::GetCounter{})).value;
    return value.value_or(0) - truth_;
  }
  [[nodiscard]] std::int64_t truth() const { return truth_; }
  [[nodiscard]] std::int64_t most() const { return most_; }
  [[nodiscard]] std::optional<std::int64_t> asked() {
    Asker ask(now_, commands_, last_request_);
    policy_->before_pass(ask);
    send();
    for (int i = 0; i < 1000 && !policy_->is_known(); ++i) advance(Duration{milliseconds{1}});
    return policy_->allocated();
  }

  static constexpr std::int64_t kLimit = 40'000;

 private:
  struct Pending {
    Time at{};
    Event event;
  };

  void commit() {
    BatchChange change{.batch = ++batches_};
    change.assigned = static_cast<std::int64_t>(rng_.below(4)) * 1000;
    change.released = std::min(truth_, static_cast<std::int64_t>(rng_.below(4)) * 1000);
    if (change.assigned == 0 && change.released == 0) return;
    Asker ask(now_, commands_, last_request_);
    if (policy_->clears() && change.assigned > 0) {
      in_doubt_.push_back(change);
      policy_->clear(change, kLimit, ask);
    } else {
      carry_out(change, ask);
    }
    send();
  }

  void carry_out(const BatchChange& change, Asker& ask) {
    policy_->sending(change, ask);
    std::optional<std::uint64_t> version;
    if (rng_.uniform() >= odds_.abort) {
      version = ++version_;
      truth_ += change.assigned - change.released;
      most_ = std::max(most_, truth_);
    }
    policy_->settled(change, version, ask);
  }

  void send() {
    while (!commands_.empty()) {
      const std::vector<Command> orders = std::exchange(commands_, {});
      for (const Command& order : orders) {
        if (const auto* counter = std::get_if<AskCounter>(&order)) later(answer(*counter));
        else if (const auto* sum = std::get_if<SumAllocations>(&order)) later(answer(*sum));
        else FAIL() << "an order that no accounting policy gives";
      }
    }
  }
  void later(const Event& event) {
    pending_.push_back({drydock::later(now_, Duration{milliseconds{static_cast<std::int64_t>(rng_.below(15))}}), event});
  }
  CounterAnswered answer(const AskCounter& order) {
    CounterAnswered answer{.request = order.request};
    const double luck = rng_.uniform();
    if (luck < odds_.redis_fails) {
      answer.answer = Answer::failed;
      return answer;
    }
    if (order.op != CounterOp::get && luck < odds_.redis_fails + odds_.lost_order) {
      answer.answer = Answer::unknown;
      return answer;
    }
    apply(order, answer);
    if (rng_.uniform() < odds_.lost_answer) answer = {.request = order.request, .answer = Answer::unknown};
    return answer;
  }
  void apply(const AskCounter& order, CounterAnswered& answer) {
    const auto version = static_cast<std::int64_t>(order.version);
    const std::string id = std::to_string(order.batch);
    const std::int64_t limit = order.amount > 0 ? order.limit : std::int64_t{1} << 52U;
    redis::Op op = redis::GetCounter{};
    switch (order.op) {
      case CounterOp::get: break;
      case CounterOp::add: op = redis::AddCounter{order.amount}; break;
      case CounterOp::set: op = redis::SetCounter{order.amount}; break;
      case CounterOp::checked_add: op = redis::CheckedAdd{order.amount, limit, 1, version}; break;
      case CounterOp::fenced_set: op = redis::FencedSet{order.amount, 1, version}; break;
      case CounterOp::reserve: op = redis::Reserve{id, order.amount, order.limit, order.lease}; break;
      case CounterOp::confirm: op = redis::Confirm{id, 1, version}; break;
      case CounterOp::cancel: op = redis::Cancel{id}; break;
    }
    const redis::Reply reply = redis_.apply(now_, op);
    if (const auto* verdict = std::get_if<redis::Verdict>(&reply)) {
      using Outcome = redis::Verdict::Outcome;
      answer.value = verdict->value;
      answer.verdict = verdict->outcome == Outcome::applied       ? CounterVerdict::applied
                       : verdict->outcome == Outcome::missing     ? CounterVerdict::missing
                       : verdict->outcome == Outcome::old_version ? CounterVerdict::old_version
                                                                  : CounterVerdict::over_limit;
    } else if (const auto* value = std::get_if<redis::Value>(&reply)) {
      if (value->value) answer.value = *value->value;
      else answer.verdict = CounterVerdict::missing;
    } else if (const auto* count = std::get_if<redis::Count>(&reply)) {
      answer.value = count->value;
    }
  }
  AllocationsSummed answer(const SumAllocations& order) {
    if (rng_.uniform() < odds_.sum_fails) return {.request = order.request, .answer = Answer::failed};
    return {.request = order.request, .answer = Answer::done, .cpus_milli = truth_, .version = version_};
  }

  void advance(Duration by) {
    const Time until = drydock::later(now_, by);
    while (true) {
      Time next = policy_->next_wakeup();
      for (const Pending& pending : pending_) next = std::min(next, pending.at);
      if (next > until) break;
      now_ = std::max(now_, next);
      Asker ask(now_, commands_, last_request_);
      if (policy_->next_wakeup() <= now_) policy_->wake(ask);
      const auto due = std::ranges::find_if(pending_, [&](const Pending& p) { return p.at <= now_; });
      if (due != pending_.end()) {
        const Event event = due->event;
        pending_.erase(due);
        hand_over(event, ask);
      }
      send();
    }
    now_ = until;
  }
  void hand_over(const Event& event, Asker& ask) {
    if (const auto* summed = std::get_if<AllocationsSummed>(&event)) return policy_->summed(*summed, ask);
    const auto clearance = policy_->answered(std::get<CounterAnswered>(event), ask);
    if (!clearance) return;
    const auto batch = std::ranges::find(in_doubt_, clearance->batch, &BatchChange::batch);
    ASSERT_NE(batch, in_doubt_.end()) << "a batch was cleared that had not asked";
    const BatchChange change = *batch;
    in_doubt_.erase(batch);
    if (clearance->granted) carry_out(change, ask);
  }

  std::unique_ptr<AccountingPolicy> policy_;
  Rng rng_;
  Odds odds_;
  sim::SimRedis redis_;
  Time now_{};
  std::vector<Command> commands_;
  std::uint64_t last_request_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t version_ = 0;
  std::int64_t truth_ = 0;
  std::int64_t most_ = 0;
  std::vector<Pending> pending_;
  std::vector<BatchChange> in_doubt_;
};

constexpr Odds kEverything{
    .lost_order = 0.05, .lost_answer = 0.05, .redis_fails = 0.02, .sum_fails = 0.1, .eviction = 0.01, .abort = 0.1};

class SafeCounter : public ::testing::TestWithParam<const char*> {};

TEST_P(SafeCounter, IsRightAtRestWhateverWentWrong) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Bench bench(GetParam(), seed, kEverything, {{"resync", Duration{}}});
    bench.run(1500);
    bench.settle();
    (void)bench.asked();  // whoever looks at it finds out that it is missing
    bench.settle();
    ASSERT_EQ(bench.drift(), 0) << "seed " << seed << ", truth " << bench.truth();
    ASSERT_EQ(bench.asked(), bench.truth()) << "seed " << seed;
  }
}

TEST_P(SafeCounter, IsRightWithoutFaultsAndResyncs) {
  Bench bench(GetParam(), 7, {}, {{"resync", Duration{}}});
  bench.run(2000);
  bench.settle();
  EXPECT_EQ(bench.drift(), 0);
  EXPECT_GT(bench.truth(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, SafeCounter,
                         ::testing::Values("fenced-counter", "atomic-counter", "reserve-confirm", "outbox"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// The one that can fail: so that the test above can.
TEST(CachedCounter, DriftsWhenUpdatesAreLost) {
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Bench bench("cached-counter", seed, {.lost_order = 0.05}, {{"resync", Duration{}}});
    bench.run(1500);
    bench.settle();
    if (bench.drift() != 0) ++wrong;
  }
  EXPECT_GE(wrong, 15);
}

TEST(CachedCounter, KeepsWhatAnAbortedCommitHadCounted) {
  const auto drift = [](bool undo) {
    Bench bench("cached-counter", 3, {.abort = 0.3}, {{"resync", Duration{}}, {"undo_on_abort", undo}});
    bench.run(1000);
    bench.settle();
    return bench.drift();
  };
  EXPECT_GT(drift(false), 0);
  EXPECT_EQ(drift(true), 0);
}

TEST(CachedCounter, IsRightAfterAResyncAtRest) {
  Bench bench("cached-counter", 5, {.lost_order = 0.1}, {{"resync", Duration{seconds{10}}}});
  bench.run(1000);
  bench.settle();
  EXPECT_EQ(bench.drift(), 0);
}

TEST(CachedCounter, AsksTheStoreWhereTheCounterIsMissingButRestoresItOnlyIfTold) {
  for (const bool restore : {false, true}) {
    Bench bench("cached-counter", 5, {.eviction = 1}, {{"resync", Duration{}}, {"restore_on_miss", restore}});
    bench.run(300);
    bench.settle();
    // After the last eviction something may have been counted: only a counter that is missing is restored.
    const bool missing = bench.drift() == -bench.truth();
    if (missing) {
      EXPECT_EQ(bench.asked(), bench.truth());
    }
    bench.settle();
    EXPECT_EQ(missing && restore, bench.drift() == 0);
  }
}

// Of several schedulers at once one would have to see this; of one, that the limit it is given holds.
TEST(AtomicCounter, NeverPassesTheLimit) {
  for (const char* type : {"atomic-counter", "reserve-confirm"}) {
    Bench bench(type, 11, {});
    bench.run(4000);
    EXPECT_LE(bench.most(), Bench::kLimit) << type;
    EXPECT_GT(bench.most(), Bench::kLimit * 3 / 4) << type;
  }
}

TEST(Database, IsAskedEachTime) {
  Bench bench("database", 1, {});
  bench.run(500);
  EXPECT_EQ(bench.asked(), bench.truth());
}

}  // namespace
}  // namespace drydock::accounting_test

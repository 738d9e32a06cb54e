#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace drydock {

namespace {

// Versions are those of the batches: 2 b for what batch b takes, before its commit, and 2 b + 1 for what it gives back, after.
// For a resync no batch may be between its clearance and the receipt of its commit: until then no other is cleared.
class AtomicCounter final : public CounterPolicy {
 public:
  explicit AtomicCounter(const PolicyConfig& config) : timer_(config.get<Duration>("resync")) {}

  [[nodiscard]] bool clears() const override { return true; }
  void clear(const BatchChange& change, std::int64_t limit, Asker& ask) override {
    pending_.push_back({change, limit, RequestId{}});
    go_on(ask);
  }

  void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) override {
    if (change.assigned != 0) --granted_;
    const std::int64_t back = version ? change.released : change.assigned;
    if (back != 0) {
      const std::uint64_t as = 2 * change.batch + 1;
      if (resyncs() && as <= summed_at_) wanted_ = true;  // the fence does not tell whether the sum has it
      highest_ = std::max(highest_, as);
      returning_.push_back(ask.counter({.op = CounterOp::checked_add, .amount = -back, .version = as}));
    }
    go_on(ask);
  }

  std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) override {
    std::optional<Clearance> clearance;
    const bool applied = event.answer == Answer::done && event.verdict == CounterVerdict::applied;
    const bool refused = event.answer == Answer::done && event.verdict == CounterVerdict::over_limit;
    if (reading_.take(event, ask)) {
      if (reading_.missed()) wanted_ = true;
    } else if (const auto it = std::ranges::find(clearing_, event.request, &Clearing::request); it != clearing_.end()) {
      clearance = Clearance{it->change.batch, applied};
      clearing_.erase(it);
      if (applied) ++granted_;
      if (!applied && !refused) wanted_ = true;
    } else if (std::erase(returning_, event.request) > 0) {
      if (!applied) wanted_ = true;
    } else if (set_.value != 0 && event.request == set_) {
      set_ = RequestId{};
      if (!applied) try_again(ask.now());
    }
    go_on(ask);
    return clearance;
  }
  void summed(const AllocationsSummed& event, Asker& ask) override {
    if (reading_.take(event)) return;
    if (sum_.value == 0 || event.request != sum_) return;
    sum_ = RequestId{};
    if (event.answer == Answer::done) {
      set_ = ask.counter({.op = CounterOp::fenced_set, .amount = event.cpus_milli, .version = summed_at_});
    } else {
      try_again(ask.now());
    }
  }

  void counter_in_doubt(Asker& ask) override {
    wanted_ = true;
    go_on(ask);
  }

  [[nodiscard]] Time next_wakeup() const override {
    const Time again = wanted_ && may_resync() ? retry_at_ : kNever;
    return std::min(timer_.next(), again);
  }
  void wake(Asker& ask) override {
    if (timer_.take(ask.now())) wanted_ = true;
    go_on(ask);
  }

 private:
  struct Clearing {
    BatchChange change;
    std::int64_t limit = 0;
    RequestId request;
  };
  [[nodiscard]] bool resyncs() const { return sum_.value != 0 || set_.value != 0; }
  [[nodiscard]] bool may_resync() const { return clearing_.empty() && returning_.empty() && granted_ == 0 && !resyncs(); }
  void try_again(Time now) {
    wanted_ = true;
    retry_at_ = later(now, std::chrono::seconds{1});
  }
  void go_on(Asker& ask) {
    if (resyncs()) return;
    if (wanted_) {
      if (may_resync() && ask.now() >= retry_at_) {
        wanted_ = false;  // what makes another necessary from now on is younger than the sum
        sum_ = ask.sum();
        summed_at_ = highest_;  // a batch that only gives back may be counted before the answer comes
      }
      return;
    }
    for (Clearing& next : pending_) {
      const std::uint64_t as = 2 * next.change.batch;
      highest_ = std::max(highest_, as);
      next.request =
          ask.counter({.op = CounterOp::checked_add, .amount = next.change.assigned, .limit = next.limit, .version = as});
      clearing_.push_back(next);
    }
    pending_.clear();
  }

  Timer timer_;
  std::vector<Clearing> pending_;  // not asked for yet
  std::vector<Clearing> clearing_;
  std::vector<RequestId> returning_;
  std::uint64_t granted_ = 0;  // batches that are cleared, and not settled
  std::uint64_t highest_ = 1;  // version
  std::uint64_t summed_at_ = 1;
  bool wanted_ = true;  // a resync; it begins without a counter
  RequestId sum_;
  RequestId set_;
  Time retry_at_{};
};

}  // namespace

BuiltInAccounting atomic_counter_policy() {
  return {
      .info = {.family = PolicyFamily::accounting,
               .type = "atomic-counter",
               .summary = "A script checks the limit and adds, in one step, before the commit",
               .details = "What a batch takes is added to the counter only if it stays within the capacity, before the "
                          "batch is committed, so that several schedulers cannot promise the same cpus together; a batch "
                          "that is refused waits. What it gives back, and what an aborted commit had taken, is "
                          "subtracted after. Each commit that starts something waits for one round trip to Redis; after "
                          "a lost answer no batch is cleared until the counter has been set to the truth.",
               .source = "check-and-add in Redis scripts (EVAL)",
               .parameters = {{.name = "resync",
                               .default_value = Duration{std::chrono::seconds{300}},
                               .help = "time between two resyncs for which there is no cause; 0s: none"}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<AccountingPolicy> {
        return std::make_unique<AtomicCounter>(config);
      }};
}

}  // namespace drydock

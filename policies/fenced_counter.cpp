#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

#include <algorithm>
#include <vector>

namespace drydock {

namespace {

// Counts the net change of each commit once, under its version.
class FencedCounter final : public CounterPolicy {
 public:
  explicit FencedCounter(const PolicyConfig& config) : timer_(config.get<Duration>("resync")) {}

  void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) override {
    const std::int64_t net = change.assigned - change.released;
    if (!version || net == 0) return;
    const std::uint64_t counted = FencedResync::scaled(*version);
    const RequestId request =
        ask.counter({.op = CounterOp::checked_add, .amount = net, .limit = kNoCounterLimit, .version = counted});
    adding_.push_back({request, counted});
  }

  std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) override {
    if (reading_.take(event, ask)) {
      if (reading_.missed()) resync_.want();
    } else if (!resync_.take(event, ask)) {
      const auto add = std::ranges::find(adding_, event.request, &Adding::request);
      if (add == adding_.end()) return std::nullopt;
      if (is_lost(event, *add)) resync_.want();
      adding_.erase(add);
    } else if (event.answer == Answer::done && event.verdict == CounterVerdict::applied) {
      resynced_ = setting_;
    }
    resync_.start(ask);
    return std::nullopt;
  }
  void summed(const AllocationsSummed& event, Asker& ask) override {
    if (reading_.take(event)) return;
    if (resync_.take(event, ask)) setting_ = FencedResync::scaled(event.version);
  }

  void counter_in_doubt(Asker& ask) override {
    resync_.want();
    resync_.start(ask);
  }

  [[nodiscard]] Time next_wakeup() const override { return std::min(timer_.next(), resync_.next_wakeup()); }
  void wake(Asker& ask) override {
    if (timer_.take(ask.now())) resync_.want();
    resync_.start(ask);
  }

 private:
  struct Adding {
    RequestId request;
    std::uint64_t version = 0;
  };
  // An older version is in order only if a resync has overtaken it.
  [[nodiscard]] bool is_lost(const CounterAnswered& event, const Adding& add) const {
    if (event.answer != Answer::done) return true;
    if (event.verdict == CounterVerdict::old_version) return add.version > resynced_;
    return event.verdict != CounterVerdict::applied;
  }

  Timer timer_;
  FencedResync resync_;
  std::vector<Adding> adding_;
  std::uint64_t setting_ = 0;
  std::uint64_t resynced_ = 0;  // version that the last resync brought
};

}  // namespace

BuiltInAccounting fenced_counter_policy() {
  return {
      .info =
          {.family = PolicyFamily::accounting,
           .type = "fenced-counter",
           .summary = "A counter that takes each commit once, in order, and is set anew whenever an update may be lost",
           .details =
               "Each commit raises the store's version; a script adds a commit's net change only under a version that is "
               "above the last one counted, and a resync only sets a sum that is not older than what was counted. An "
               "update whose answer is missing, a missing counter and a refusal that no resync explains lead to a resync "
               "at once, as does a Redis that was restarted or flushed (where the registry is read): the counter is wrong "
               "until "
               "that has come, not until the timer has.",
           .source = "fencing tokens: Gray and Cheriton, SOSP 1989; Kleppmann 2016",
           .parameters = {{.name = "resync",
                           .default_value = Duration{std::chrono::seconds{300}},
                           .help = "time between two resyncs for which there is no cause; 0s: none"}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<AccountingPolicy> {
        return std::make_unique<FencedCounter>(config);
      }};
}

}  // namespace drydock

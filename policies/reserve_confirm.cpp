#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

#include <algorithm>
#include <vector>

namespace drydock {

namespace {

class ReserveConfirm final : public CounterPolicy {
 public:
  explicit ReserveConfirm(const PolicyConfig& config)
      : timer_(config.get<Duration>("resync")), lease_(config.get<Duration>("lease")) {}

  [[nodiscard]] bool clears() const override { return true; }
  void clear(const BatchChange& change, std::int64_t limit, Asker& ask) override {
    const RequestId request = ask.counter(
        {.op = CounterOp::reserve, .amount = change.assigned, .limit = limit, .batch = change.batch, .lease = lease_});
    reserving_.push_back({request, change.batch});
  }

  void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) override {
    if (!version) {
      if (change.assigned != 0) (void)ask.counter({.op = CounterOp::cancel, .batch = change.batch});
      return;
    }
    if (change.assigned != 0) {
      const std::uint64_t as = FencedResync::scaled(*version) - 1;
      counting_.push_back({ask.counter({.op = CounterOp::confirm, .version = as, .batch = change.batch}), as});
    }
    if (change.released != 0) {
      const std::uint64_t as = FencedResync::scaled(*version);
      counting_.push_back({ask.counter({.op = CounterOp::checked_add, .amount = -change.released, .version = as}), as});
    }
  }

  std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) override {
    std::optional<Clearance> clearance;
    const bool applied = event.answer == Answer::done && event.verdict == CounterVerdict::applied;
    if (reading_.take(event, ask)) {
      if (reading_.missed()) resync_.want();
    } else if (const auto it = std::ranges::find(reserving_, event.request, &Reserving::request); it != reserving_.end()) {
      clearance = Clearance{it->batch, applied};
      reserving_.erase(it);
      if (event.answer == Answer::done && event.verdict == CounterVerdict::missing) resync_.want();
    } else if (resync_.take(event, ask)) {
      if (applied) resynced_ = setting_;
    } else if (const auto at = std::ranges::find(counting_, event.request, &Counting::request); at != counting_.end()) {
      const bool overtaken =
          event.answer == Answer::done && event.verdict == CounterVerdict::old_version && at->version <= resynced_;
      if (!applied && !overtaken) resync_.want();
      counting_.erase(at);
    }
    resync_.start(ask);
    return clearance;
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
  struct Reserving {
    RequestId request;
    std::uint64_t batch = 0;
  };
  struct Counting {
    RequestId request;
    std::uint64_t version = 0;
  };
  Timer timer_;
  Duration lease_;
  FencedResync resync_;
  std::vector<Reserving> reserving_;
  std::vector<Counting> counting_;
  std::uint64_t setting_ = 0;
  std::uint64_t resynced_ = 0;  // version that the last resync brought
};

}  // namespace

BuiltInAccounting reserve_confirm_policy() {
  return {
      .info = {.family = PolicyFamily::accounting,
               .type = "reserve-confirm",
               .summary = "What a batch takes is reserved under a lease first, and counted when its commit is done",
               .details = "The counter plus all live reservations never pass the capacity. A scheduler that dies between "
                          "the reservation and the commit leaves nothing behind: the reservation lapses. Each commit that "
                          "starts something waits for one round trip to Redis; a confirmation without an answer, or after "
                          "the lease, leads to a resync at once.",
               .source = "try, confirm, cancel: Helland, CIDR 2007; Pardon and Pautasso 2011",
               .parameters = {{.name = "resync",
                               .default_value = Duration{std::chrono::seconds{300}},
                               .help = "time between two resyncs for which there is no cause; 0s: none"},
                              {.name = "lease",
                               .default_value = Duration{std::chrono::seconds{30}},
                               .help = "for how long a reservation holds without a confirmation",
                               .minimum = 1e-3}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<AccountingPolicy> {
        return std::make_unique<ReserveConfirm>(config);
      }};
}

}  // namespace drydock

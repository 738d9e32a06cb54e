#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

#include <algorithm>
#include <deque>

namespace drydock {

namespace {

// The changes stand in the store, in the transaction that made them; here is the relay that brings them to the counter.
class Outbox final : public CounterPolicy {
 public:
  explicit Outbox(const PolicyConfig& config)
      : timer_(config.get<Duration>("resync")), pause_(config.get<Duration>("retry")) {}

  void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) override {
    const std::int64_t net = change.assigned - change.released;
    if (!version || net == 0) return;
    const Row row{FencedResync::scaled(*version), net};
    rows_.insert(std::ranges::upper_bound(rows_, row.version, {}, &Row::version), row);
    relay(ask);
  }

  std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) override {
    if (reading_.take(event, ask)) {
      if (reading_.missed()) resync_.want();
    } else if (resync_.take(event, ask)) {
      const bool applied = event.answer == Answer::done && event.verdict == CounterVerdict::applied;
      if (applied) std::erase_if(rows_, [this](const Row& row) { return row.version <= setting_; });
    } else if (sending_.value != 0 && event.request == sending_) {
      sending_ = RequestId{};
      take_receipt(event, ask.now());
    }
    resync_.start(ask);
    relay(ask);
    return std::nullopt;
  }
  void summed(const AllocationsSummed& event, Asker& ask) override {
    if (reading_.take(event)) return;
    if (resync_.take(event, ask)) setting_ = FencedResync::scaled(event.version);
    relay(ask);
  }

  void counter_in_doubt(Asker& ask) override {
    resync_.want();
    resync_.start(ask);
  }

  [[nodiscard]] Time next_wakeup() const override {
    const Time again = !rows_.empty() && sending_.value == 0 && !waits_ ? retry_at_ : kNever;
    return std::min({timer_.next(), resync_.next_wakeup(), again});
  }
  void wake(Asker& ask) override {
    if (timer_.take(ask.now())) resync_.want();
    resync_.start(ask);
    relay(ask);
  }

 private:
  struct Row {
    std::uint64_t version = 0;
    std::int64_t amount = 0;
  };
  // A row that was counted before its receipt was lost is an old version the second time: counted, too.
  void take_receipt(const CounterAnswered& event, Time now) {
    if (event.answer != Answer::done) {
      retry_at_ = later(now, pause_);
    } else if (event.verdict == CounterVerdict::missing) {
      resync_.want();
      waits_ = true;
    } else {
      std::erase_if(rows_, [this](const Row& row) { return row.version == sent_; });
    }
  }
  // One row at a time, so that they are counted in order.
  void relay(Asker& ask) {
    if (resync_.is_idle()) waits_ = false;
    if (rows_.empty() || sending_.value != 0 || waits_ || ask.now() < retry_at_) return;
    sent_ = rows_.front().version;
    sending_ = ask.counter(
        {.op = CounterOp::checked_add, .amount = rows_.front().amount, .limit = kNoCounterLimit, .version = sent_});
  }

  Timer timer_;
  Duration pause_;
  FencedResync resync_;
  std::deque<Row> rows_;
  RequestId sending_;
  std::uint64_t sent_ = 0;
  std::uint64_t setting_ = 0;
  bool waits_ = false;  // for a resync
  Time retry_at_{};
};

}  // namespace

BuiltInAccounting outbox_policy() {
  return {
      .info = {.family = PolicyFamily::accounting,
               .type = "outbox",
               .summary = "Changes are written with the commit, and a relay counts them one by one until it has a receipt",
               .details = "Each commit leaves a row with its net change; the relay sends the first row again until the "
                          "counter has taken it, which the row's version makes harmless. No change is lost, but the "
                          "counter is late by what lies in the outbox: one round trip to Redis per commit.",
               .source = "transactional outbox: Richardson, Microservices Patterns, 2018",
               .parameters = {{.name = "resync",
                               .default_value = Duration{},
                               .help = "time between two resyncs for which there is no cause; 0s: none"},
                              {.name = "retry",
                               .default_value = Duration{std::chrono::seconds{1}},
                               .help = "pause after a row without a receipt",
                               .minimum = 1e-3}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<AccountingPolicy> {
        return std::make_unique<Outbox>(config);
      }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

#include <algorithm>
#include <string>

namespace drydock {

namespace {

class CachedCounter final : public CounterPolicy {
 public:
  explicit CachedCounter(const PolicyConfig& config)
      : resync_(config.get<Duration>("resync")),
        gap_(config.get<Duration>("gap")),
        before_commit_(config.get<std::string>("count") == "before-commit"),
        undo_on_abort_(config.get<bool>("undo_on_abort")),
        restore_on_miss_(config.get<bool>("restore_on_miss")) {}

  void sending(const BatchChange& change, Asker& ask) override {
    if (before_commit_) add(change.assigned, ask);
  }
  void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) override {
    if (version) {
      if (!before_commit_) add(change.assigned, ask);
      add(-change.released, ask);
    } else if (before_commit_ && undo_on_abort_) {
      add(-change.assigned, ask);
    }
  }

  // What becomes of its updates it does not look at, as the source systems do not.
  std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) override {
    (void)reading_.take(event, ask);
    return std::nullopt;
  }
  void summed(const AllocationsSummed& event, Asker& ask) override {
    if (reading_.take(event)) {
      if (restore_on_miss_ && reading_.missed() && reading_.value()) set(*reading_.value(), ask);
      return;
    }
    if (sum_.value == 0 || event.request != sum_) return;
    sum_ = RequestId{};
    if (event.answer != Answer::done) return;  // at the next resync
    truth_ = event.cpus_milli;
    set_at_ = later(ask.now(), gap_);
    if (gap_ == Duration{0}) wake(ask);
  }

  [[nodiscard]] Time next_wakeup() const override { return std::min(resync_.next(), set_at_); }
  void wake(Asker& ask) override {
    if (ask.now() >= set_at_) {
      set_at_ = kNever;
      set(truth_, ask);
    }
    if (resync_.take(ask.now())) sum_ = ask.sum();
  }

 private:
  static void add(std::int64_t amount, Asker& ask) {
    if (amount != 0) (void)ask.counter({.op = CounterOp::add, .amount = amount});
  }
  static void set(std::int64_t amount, Asker& ask) { (void)ask.counter({.op = CounterOp::set, .amount = amount}); }

  Timer resync_;
  Duration gap_;
  bool before_commit_;
  bool undo_on_abort_;
  bool restore_on_miss_;
  RequestId sum_;  // of a resync; 0: none
  std::int64_t truth_ = 0;
  Time set_at_ = kNever;
};

}  // namespace

BuiltInAccounting cached_counter_policy() {
  return {
      .info = {.family = PolicyFamily::accounting,
               .type = "cached-counter",
               .summary = "INCRBY and DECRBY beside the commits, overwritten with the truth now and then",
               .details =
                   "The rule of the source systems. The counter is moved by separate commands, whose failures nobody "
                   "looks at; every resync it is set to what SELECT SUM gave, whatever was counted in between: a blind "
                   "resync injects drift itself, Skellam(rate x gap / 2). Where the counter is missing, the store is asked, "
                   "but the counter is not restored: the next INCRBY begins at 0, and it stays wrong until the resync.",
               .source = "Skellam, J. R. Stat. Soc. 109, 1946, for its drift; the dynamic resource managers that run it",
               .parameters = {{.name = "resync",
                               .default_value = Duration{std::chrono::seconds{300}},
                               .help = "time between two resyncs from the store; 0s: none"},
                              {.name = "gap",
                               .default_value = Duration{},
                               .help = "time that a resync takes between SELECT SUM and SET, beside the stores' latencies"},
                              {.name = "count",
                               .default_value = std::string("before-commit"),
                               .help = "when what a commit allocates is added to the counter",
                               .choices = {"before-commit", "after-commit"}},
                              {.name = "undo_on_abort",
                               .default_value = false,
                               .help = "whether an addition is taken back when its commit has failed"},
                              {.name = "restore_on_miss",
                               .default_value = false,
                               .help = "whether a missing counter is set (blindly) to the sum that was read instead"}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<AccountingPolicy> {
        return std::make_unique<CachedCounter>(config);
      }};
}

}  // namespace drydock

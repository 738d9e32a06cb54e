// What the accounting policies with a counter share: reading it before a pass with the store as the way out, and the timer of the
// resync.
#pragma once

#include "policies/core/accounting.hpp"

#include <optional>

namespace drydock {

// GET, and where there is no counter or no Redis, SELECT SUM.
class TotalReading {
 public:
  void begin(Asker& ask) {
    get_ = ask.counter({.op = CounterOp::get});
    sum_ = RequestId{};
    value_.reset();
    missed_ = false;
  }
  void begin_with_store(Asker& ask) {
    get_ = RequestId{};
    sum_ = ask.sum();
    value_.reset();
  }
  // Whether it was the answer to this reading.
  bool take(const CounterAnswered& event, Asker& ask) {
    if (get_.value == 0 || event.request != get_) return false;
    get_ = RequestId{};
    if (event.answer == Answer::done && event.verdict == CounterVerdict::applied) {
      value_ = event.value;
    } else {
      missed_ = event.answer == Answer::done;
      sum_ = ask.sum();
    }
    return true;
  }
  bool take(const AllocationsSummed& event) {
    if (sum_.value == 0 || event.request != sum_) return false;
    sum_ = RequestId{};
    if (event.answer == Answer::done) value_ = event.cpus_milli;
    return true;
  }
  [[nodiscard]] bool is_done() const { return get_.value == 0 && sum_.value == 0; }
  [[nodiscard]] std::optional<std::int64_t> value() const { return value_; }
  // Redis answered, and had no counter.
  [[nodiscard]] bool missed() const { return missed_; }

 private:
  RequestId get_;
  RequestId sum_;
  std::optional<std::int64_t> value_;
  bool missed_ = false;
};

// An accounting policy that learns the total from the counter.
class CounterPolicy : public AccountingPolicy {
 public:
  void before_pass(Asker& ask) override { reading_.begin(ask); }
  [[nodiscard]] bool is_known() const override { return reading_.is_done(); }
  [[nodiscard]] std::optional<std::int64_t> allocated() const override { return reading_.value(); }

 protected:
  TotalReading reading_;
};

// Every `period` from the start; 0: never.
class Timer {
 public:
  explicit Timer(Duration period) : period_(period), next_(period > Duration{0} ? later(kTimeZero, period) : kNever) {}
  [[nodiscard]] Time next() const { return next_; }
  // Whether it is due; if so, it is set to the next time after `now`.
  bool take(Time now) {
    if (now < next_) return false;
    next_ = later(now, period_ - now.time_since_epoch() % period_);
    return true;
  }

 private:
  Duration period_;
  Time next_;
};

// Numbers in scripts end here: no limit.
inline constexpr std::int64_t kNoCounterLimit = (std::int64_t{1} << 53U) - 1;

// Reads the truth and sets the counter to it with a fence, again and again until that has worked.
class FencedResync {
 public:
  // The truth is to be read as soon as may be; again if it is being read already, since what made this necessary may be younger.
  void want() { wanted_ = true; }
  void start(Asker& ask) {
    if (!wanted_ || sum_.value != 0 || set_.value != 0 || ask.now() < retry_at_) return;
    wanted_ = false;
    sum_ = ask.sum();
  }
  bool take(const AllocationsSummed& event, Asker& ask) {
    if (sum_.value == 0 || event.request != sum_) return false;
    sum_ = RequestId{};
    if (event.answer != Answer::done) {
      try_again(ask.now());
    } else {
      set_ = ask.counter({.op = CounterOp::fenced_set, .amount = event.cpus_milli, .version = scaled(event.version)});
    }
    return true;
  }
  bool take(const CounterAnswered& event, Asker& ask) {
    if (set_.value == 0 || event.request != set_) return false;
    set_ = RequestId{};
    if (event.answer != Answer::done) try_again(ask.now());
    else if (event.verdict == CounterVerdict::old_version) wanted_ = true;
    start(ask);
    return true;
  }
  [[nodiscard]] bool is_idle() const { return !wanted_ && sum_.value == 0 && set_.value == 0; }
  [[nodiscard]] Time next_wakeup() const { return wanted_ && sum_.value == 0 && set_.value == 0 ? retry_at_ : kNever; }

  // A commit may both take and release: the two changes of one version of the store are counted as versions 2v and 2v + 1, and
  // its sum contains both.
  [[nodiscard]] static std::uint64_t scaled(std::uint64_t version) { return 2 * version + 1; }

 private:
  void try_again(Time now) {
    wanted_ = true;
    retry_at_ = later(now, std::chrono::seconds{1});
  }
  bool wanted_ = false;
  RequestId sum_;
  RequestId set_;
  Time retry_at_{};
};

}  // namespace drydock

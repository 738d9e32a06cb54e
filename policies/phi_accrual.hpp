// What the two accrual detectors share: the times between the last beats that came.
#pragma once

#include "policies/liveness.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace drydock {

// Mean and standard deviation of the last `window` gaps, in whole nanoseconds and without drift.
class GapHistory {
 public:
  explicit GapHistory(std::int64_t window) : most_(static_cast<std::size_t>(window)) {}
  void add(Duration gap) {
    if (gaps_.size() == most_) {
      forget(gaps_[oldest_]);
      gaps_[oldest_] = gap;
      oldest_ = (oldest_ + 1) % most_;
    } else {
      gaps_.push_back(gap);
    }
    sum_ += nanos(gap);
    squares_ += static_cast<Int128>(nanos(gap)) * nanos(gap);
  }
  [[nodiscard]] double mean_s() const { return static_cast<double>(sum_) / count() / 1e9; }
  [[nodiscard]] double deviation_s() const {
    const double mean = mean_s();
    return std::sqrt(std::max(0.0, static_cast<double>(squares_) / count() / 1e18 - mean * mean));
  }

 private:
  __extension__ using Int128 = __int128;
  [[nodiscard]] double count() const { return static_cast<double>(gaps_.size()); }
  void forget(Duration gap) {
    sum_ -= nanos(gap);
    squares_ -= static_cast<Int128>(nanos(gap)) * nanos(gap);
  }

  std::size_t most_;
  std::size_t oldest_ = 0;
  std::vector<Duration> gaps_;
  Int128 sum_ = 0;
  Int128 squares_ = 0;
};

// Trusts a worker until its suspicion level reaches the threshold. Gaps in which the worker was suspected are not learnt
// from, as in Akka: they say more about a mistake or an outage than about its beats.
class PhiObserver : public BeatObserver {
 public:
  PhiObserver(Duration heartbeat, std::int64_t window) : gaps_(window), heartbeat_(heartbeat) {}

  Time observe(const Beat& beat) final {
    if (beat.sequence > 0 && beat.sequence <= newest_) return until_;
    newest_ = beat.sequence;
    if (started_ && beat.arrived <= until_) gaps_.add(beat.arrived - last_);
    started_ = true;
    last_ = beat.arrived;
    until_ = later(last_, duration_of_seconds(allowance_s(gaps_)));
    return until_;
  }
  [[nodiscard]] Duration interval() const final { return heartbeat_; }

 protected:
  // Seconds from a beat until the level is reached.
  [[nodiscard]] virtual double allowance_s(const GapHistory& gaps) const = 0;
  void learn(Duration gap) { gaps_.add(gap); }

 private:
  GapHistory gaps_;
  Duration heartbeat_;
  bool started_ = false;
  std::uint64_t newest_ = 0;
  Time last_{};
  Time until_{};
};

}  // namespace drydock

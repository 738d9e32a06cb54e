// Rates in a worker: two forms of the same limiter, exact to the nanosecond for any rate. In every interval of length t
// they admit at most burst + rate x t.
//
// A rate that changes keeps what is in the bucket, cut at the new burst, and a limiter can start empty. So limiters whose
// rates never sum to more than R and whose bursts never sum to more than B (see burst_of()) admit together at most
// B + R x t, however often shares move between them, if those that are new or restarted start empty.
#pragma once

#include "policies/core/share.hpp"
#include "policies/core/time.hpp"

#include <cstdint>

namespace drydock {

struct Rate {
  std::int64_t amount = 0;                 // 0 to kNoLimit
  Duration per = std::chrono::minutes{1};  // above 0
};

// A bucket that holds up to `burst` tokens and fills at a rate. Time never goes back: an earlier `now` is taken for the
// latest one seen.
// Source: token bucket; Turner, IEEE Communications 24(10), 1986; RFC 2697.
class TokenBucket {
 public:
  TokenBucket(Rate rate, std::int64_t burst, Time now, std::int64_t content);

  // Takes n tokens if there are as many.
  [[nodiscard]] bool take(Time now, std::int64_t n = 1);
  // When n tokens are there, if nobody takes any before; kNever if that will not be.
  [[nodiscard]] Time ready_at(Time now, std::int64_t n = 1) const;
  void change(Time now, Rate rate, std::int64_t burst);
  [[nodiscard]] std::int64_t content(Time now) const;  // whole tokens

 private:
  void fill(Time now);

  Rate rate_;
  std::int64_t burst_;
  Time filled_at_;
  std::int64_t tokens_;        // 0 to burst_
  std::int64_t fraction_ = 0;  // of a token, in parts of 1/rate_.per ns; 0 when tokens_ is burst_
};

// The generic cell rate algorithm (virtual scheduling): one time instead of a level. It decides exactly as a TokenBucket,
// and fits into one key of a store. The theoretical arrival time (TAT) is when the bucket would be full again.
// Source: ITU-T I.371; ATM Forum Traffic Management 4.0, 1996.
class Gcra {
 public:
  // As TokenBucket; the rate must be above 0.
  Gcra(Rate rate, std::int64_t burst, Time now, std::int64_t content);

  [[nodiscard]] bool take(Time now, std::int64_t n = 1);
  [[nodiscard]] Time ready_at(Time now, std::int64_t n = 1) const;
  void change(Time now, Rate rate, std::int64_t burst);
  [[nodiscard]] std::int64_t content(Time now) const;

 private:
  // A time with a fraction of a nanosecond, in parts of 1/rate_.amount.
  struct ExactTime {
    Time at;
    std::int64_t parts = 0;
  };
  void set_missing(Time now, std::int64_t tokens, std::int64_t fraction);

  Rate rate_;
  std::int64_t burst_;
  Time latest_;
  ExactTime full_at_;
};

// The burst of a worker that holds `share` of a rate `total` > 0: its proportion of the burst of all, rounded down, so that
// those of all workers never sum to more.
[[nodiscard]] std::int64_t burst_of(std::int64_t share, std::int64_t total, std::int64_t burst_of_all);

}  // namespace drydock

#include "policies/core/rate_limit.hpp"

#include "policies/core/wide.hpp"

#include <algorithm>

namespace drydock {

namespace {

void check_rate(const Rate& rate, std::int64_t burst) {
  DRYDOCK_CHECK(rate.amount >= 0 && rate.amount <= kNoLimit && nanos(rate.per) > 0, "a rate is from 0 to kNoLimit per time");
  DRYDOCK_CHECK(burst >= 0 && burst <= kNoLimit, "a burst is from 0 to kNoLimit");
}

// ns + parts / per_ns, rounded up.
Time rounded_up(Wide parts, std::int64_t per_ns, Time start) {
  const Wide wait = (parts + per_ns - 1) / per_ns;
  return wait > nanos(kNever) ? kNever : later(start, Duration{static_cast<std::int64_t>(wait)});
}

}  // namespace

TokenBucket::TokenBucket(Rate rate, std::int64_t burst, Time now, std::int64_t content)
    : rate_(rate), burst_(burst), filled_at_(now), tokens_(std::clamp<std::int64_t>(content, 0, burst)) {
  check_rate(rate, burst);
}

void TokenBucket::fill(Time now) {
  if (now <= filled_at_) return;
  const Wide more = Wide{nanos(now - filled_at_)} * rate_.amount + fraction_;  // in parts of 1/per
  filled_at_ = now;
  const Wide tokens = tokens_ + more / nanos(rate_.per);
  const bool full = tokens >= burst_;
  tokens_ = full ? burst_ : static_cast<std::int64_t>(tokens);
  fraction_ = full ? 0 : static_cast<std::int64_t>(more % nanos(rate_.per));
}

bool TokenBucket::take(Time now, std::int64_t n) {
  DRYDOCK_CHECK(n >= 0, "only what is not negative can be taken");
  fill(now);
  if (n > tokens_) return false;
  tokens_ -= n;
  return true;
}

Time TokenBucket::ready_at(Time now, std::int64_t n) const {
  TokenBucket then = *this;
  then.fill(now);
  if (n <= then.tokens_) return then.filled_at_;
  if (n > burst_ || rate_.amount == 0) return kNever;
  return rounded_up(Wide{n - then.tokens_} * nanos(rate_.per) - then.fraction_, rate_.amount, then.filled_at_);
}

void TokenBucket::change(Time now, Rate rate, std::int64_t burst) {
  check_rate(rate, burst);
  fill(now);
  // The same fraction of a token in parts of the new period; what is lost by rounding is below one part.
  fraction_ = multiply_divide(fraction_, nanos(rate.per), nanos(rate_.per)).quotient;
  rate_ = rate;
  burst_ = burst;
  if (tokens_ >= burst_) {
    tokens_ = burst_;
    fraction_ = 0;
  }
}

std::int64_t TokenBucket::content(Time now) const {
  TokenBucket then = *this;
  then.fill(now);
  return then.tokens_;
}

Gcra::Gcra(Rate rate, std::int64_t burst, Time now, std::int64_t content)
    : rate_(rate), burst_(burst), latest_(now), full_at_{now, 0} {
  check_rate(rate, burst);
  DRYDOCK_CHECK(rate.amount > 0, "GCRA needs a rate above 0");
  set_missing(now, burst - std::clamp<std::int64_t>(content, 0, burst), 0);
}

// The bucket is full again when tokens - fraction / per have been filled in.
void Gcra::set_missing(Time now, std::int64_t tokens, std::int64_t fraction) {
  const Wide parts = Wide{tokens} * nanos(rate_.per) - fraction;
  const Wide wait = parts / rate_.amount;
  const bool never = wait > nanos(kNever - now);
  full_at_ =
      never ? ExactTime{kNever, 0}
            : ExactTime{now + Duration{static_cast<std::int64_t>(wait)}, static_cast<std::int64_t>(parts % rate_.amount)};
}

bool Gcra::take(Time now, std::int64_t n) {
  DRYDOCK_CHECK(n >= 0, "only what is not negative can be taken");
  latest_ = std::max(latest_, now);
  // Conforming if the arrival is not earlier than TAT - (burst - n) emission intervals; all in parts of 1/amount ns.
  const bool full = full_at_.at < latest_;
  const Wide missing = full ? Wide{0} : Wide{nanos(full_at_.at - latest_)} * rate_.amount + full_at_.parts;
  const Wide after = missing + Wide{n} * nanos(rate_.per);
  if (after > Wide{burst_} * nanos(rate_.per)) return false;
  const Wide wait = after / rate_.amount;
  if (wait > nanos(kNever - latest_)) return false;
  full_at_ = {latest_ + Duration{static_cast<std::int64_t>(wait)}, static_cast<std::int64_t>(after % rate_.amount)};
  return true;
}

Time Gcra::ready_at(Time now, std::int64_t n) const {
  const Time from = std::max(latest_, now);
  if (n > burst_) return kNever;
  const Wide missing = full_at_.at < from ? Wide{0} : Wide{nanos(full_at_.at - from)} * rate_.amount + full_at_.parts;
  const Wide excess = missing - Wide{burst_ - n} * nanos(rate_.per);
  return excess <= 0 ? from : rounded_up(excess, rate_.amount, from);
}

void Gcra::change(Time now, Rate rate, std::int64_t burst) {
  check_rate(rate, burst);
  DRYDOCK_CHECK(rate.amount > 0, "GCRA needs a rate above 0");
  latest_ = std::max(latest_, now);
  const Wide missing = full_at_.at < latest_ ? Wide{0} : Wide{nanos(full_at_.at - latest_)} * rate_.amount + full_at_.parts;
  const Wide content = Wide{burst_} * nanos(rate_.per) - missing;  // in parts of 1/per of a token; never below 0
  auto tokens = static_cast<std::int64_t>(content / nanos(rate_.per));
  auto fraction =
      multiply_divide(static_cast<std::int64_t>(content % nanos(rate_.per)), nanos(rate.per), nanos(rate_.per)).quotient;
  if (tokens >= burst) {
    tokens = burst;
    fraction = 0;
  }
  rate_ = rate;
  burst_ = burst;
  set_missing(latest_, burst - tokens, fraction);
}

std::int64_t Gcra::content(Time now) const {
  const Time from = std::max(latest_, now);
  const Wide missing = full_at_.at < from ? Wide{0} : Wide{nanos(full_at_.at - from)} * rate_.amount + full_at_.parts;
  return static_cast<std::int64_t>((Wide{burst_} * nanos(rate_.per) - missing) / nanos(rate_.per));
}

std::int64_t burst_of(std::int64_t share, std::int64_t total, std::int64_t burst_of_all) {
  return multiply_divide(burst_of_all, std::min(share, total), total).quotient;
}

}  // namespace drydock

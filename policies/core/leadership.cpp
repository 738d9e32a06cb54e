#include "policies/core/leadership.hpp"

#include <algorithm>

namespace drydock {

namespace {

// The store counts in microseconds: who asks a little before the end is sent away again.
constexpr Duration kLeastWait = std::chrono::milliseconds{1};

}  // namespace

void Leadership::asked(RequestId request, Time now) {
  request_ = request;
  asked_at_ = now;
}

Leadership::Turn Leadership::take(const LeaseAnswered& event, Time now) {
  if (event.request.value == 0 || event.request != request_) return Turn::none;
  request_ = RequestId{};
  if (event.answer != Answer::done) {
    next_ = later(now, config_.retry);
    return Turn::none;
  }
  if (!event.held) {
    next_ = later(now, std::min(config_.renew, std::max(kLeastWait, event.left)));
    return epoch_ > 0 ? Turn::outranked : Turn::none;
  }
  if (epoch_ > 0 && event.epoch != epoch_) return Turn::outranked;
  const Time safe_until = later(asked_at_, config_.lease - config_.margin);
  next_ = std::max(now, later(asked_at_, config_.renew));
  // The answer took too long to rely on it: a standby asks again.
  if (epoch_ == 0 && now >= safe_until) {
    next_ = now;
    return Turn::none;
  }
  const bool gained = epoch_ == 0;
  epoch_ = event.epoch;
  safe_until_ = std::max(safe_until_, safe_until);
  return gained ? Turn::gained : Turn::none;
}

Time Leadership::next_wakeup() const {
  const Time ask = request_.value == 0 ? next_ : kNever;
  return epoch_ > 0 ? std::min(ask, safe_until_) : ask;
}

}  // namespace drydock

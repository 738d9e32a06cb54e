#include "policies/core/registry_watch.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

void RegistryWatch::asked(RequestId request, Time now) {
  request_ = request;
  const Duration past = now.time_since_epoch() % config_.reading;
  next_ = later(now, config_.reading - past);
}

bool RegistryWatch::take(const RegistryRead& event, Time now) {
  if (event.request != request_ || request_.value == 0) return false;
  request_ = RequestId{};
  if (event.answer != Answer::done) {
    failed_ = true;
    return true;
  }
  if (config_.guard && is_suspicious(event)) held_until_ = later(now, config_.hold);
  failed_ = false;
  read_at_ = now;
  server_ = event.server;
  sentinel_ = event.sentinel;
  return true;
}

bool RegistryWatch::is_suspicious(const RegistryRead& event) const {
  if (!server_) return false;  // the first reading
  constexpr std::uint32_t kMany = 3;
  const std::uint64_t before = std::uint64_t{event.entries} + event.gone;
  const bool massive = event.gone >= kMany && std::uint64_t{event.gone} * 2 > before;
  return failed_ || *server_ != event.server || *sentinel_ != event.sentinel || massive;
}

bool RegistryWatch::believes(const LeaseExpired& event, Time now) {
  if (config_.guard && event.early) held_until_ = std::max(held_until_, later(now, config_.hold));
  if (now >= held_until_) return true;
  suspects_.push_back(event);
  return false;
}

void RegistryWatch::clear(WorkerId worker) {
  std::erase_if(suspects_, [worker](const LeaseExpired& e) { return e.worker == worker; });
}

std::vector<LeaseExpired> RegistryWatch::take_overdue() {
  if (suspects_.empty() || read_at_ < held_until_) return {};
  return std::exchange(suspects_, {});
}

Time RegistryWatch::next_wakeup() const { return reads() && request_.value == 0 ? next_ : kNever; }

}  // namespace drydock

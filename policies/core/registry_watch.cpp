#include "policies/core/registry_watch.hpp"

#include <algorithm>

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
    return false;
  }
  const bool forgot = has_forgotten(event);
  if (config_.guard && is_suspicious(event)) held_until_ = later(now, config_.hold);
  failed_ = false;
  read_at_ = now;
  server_ = event.server;
  sentinel_ = event.sentinel;
  return forgot;
}

// The first reading has nothing to be compared with.
bool RegistryWatch::has_forgotten(const RegistryRead& event) const {
  return server_ && (*server_ != event.server || *sentinel_ != event.sentinel);
}

bool RegistryWatch::is_suspicious(const RegistryRead& event) const {
  if (!server_) return false;
  constexpr std::uint32_t kMany = 3;
  const std::uint64_t before = std::uint64_t{event.entries} + event.gone;
  const bool massive = event.gone >= kMany && std::uint64_t{event.gone} * 2 > before;
  return failed_ || has_forgotten(event) || massive;
}

bool RegistryWatch::believes(const LeaseExpired& event, Time now) {
  if (config_.guard && event.early) held_until_ = std::max(held_until_, later(now, config_.hold));
  if (now >= held_until_) return true;
  suspects_.insert_or_assign(event.worker, event);
  return false;
}

void RegistryWatch::clear(WorkerId worker) { suspects_.erase(worker); }

std::vector<LeaseExpired> RegistryWatch::take_overdue() {
  std::vector<LeaseExpired> overdue;
  if (read_at_ < held_until_) return overdue;
  for (const auto& [worker, event] : suspects_) overdue.push_back(event);
  suspects_.clear();
  return overdue;
}

Time RegistryWatch::next_wakeup() const { return reads() && request_.value == 0 ? next_ : kNever; }

}  // namespace drydock

#include "sim/clocks.hpp"

#include <variant>

namespace drydock::sim {

Clocks::Clocks(const scenarios::Scenario& scenario, const Platform& platform) {
  for (const scenarios::Fault& fault : scenario.faults) {
    const auto* skew = std::get_if<scenarios::ClockSkew>(&fault);
    if (skew == nullptr) continue;
    if (skew->scheduler) {
      schedulers_ = skew->offset;
      continue;
    }
    clocks_.resize(platform.hosts().size());
    for (const HostIndex host : platform.resolve(skew->target)) clocks_[host] = {skew->offset, skew->rate};
  }
}

Duration Clocks::ahead(HostIndex host, Time now) const {
  if (clocks_.empty()) return -schedulers_;
  const Clock& clock = clocks_[host];
  const double drift = (clock.rate - 1) * seconds(now);
  return clock.offset - schedulers_ + (clock.rate == 1 ? Duration{0} : duration_of_seconds(drift));
}

Duration Clocks::true_time(HostIndex host, Duration counted) const {
  const double rate_here = rate(host);
  return rate_here == 1 ? counted : duration_of_seconds(seconds(counted) / rate_here);
}

}  // namespace drydock::sim

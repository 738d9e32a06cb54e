// What the clocks of hosts show. Of several faults of one clock the last holds.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <vector>

namespace drydock::sim {

class Clocks {
 public:
  Clocks(const scenarios::Scenario& scenario, const Platform& platform);

  // What the host's clock shows beyond the schedulers'; negative where it is behind.
  [[nodiscard]] Duration ahead(HostIndex host, Time now) const;
  // Seconds that it counts in a true one.
  [[nodiscard]] double rate(HostIndex host) const { return clocks_.empty() ? 1 : clocks_[host].rate; }
  // The true time in which it counts so much.
  [[nodiscard]] Duration true_time(HostIndex host, Duration counted) const;

 private:
  struct Clock {
    Duration offset{};
    double rate = 1;
  };
  std::vector<Clock> clocks_;  // by host; empty where all are right
  Duration schedulers_{};
};

}  // namespace drydock::sim

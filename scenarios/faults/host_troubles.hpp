// When hosts are slow, and when the processes on them stand still.
#pragma once

#include "scenarios/faults/course.hpp"
#include "scenarios/faults/hosts.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace drydock::scenarios {

class HostTroubles {
 public:
  struct Trouble {
    std::size_t fault = 0;  // index into Scenario::faults
    HostIndex host = 0;
    double factor = 0;
    Course course;
  };
  HostTroubles(const Scenario& scenario, std::uint64_t seed);

  // By host.
  [[nodiscard]] std::span<const Trouble> all() const { return troubles_; }
  // Hosts that may be slow or paused, each once.
  [[nodiscard]] std::span<const HostIndex> hosts() const { return hosts_; }
  [[nodiscard]] bool any_pause() const { return any_pause_; }
  // Of the host's normal speed; 0 while it is paused.
  [[nodiscard]] double factor(HostIndex host, Time now) const;
  // When its processes go on; `now` where they do not stand still.
  [[nodiscard]] Time paused_until(HostIndex host, Time now) const;
  // When either changes next; kNever if never.
  [[nodiscard]] Time next_change(HostIndex host, Time now) const;

 private:
  [[nodiscard]] std::span<const Trouble> on(HostIndex host) const;

  std::vector<Trouble> troubles_;  // by host
  std::vector<HostIndex> hosts_;
  bool any_pause_ = false;
};

}  // namespace drydock::scenarios

// When hosts do not reach Redis, or are not reached from there.
#pragma once

#include "scenarios/faults/course.hpp"
#include "scenarios/faults/hosts.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace drydock::scenarios {

enum class Way : std::uint8_t { to_redis, from_redis };

class Links {
 public:
  struct Cut {
    std::size_t fault = 0;  // index into Scenario::faults
    HostIndex host = 0;
    bool to_redis = true;
    bool from_redis = true;
    Course course;
  };
  Links(const Scenario& scenario, std::uint64_t seed);

  // By host.
  [[nodiscard]] std::span<const Cut> all() const { return cuts_; }
  [[nodiscard]] bool any() const { return !cuts_.empty(); }
  // Whether any host is ever cut off that way.
  [[nodiscard]] bool any_from_redis() const { return any_from_redis_; }
  [[nodiscard]] bool is_cut(HostIndex host, Way way, Time now) const { return open_at(host, way, now) != now; }
  // When something gets through, from `now` on.
  [[nodiscard]] Time open_at(HostIndex host, Way way, Time now) const;
  // The first end of a cut of the host after `from` and not after `until`; `until` where there is none.
  [[nodiscard]] Time healed_by(HostIndex host, Time from, Time until) const;

 private:
  [[nodiscard]] std::span<const Cut> of(HostIndex host) const;

  std::vector<Cut> cuts_;  // by host
  bool any_from_redis_ = false;
};

}  // namespace drydock::scenarios

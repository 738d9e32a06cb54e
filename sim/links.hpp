// When hosts do not reach Redis, or are not reached from there.
#pragma once

#include "scenarios/scenario.hpp"
#include "sim/course.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace drydock::sim {

enum class Way : std::uint8_t { to_redis, from_redis };

class Links {
 public:
  Links(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed);

  [[nodiscard]] bool any() const { return !cuts_.empty(); }
  // Whether any host is ever cut off that way.
  [[nodiscard]] bool any_from_redis() const { return any_from_redis_; }
  [[nodiscard]] bool is_cut(HostIndex host, Way way, Time now) const { return open_at(host, way, now) != now; }
  // When something gets through, from `now` on.
  [[nodiscard]] Time open_at(HostIndex host, Way way, Time now) const;
  // The first end of a cut of the host after `from` and not after `until`; `until` where there is none.
  [[nodiscard]] Time healed_by(HostIndex host, Time from, Time until) const;

 private:
  struct Cut {
    HostIndex host = 0;
    bool to_redis = true;
    bool from_redis = true;
    Course course;
  };
  [[nodiscard]] std::span<const Cut> of(HostIndex host) const;

  std::vector<Cut> cuts_;  // by host
  bool any_from_redis_ = false;
};

}  // namespace drydock::sim

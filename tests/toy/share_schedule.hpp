// Random schedules of faults for leased shares, by seed.
#pragma once

#include "policies/catalog.hpp"
#include "tests/toy/share_world.hpp"

#include <cstdint>
#include <memory>

namespace drydock::toy {

struct ShareSchedule {
  std::unique_ptr<SharePolicy> policy;
  ShareWorldConfig config;  // refers to the policy
};

// Two to five workers whose loads come and go; messages late, lost and repeated, pauses, restarts, cuts, a store that forgets,
// is replaced or goes back to an old state, clocks that are hours apart and run up to 2 % wrong: all within what `leased`
// promises to bear. From healed_at on somebody is active, nothing changes any more, and `end` is late enough for rest.
[[nodiscard]] ShareSchedule random_share_schedule(std::uint64_t seed);

}  // namespace drydock::toy

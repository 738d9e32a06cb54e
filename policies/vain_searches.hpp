// What was searched for in vain in one pass over a pool. Room only shrinks while a pass goes on, so that whoever asks for no
// less would not find it either.
#pragma once

#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace drydock {

struct SoughtRoom {
  Resources per_task;
  std::int64_t tasks = 0;
  Duration remaining{};  // estimated work that has to end in time; none if it does not matter when it ends
};

class VainSearches {
 public:
  void clear() { refused_.clear(); }
  void add(const SoughtRoom& sought) { refused_.push_back(sought); }
  // Also when too many of this pass were in vain: then the cost of looking on would not be bounded.
  [[nodiscard]] bool rule_out(const SoughtRoom& sought) const {
    return refused_.size() >= kMost || std::ranges::any_of(refused_, [&](const SoughtRoom& r) {
             return r.tasks <= sought.tasks && r.remaining <= sought.remaining && r.per_task.fits_in(sought.per_task);
           });
  }

 private:
  static constexpr std::size_t kMost = 64;
  std::vector<SoughtRoom> refused_;  // none asks for as much as an earlier one
};

}  // namespace drydock

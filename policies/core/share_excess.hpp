// By how much, and for how long, workers together used more than a limit.
#pragma once

#include "policies/core/share.hpp"
#include "policies/core/time.hpp"

#include <optional>

namespace drydock {

// Fed with what is in use whenever it changes. An excess that lasts for no time (two changes of one instant) counts as none:
// only what is in use at the end of an instant is looked at.
class ShareExcess {
 public:
  // From `now` on `in_use` is used of `limit`. `now` never falls. A limit of 0 with anything in use is an infinite ratio.
  void set(Time now, const Share& in_use, const Share& limit);

  // The largest in_use / limit of any part over all time until now, 0 if nothing was ever used; above 1 is an excess.
  [[nodiscard]] double max_ratio(Time now) const;
  // How long any part was above its limit, until now.
  [[nodiscard]] double seconds(Time now) const;
  // The longest time at a stretch.
  [[nodiscard]] double longest_s(Time now) const;

 private:
  struct Level {
    Time since;
    Time above_since;  // where the stretch began, if it is one
    double ratio = 0;
    bool above = false;
  };
  std::optional<Level> level_;
  double max_ratio_ = 0;  // of the levels before level_
  Duration above_{};
  Duration longest_{};
};

}  // namespace drydock

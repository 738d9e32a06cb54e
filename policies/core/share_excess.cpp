#include "policies/core/share_excess.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <limits>

namespace drydock {

void ShareExcess::set(Time now, const Share& in_use, const Share& limit) {
  if (level_ && now > level_->since) {
    max_ratio_ = std::max(max_ratio_, level_->ratio);
    if (level_->above) {
      above_ += now - level_->since;
      longest_ = std::max(longest_, now - level_->above_since);
    }
  }
  DRYDOCK_CHECK(!level_ || now >= level_->since, "time went back");
  Level level{.since = now, .above_since = now, .ratio = 0, .above = !fits(in_use, limit)};
  // A level that lasted for no time does not end a stretch.
  if (level_ && (level_->above || level_->since == now)) level.above_since = level_->above_since;
  for (const auto part : kShareParts) {
    if (in_use.*part == 0) continue;
    const bool none = limit.*part == 0;
    level.ratio = std::max(level.ratio, none ? std::numeric_limits<double>::infinity()
                                             : static_cast<double>(in_use.*part) / static_cast<double>(limit.*part));
  }
  level_ = level;
}

double ShareExcess::max_ratio(Time now) const {
  return level_ && now > level_->since ? std::max(max_ratio_, level_->ratio) : max_ratio_;
}

double ShareExcess::seconds(Time now) const {
  return drydock::seconds(level_ && level_->above ? above_ + (now - level_->since) : above_);
}

double ShareExcess::longest_s(Time now) const {
  return drydock::seconds(level_ && level_->above ? std::max(longest_, now - level_->above_since) : longest_);
}

}  // namespace drydock

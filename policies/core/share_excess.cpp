#include "policies/core/share_excess.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <limits>

namespace drydock {

void ShareExcess::set(Time now, const Share& in_use, const Share& limit) {
  if (level_ && now > level_->since) {
    max_ratio_ = std::max(max_ratio_, level_->ratio);
    if (level_->above) above_ += now - level_->since;
  }
  DRYDOCK_CHECK(!level_ || now >= level_->since, "time went back");
  Level level{now, 0, !fits(in_use, limit)};
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

}  // namespace drydock

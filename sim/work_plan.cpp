#include "sim/work_plan.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::sim {
namespace {

// Sums and products of times, before they are known to fit.
__extension__ using Wide = __int128;

constexpr std::int64_t kMostNs = nanos(Duration::max());

std::int64_t rounded(long double ns) {
  if (ns >= static_cast<long double>(kMostNs)) return kMostNs;
  return std::llround(std::max(ns, 0.0L));
}

Duration held_in_range(Wide ns) { return Duration{static_cast<std::int64_t>(std::min<Wide>(ns, kMostNs))}; }

std::int64_t work_in(std::int64_t service_ns, double speed) {
  if (speed == 1.0) return service_ns;
  return rounded(static_cast<long double>(service_ns) * speed);
}

}  // namespace

Duration service_of(Duration work, double speed) {
  if (speed == 1.0) return std::max(Duration{1}, work);
  return Duration{std::max<std::int64_t>(1, rounded(static_cast<long double>(nanos(work)) / speed))};
}

std::int64_t checkpoints_in(const WorkPlan& plan) {
  if (plan.interval <= Duration{0}) return 0;
  return (nanos(plan.work) - 1) / nanos(plan.interval);
}

Duration total_service(const WorkPlan& plan) {
  return held_in_range(Wide{nanos(plan.restart)} + nanos(service_of(plan.work, plan.speed)) +
                       Wide{nanos(plan.cost)} * checkpoints_in(plan));
}

WorkDone work_done(const WorkPlan& plan, Duration received) {
  const std::int64_t most = nanos(plan.work) - 1;
  std::int64_t service = nanos(received - plan.restart);
  if (service <= 0 || most <= 0) return {};
  if (plan.interval <= Duration{0}) return {.all = Duration{std::min(most, work_in(service, plan.speed))}, .saved = {}};
  // Finished checkpoints: the k-th is finished after k intervals of work and k costs.
  const auto finished_after = [&](std::int64_t k) {
    return nanos(service_of(plan.interval * k, plan.speed)) + Wide{nanos(plan.cost)} * k;
  };
  const long double cycle =
      static_cast<long double>(nanos(plan.interval)) / plan.speed + static_cast<long double>(nanos(plan.cost));
  const std::int64_t count = checkpoints_in(plan);
  auto k = static_cast<std::int64_t>(std::min(static_cast<long double>(service) / cycle, static_cast<long double>(count)));
  while (k > 0 && finished_after(k) > service) --k;
  while (k < count && finished_after(k + 1) <= service) ++k;
  if (k > 0) service -= static_cast<std::int64_t>(finished_after(k));
  const std::int64_t saved = nanos(plan.interval) * k;
  const std::int64_t unsaved = std::min(work_in(service, plan.speed), k < count ? nanos(plan.interval) : most - saved);
  return {.all = Duration{std::min(most, saved + std::max<std::int64_t>(0, unsaved))}, .saved = Duration{saved}};
}

}  // namespace drydock::sim

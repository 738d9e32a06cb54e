#include "reports/sweep_units.hpp"

namespace drydock::reports {
namespace {

std::vector<VariantSummary> summaries_of(const SweepResult& result) {
  std::vector<VariantSummary> summaries(result.runs.size());
  for (std::size_t point = 0; point < result.runs.size(); ++point) {
    for (const std::string& metric : result.metrics) {
      if (const Estimate value = result.estimate_of(point, metric); value.n > 0)
        summaries[point].metrics.emplace(metric, value);
    }
  }
  return summaries;
}

}  // namespace

SweepUnits::SweepUnits(const SweepResult& result) : summaries_(summaries_of(result)), shown_(summaries_) {}

Scale SweepUnits::of(const std::string& metric) const {
  const auto info = describe(metric);
  return info ? shown_.of(*info->family) : Scale{};
}

}  // namespace drydock::reports

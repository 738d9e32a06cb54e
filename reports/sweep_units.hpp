// Units and cells of figures of a sweep.
#pragma once

#include "reports/numbers.hpp"
#include "reports/sweep.hpp"

#include <string>
#include <vector>

namespace drydock::reports {

// One unit for each family of metrics, as in the table of variants.
class SweepUnits {
 public:
  explicit SweepUnits(const SweepResult& result);
  [[nodiscard]] Scale of(const std::string& metric) const;

 private:
  std::vector<VariantSummary> summaries_;
  ShownUnits shown_;
};

}  // namespace drydock::reports

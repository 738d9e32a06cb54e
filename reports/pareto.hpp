// Which of several choices are not beaten in everything.
#pragma once

#include "reports/metric_info.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace drydock::reports {

// For each row of values (by metric, in the order of `better`): nothing where it is on the front, else the first row that is at least as
// good in each and better in one. Equal rows are on the front together. All rows have the same length; no direction is "neither".
[[nodiscard]] std::vector<std::optional<std::size_t>> dominated_by(std::span<const std::vector<double>> rows,
                                                                   std::span<const Better> better);

}  // namespace drydock::reports

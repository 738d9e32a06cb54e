#include "reports/pareto.hpp"

#include <algorithm>
#include <numeric>

namespace drydock::reports {
namespace {

// So that smaller is better.
std::vector<std::vector<double>> as_costs(std::span<const std::vector<double>> rows, std::span<const Better> better) {
  std::vector<std::vector<double>> costs(rows.begin(), rows.end());
  for (std::vector<double>& row : costs) {
    for (std::size_t m = 0; m < better.size(); ++m) {
      if (better[m] == Better::higher) row[m] = -row[m];
    }
  }
  return costs;
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t m = 0; m < a.size(); ++m) {
    if (a[m] > b[m]) return false;
    better = better || a[m] < b[m];
  }
  return better;
}

}  // namespace

std::vector<std::optional<std::size_t>> dominated_by(std::span<const std::vector<double>> rows,
                                                     std::span<const Better> better) {
  const std::vector<std::vector<double>> costs = as_costs(rows, better);
  // In lexical order nobody is dominated by one that comes later, and who is dominated is so by one of the front.
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return costs[a] < costs[b]; });
  std::vector<std::optional<std::size_t>> by(rows.size());
  std::vector<std::size_t> front;
  for (const std::size_t row : order) {
    for (const std::size_t other : front) {
      if (dominates(costs[other], costs[row]) && (!by[row] || other < *by[row])) by[row] = other;
    }
    if (!by[row]) front.push_back(row);
  }
  return by;
}

}  // namespace drydock::reports

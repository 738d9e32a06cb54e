#include "reports/mser.hpp"

#include "policies/core/assert.hpp"

#include <limits>
#include <vector>

namespace drydock::reports {
namespace {

// The error of so few batches says nothing.
constexpr std::size_t kFewestBatches = 5;

std::vector<double> batch_means(std::span<const double> series, std::size_t batch) {
  std::vector<double> means;
  for (std::size_t from = 0; from + batch <= series.size(); from += batch) {
    double sum = 0;
    for (std::size_t i = 0; i < batch; ++i) sum += series[from + i];
    means.push_back(sum / static_cast<double>(batch));
  }
  return means;
}

}  // namespace

Truncation mser(std::span<const double> series, std::size_t batch) {
  DRYDOCK_CHECK(batch > 0, "a batch has at least one value");
  const std::vector<double> means = batch_means(series, batch);
  if (means.size() < 2 * kFewestBatches) return {.deleted = 0, .settled = false};
  // From the end on: the mean of the last values, and their squared deviations from it (Welford).
  double mean = 0;
  double squares = 0;
  double least = std::numeric_limits<double>::infinity();
  double least_allowed = least;
  std::size_t best = 0;
  for (std::size_t kept = 1; kept <= means.size(); ++kept) {
    const double value = means[means.size() - kept];
    const double from_mean = value - mean;
    const auto n = static_cast<double>(kept);
    mean += from_mean / n;
    squares += from_mean * (value - mean);
    if (kept < kFewestBatches) continue;
    const double error = squares / (n * n);
    least = error < least ? error : least;
    const std::size_t deleted = means.size() - kept;
    if (deleted > means.size() / 2 || error > least_allowed) continue;
    least_allowed = error;  // of equal ones the last seen deletes least
    best = deleted;
  }
  return {.deleted = best * batch, .settled = least_allowed <= least};
}

}  // namespace drydock::reports

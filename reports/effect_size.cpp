#include "reports/effect_size.hpp"

#include "reports/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace drydock::reports {

std::optional<double> cohens_d_paired(std::span<const double> differences) {
  const Estimate all = estimate(differences);
  if (all.n < 2 || all.sd == 0) return std::nullopt;
  return all.mean / all.sd;
}

std::optional<double> cohens_d(std::span<const double> a, std::span<const double> b) {
  const Estimate of_a = estimate(a);
  const Estimate of_b = estimate(b);
  if (of_a.n < 2 || of_b.n < 2) return std::nullopt;
  const auto free_a = static_cast<double>(of_a.n - 1);
  const auto free_b = static_cast<double>(of_b.n - 1);
  const double pooled = std::sqrt((free_a * of_a.sd * of_a.sd + free_b * of_b.sd * of_b.sd) / (free_a + free_b));
  if (pooled == 0) return std::nullopt;
  return (of_b.mean - of_a.mean) / pooled;
}

std::optional<double> cliffs_delta(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  std::vector<double> sorted(a.begin(), a.end());
  std::sort(sorted.begin(), sorted.end());
  std::int64_t balance = 0;
  for (const double value : b) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), value);
    balance += (low - sorted.begin()) - (sorted.end() - high);
  }
  return static_cast<double>(balance) / (static_cast<double>(a.size()) * static_cast<double>(b.size()));
}

std::string_view effect_word(double cliffs_delta) {
  const double size = std::abs(cliffs_delta);
  return size < 0.147 ? "negligible" : size < 0.33 ? "small" : size < 0.474 ? "medium" : "large";
}

}  // namespace drydock::reports

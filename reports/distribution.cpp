#include "reports/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

double five_digits(double value) { return std::strtod(fmt::format("{:.4e}", value).c_str(), nullptr); }

}  // namespace

double Distribution::part_up_to(double value) const {
  const auto above = std::upper_bound(at.begin(), at.end(), value);
  if (above == at.begin()) return 0;
  return static_cast<double>(up_to[static_cast<std::size_t>(above - at.begin()) - 1]) / static_cast<double>(count());
}

Distribution distribution_of(const Histogram& values, double unit) {
  Distribution result;
  const auto put = [&](double value, std::uint64_t up_to) {
    const double shown = five_digits(value * unit);
    if (!result.at.empty() && result.at.back() >= shown) {
      result.up_to.back() = up_to;
      return;
    }
    result.at.push_back(shown);
    result.up_to.push_back(up_to);
  };
  std::vector<double> parts;
  for (int i = 1; i < 100; ++i) parts.push_back(i / 100.0);
  for (int i = 991; i <= 1000; ++i) parts.push_back(i / 1000.0);
  std::size_t next = 0;
  const auto count = static_cast<double>(values.count());
  values.each([&](double value, std::uint64_t up_to) {
    const double part = static_cast<double>(up_to) / count;
    if (next == parts.size() || part < parts[next]) return;
    while (next < parts.size() && part >= parts[next]) ++next;
    put(value, up_to);
  });
  return result;
}

std::string distribution_error(const Distribution& distribution) {
  const auto& [at, up_to] = distribution;
  if (at.empty() || at.size() != up_to.size()) return "it needs as many values (at) as counts (up_to), and at least one";
  if (!std::ranges::all_of(at, [](double v) { return std::isfinite(v); })) return "a value is not finite";
  const auto ascends = [](const auto& list) {
    return std::adjacent_find(list.begin(), list.end(), [](auto a, auto b) { return a >= b; }) == list.end();
  };
  if (!ascends(at) || !ascends(up_to)) return "values and counts must ascend";
  return up_to.front() == 0 ? "the first count is 0" : "";
}

}  // namespace drydock::reports

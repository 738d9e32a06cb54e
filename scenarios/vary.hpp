// What a sweep varies: values of a scenario, as lists and ranges on the command line, and the points that they make.
#pragma once

#include "policies/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

// Numbers from `low` to `high`, with one unit for both.
struct ValueRange {
  double low = 0;
  double high = 0;
  std::string unit;          // of `low`; empty: plain numbers
  bool logarithmic = false;  // equal steps are equal ratios
  bool whole = false;        // both ends are written as whole numbers without a unit: so is all between them
};
// The value at `part` (0..1) of the way from low to high, with at most six significant digits: "17.3205s".
[[nodiscard]] std::string value_at(const ValueRange& range, double part);

struct Vary {
  std::string pointer;                // JSON pointer into the scenario
  std::string given;                  // the values as they were written
  std::vector<std::string> values;    // as --set takes them, each once
  std::optional<ValueRange> range{};  // instead: any value of it (drawn at random)
};

// "POINTER=VALUE,VALUE,..."; a value LOW..HIGH/N stands for N values in equal steps, LOW..HIGH/Nlog for N in equal ratios. Commas within
// brackets or quotes do not separate. With `drawn`, a single range without N (LOW..HIGH, LOW..HIGH/log) is one to draw from. Errors say
// what is wrong and what may be written.
[[nodiscard]] Result<Vary> parse_vary(std::string_view text, bool drawn);

// One value for each Vary.
struct GridPoint {
  std::vector<std::string> values;
  // The values' places: among Vary::values, or of a range 0 for its lower half and 1 for its upper one.
  std::vector<std::size_t> levels;
};
// No sweep has more points than this.
inline constexpr std::size_t kMostPoints = 10'000;

// Every combination, the last one changing fastest. Refuses more than kMostPoints, and a pointer given twice or inside another.
[[nodiscard]] Result<std::vector<GridPoint>> grid_of(std::span<const Vary> all);
// `count` points, each value drawn by itself, from `seed`, the place of its Vary and the number of the point alone. Refuses likewise.
[[nodiscard]] Result<std::vector<GridPoint>> draw_points(std::span<const Vary> all, std::size_t count, std::uint64_t seed);

}  // namespace drydock::scenarios

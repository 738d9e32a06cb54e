#include "scenarios/vary.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kMostSteps = 1000;
constexpr int kSignificantDigits = 6;

// A number and its unit: "10s", "0.8/s", "4".
struct Quantity {
  double number = 0;
  std::string unit;
  bool whole = false;
};

std::optional<Quantity> read_quantity(std::string_view text) {
  Quantity quantity;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc() || !std::isfinite(quantity.number)) return std::nullopt;
  const std::string_view number = text.substr(0, static_cast<std::size_t>(end - text.data()));
  quantity.unit = std::string(text.substr(number.size()));
  const auto of_unit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '%'; };
  if (!std::ranges::all_of(quantity.unit, of_unit)) return std::nullopt;
  quantity.whole = quantity.unit.empty() && number.find_first_not_of("-0123456789") == std::string_view::npos;
  return quantity;
}

// What a unit measures and how large it is.
struct UnitSize {
  int kind = 0;
  double size = 1;
};

std::optional<UnitSize> size_of_unit(const std::string& unit) {
  const std::string one = "1" + unit;
  if (unit.empty()) return UnitSize{0, 1};
  if (const auto time = parse_duration(one)) return UnitSize{1, static_cast<double>(nanos(time.value()))};
  if (const auto bytes = parse_size(one)) return UnitSize{2, static_cast<double>(bytes.value())};
  if (const auto rate = parse_rate(one)) return UnitSize{3, rate.value()};
  if (const auto bandwidth = parse_bandwidth(one)) return UnitSize{4, bandwidth.value()};
  if (const auto percent = parse_percent(one)) return UnitSize{5, percent.value()};
  return std::nullopt;
}

// Both ends in the unit of the lower one.
Result<ValueRange> range_of(std::string_view low_text, std::string_view high_text) {
  auto low = read_quantity(low_text);
  auto high = read_quantity(high_text);
  if (!low) return Error{fmt::format("\"{}\" is no number with a unit", printable(low_text))};
  if (!high) return Error{fmt::format("\"{}\" is no number with a unit", printable(high_text))};
  if (low->number == 0 && low->unit.empty()) low->unit = high->unit;
  const auto low_size = size_of_unit(low->unit);
  const auto high_size = size_of_unit(high->unit);
  if (!low_size) return Error{fmt::format("\"{}\" is no unit", printable(low->unit))};
  if (!high_size) return Error{fmt::format("\"{}\" is no unit", printable(high->unit))};
  if (low_size->kind != high_size->kind)
    return Error{fmt::format("{} and {} are not of one kind", printable(low_text), printable(high_text))};
  const double factor = low->unit == high->unit ? 1 : high_size->size / low_size->size;
  const ValueRange range{
      .low = low->number, .high = high->number * factor, .unit = low->unit, .whole = low->whole && high->whole};
  if (!(range.low < range.high)) return Error{fmt::format("{} is not below {}", printable(low_text), printable(high_text))};
  return range;
}

// LOW..HIGH[/[N][log]].
struct RangeText {
  ValueRange range;
  std::optional<std::size_t> steps;
};

// Nothing where it is no range but a value with ".." in it.
std::optional<Result<RangeText>> read_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos || !read_quantity(text.substr(0, dots))) return std::nullopt;
  std::string_view high = text.substr(dots + 2);
  RangeText read;
  bool logarithmic = false;
  // A unit may have a slash too ("2/h"): the last part is the steps only if it looks so.
  if (const std::size_t slash = high.rfind('/'); slash != std::string_view::npos) {
    std::string_view last = high.substr(slash + 1);
    logarithmic = last.ends_with("log");
    if (logarithmic) last.remove_suffix(3);
    std::size_t steps = 0;
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), steps);
    const bool number = error == std::errc() && end == last.data() + last.size();
    if (number && (steps < 2 || steps > kMostSteps))
      return Error{fmt::format("a range has from 2 to {} values, not {}", kMostSteps, steps)};
    if (number) read.steps = steps;
    if (number || (logarithmic && last.empty())) high = high.substr(0, slash);
    else logarithmic = false;
  }
  auto range = range_of(text.substr(0, dots), high);
  if (!range) return Error{range.error().message};
  read.range = std::move(range).value();
  read.range.logarithmic = logarithmic;
  if (logarithmic && read.range.low <= 0) return Error{"equal ratios need a lower end above 0"};
  return Result<RangeText>(std::move(read));
}

// Splits at commas that are not within brackets or quotes.
std::vector<std::string> split_values(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (!quoted && (c == '[' || c == '{')) ++depth;
    if (!quoted && (c == ']' || c == '}')) --depth;
    if (c == ',' && depth <= 0 && !quoted) parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

// Rounded to six significant digits, without an exponent and without zeros at the end.
std::string number_text(double value) {
  if (value == 0) return "0";
  const int digits = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  std::string text = fmt::format("{:.{}f}", value, std::clamp(kSignificantDigits - digits, 0, 15));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

std::optional<std::string> refuse_overlap(std::span<const Vary> all) {
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = 0; b < all.size(); ++b) {
      if (a < b && all[a].pointer == all[b].pointer)
        return fmt::format("--vary {}: is given twice; write all its values in one", printable(all[a].pointer));
      if (a != b && all[b].pointer.starts_with(all[a].pointer + "/"))
        return fmt::format("--vary {}: is inside {}, which is varied too", printable(all[b].pointer),
                           printable(all[a].pointer));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string value_at(const ValueRange& range, double part) {
  double value = range.low + (range.high - range.low) * part;
  if (range.logarithmic) value = range.low * std::pow(range.high / range.low, part);
  if (part >= 1) value = range.high;
  return number_text(range.whole ? std::round(value) : value) + range.unit;
}

Result<Vary> parse_vary(std::string_view text, bool drawn) {
  const auto fail = [&](std::string_view why) {
    return Error{
        fmt::format("--vary {}: {}; write --vary /json/pointer=VALUE,VALUE or LOW..HIGH/STEPS, such as --vary "
                    "/policies/liveness/ttl=60s,65s,90s or 10s..60s/6",
                    printable(text, 200), why)};
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return fail("there is no =");
  Vary vary{.pointer = std::string(text.substr(0, equals)), .given = std::string(text.substr(equals + 1)), .values = {}};
  if (!vary.pointer.starts_with('/')) return fail(fmt::format("\"{}\" is no JSON pointer", printable(vary.pointer)));
  if (vary.pointer == "/variants" || vary.pointer.starts_with("/variants/"))
    return fail("variants are a dimension of their own; --variant chooses some");
  const std::vector<std::string> parts = split_values(vary.given);
  for (const std::string& part : parts) {
    if (part.empty()) return fail("a value is empty");
    const auto range = read_range(part);
    if (!range) {
      vary.values.push_back(part);
      continue;
    }
    if (!*range) return fail(range->error().message);
    const RangeText& read = range->value();
    if (!read.steps && drawn && parts.size() == 1) {
      vary.range = read.range;
      return vary;
    }
    if (!read.steps)
      return fail(fmt::format("say how many values of {} there are to be: {}/6", printable(part), printable(part)));
    for (std::size_t i = 0; i < *read.steps; ++i)
      vary.values.push_back(value_at(read.range, static_cast<double>(i) / static_cast<double>(*read.steps - 1)));
  }
  std::vector<std::string> once;
  for (std::string& value : vary.values) {
    if (std::ranges::find(once, value) == once.end()) once.push_back(std::move(value));
  }
  vary.values = std::move(once);
  return vary;
}

Result<std::vector<GridPoint>> grid_of(std::span<const Vary> all) {
  if (const auto overlap = refuse_overlap(all)) return Error{*overlap};
  std::vector<GridPoint> points(1);
  for (const Vary& vary : all) {
    if (points.size() * vary.values.size() > kMostPoints)
      return Error{fmt::format("--vary: more than {} points; take fewer values, or draw some with --random", kMostPoints)};
    std::vector<GridPoint> next;
    for (const GridPoint& point : points) {
      for (std::size_t i = 0; i < vary.values.size(); ++i) {
        next.push_back(point);
        next.back().values.push_back(vary.values[i]);
        next.back().levels.push_back(i);
      }
    }
    points = std::move(next);
  }
  return points;
}

Result<std::vector<GridPoint>> draw_points(std::span<const Vary> all, std::size_t count, std::uint64_t seed) {
  if (const auto overlap = refuse_overlap(all)) return Error{*overlap};
  std::vector<GridPoint> points(count);
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t v = 0; v < all.size(); ++v) {
      const double part = unit_interval(counted(seed, v, p));
      const Vary& vary = all[v];
      const auto place = static_cast<std::size_t>(part * static_cast<double>(vary.range ? 2 : vary.values.size()));
      points[p].values.push_back(vary.range ? value_at(*vary.range, part) : vary.values[place]);
      points[p].levels.push_back(place);
    }
  }
  return points;
}

}  // namespace drydock::scenarios

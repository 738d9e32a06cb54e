#include "scenarios/units.hpp"

#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <span>

namespace drydock::scenarios {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array kTimeUnits{Unit{"ns", 1},
                                Unit{"us", 1'000},
                                Unit{"ms", 1'000'000},
                                Unit{"s", kSecond},
                                Unit{"m", 60 * kSecond},
                                Unit{"min", 60 * kSecond},
                                Unit{"h", 3600 * kSecond},
                                Unit{"d", 86400 * kSecond},
                                Unit{"w", 604800 * kSecond}};

constexpr std::array kSizeUnits{
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"PB", 1'000'000'000'000'000},
    Unit{"KiB", std::int64_t{1} << 10},
    Unit{"MiB", std::int64_t{1} << 20},
    Unit{"GiB", std::int64_t{1} << 30},
    Unit{"TiB", std::int64_t{1} << 40},
    Unit{"PiB", std::int64_t{1} << 50},
};

constexpr std::array kBitUnits{Unit{"bit", 1}, Unit{"kbit", 1'000}, Unit{"Mbit", 1'000'000}, Unit{"Gbit", 1'000'000'000},
                               Unit{"Tbit", 1'000'000'000'000}};

// Longer texts are no quantities, and would only make long messages.
constexpr std::size_t kLongestText = 64;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 52;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Error refuse(std::string_view text, std::string_view why, std::string_view help) {
  return Error{fmt::format("\"{}\" {}; write {}", printable(text, kLongestText), why, help)};
}

// The number at the front of a quantity and the text of its unit.
struct Split {
  std::string_view number;
  std::string_view unit;
};

Split split(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.' || text[end] == '-' || text[end] == '+')) ++end;
  // An exponent, unless the "e" begins a unit.
  if (end + 1 < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t digits = end + 1;
    if (text[digits] == '-' || text[digits] == '+') ++digits;
    if (digits < text.size() && is_digit(text[digits])) {
      while (digits < text.size() && is_digit(text[digits])) ++digits;
      end = digits;
    }
  }
  std::size_t unit = end;
  while (unit < text.size() && text[unit] == ' ') ++unit;
  return {text.substr(0, end), text.substr(unit)};
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  const auto it = std::ranges::find(units, name, &Unit::name);
  return it == units.end() ? nullptr : &*it;
}

bool parse_double(std::string_view text, double& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

// An amount with a unit as a whole number of the smallest unit, from 0 to `most`.
Result<std::int64_t> parse_whole(std::string_view text, std::span<const Unit> units, std::int64_t most,
                                 std::string_view help) {
  if (text == "0") return std::int64_t{0};
  if (text.size() > kLongestText) return refuse(text, "is too long", help);
  const auto [number, unit_name] = split(text);
  if (number.empty()) return refuse(text, "does not begin with a number", help);
  if (unit_name.empty()) return refuse(text, "has no unit", help);
  const Unit* unit = find_unit(units, unit_name);
  if (unit == nullptr) return refuse(text, fmt::format("has the unknown unit \"{}\"", printable(unit_name)), help);
  double value = 0;
  if (!parse_double(number, value)) return refuse(text, "does not begin with a number in range", help);
  if (value < 0 || number.front() == '-') return refuse(text, "is negative", help);
  std::int64_t amount = 0;
  if (!decimal_to_nanos(number, unit->factor, amount) || amount > most) return refuse(text, "is too large", help);
  return amount;
}

// The name of the largest unit of which `ns` is a whole number.
const Unit& exact_unit(std::int64_t ns) {
  const Unit* best = &kTimeUnits[0];
  for (const Unit& unit : kTimeUnits) {
    if (unit.name != "min" && ns % unit.factor == 0) best = &unit;
  }
  return *best;
}

// Days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms": years begin in March).
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

// Reads fixed-width fields of a timestamp from the front.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool digits(std::size_t count, int low, int high, int& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value >= low && value <= high;
  }
  [[nodiscard]] bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  void skip(std::size_t count) { rest_.remove_prefix(count); }

 private:
  std::string_view rest_;
};

int days_in_month(int year, int month) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

// "", "Z" or an offset from UTC such as "+01:00"; the offset in minutes.
bool parse_zone(FieldReader& reader, int& minutes) {
  minutes = 0;
  if (reader.rest().empty()) return true;
  if (reader.one_of("Zz")) return reader.rest().empty();
  const bool west = reader.rest().front() == '-';
  int hours = 0;
  int rest = 0;
  if (!reader.one_of("+-") || !reader.digits(2, 0, 23, hours)) return false;
  if (!reader.rest().empty()) {
    if (reader.rest().front() == ':') reader.skip(1);
    if (!reader.digits(2, 0, 59, rest)) return false;
  }
  minutes = (west ? -1 : 1) * (hours * 60 + rest);
  return reader.rest().empty();
}

}  // namespace

bool decimal_to_nanos(std::string_view text, std::int64_t unit_ns, std::int64_t& nanos) {
  std::size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++at;
  std::int64_t whole = 0;
  std::size_t digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++digits) {
    if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text[at] - '0', &whole)) return false;
  }
  if (__builtin_mul_overflow(whole, unit_ns, &whole)) return false;
  if (at < text.size() && text[at] == '.') {
    // 18 digits at most: more are below a nanosecond for every unit we know.
    std::int64_t fraction = 0;
    std::int64_t scale = 1;
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      if (scale == 1'000'000'000'000'000'000) continue;
      fraction = fraction * 10 + (text[at] - '0');
      scale *= 10;
    }
    __extension__ using Wide = __int128;
    const auto part = static_cast<std::int64_t>(static_cast<Wide>(fraction) * unit_ns / scale);
    if (__builtin_add_overflow(whole, part, &whole)) return false;
  }
  if (digits == 0) return false;
  if (at < text.size()) {
    double value = 0;
    const std::string_view unsigned_text = text.substr(text[0] == '+' ? 1 : 0);
    if ((text[at] != 'e' && text[at] != 'E') || !parse_double(unsigned_text, value)) return false;
    value *= static_cast<double>(unit_ns);
    if (!(std::abs(value) < 9.2e18)) return false;
    nanos = static_cast<std::int64_t>(std::llround(value));
    return true;
  }
  nanos = negative ? -whole : whole;
  return true;
}

Result<Duration> parse_duration(std::string_view text) {
  const auto ns = parse_whole(text, kTimeUnits, nanos(kLongest), kDurationHelp);
  if (!ns) return Error{ns.error().message};
  return Duration{ns.value()};
}

Result<std::int64_t> parse_size(std::string_view text) { return parse_whole(text, kSizeUnits, kMostBytes, kSizeHelp); }

Result<double> parse_rate(std::string_view text) {
  if (text.size() > kLongestText) return refuse(text, "is too long", kRateHelp);
  const auto [number, rest] = split(text);
  double value = 0;
  if (!parse_double(number, value)) return refuse(text, "does not begin with a number in range", kRateHelp);
  if (value < 0 || number.front() == '-') return refuse(text, "is negative", kRateHelp);
  if (rest.empty() || rest.front() != '/') return refuse(text, "has no unit", kRateHelp);
  const Unit* unit = find_unit(kTimeUnits, rest.substr(1));
  if (unit == nullptr) return refuse(text, fmt::format("has the unknown unit \"{}\"", printable(rest)), kRateHelp);
  const double per_second = value * static_cast<double>(kSecond) / static_cast<double>(unit->factor);
  if (!std::isfinite(per_second) || per_second > 1e12) return refuse(text, "is too large", kRateHelp);
  return per_second;
}

Result<double> parse_bandwidth(std::string_view text) {
  if (text.size() > kLongestText) return refuse(text, "is too long", kBandwidthHelp);
  const auto [number, rest] = split(text);
  double value = 0;
  if (!parse_double(number, value)) return refuse(text, "does not begin with a number in range", kBandwidthHelp);
  if (value < 0 || number.front() == '-') return refuse(text, "is negative", kBandwidthHelp);
  if (!rest.ends_with("/s")) return refuse(text, "has no unit", kBandwidthHelp);
  const std::string_view name = rest.substr(0, rest.size() - 2);
  const Unit* bytes = find_unit(kSizeUnits, name);
  const Unit* bits = find_unit(kBitUnits, name);
  if (bytes == nullptr && bits == nullptr) {
    return refuse(text, fmt::format("has the unknown unit \"{}\"", printable(rest)), kBandwidthHelp);
  }
  const double scaled =
      bytes != nullptr ? value * static_cast<double>(bytes->factor) : value * static_cast<double>(bits->factor) / 8;
  if (!(scaled < 1e18)) return refuse(text, "is too large", kBandwidthHelp);
  return scaled;
}

Result<double> parse_percent(std::string_view text) {
  if (text.size() > kLongestText) return refuse(text, "is too long", kPercentHelp);
  const auto [number, unit] = split(text);
  double value = 0;
  if (!parse_double(number, value)) return refuse(text, "does not begin with a number in range", kPercentHelp);
  if (unit != "%") return refuse(text, "does not end with %", kPercentHelp);
  if (!(value >= 0 && value <= 100) || number.front() == '-') return refuse(text, "is out of range", kPercentHelp);
  return value / 100;
}

std::string format_duration(Duration duration) {
  if (duration == Duration{}) return "0s";
  const Unit& unit = exact_unit(nanos(duration));
  return fmt::format("{}{}", nanos(duration) / unit.factor, unit.name);
}

Result<Duration> parse_iso_time(std::string_view text) {
  const auto refuse_time = [&] { return refuse(text, "is no time", R"(a time such as "2023-11-16 18:17:03.98")"); };
  FieldReader reader(text);
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!reader.digits(4, 1, 9999, year) || !reader.one_of("-") || !reader.digits(2, 1, 12, month) || !reader.one_of("-") ||
      !reader.digits(2, 1, 31, day) || day > days_in_month(year, month)) {
    return refuse_time();
  }
  std::int64_t fraction = 0;
  if (!reader.rest().empty()) {
    if (!reader.one_of("T ") || !reader.digits(2, 0, 23, hour) || !reader.one_of(":") || !reader.digits(2, 0, 59, minute)) {
      return refuse_time();
    }
    if (reader.one_of(":") && !reader.digits(2, 0, 60, second)) return refuse_time();
    if (!reader.rest().empty() && reader.rest().front() == '.') {
      std::size_t end = 1;
      while (end < reader.rest().size() && is_digit(reader.rest()[end])) ++end;
      if (!decimal_to_nanos(reader.rest().substr(0, end), kSecond, fraction)) return refuse_time();
      reader.skip(end);
    }
  }
  int zone_minutes = 0;
  if (!parse_zone(reader, zone_minutes)) return refuse_time();
  const std::int64_t days = days_from_civil(year, month, day);
  std::int64_t ns = 0;
  const std::int64_t total = days * 86400 + hour * 3600 + minute * 60 + second - zone_minutes * 60;
  if (__builtin_mul_overflow(total, kSecond, &ns) || __builtin_add_overflow(ns, fraction, &ns)) return refuse_time();
  return Duration{ns};
}

std::string format_size(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

}  // namespace drydock::scenarios

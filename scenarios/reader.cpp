#include "scenarios/reader.hpp"

#include "scenarios/wording.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace drydock::scenarios {
namespace {

// A value as a message shows it.
std::string shown(const Json& value) {
  constexpr std::size_t kMost = 60;
  if (value.is_string()) return fmt::format("\"{}\"", printable(value.get_ref<const std::string&>(), kMost));
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  return value.dump();
}

std::string range_text(CountRange range) {
  if (range.high >= std::numeric_limits<std::int32_t>::max()) return fmt::format("a whole number, at least {}", range.low);
  return fmt::format("a whole number from {} to {}", range.low, range.high);
}

std::string range_text(NumberRange range) {
  if (range.high >= 1e15) return fmt::format("a number {} {}", range.open ? "above" : "of at least", range.low);
  return fmt::format("a number {} {} and at most {}", range.open ? "above" : "of at least", range.low, range.high);
}

bool in_range(double value, NumberRange range) {
  return std::isfinite(value) && (range.open ? value > range.low : value >= range.low) && value <= range.high;
}

const Json& null_value() {
  static const Json kNull;
  return kNull;
}

}  // namespace

void Diagnostics::fail(const std::string& pointer, std::string_view message) {
  if (error_) return;
  error_ = fmt::format("{}: {}", document_.place(pointer), message);
  if (!context_.empty()) *error_ += fmt::format(" ({})", context_);
}

void Node::expected(std::string_view what) const { fail(fmt::format("expected {}, found {}", what, shown(*value_))); }

Duration Diagnostics::scaled(Duration duration) const {
  if (time_scale_ == 1 || duration <= Duration{0}) return duration;
  const auto divided = std::llround(static_cast<long double>(nanos(duration)) / static_cast<long double>(time_scale_));
  return Duration{std::max<std::int64_t>(1, divided)};
}

std::string Node::text() const {
  if (!value_->is_string()) {
    expected("text in quotes");
    return "";
  }
  const auto& text = value_->get_ref<const std::string&>();
  constexpr std::size_t kMost = 4096;
  if (text.size() > kMost) fail(fmt::format("this text has {} bytes; at most {} are allowed", text.size(), kMost));
  return text;
}

std::string Node::word(std::span<const std::string_view> choices) const {
  const bool is_text = value_->is_string();
  std::string word = is_text ? value_->get<std::string>() : "";
  if (is_text && std::ranges::find(choices, word) != choices.end()) return word;
  expected(fmt::format("one of: {}", listed(choices)) + (is_text ? "" : " (in quotes)"));
  if (is_text) return word;
  return choices.empty() ? "" : std::string(choices.front());
}

bool Node::boolean() const {
  if (value_->is_boolean()) return value_->get<bool>();
  expected("true or false");
  return false;
}

std::int64_t Node::count(CountRange range) const {
  // 2.0 and 1e6 are whole numbers too.
  constexpr double kExact = 9007199254740992.0;
  std::optional<std::int64_t> value;
  if (value_->is_number_unsigned()) {
    const auto amount = value_->get<std::uint64_t>();
    if (amount <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      value = static_cast<std::int64_t>(amount);
  } else if (value_->is_number_integer()) {
    value = value_->get<std::int64_t>();
  } else if (value_->is_number_float()) {
    const auto amount = value_->get<double>();
    if (std::abs(amount) <= kExact && std::trunc(amount) == amount) value = static_cast<std::int64_t>(amount);
  }
  if (value && *value >= range.low && *value <= range.high) return *value;
  expected(range_text(range));
  return range.low;
}

double Node::number(NumberRange range) const {
  if (value_->is_number() && in_range(value_->get<double>(), range)) return value_->get<double>();
  expected(range_text(range));
  return range.open ? range.low + 1 : range.low;
}

Duration Node::duration(Duration low, Duration high) const {
  if (value_->is_number() && value_->get<double>() == 0 && low <= Duration{0}) return Duration{0};
  if (!value_->is_string()) {
    expected(kDurationHelp);
    return low;
  }
  const auto parsed = parse_duration(value_->get_ref<const std::string&>());
  if (!parsed) {
    fail(parsed.error().message);
    return low;
  }
  if (parsed.value() < low || parsed.value() > high) {
    const bool positive = low == Duration{1};
    expected(fmt::format("a duration {} {}{}", positive ? "above" : "of at least", positive ? "0s" : format_duration(low),
                         high < kLongest ? " and at most " + format_duration(high) : ""));
    return low;
  }
  return diagnostics_->scaled(parsed.value());
}

std::int64_t Node::size() const {
  if (value_->is_number() && value_->get<double>() == 0) return 0;
  if (!value_->is_string()) {
    expected(kSizeHelp);
    return 0;
  }
  const auto parsed = parse_size(value_->get_ref<const std::string&>());
  if (!parsed) fail(parsed.error().message);
  return parsed ? parsed.value() : 0;
}

namespace {

// A quantity of text that `parse` reads, which must not be zero.
double positive(const Node& node, Result<double> (*parse)(std::string_view), std::string_view help) {
  if (!node.json().is_string()) {
    node.expected(help);
    return 1;
  }
  const auto parsed = parse(node.json().get_ref<const std::string&>());
  if (!parsed) {
    node.fail(parsed.error().message);
    return 1;
  }
  if (parsed.value() > 0) return parsed.value();
  node.expected(fmt::format("{} above 0", help));
  return 1;
}

}  // namespace

double Node::rate() const { return positive(*this, parse_rate, kRateHelp) * diagnostics_->time_scale(); }
double Node::bandwidth() const { return positive(*this, parse_bandwidth, kBandwidthHelp); }

double Node::percent() const {
  if (value_->is_number() && value_->get<double>() == 0) return 0;
  if (!value_->is_string()) {
    expected(kPercentHelp);
    return 0;
  }
  const auto parsed = parse_percent(value_->get_ref<const std::string&>());
  if (!parsed) fail(parsed.error().message);
  return parsed ? parsed.value() : 0;
}

std::vector<Node> Node::items() const {
  std::vector<Node> nodes;
  if (!value_->is_array()) {
    expected("a list in [ ]");
    return nodes;
  }
  nodes.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i)
    nodes.emplace_back((*value_)[i], fmt::format("{}/{}", pointer_, i), *diagnostics_);
  return nodes;
}

std::vector<std::string> Node::texts() const {
  std::vector<std::string> result;
  for (const Node& item : items()) result.push_back(item.text());
  return result;
}

Node Node::member(std::string_view key) const {
  const Json* value = &null_value();
  if (value_->is_object()) {
    if (const auto it = value_->find(key); it != value_->end()) value = &*it;
  }
  return {*value, pointer_ + "/" + escape_pointer(key), *diagnostics_};
}

ObjectReader::ObjectReader(const Node& node, const ObjectKeys& keys) : node_(node), keys_(keys) {
  if (!node.json().is_object()) {
    node.expected(fmt::format("an object with the keys {}", listed(keys.keys)));
    return;
  }
  for (const auto& [key, value] : node.json().items()) {
    if (std::ranges::find(keys.keys, key) != keys.keys.end()) continue;
    node.member(key).fail(fmt::format("unknown key \"{}\"{}", printable(key), suggestion(key, keys.keys, "Allowed")));
  }
}

Node ObjectReader::require(std::string_view key) const {
  if (!has(key)) node_.fail(fmt::format("the key \"{}\" is missing", key));
  return node_.member(key);
}

std::optional<Node> ObjectReader::find(std::string_view key) const {
  // A programmer's error, not a user's: a key that is read must be listed, or nobody could write it.
  DRYDOCK_CHECK(std::ranges::find(keys_.keys, key) != keys_.keys.end(), "a key is read that is not in the list of keys");
  if (!has(key)) return std::nullopt;
  return node_.member(key);
}

std::string ObjectReader::text(std::string_view key, std::string fallback) const {
  const auto node = find(key);
  return node ? node->text() : std::move(fallback);
}

bool ObjectReader::boolean(std::string_view key, bool fallback) const {
  const auto node = find(key);
  return node ? node->boolean() : fallback;
}

std::int64_t ObjectReader::count(std::string_view key, std::int64_t fallback, CountRange range) const {
  const auto node = find(key);
  return node ? node->count(range) : fallback;
}

double ObjectReader::number(std::string_view key, double fallback, NumberRange range) const {
  const auto node = find(key);
  return node ? node->number(range) : fallback;
}

Duration ObjectReader::duration(std::string_view key, Duration fallback, Duration low) const {
  const auto node = find(key);
  return node ? node->duration(low) : node_.diagnostics().scaled(fallback);
}

std::int64_t ObjectReader::size(std::string_view key, std::int64_t fallback) const {
  const auto node = find(key);
  return node ? node->size() : fallback;
}

std::size_t ObjectReader::choice(std::string_view key, std::span<const std::string_view> choices,
                                 std::size_t fallback) const {
  const auto node = find(key);
  if (!node) return fallback;
  const auto it = std::ranges::find(choices, node->word(choices));
  return it == choices.end() ? fallback : static_cast<std::size_t>(it - choices.begin());
}

}  // namespace drydock::scenarios

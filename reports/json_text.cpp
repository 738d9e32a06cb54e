#include "reports/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace drydock::reports {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string one_line(const OrderedJson& json) { return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

void write_indented(const OrderedJson& json, std::size_t indent, std::string& text) {
  const bool numbers =
      json.is_array() && std::ranges::all_of(json, [](const OrderedJson& item) { return item.is_number(); });
  if (numbers || !json.is_structured() || json.empty()) {
    text += one_line(json);
    return;
  }
  const std::string blanks(indent + 2, ' ');
  text += json.is_array() ? "[" : "{";
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    text += first ? "\n" : ",\n";
    text += blanks;
    if (json.is_object()) text += one_line(OrderedJson(key)) + ": ";
    write_indented(value, indent + 2, text);
    first = false;
  }
  text += "\n" + std::string(indent, ' ') + (json.is_array() ? "]" : "}");
}

}  // namespace

std::string json_text(const OrderedJson& json) {
  std::string text;
  write_indented(json, 0, text);
  return text;
}

OrderedJson json_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double kExact = 9007199254740992.0;
  if (value == std::floor(value) && std::abs(value) < kExact) return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace drydock::reports

#include "real-runtime/json_text.hpp"

#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace drydock::runtime {

using nlohmann::json;

namespace {

// What the library says behind "...: ", which begins with its own number and the place.
std::string reason_of(const json::parse_error& error) {
  const std::string_view all = error.what();
  const std::size_t dash = all.find(" - ");
  if (dash != std::string_view::npos) return std::string(all.substr(dash + 3));
  const std::size_t colon = all.rfind(": ");
  return std::string(colon == std::string_view::npos ? all : all.substr(colon + 2));
}

Error at_place(std::string_view text, std::size_t byte, const std::string& reason) {
  const std::string_view before = text.substr(0, std::min(text.size(), byte == 0 ? 0 : byte - 1));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const std::size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return {fmt::format("it is not valid JSON: line {}, column {}: {}", line, column, reason)};
}

// What a text of JSON has outside of its strings.
struct Marks {
  bool too_deep = false;
  std::size_t colons = 0;  // one for each key
};

Marks marks_of(std::string_view text) {
  Marks marks;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ':') {
      ++marks.colons;
    } else if (c == '[' || c == '{') {
      if (++depth <= kMostNested) continue;
      marks.too_deep = true;
      return marks;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return marks;
}

std::size_t keys_in(const json& value) {
  std::size_t keys = value.is_object() ? value.size() : 0;
  if (!value.is_structured()) return keys;
  for (const json& each : value) keys += keys_in(each);
  return keys;
}

// The first one that its object has before.
std::string repeated_key(std::string_view text) {
  std::vector<std::set<std::string>> open;
  std::string repeated;
  const json all = json::parse(text, [&](int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second && repeated.empty()) {
      repeated = parsed.get<std::string>();
    }
    return true;
  });
  return all.is_discarded() ? std::string() : repeated;
}

}  // namespace

bool is_nested_too_deep(std::string_view text) { return marks_of(text).too_deep; }

Result<json> parse_json(std::string_view text) {
  const Marks marks = marks_of(text);
  if (marks.too_deep) {
    return Error{fmt::format("lists and objects lie in each other more than {} deep", kMostNested)};
  }
  try {
    json value = json::parse(text);
    if (keys_in(value) == marks.colons) return value;
    return Error{fmt::format("an object has the key \"{}\" twice", scenarios::printable(repeated_key(text)))};
  } catch (const json::parse_error& error) {
    return at_place(text, error.byte, reason_of(error));
  } catch (const json::exception&) {
    return Error{"it is not valid JSON: a number is too large"};
  }
}

std::string to_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace drydock::runtime

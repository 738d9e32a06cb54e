// The key "sessions" of a host group.
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace drydock::scenarios {
namespace {

constexpr Duration kDay = std::chrono::hours{24};
constexpr Duration kWeek = 7 * kDay;
constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

std::optional<int> two_digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 2 || error != std::errc{} || end != text.data() + 2 || value < 0) return std::nullopt;
  return value;
}

// "Wed 06:00" as time since Monday 00:00; up to "Sun 24:00".
std::optional<Duration> time_of_week(std::string_view text) {
  if (text.size() != 9 || text[3] != ' ' || text[6] != ':') return std::nullopt;
  const auto day = std::ranges::find(kDays, text.substr(0, 3));
  const auto hours = two_digits(text.substr(4, 2));
  const auto minutes = two_digits(text.substr(7, 2));
  if (day == kDays.end() || !hours || !minutes || *minutes > 59) return std::nullopt;
  const Duration time = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
  if (time > kDay) return std::nullopt;
  return kDay * (day - kDays.begin()) + time;
}

Duration read_time_of_week(const Node& node) {
  const auto time = time_of_week(node.text());
  if (!time) node.expected("a day and a time such as \"Wed 06:00\" (Mon, Tue, Wed, Thu, Fri, Sat, Sun; 00:00 to 24:00)");
  return time.value_or(Duration{0});
}

SessionRules::Window read_window(const Node& node) {
  const ObjectReader window(node, keys::kWindow);
  const Duration from = read_time_of_week(window.require("from"));
  const Duration to = read_time_of_week(window.require("to"));
  const Duration length = to > from ? to - from : to + kWeek - from;
  return {.from = node.diagnostics().scaled(from % kWeek), .length = node.diagnostics().scaled(std::min(length, kWeek))};
}

}  // namespace

SessionRules read_sessions(const Node& node) {
  const ObjectReader sessions(node, keys::kSessions);
  SessionRules rules;
  rules.week = node.diagnostics().scaled(kWeek);
  if (sessions.has("max")) rules.longest = sessions.duration("max", Duration{0}, Duration{1});
  if (const auto quota = sessions.find("quota")) {
    const ObjectReader object(*quota, keys::kQuota);
    rules.quota = {object.require("time").duration(Duration{1}), object.duration("per", kWeek, Duration{1})};
  }
  if (const auto calendar = sessions.find("calendar")) {
    for (const Node& item : calendar->items()) rules.windows.push_back(read_window(item));
    if (rules.windows.empty()) calendar->expected("at least one window (or leave \"calendar\" out: always)");
  }
  if (sessions.has("available_until")) {
    rules.available_until = later(kTimeZero, sessions.duration("available_until", Duration{0}, Duration{1}));
  }
  rules.startup = sessions.duration("startup", Duration{0});
  rules.restart = sessions.duration("restart", Duration{0});
  if (sessions.has("idle_stop")) rules.idle_stop = sessions.duration("idle_stop", Duration{0});
  if (node.diagnostics().failed()) return rules;
  if (!rules.longest && !rules.quota && rules.windows.empty() && !rules.available_until) {
    node.fail("sessions without an end: give \"max\", \"quota\", \"calendar\" or \"available_until\"");
  } else if (SessionClock(rules).next_start(kTimeZero) == kNever) {
    node.fail("no session is ever longer than its \"startup\": the hosts would do nothing");
  }
  return rules;
}

}  // namespace drydock::scenarios

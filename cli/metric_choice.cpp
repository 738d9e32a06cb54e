#include "cli/metric_choice.hpp"

#include "cli/suggest.hpp"
#include "reports/metric_info.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace drydock::cli {
namespace {

// '*' stands for anything. Linear but for the last star, which is all that can need another try.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool is_wanted(std::string_view wanted, std::string_view name) {
  if (name == wanted) return true;
  if (wanted.find('*') != std::string_view::npos) return matches(wanted, name);
  return name.size() > wanted.size() && name.starts_with(wanted) && name[wanted.size()] == '.';
}

Error refuse(std::string_view wanted, std::span<const std::string> names, std::string_view option, std::string_view of) {
  std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& name : names) {
    if (const std::size_t dot = name.rfind('.'); dot != std::string::npos)
      known.push_back(std::string_view(name).substr(0, dot));
  }
  const std::string guess = did_you_mean(wanted, known);
  return Error{fmt::format("{}: there is no metric \"{}\"{} `--metrics list` prints all that {}", option,
                           scenarios::printable(wanted), guess.empty() ? ";" : guess, of)};
}

std::string_view unit_name(reports::Unit unit) {
  switch (unit) {
    case reports::Unit::seconds: return "s";
    case reports::Unit::core_seconds: return "core-s";
    case reports::Unit::count: return "count";
    case reports::Unit::ratio: return "ratio";
    case reports::Unit::fraction: return "0..1";
    case reports::Unit::per_second: return "/s";
    case reports::Unit::per_hour: return "/h";
    case reports::Unit::usd: return "USD";
  }
  return {};
}

}  // namespace

std::vector<std::string> metrics_like(std::string_view pattern, std::span<const std::string> names) {
  std::vector<std::string> found;
  std::ranges::copy_if(names, std::back_inserter(found), [&](const std::string& name) { return matches(pattern, name); });
  return found;
}

Result<MetricChoice> choose_metrics(std::string_view wanted, std::span<const std::string> names, std::string_view option,
                                    std::string_view of) {
  if (wanted.empty()) return Error{fmt::format("{}: no metric is named; `--metrics list` prints all that {}", option, of)};
  MetricChoice choice;
  std::set<std::string> in_full;
  while (true) {
    const std::size_t comma = wanted.find(',');
    const std::string_view one = wanted.substr(0, comma);
    bool any = false;
    for (const std::string& name : names) {
      if (!is_wanted(one, name)) continue;
      any = true;
      if (name == one) in_full.insert(name);
      if (std::find(choice.names.begin(), choice.names.end(), name) == choice.names.end()) choice.names.push_back(name);
    }
    if (!any) return refuse(one, names, option, of);
    if (comma == std::string_view::npos) break;
    wanted.remove_prefix(comma + 1);
  }
  for (const std::string& name : choice.names) {
    if (!in_full.contains(name)) choice.by_pattern.insert(name);
  }
  return choice;
}

std::string list_metrics(std::span<const std::string> names) {
  constexpr std::size_t kUnitWidth = 6;
  std::size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  std::string text;
  for (const std::string& name : names) {
    const auto info = reports::describe(name);
    if (!info) continue;
    text += fmt::format("{:<{}}  {:<{}}  {}: {}\n", name, longest, unit_name(info->family->unit), kUnitWidth, info->noun(),
                        info->family->help);
  }
  return text + "\nQuantiles (p50, p95, p99) are within 0.1 % of the true ones; all else is exact.\n";
}

}  // namespace drydock::cli

#include "cli/metric_choice.hpp"

#include "cli/suggest.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>

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

Error refuse(std::string_view wanted, std::span<const std::string> names) {
  std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& name : names) {
    if (const std::size_t dot = name.rfind('.'); dot != std::string::npos)
      known.push_back(std::string_view(name).substr(0, dot));
  }
  std::string allowed;
  for (const std::string& name : names) {
    if (name.starts_with("per_")) continue;
    allowed += (allowed.empty() ? "" : ", ") + name;
  }
  return Error{
      fmt::format("--metrics: there is no metric \"{}\"{}; allowed are {}, and those of a queue or pool "
                  "(per_queue.<name>.wait_s.mean); * stands for anything",
                  scenarios::printable(wanted), did_you_mean(wanted, known), allowed)};
}

}  // namespace

Result<std::vector<std::string>> choose_metrics(std::string_view wanted, std::span<const std::string> names) {
  std::vector<std::string> chosen;
  while (true) {
    const std::size_t comma = wanted.find(',');
    const std::string_view one = wanted.substr(0, comma);
    bool any = false;
    for (const std::string& name : names) {
      if (!is_wanted(one, name)) continue;
      any = true;
      if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
    }
    if (!any) return refuse(one, names);
    if (comma == std::string_view::npos) return chosen;
    wanted.remove_prefix(comma + 1);
  }
}

}  // namespace drydock::cli

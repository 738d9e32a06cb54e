#include "cli/fallback.hpp"

#include "cli/plugin_watch.hpp"
#include "cli/suggest.hpp"
#include "policies/catalog.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace drydock::cli {

namespace {

constexpr std::string_view kVariable = "DRYDOCK_LOST_POLICY";
constexpr const char* kIsolation = "static-pools";

// All of it is there before it is needed: a signal handler asks for no memory.
struct SecondLife {
  std::vector<std::string> words;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::array<char, 1200> variable{};
};

SecondLife& second_life() {
  static SecondLife life;
  return life;
}

bool of_plugin(PolicyFamily family, const PolicyConfig& config) {
  const PolicyInfo* info = find_policy(family, config.type);
  return info != nullptr && !info->plugin.empty();
}

}  // namespace

std::optional<Error> problem_with_fallback(const std::string& placement) {
  const PolicyInfo* info = find_policy(PolicyFamily::placement, placement);
  if (info != nullptr && info->plugin.empty()) return std::nullopt;
  std::vector<std::string_view> names;
  for (const PolicyInfo& other : policy_catalog()) {
    if (other.family == PolicyFamily::placement && other.plugin.empty()) names.push_back(other.type);
  }
  return Error{fmt::format("--fallback {}: expected a built-in placement policy{}: {}", scenarios::printable(placement),
                           did_you_mean(placement, names), scenarios::listed(names))};
}

void begin_again_without_plugins() {
  SecondLife& life = second_life();
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = std::min(all.find('\0', from), all.size());
    life.words.push_back(all.substr(from, end - from));
    from = end + 1;
  }
  for (std::string& word : life.words) life.arguments.push_back(word.data());
  life.arguments.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with(std::string(kVariable) + "=")) life.environment.push_back(*variable);
  }
  std::memcpy(life.variable.data(), kVariable.data(), kVariable.size());
  life.variable[kVariable.size()] = '=';
  life.environment.push_back(life.variable.data());
  life.environment.push_back(nullptr);
  on_lost_policy(begin_again);
}

void begin_again(const char* what) {
  SecondLife& life = second_life();
  const std::size_t from = kVariable.size() + 1;
  const std::size_t length = std::min(std::strlen(what), life.variable.size() - from - 1);
  std::memcpy(life.variable.data() + from, what, length);
  life.variable[from + length] = '\0';
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);  // connections are not to outlive who spoke on them
  ::execve("/proc/self/exe", life.arguments.data(), life.environment.data());
}

std::optional<std::string> lost_policy() {
  const char* const what = std::getenv(std::string(kVariable).c_str());
  return what == nullptr ? std::nullopt : std::optional<std::string>(what);
}

bool uses_plugin(const SchedulerConfig& config) {
  return of_plugin(PolicyFamily::placement, config.placement) || of_plugin(PolicyFamily::isolation, config.isolation);
}

// In its text, too, from which a journal is replayed.
bool replace_plugin_policies(scenarios::Scenario& scenario, const std::string& placement) {
  const bool placed = of_plugin(PolicyFamily::placement, scenario.scheduler.placement);
  const bool isolated = of_plugin(PolicyFamily::isolation, scenario.scheduler.isolation);
  if (!placed && !isolated) return false;
  nlohmann::json text = nlohmann::json::parse(scenario.json);
  if (placed) {
    scenario.scheduler.placement = configure(*find_policy(PolicyFamily::placement, placement));
    text["policies"]["placement"] = placement;
  }
  if (isolated) {
    scenario.scheduler.isolation = configure(*find_policy(PolicyFamily::isolation, kIsolation));
    text["policies"]["isolation"] = kIsolation;
  }
  scenario.json = text.dump();
  return true;
}

}  // namespace drydock::cli

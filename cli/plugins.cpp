#include "cli/plugins.hpp"

#include "cli/plugin_watch.hpp"
#include "policies/catalog.hpp"
#include "policies/plugin.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <system_error>
#include <utility>

namespace drydock::cli {

namespace {

constexpr const char* kVariable = "DRYDOCK_PLUGIN";

std::vector<std::string> files_of_environment() {
  std::vector<std::string> files;
  const char* const value = std::getenv(kVariable);
  if (value == nullptr) return files;
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) files.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return files;
}

bool is_name(std::string_view text) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, good);
}

std::optional<std::string> problem_with(const ParameterInfo& parameter) {
  if (!is_name(parameter.name) &&
      !std::ranges::all_of(parameter.name, [](char c) { return std::islower(c) != 0 || c == '_'; }))
    return "names are of small letters, digits, '-' and '_'";
  const auto out = [&](double value) { return value < parameter.minimum || value > parameter.maximum; };
  const auto* number = std::get_if<double>(&parameter.default_value);
  const auto* whole = std::get_if<std::int64_t>(&parameter.default_value);
  const auto* duration = std::get_if<Duration>(&parameter.default_value);
  const auto* word = std::get_if<std::string>(&parameter.default_value);
  if ((number != nullptr && out(*number)) || (whole != nullptr && out(static_cast<double>(*whole))) ||
      (duration != nullptr && out(seconds(*duration))))
    return "its default is not between its minimum and its maximum";
  if (word != nullptr && std::ranges::find(parameter.choices, std::string_view(*word)) == parameter.choices.end())
    return "its default is none of its choices";
  return std::nullopt;
}

std::optional<std::string> problem_with(const PolicyInfo& info, PolicyFamily family, bool has_factory) {
  const std::string who = fmt::format("its {} policy '{}'", to_string(family), scenarios::printable(std::string(info.type)));
  if (info.family != family) return fmt::format("{} says that it is of family {}", who, to_string(info.family));
  if (!is_name(info.type)) return who + ": names are of small letters, digits and '-', and begin with a letter";
  if (info.summary.empty()) return who + " has no summary";
  if (!has_factory) return who + " has no factory";
  if (const PolicyInfo* other = find_policy(family, info.type)) {
    return fmt::format("{}: there is one of this name already{}", who,
                       other->plugin.empty() ? ", built in" : fmt::format(", of {}", other->plugin));
  }
  for (const ParameterInfo& parameter : info.parameters) {
    if (const auto wrong = problem_with(parameter))
      return fmt::format("{}: parameter '{}': {}", who, parameter.name, *wrong);
  }
  return std::nullopt;
}

template <class Entry>
std::optional<std::string> take(std::vector<Entry>& policies, PolicyFamily family, std::string_view file) {
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const auto same = [&](const Entry& other) { return other.info.type == policies[i].info.type; };
    if (auto wrong = problem_with(policies[i].info, family, static_cast<bool>(policies[i].make))) return wrong;
    if (std::any_of(policies.begin(), policies.begin() + static_cast<std::ptrdiff_t>(i), same))
      return fmt::format("it has two policies '{}'", policies[i].info.type);
  }
  for (Entry& entry : policies) {
    entry.info.plugin = file;
    entry = watched(std::move(entry), file);
  }
  return std::nullopt;
}

std::optional<std::string> add(const PluginEntry& entry, std::string_view file) {
  PluginPolicies policies;
  try {
    entry.policies(policies);
  } catch (const std::exception& error) {
    return fmt::format("it threw an exception: {}", error.what());
  } catch (...) {
    return "it threw something that is not a std::exception";
  }
  if (policies.placements.empty() && policies.isolations.empty()) return "it has no policies";
  if (auto wrong = take(policies.placements, PolicyFamily::placement, file)) return wrong;
  if (auto wrong = take(policies.isolations, PolicyFamily::isolation, file)) return wrong;
  add_policies(std::move(policies));
  return std::nullopt;
}

// It stays: what it gave out is used until the process ends. So does its name, which policies are known by.
std::optional<std::string> load(const std::filesystem::path& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fmt::format("cannot be loaded: {}", ::dlerror());
  const auto* entry = static_cast<const PluginEntry*>(::dlsym(library, "drydock_plugin"));
  if (entry == nullptr || entry->magic != kPluginMagic)
    return "is not a plugin of drydock: it lacks DRYDOCK_PLUGIN(...) (policies/plugin.hpp)";
  if (std::string_view(entry->interface) != kPluginInterface) {
    return fmt::format(
        "was built for another drydock: build it again against the headers of this one\n  it has    {}\n  wanted is {}",
        scenarios::printable(entry->interface), kPluginInterface);
  }
  if (entry->policies == nullptr) return "gives no policies: DRYDOCK_PLUGIN(...) was given none";
  return add(*entry, kept_for_good(path.filename().string()));
}

}  // namespace

void declare_plugins(CLI::App& app, PluginOptions& options) {
  app.add_option("--plugin", options.files,
                 "A shared object with policies (policies/plugin.hpp), also in the variable DRYDOCK_PLUGIN; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app.add_option("--plugin-patience", options.patience_s,
                 "Seconds for which a policy of a plugin may think about one moment before the process ends (default 10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 3600));
}

std::optional<Error> load_plugins(const PluginOptions& options) {
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> files = files_of_environment();
  files.insert(files.end(), options.files.begin(), options.files.end());
  for (const std::string& file : files) {
    std::error_code error;
    std::filesystem::path path = std::filesystem::canonical(file, error);
    const std::string who = fmt::format("plugin {}: ", scenarios::printable(file));
    if (error) return Error{who + error.message()};
    if (path.string().find(':') != std::string::npos)
      return Error{who + "a path with ':' cannot be handed on in DRYDOCK_PLUGIN"};
    if (std::ranges::find(paths, path) != paths.end()) continue;
    if (const auto wrong = load(path)) return Error{who + *wrong};
    paths.push_back(std::move(path));
  }
  std::string all;
  for (const std::filesystem::path& path : paths) all += (all.empty() ? "" : ":") + path.string();
  if (!all.empty()) ::setenv(kVariable, all.c_str(), 1);
  watch_patience(options.patience_s);
  return std::nullopt;
}

}  // namespace drydock::cli

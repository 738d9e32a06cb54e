// What a scheduler does when a policy of a plugin was stopped or does not return: its process begins again, with built-in policies.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/scenario.hpp"

#include <optional>
#include <string>

namespace drydock::cli {

// --fallback: a built-in placement by its name.
[[nodiscard]] std::optional<Error> problem_with_fallback(const std::string& placement);

// From now on a policy that does not return or crashes (plugin_watch.hpp) makes the process begin again.
void begin_again_without_plugins();
// Does it: the same arguments, with what happened in the environment. For signal handlers, too. Returns only if that is not possible.
void begin_again(const char* what);
// What happened to the process before; nothing: it has begun once.
[[nodiscard]] std::optional<std::string> lost_policy();

// Puts built-in policies in the place of those of plugins: this placement, static pools. Whether there were any.
bool replace_plugin_policies(scenarios::Scenario& scenario, const std::string& placement);
[[nodiscard]] bool uses_plugin(const SchedulerConfig& config);

}  // namespace drydock::cli

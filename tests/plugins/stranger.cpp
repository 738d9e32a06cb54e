// A plugin of other headers.
#include "policies/plugin.hpp"

static void policies(drydock::PluginPolicies& /*out*/) { __builtin_trap(); }
extern "C" __attribute__((visibility("default"))) const drydock::PluginEntry drydock_plugin;
const drydock::PluginEntry drydock_plugin{.interface = "headers of long ago", .policies = policies};

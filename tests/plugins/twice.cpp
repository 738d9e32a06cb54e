// Has a name that is taken.
#include "tests/plugins/bad_policy.hpp"

static void misbehave(const drydock::PassContext& /*pass*/, drydock::Plan& /*plan*/, drydock::JobRef /*job*/) {}
static void policies(drydock::PluginPolicies& out) { drydock::give<misbehave>(out, "fcfs"); }
DRYDOCK_PLUGIN(policies)

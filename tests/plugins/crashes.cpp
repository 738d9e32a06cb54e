#include "tests/plugins/bad_policy.hpp"

#include <csignal>

static void misbehave(const drydock::PassContext& /*pass*/, drydock::Plan& /*plan*/, drydock::JobRef /*job*/) {
  (void)std::raise(SIGSEGV);
}
static void policies(drydock::PluginPolicies& out) { drydock::give<misbehave>(out, "crashes"); }
DRYDOCK_PLUGIN(policies)

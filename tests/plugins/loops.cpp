#include "tests/plugins/bad_policy.hpp"

#include <atomic>

static void misbehave(const drydock::PassContext& /*pass*/, drydock::Plan& /*plan*/, drydock::JobRef /*job*/) {
  static std::atomic<bool> go_on = true;
  while (go_on.load()) {}
}
static void policies(drydock::PluginPolicies& out) { drydock::give<misbehave>(out, "loops"); }
DRYDOCK_PLUGIN(policies)

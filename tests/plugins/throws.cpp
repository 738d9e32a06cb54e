#include "tests/plugins/bad_policy.hpp"

#include <stdexcept>

static void misbehave(const drydock::PassContext& /*pass*/, drydock::Plan& /*plan*/, drydock::JobRef /*job*/) {
  throw std::runtime_error("no idea what to do");
}
static void policies(drydock::PluginPolicies& out) { drydock::give<misbehave>(out, "throws"); }
DRYDOCK_PLUGIN(policies)

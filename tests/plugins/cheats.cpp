// Starts a job on a worker that has no room for it.
#include "tests/plugins/bad_policy.hpp"

#include <array>

static void misbehave(const drydock::PassContext& pass, drydock::Plan& plan, drydock::JobRef job) {
  const auto& workers = pass.cluster.pool(pass.pool).workers;
  const std::array<drydock::Placement, 1> much{{{.worker = workers.front(), .tasks = 1'000'000}}};
  (void)plan.start(job, much);
}
static void policies(drydock::PluginPolicies& out) { drydock::give<misbehave>(out, "cheats"); }
DRYDOCK_PLUGIN(policies)

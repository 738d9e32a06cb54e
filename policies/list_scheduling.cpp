#include "policies/list_scheduling.hpp"

namespace drydock {

std::optional<JobRef> start_heads(const PassContext& pass, Plan& plan, std::vector<Placement>& scratch) {
  while (const std::optional<JobRef> head = pass.cluster.head(pass.pool)) {
    if (!pass.cluster.find_workers(pass.pool, pass.cluster.job(*head), scratch)) return head;
    if (!plan.start(*head, scratch)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace drydock

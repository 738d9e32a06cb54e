#include "policies/prefetch.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

Prefetch::Prefetch(std::unique_ptr<PlacementPolicy> inner, std::vector<std::uint32_t> depths)
    : inner_(std::move(inner)), depths_(std::move(depths)), books_(depths_.size()) {}

PlacementTraits Prefetch::traits() const {
  PlacementTraits traits = inner_->traits();
  traits.plans_ahead = true;
  traits.binds = true;
  return traits;
}

void Prefetch::plan(const PassContext& pass, Plan& plan) {
  if (depths_[index(pass.pool)] == 0) return inner_->plan(pass, plan);
  for (const WorkerId worker : pass.cluster.pool(pass.pool).freed) {
    if (!start_taken(pass, plan, worker)) return;
  }
  inner_->plan(pass, plan);
  if (!plan.error()) take(pass, plan);
}

bool Prefetch::start_taken(const PassContext& pass, Plan& plan, WorkerId id) {
  const Worker& worker = pass.cluster.worker(id);
  while (worker.serves(pass.pool) && !worker.local.empty()) {
    const Job& job = pass.cluster.job(worker.local.front());
    // Of several tasks where another policy has bound it (as the one beside which this decides, in a shadow).
    if (!(job.spec.per_task * job.spec.tasks).fits_in(worker.free)) break;
    const Placement placement{id, job.spec.tasks};
    if (!plan.start(worker.local.front(), {&placement, 1})) return false;
  }
  look_at(pass, id);
  return true;
}

// The heads for which there was no room go to the workers that have taken least.
void Prefetch::take(const PassContext& pass, Plan& plan) {
  Books& books = books_[index(pass.pool)];
  while (!books.room.empty()) {
    const WorkerId worker = books.room.begin()->second;
    if (!pass.cluster.worker(worker).serves(pass.pool)) {
      look_at(pass, worker);
      continue;
    }
    const std::optional<JobRef> head = pass.cluster.head(pass.pool);
    if (!head || pass.cluster.job(*head).spec.tasks != 1) return;
    if (!plan.bind(*head, worker)) return;
    look_at(pass, worker);
  }
}

void Prefetch::look_at(const PassContext& pass, WorkerId id) {
  Books& books = books_[index(pass.pool)];
  if (books.known.size() <= index(id)) books.known.resize(index(id) + 1, kNotThere);
  std::size_t& known = books.known[index(id)];
  const Worker& worker = pass.cluster.worker(id);
  const bool more = worker.serves(pass.pool) && worker.local.size() < depths_[index(pass.pool)];
  const std::size_t now = more ? worker.local.size() : kNotThere;
  if (now == known) return;
  if (known != kNotThere) books.room.erase({known, id});
  if (now != kNotThere) books.room.insert({now, id});
  known = now;
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/core/candidates.hpp"
#include "policies/order.hpp"
#include "policies/worker_draw.hpp"

#include <utility>
#include <vector>

namespace drydock {

namespace {

class JoinShortestQueue final : public PlacementPolicy {
 public:
  explicit JoinShortestQueue(std::int64_t d) : d_(d) {}

  [[nodiscard]] PlacementTraits traits() const override { return {.one_worker = true, .plans_ahead = true, .binds = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return rank_fcfs(job); }

  void plan(const PassContext& pass, Plan& plan) override {
    const Pool& pool = pass.cluster.pool(pass.pool);
    for (const WorkerId worker : pool.freed) {
      if (!start_local(pass, plan, worker)) return;
    }
    // A job that no live worker could ever run is looked at again only when workers came or went.
    if (seen_.size() <= index(pass.pool)) seen_.resize(index(pass.pool) + 1);
    if (std::exchange(seen_[index(pass.pool)], pool.worker_changes) == pool.worker_changes) {
      for (const JobRef ref : pool.arrivals) {
        if (pass.cluster.waits_for(pass.pool, ref) && !send(pass, plan, ref)) return;
      }
      return;
    }
    candidates_.begin(pass.cluster, pass.pool, Candidates::By::policy_order);
    while (const std::optional<JobRef> ref = candidates_.next([](const LeastDemand&) { return true; })) {
      if (!send(pass, plan, *ref)) return;
    }
  }

 private:
  // Binds it, and starts it if it can; false when the plan was refused.
  bool send(const PassContext& pass, Plan& plan, JobRef ref) {
    const std::optional<WorkerId> worker = choose(pass, pass.cluster.job(ref));
    return !worker || (plan.bind(ref, *worker) && start_local(pass, plan, *worker));
  }

  // The worker with the fewest jobs (waiting at it or running) among d, drawn at random without repetition from the live
  // ones that could ever run the job; the first drawn wins a tie.
  std::optional<WorkerId> choose(const PassContext& pass, const Job& job) {
    workers_.begin(pass.cluster, pass.pool, job.spec.per_task * job.spec.tasks);
    std::optional<WorkerId> best;
    workers_.draw(pass.rng, static_cast<std::uint64_t>(d_), [&](WorkerId id) {
      if (!best || length(pass, id) < length(pass, *best)) best = id;
    });
    return best;
  }

  static std::size_t length(const PassContext& pass, WorkerId id) {
    return pass.cluster.worker(id).local.size() + pass.cluster.worker(id).held.size();
  }

  static bool start_local(const PassContext& pass, Plan& plan, WorkerId id) {
    const Worker& worker = pass.cluster.worker(id);
    while (worker.serves(pass.pool) && !worker.local.empty()) {
      const Job& job = pass.cluster.job(worker.local.front());
      if (!(job.spec.per_task * job.spec.tasks).fits_in(worker.free)) return true;
      const Placement placement{id, job.spec.tasks};
      if (!plan.start(worker.local.front(), {&placement, 1})) return false;
    }
    return true;
  }

  std::int64_t d_;
  std::vector<std::uint64_t> seen_;  // by pool: its worker_changes at the last pass
  Candidates candidates_;
  WorkerDraw workers_;
};

}  // namespace

BuiltInPlacement jsq_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "jsq",
               .summary = "Join the shortest of d randomly chosen workers' queues",
               .details = "Each job is bound on arrival to one worker: of d drawn at random, the one with the fewest jobs. "
                          "Workers serve their own queues in order of arrival; no job moves later, unless its worker "
                          "dies. All tasks of a job go to the same worker.",
               .source = "Mitzenmacher, IEEE TPDS 12(10), 2001; Vvedenskaya, Dobrushin, Karpelevich, 1996",
               .parameters = {{.name = "d",
                               .default_value = std::int64_t{2},
                               .help = "workers drawn per job; the number of workers and more: all of them",
                               .minimum = 1,
                               .maximum = 1e6}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<JoinShortestQueue>(config.get<std::int64_t>("d"));
      }};
}

}  // namespace drydock

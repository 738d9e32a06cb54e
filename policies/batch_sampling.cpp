#include "policies/built_in.hpp"
#include "policies/order.hpp"
#include "policies/worker_draw.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace drydock {

namespace {

class BatchSampling final : public PlacementPolicy {
 public:
  explicit BatchSampling(std::int64_t d) : d_(d) {}

  [[nodiscard]] PlacementTraits traits() const override { return {.one_worker = true, .plans_ahead = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return rank_fcfs(job); }

  void plan(const PassContext& pass, Plan& plan) override {
    const Pool& pool = pass.cluster.pool(pass.pool);
    if (probes_at_.size() < pass.cluster.worker_count()) probes_at_.resize(pass.cluster.worker_count());
    if (pools_.size() <= index(pass.pool)) pools_.resize(index(pass.pool) + 1);
    for (const WorkerId worker : pool.freed) {
      if (!serve(pass, plan, worker)) return;
    }
    PerPool& own = pools_[index(pass.pool)];
    if (std::exchange(own.seen, pool.worker_changes) != pool.worker_changes) {
      count_probes(pass);
      std::vector<std::uint64_t> batches;
      for (const auto& [number, batch] : own.batches) batches.push_back(number);
      for (const std::uint64_t number : batches) {
        if (!probe(pass, plan, number)) return;
      }
    }
    for (auto at = pool.arrivals.begin(); at != pool.arrivals.end();) {
      const std::uint64_t number = ++last_batch_;
      Batch batch;
      for (; at != pool.arrivals.end() && (batch.jobs.empty() || are_together(pass, batch.jobs.front().ref, *at)); ++at) {
        if (pass.cluster.waits_for(pass.pool, *at)) batch.jobs.push_back({*at, pass.cluster.job(*at).sequence});
      }
      if (batch.jobs.empty()) continue;
      own.batches.emplace(number, std::move(batch));
      if (!probe(pass, plan, number)) return;
    }
  }

 private:
  struct Waiting {
    JobRef ref;
    std::uint64_t sequence = 0;  // the reference may be another job's by now
  };
  // Jobs that share their probes.
  struct Batch {
    std::deque<Waiting> jobs;  // that have not started
    std::uint64_t probes = 0;  // at workers of the pool; no fewer than jobs where there are such workers
  };
  struct Probe {
    PoolId pool;
    std::uint64_t batch = 0;  // which may have started
  };
  struct PerPool {
    std::uint64_t seen = 0;  // its worker_changes at the last pass
    std::map<std::uint64_t, Batch> batches;
  };

  [[nodiscard]] static bool are_together(const PassContext& pass, JobRef a, JobRef b) {
    const Job& first = pass.cluster.job(a);
    const Job& second = pass.cluster.job(b);
    return first.submitted == second.submitted && first.spec.queue == second.spec.queue &&
           first.spec.tasks == second.spec.tasks && first.spec.per_task == second.spec.per_task;
  }

  // What is left of a batch that waits; null where nothing is.
  Batch* waiting(const PassContext& pass, const Probe& probe) {
    auto& batches = pools_[index(probe.pool)].batches;
    const auto at = batches.find(probe.batch);
    if (probe.pool != pass.pool || at == batches.end()) return nullptr;
    auto& jobs = at->second.jobs;
    const auto waits = [&](const Waiting& job) {
      return pass.cluster.waits_for(pass.pool, job.ref) && pass.cluster.job(job.ref).sequence == job.sequence;
    };
    while (!jobs.empty() && !waits(jobs.front())) jobs.pop_front();
    if (!jobs.empty()) return &at->second;
    batches.erase(at);
    return nullptr;
  }

  // Those of workers that serve another pool, or none, are lost.
  void count_probes(const PassContext& pass) {
    auto& batches = pools_[index(pass.pool)].batches;
    for (auto& [number, batch] : batches) batch.probes = 0;
    for (const WorkerId id : pass.cluster.pool(pass.pool).workers) {
      auto& probes = probes_at_[index(id)];
      if (!pass.cluster.worker(id).serves(pass.pool)) {
        std::erase_if(probes, [&](const Probe& probe) { return probe.pool == pass.pool; });
        continue;
      }
      for (const Probe& probe : probes) {
        const auto at = probe.pool == pass.pool ? batches.find(probe.batch) : batches.end();
        if (at != batches.end()) ++at->second.probes;
      }
    }
  }

  // Sends d probes for each job that could be left without, and starts what can start. False when the plan was refused.
  bool probe(const PassContext& pass, Plan& plan, std::uint64_t number) {
    const Probe probe{pass.pool, number};
    Batch* const batch = waiting(pass, probe);
    if (batch == nullptr || batch->probes >= batch->jobs.size()) return true;
    const JobSpec& spec = pass.cluster.job(batch->jobs.front().ref).spec;
    const std::uint64_t able = workers_.begin(pass.cluster, pass.pool, spec.per_task * spec.tasks);
    if (able == 0) return true;
    std::uint64_t left = (batch->jobs.size() - batch->probes) * static_cast<std::uint64_t>(d_);
    batch->probes += left;
    probed_.clear();
    while (left > 0) {
      const std::uint64_t some = std::min(left, able);
      workers_.draw(pass.rng, some, [&](WorkerId id) {
        probes_at_[index(id)].push_back(probe);
        probed_.push_back(id);
      });
      left -= some;
    }
    for (const WorkerId id : probed_) {
      if (!serve(pass, plan, id)) return false;
    }
    return true;
  }

  // A worker with room asks, in order of its probes, for a job of the batch, and starts the first that still waits.
  bool serve(const PassContext& pass, Plan& plan, WorkerId id) {
    const Worker& worker = pass.cluster.worker(id);
    auto& probes = probes_at_[index(id)];
    while (worker.serves(pass.pool) && !probes.empty()) {
      Batch* const batch = waiting(pass, probes.front());
      if (batch != nullptr) {
        const JobRef ref = batch->jobs.front().ref;
        const JobSpec& spec = pass.cluster.job(ref).spec;
        if (!(spec.per_task * spec.tasks).fits_in(worker.free)) return true;
        const Placement placement{id, spec.tasks};
        if (!plan.start(ref, {&placement, 1})) return false;
        batch->jobs.pop_front();
        --batch->probes;
      }
      probes.pop_front();
    }
    return true;
  }

  std::int64_t d_;
  std::vector<PerPool> pools_;
  std::vector<std::deque<Probe>> probes_at_;  // by worker, in order
  std::uint64_t last_batch_ = 0;
  WorkerDraw workers_;
  std::vector<WorkerId> probed_;  // scratch
};

}  // namespace

BuiltInPlacement batch_sampling_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "batch-sampling",
               .summary =
                   "Batch sampling with late binding: d probes for each job of a batch; a worker with room takes the next",
               .details = "Jobs of a queue that arrive at one moment with the same demand are a batch. For each of them d "
                          "workers, drawn at random, get a probe; a worker that has room, and whose next probe it is, takes "
                          "the batch's next job. Workers heed their probes in order. All tasks of a job go to the same "
                          "worker. Where workers go away, their probes are sent again.",
               .source = "Sparrow: Ousterhout, Wendell, Zaharia, Stoica, SOSP 2013",
               .parameters = {{.name = "d",
                               .default_value = std::int64_t{2},
                               .help = "probes for each job",
                               .minimum = 1,
                               .maximum = 1e6}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<BatchSampling>(config.get<std::int64_t>("d"));
      }};
}

}  // namespace drydock

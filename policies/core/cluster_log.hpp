// What changes in a scheduler's cluster, change by change, for whoever keeps a cluster of its own beside it (shadow.hpp). What the
// scheduler's policies decide at one moment is one change.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/plan.hpp"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace drydock {

// The methods of Cluster of the same names, as values.
namespace change {

struct AddJob {
  JobSpec spec;
  Time now{};
};
struct OfJob {
  enum class What : std::uint8_t {
    remove,
    rank,  // anew, before it waits
    enqueue,
    dequeue,
    give_back,
    set_sent,
    cancel,
    count_failure,
    count_loss,
    open_release,
    close_release,
  };
  What what = What::remove;
  JobRef job;
};
struct SetState {
  JobRef job;
  JobState state = JobState::ended;
};
struct SetRunning {
  JobRef job;
  Time now{};
};
struct SetProgress {
  JobRef job;
  Duration progress{};
};
struct SetHistory {
  JobRef job;
  Cluster::History history{};
};
struct LosePart {
  JobRef job;
  WorkerId worker;
};
struct Take {
  JobRef job;
  PoolId pool;
  std::vector<Placement> placements;
  Time now{};
};
struct AddWorker {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  WorkerSpec spec{};
};
struct CloseWorker {
  WorkerId worker;
};
struct RemoveWorker {
  WorkerId worker;
};
struct CallForPass {
  PoolId pool;
};

// A decision of the policies, with the workers of a start.
struct Act {
  PlanAct act;
  std::vector<Placement> placements{};
};
// All that was decided at one moment, also if that was nothing. `budget`: where admission is by totals, as it was before.
struct Decide {
  Time now{};
  std::int64_t budget = 0;
  std::vector<Act> acts{};
};

}  // namespace change

using ClusterChange = std::variant<change::AddJob, change::OfJob, change::SetState, change::SetRunning, change::SetProgress,
                                   change::SetHistory, change::LosePart, change::Take, change::AddWorker,
                                   change::CloseWorker, change::RemoveWorker, change::CallForPass, change::Decide>;
using ClusterLog = std::vector<ClusterChange>;

// A cluster that writes down what its scheduler changes, if somebody wants to know. What a Plan or a Planner changes goes past it: they
// know it as a Cluster, and their decisions are written down as such.
class LoggedCluster final : public Cluster {
 public:
  using Cluster::Cluster;

  // nullptr: nobody wants to know. The log grows until its owner empties it.
  void log_to(ClusterLog* log) { log_ = log; }
  [[nodiscard]] bool is_logged() const { return log_ != nullptr; }
  template <class Change>
  void note(Change change) {
    if (log_ != nullptr) log_->emplace_back(std::move(change));
  }

  JobRef add_job(const JobSpec& spec, Time now) {
    if (log_ != nullptr) log_->emplace_back(change::AddJob{spec, now});
    return Cluster::add_job(spec, now);
  }
  void remove_job(JobRef ref) {
    note(change::OfJob{What::remove, ref});
    Cluster::remove_job(ref);
  }
  void set_rank(JobRef ref, Rank rank) {
    note(change::OfJob{What::rank, ref});
    Cluster::set_rank(ref, rank);
  }
  void enqueue(JobRef ref) {
    note(change::OfJob{What::enqueue, ref});
    Cluster::enqueue(ref);
  }
  void dequeue(JobRef ref) {
    note(change::OfJob{What::dequeue, ref});
    Cluster::dequeue(ref);
  }
  void give_back(JobRef ref) {
    note(change::OfJob{What::give_back, ref});
    Cluster::give_back(ref);
  }
  void set_sent(JobRef ref) {
    note(change::OfJob{What::set_sent, ref});
    Cluster::set_sent(ref);
  }
  void cancel(JobRef ref) {
    note(change::OfJob{What::cancel, ref});
    Cluster::cancel(ref);
  }
  void count_failure(JobRef ref) {
    note(change::OfJob{What::count_failure, ref});
    Cluster::count_failure(ref);
  }
  void count_loss(JobRef ref) {
    note(change::OfJob{What::count_loss, ref});
    Cluster::count_loss(ref);
  }
  void open_release(JobRef ref) {
    note(change::OfJob{What::open_release, ref});
    Cluster::open_release(ref);
  }
  void close_release(JobRef ref) {
    note(change::OfJob{What::close_release, ref});
    Cluster::close_release(ref);
  }
  void set_state(JobRef ref, JobState state) {
    note(change::SetState{ref, state});
    Cluster::set_state(ref, state);
  }
  void set_running(JobRef ref, Time now) {
    note(change::SetRunning{ref, now});
    Cluster::set_running(ref, now);
  }
  void set_progress(JobRef ref, Duration progress) {
    note(change::SetProgress{ref, progress});
    Cluster::set_progress(ref, progress);
  }
  void set_history(JobRef ref, const History& history) {
    note(change::SetHistory{ref, history});
    Cluster::set_history(ref, history);
  }
  void lose_part(JobRef ref, WorkerId worker) {
    note(change::LosePart{ref, worker});
    Cluster::lose_part(ref, worker);
  }
  void take(JobRef ref, PoolId pool, std::span<const Placement> placements, Time now) {
    if (log_ != nullptr) log_->emplace_back(change::Take{ref, pool, {placements.begin(), placements.end()}, now});
    Cluster::take(ref, pool, placements, now);
  }
  void add_worker(WorkerId id, std::uint32_t incarnation, const WorkerSpec& spec) {
    note(change::AddWorker{id, incarnation, spec});
    Cluster::add_worker(id, incarnation, spec);
  }
  void close_worker(WorkerId id) {
    note(change::CloseWorker{id});
    Cluster::close_worker(id);
  }
  void remove_worker(WorkerId id) {
    note(change::RemoveWorker{id});
    Cluster::remove_worker(id);
  }
  void call_for_pass(PoolId pool) {
    note(change::CallForPass{pool});
    Cluster::call_for_pass(pool);
  }

 private:
  using What = change::OfJob::What;
  ClusterLog* log_ = nullptr;
};

}  // namespace drydock

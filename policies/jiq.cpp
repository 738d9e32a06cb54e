#include "policies/built_in.hpp"
#include "policies/own_queues.hpp"

#include <deque>

namespace drydock {

namespace {

class JoinIdleQueue final : public OwnQueues {
 protected:
  // The one that has been idle for longest of those that could run it; else any one.
  std::optional<WorkerId> choose(const PassContext& pass, const Job& job) override {
    const Resources demand = demand_of(job);
    PerPool& own = of(pass);
    std::size_t others = 0;  // that are too small for it
    while (own.idle.size() > others && others < kMostPassedOver) {
      const auto at = own.idle.begin() + static_cast<std::ptrdiff_t>(others);
      const WorkerId id = *at;
      const bool is_idle = is_idle_there(pass, id);
      if (is_idle && !demand.fits_in(pass.cluster.worker(id).spec.capacity)) {
        ++others;
        continue;
      }
      own.idle.erase(at);
      own.listed[index(id)] = false;
      if (is_idle) return id;
    }
    begin_draw(pass, demand);
    std::optional<WorkerId> any;
    draw(pass, 1, [&](WorkerId id) { any = id; });
    return any;
  }

  bool got_room(const PassContext& pass, Plan& /*plan*/, WorkerId worker) override {
    PerPool& own = of(pass);
    if (own.listed[index(worker)] || !is_idle_there(pass, worker)) return true;
    own.listed[index(worker)] = true;
    own.idle.push_back(worker);
    return true;
  }

 private:
  static constexpr std::size_t kMostPassedOver = 64;

  struct PerPool {
    std::deque<WorkerId> idle;  // in the order in which they became it; some have got a job since, or went
    std::vector<bool> listed;   // by worker
  };

  PerPool& of(const PassContext& pass) {
    if (pools_.size() <= index(pass.pool)) pools_.resize(index(pass.pool) + 1);
    PerPool& own = pools_[index(pass.pool)];
    if (own.listed.size() < pass.cluster.worker_count()) own.listed.resize(pass.cluster.worker_count());
    return own;
  }

  static bool is_idle_there(const PassContext& pass, WorkerId id) {
    return pass.cluster.worker(id).serves(pass.pool) && length(pass, id) == 0;
  }

  std::vector<PerPool> pools_;
};

}  // namespace

BuiltInPlacement jiq_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "jiq",
               .summary = "Join the idle queue: a worker without jobs where there is one, any other one where not",
               .details =
                   "Each job is bound on arrival to one worker: to the one that has been without any job for longest, or, "
                   "where none is, to one drawn at random. Workers serve their own queues in order of arrival; no job moves "
                   "later, unless its worker dies. All tasks of a job go to the same worker.",
               .source = "Lu, Xie, Kliot, Geller, Larus, Greenberg, Performance Evaluation 68(11), 2011",
               .parameters = {}},
      .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<JoinIdleQueue>();
      }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/own_queues.hpp"

namespace drydock {

namespace {

class WorkStealing final : public OwnQueues {
 public:
  explicit WorkStealing(std::int64_t d) : d_(d) {}

 protected:
  std::optional<WorkerId> choose(const PassContext& pass, const Job& job) override {
    begin_draw(pass, demand_of(job));
    std::optional<WorkerId> any;
    draw(pass, 1, [&](WorkerId id) { any = id; });
    return any;
  }

  // One in whose queue nothing is left looks at d workers, and takes what is next at the first of them where something waits.
  bool got_room(const PassContext& pass, Plan& plan, WorkerId thief) override {
    const Worker& worker = pass.cluster.worker(thief);
    if (!worker.local.empty() || !worker.serves(pass.pool)) return true;
    bool good = true;
    bool stolen = false;
    begin_draw(pass, Resources{});
    draw(pass, static_cast<std::uint64_t>(d_), [&](WorkerId victim) {
      const auto& local = pass.cluster.worker(victim).local;
      if (stolen || local.empty()) return;
      const Job& job = pass.cluster.job(local.front());
      if (!demand_of(job).fits_in(worker.free)) return;
      const Placement placement{thief, job.spec.tasks};
      stolen = true;
      good = plan.start(local.front(), {&placement, 1});
    });
    return good;
  }

 private:
  std::int64_t d_;
};

}  // namespace

BuiltInPlacement work_stealing_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "work-stealing",
               .summary = "Jobs go to any worker; one that has nothing left takes a job that waits at another",
               .details =
                   "Each job is bound on arrival to one worker, drawn at random. Workers serve their own queues in order of "
                   "arrival. One that gets room when nothing waits at it looks at d workers, drawn at random, and takes the "
                   "job that is next at the first of them where one waits that fits. It looks once. All tasks of a job go "
                   "to the same worker.",
               .source = "Blumofe and Leiserson, JACM 46(5), 1999; Mitzenmacher, SPAA 1998",
               .parameters = {{.name = "d",
                               .default_value = std::int64_t{1},
                               .help = "workers that it looks at; the number of workers and more: all of them",
                               .minimum = 1,
                               .maximum = 1e6}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<WorkStealing>(config.get<std::int64_t>("d"));
      }};
}

}  // namespace drydock

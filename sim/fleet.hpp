// The truth about workers: which hosts are up, whose heartbeats arrive, and when the scheduler learns of a death.
#pragma once

#include "policies/liveness.hpp"
#include "sim/common.hpp"
#include "sim/crashes.hpp"
#include "sim/executor.hpp"
#include "sim/platform.hpp"
#include "sim/simgrid_engine.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

// A worker beats first when it registers, then every interval; beats reach the registry at once, one that is due at the
// instant of a crash still does. Lazily, the last beat before a crash is computed; eagerly, each beat is an event that
// refreshes the lease. Both give the same facts.
class Fleet {
 public:
  Fleet(const Platform& platform, Crashes crashes, const LivenessPolicy& liveness, bool eager, SimGridEngine& engine,
        Executor& executor, Common& common);

  // Registers every worker, at the start of the run.
  void start();

  // Whether all workers of these placements would get an order now.
  [[nodiscard]] bool reachable(std::span<const Placement> placements) const;

  // --- events from the queue ---
  void beat(std::uint32_t worker, std::uint32_t incarnation);
  void lease_end(std::uint32_t worker, std::uint32_t incarnation);
  void worker_return(std::uint32_t worker, std::uint32_t incarnation);
  void crash(std::uint32_t process);
  void repair(std::uint32_t process);
  [[nodiscard]] bool is_void(const Pending& pending) const;

  // Workers that will register or be told dead without anything else happening.
  [[nodiscard]] bool will_change() const { return returning_hosts_ > 0 || pending_leases_ > 0; }
  [[nodiscard]] std::uint32_t hosts_down() const { return hosts_down_; }

  // Adds the live time of workers and the cost of hosts up to now to the metrics. Once, at the end.
  void close_books();

 private:
  struct HostState {
    std::uint32_t down_by = 0;      // fault processes that keep it down
    std::uint32_t for_ever_by = 0;  // of them, those that never repair it
    Time crashed{};
  };
  struct WorkerState {
    std::uint32_t incarnation = 0;
    bool alive = false;     // its process runs and holds a lease
    bool believed = false;  // the scheduler takes this incarnation for live
    Time registered{};
    Time last_beat{};           // in eager runs
    Time lease_until = kNever;  // once it crashed: when the scheduler is told; kNever when nothing is pending
  };

  void register_worker(std::uint32_t worker);
  void lose(std::uint32_t worker);
  void tell_dead(std::uint32_t worker);
  void return_host(HostIndex host);
  void note_capacity(HostIndex host, bool up);
  [[nodiscard]] Time last_beat(const WorkerState& state) const;
  [[nodiscard]] bool returns(const HostState& host) const { return host.down_by > 0 && host.for_ever_by == 0; }

  const Platform& platform_;
  Crashes crashes_;
  const LivenessPolicy& liveness_;
  std::optional<Duration> interval_;
  bool eager_;
  SimGridEngine& engine_;
  Executor& executor_;
  Common& common_;

  std::vector<HostState> hosts_;
  std::vector<WorkerState> workers_;
  std::uint32_t hosts_down_ = 0;
  std::uint32_t returning_hosts_ = 0;  // down, and every fault that holds them will repair them; or their workers return
  std::uint32_t pending_leases_ = 0;
};

}  // namespace drydock::sim

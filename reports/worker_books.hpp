// Who runs when, of workers and hosts, for a JournalMeter: what the journal says and what was seen of them, and how long the scheduler took to
// learn of a death.
#pragma once

#include "policies/core/events.hpp"
#include "reports/journal_meter.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace drydock::reports {

class WorkerBooks {
 public:
  // Called with each worker whose process is seen to die, before anything later happens; `at` counts from the origin.
  using Died = std::function<void(WorkerId worker, Time at)>;
  WorkerBooks(const JournalMeterConfig& config, const Observations& observed, Metrics& metrics, Died died);

  // What was seen up to this instant (by the journals' clock) happens.
  void advance(Time now);
  // Facts and orders, at an instant that counts from the origin.
  void on(const WorkerRegistered& fact, Time at);
  void on(const WorkerLeft& fact, Time at);
  void on(const LeaseExpired& fact, Time at);
  void on(const DeclareDead& order, Time at);
  void finish(Time at);

  // Whether deaths are seen, and not only told.
  [[nodiscard]] bool sees() const { return !observed_.processes.empty(); }
  [[nodiscard]] bool runs(WorkerId worker) const { return index(worker) < workers_.size() && workers_[index(worker)].up; }
  [[nodiscard]] double speed_of(WorkerId worker) const;
  [[nodiscard]] PoolId pool_of(WorkerId worker) const;
  // Pools on its host.
  [[nodiscard]] std::span<const PoolId> pools_beside(WorkerId worker) const;

 private:
  struct Death {
    Time at = kNever;
    std::uint32_t incarnation = 0;
  };
  struct Worker {
    bool up = false;  // as far as it is seen, or else told
    Time since{};
    double speed = 1;
    std::uint32_t lowest = 0;  // incarnation that the present or last process may have
    std::uint32_t told = 0;    // incarnation that the scheduler knows
    bool told_live = false;
    bool evicted = false;  // its key went before its time
    Death unread;          // of a process of which the scheduler has not heard
    Death awaited;         // that the scheduler is to learn of
  };
  Worker& at(WorkerId worker);
  void begin(WorkerId worker, Time at);
  void end(WorkerId worker, Time at);
  void note_death(Worker& worker, Time at);
  void note_detected(Worker& worker, Time at);
  void change_host(std::uint32_t host, bool up, Time at);

  const JournalMeterConfig& config_;
  const Observations& observed_;
  Metrics& metrics_;
  Died died_;
  std::vector<Worker> workers_;
  std::vector<int> up_on_host_;  // workers, where hosts are not seen
  std::size_t next_process_ = 0;
  std::size_t next_host_ = 0;
};

}  // namespace drydock::reports

// The workers of a run for real: a process for each, or a part of this one. Starts them again when they are due, does to them what faults say,
// and keeps what was seen of them.
#pragma once

#include "cli/real_faults.hpp"
#include "cli/share_setup.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/attempt_times.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/worker_driver.hpp"
#include "reports/observations.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::cli {

class RealWorkers final : public HostControl {
 public:
  struct Parts {
    runtime::EventLoop& loop;
    const scenarios::Scenario& scenario;  // outlives this, and so does the platform
    const sim::Platform& platform;
    std::filesystem::path folder;  // for files that worker processes read and write
    Duration restart{};            // until a worker that died by itself is started again
    bool in_process = false;
    std::function<void(std::string)> fail;
  };
  explicit RealWorkers(Parts parts);

  // All are started. What they are given must live until end().
  void begin(RealFaults& faults, SchedulerGroup& scheduler);
  // None is left; nobody is told.
  void end() { workers_.clear(); }

  [[nodiscard]] std::size_t size() const { return workers_.size(); }
  [[nodiscard]] std::uint64_t started() const { return started_; }  // processes
  [[nodiscard]] double speed_of(WorkerId worker) const { return facts_of(worker.value).spec.speed; }

  void take_down(scenarios::HostIndex host) override;
  void bring_back(scenarios::HostIndex host) override;
  void pause(scenarios::HostIndex host, bool still) override;
  void ask_to_end(const scenarios::FaultTurn& turn, std::optional<Duration> grace) override;
  bool kill_worker(WorkerId id, AttemptId attempt, Duration restart) override;

  // Puts in when processes, hosts and attempts began and ended.
  void tell(reports::Observations& seen) const;

 private:
  struct Worker {
    std::unique_ptr<runtime::EventLoop::Child> process;
    std::unique_ptr<Shares> shares;                 // of the driver, which ends before
    std::unique_ptr<runtime::WorkerDriver> driver;  // instead of a process
    std::unique_ptr<runtime::EventLoop::Timer> restart;
    std::unique_ptr<runtime::EventLoop::Timer> grace;  // of one that is asked to end
    std::uint32_t incarnation = 0;                     // the last that was given to a process
    std::optional<Time> back_at;  // when it is to be started again; nothing: as of a worker that died by itself
    std::optional<scenarios::FaultTurn> asked_by;  // it is asked to end, or was and is not back
    bool up = false;                               // seen to run
  };
  struct Host {
    int down_by = 0;
    int paused_by = 0;
  };

  void start_worker(std::uint32_t number);
  void start_in_process(std::uint32_t number);
  void share_in_process(std::uint32_t number);
  void write_limits();
  void worker_ended(std::uint32_t number);
  void end_now(std::uint32_t number);
  void tell_back(const scenarios::FaultTurn& turn);
  void see(std::uint32_t number, bool up);
  [[nodiscard]] std::span<const WorkerId> workers_on(scenarios::HostIndex host) const {
    return parts_.platform.hosts()[host].workers;
  }
  [[nodiscard]] const sim::WorkerFacts& facts_of(std::uint32_t number) const { return parts_.platform.workers()[number]; }
  [[nodiscard]] std::string host_of(std::uint32_t number) const;
  [[nodiscard]] runtime::WorkerDriverOptions driver_options(std::uint32_t number);
  [[nodiscard]] std::vector<std::string> words(std::uint32_t number) const;
  // Where worker processes find the limits that they share, and note when attempts begin and end.
  [[nodiscard]] std::filesystem::path limits_file() const { return parts_.folder / "limits.json"; }
  [[nodiscard]] std::filesystem::path times_file() const { return parts_.folder / "attempt-times"; }

  Parts parts_;
  Duration heartbeat_;
  Duration ttl_;
  RealFaults* faults_ = nullptr;
  SchedulerGroup* scheduler_ = nullptr;
  std::vector<Worker> workers_;
  std::vector<Host> hosts_;
  std::uint64_t started_ = 0;
  reports::Observations seen_;
};

}  // namespace drydock::cli

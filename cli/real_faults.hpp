// The faults of a scenario, carried out for real: draws the same courses as a simulation, does to processes, servers and connections what
// they say when it is time, and keeps what was done when.
#pragma once

#include "cli/fault_record.hpp"
#include "cli/scheduler_group.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/chaos/faulty_messages.hpp"
#include "real-runtime/chaos/late_answers.hpp"
#include "real-runtime/chaos/order_faults.hpp"
#include "real-runtime/chaos/redis_faults.hpp"
#include "real-runtime/chaos/store_links.hpp"
#include "real-runtime/chaos/trouble_line.hpp"
#include "real-runtime/chaos/worker_trouble.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/store_port.hpp"
#include "scenarios/faults/hazards.hpp"
#include "scenarios/faults/schedule.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drydock::cli {

// What is done to the workers of a host; who has the processes does it.
class HostControl {
 public:
  virtual ~HostControl() = default;
  // They die, and none is started until bring_back().
  virtual void take_down(scenarios::HostIndex host) = 0;
  virtual void bring_back(scenarios::HostIndex host) = 0;
  // They stand still, or go on.
  virtual void pause(scenarios::HostIndex host, bool still) = 0;
  // They end when what they run has ended, or after grace, and are started again as the turn says. RealFaults::back() is called then.
  virtual void ask_to_end(const scenarios::FaultTurn& turn, std::optional<Duration> grace) = 0;
  // This one dies if it has that attempt, and is started again after this time. Whether it did.
  virtual bool kill_worker(WorkerId worker, AttemptId attempt, Duration restart) = 0;
};

class RealFaults {
 public:
  struct Parts {
    runtime::EventLoop& loop;
    const scenarios::Scenario& scenario;  // outlives this, and so do the others
    const sim::Platform& platform;
    runtime::PrivateRedis& redis;
    runtime::PrivatePostgres& postgres;
    HostControl& hosts;
    std::uint64_t seed = 1;
    bool in_process = false;
    double time_scale = 1;  // seconds of the scenario in a real one
  };
  explicit RealFaults(const Parts& parts);

  // Error: a way to a store that a fault needs could not be made.
  [[nodiscard]] std::optional<Error> prepare();
  // The ways to the stores that their clients are to take.
  [[nodiscard]] runtime::RedisAddress redis_of_workers(scenarios::HostIndex host) const;
  // How many of these there are to be.
  [[nodiscard]] std::size_t schedulers() const { return schedulers_; }
  [[nodiscard]] runtime::RedisAddress redis_of_scheduler(std::size_t number) const;
  [[nodiscard]] std::string postgres_of_scheduler(std::size_t number) const;
  [[nodiscard]] runtime::WrapRedis wrap_redis();
  [[nodiscard]] runtime::WrapPostgres wrap_postgres();

  // Likewise, for a worker within this process.
  [[nodiscard]] runtime::WrapRedis wrap_messages(WorkerId worker, const WorkerAgentConfig& agent);
  // Where a process of a worker hears of its troubles; nothing: it has none.
  [[nodiscard]] std::optional<std::filesystem::path> troubles_socket() const;

  // Jobs that take their worker with them.
  [[nodiscard]] bool any_poison() const { return any_poison_; }
  // An attempt was sent to this worker, first among its workers.
  void dispatched(const scenarios::Hazards::Subject& attempt, WorkerId worker);

  // The scenario's time begins. The schedulers outlive this.
  void begin(SchedulerGroup& schedulers);
  // The workers that this turn of a worker-stop asked to end run again.
  void back(const scenarios::FaultTurn& stop);

  [[nodiscard]] const std::vector<FaultRecord>& records() const { return records_; }

 private:
  using Turn = scenarios::FaultTurn;
  void look_at(const scenarios::Fault& fault);
  void count_strike(const std::function<bool(const scenarios::Fault&)>& is_meant);
  [[nodiscard]] std::optional<Time> scenario_now() const;
  void act();
  void plan();
  void carry_out(const Turn& turn);
  void note(const Turn& turn, std::string problem);

  void on(const scenarios::WorkerCrash& fault, const Turn& turn);
  void on(const scenarios::WorkerStop& fault, const Turn& turn);
  void on(const scenarios::HostTrouble& fault, const Turn& turn);
  void on(const scenarios::WorkerCut& fault, const Turn& turn);
  void on(const scenarios::StoreFault& fault, const Turn& turn);
  void on(const scenarios::OrderFault& fault, const Turn& turn);
  void on(const scenarios::MessageLoss& fault, const Turn& turn);
  void on(const scenarios::MessageDelay& fault, const Turn& turn);
  void on(const scenarios::SchedulerFault& fault, const Turn& turn);
  void on(const scenarios::BeatDown& fault, const Turn& turn);
  void trouble_hosts(std::string_view target, const Turn& turn);
  void trouble(WorkerId worker, const Turn& turn);
  [[nodiscard]] runtime::chaos::WorkerTrouble troubles_of(WorkerId worker) const;
  [[nodiscard]] std::vector<Duration> delays_of(const scenarios::MessageDelay& fault, std::uint64_t stream) const;
  void on(const scenarios::PoisonJob& /*fault*/, const Turn& /*turn*/) {}  // has no turns
  void on(const scenarios::ClockSkew& /*fault*/, const Turn& /*turn*/) {}

  void slow(runtime::chaos::StoreLinks& links, const scenarios::StoreFault& fault, const Turn& turn);
  [[nodiscard]] runtime::chaos::StoreLinks::Delay more_of(const std::optional<scenarios::Distribution>& latency,
                                                          const scenarios::StoreFault& fault, std::size_t index);
  [[nodiscard]] std::string clients_on(scenarios::HostIndex host) const;
  [[nodiscard]] std::string client_of(std::size_t scheduler) const;
  [[nodiscard]] std::vector<std::size_t> victims_of(const scenarios::SchedulerFault& fault, const Turn& turn) const;
  [[nodiscard]] bool redis_of_schedulers_proxied() const { return redis_proxied_ || cuts_schedulers_; }
  [[nodiscard]] bool postgres_proxied() const { return postgres_proxied_ || cuts_schedulers_; }

  Parts parts_;
  scenarios::FaultSchedule schedule_;
  scenarios::StoreFaults order_draws_;
  std::vector<FaultRecord> records_;  // by fault
  std::vector<bool> cut_;             // by host: some fault cuts it off
  bool redis_proxied_ = false;
  bool postgres_proxied_ = false;
  std::size_t schedulers_ = 1;
  bool cuts_schedulers_ = false;
  SchedulerGroup* group_ = nullptr;                         // once the scenario's time has begun
  std::map<std::size_t, std::vector<std::size_t>> struck_;  // schedulers, by the fault that holds
  std::optional<Time> origin_;
  std::string problem_;  // of the turn at hand, likewise the next
  std::string target_;
  std::uint64_t slow_draws_ = 0;
  runtime::chaos::StoreLinks redis_links_;
  runtime::chaos::StoreLinks postgres_links_;
  runtime::chaos::RedisFaults redis_faults_;
  runtime::chaos::OrderFaults orders_;
  scenarios::Hazards hazards_;
  bool any_poison_ = false;
  bool any_trouble_ = false;                        // of messages, or slow processors
  std::vector<std::set<std::size_t>> troubled_by_;  // by worker: such faults, at present
  std::unique_ptr<runtime::chaos::TroubleTeller> teller_;
  std::vector<runtime::chaos::MessageFates> fates_;  // by worker, where they are in this process
  runtime::chaos::LateAnswers late_;
  runtime::EventLoop::Timer timer_;
};

}  // namespace drydock::cli

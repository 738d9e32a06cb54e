// The toy world: the dumbest thing that can drive the core from a scenario. A sorted list of happenings, tables of everything,
// no SimGrid, nothing of sim/. What the simulation decides is compared with what comes out here.
#pragma once

#include "policies/core/scheduler.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/workload.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drydock::toy {

struct AttemptTimes {
  Time started{};
  Time ended = kNever;  // finished, stopped or dead; kNever if the run was over before
  bool finished = false;
  friend bool operator==(const AttemptTimes&, const AttemptTimes&) = default;
};

struct ToyResult {
  std::uint64_t journal_hash = 0;
  std::uint64_t steps = 0;
  std::map<AttemptId, AttemptTimes> attempts;  // those that began to run
  std::uint64_t jobs_ended = 0;
  std::string error;  // empty: none
};

// Understands: dedicated hosts with speeds, gangs, preemption and failure with restart or resume, crashes at given times,
// the oracle, an ideal store. No bytes, checkpoints, processor sharing, random crashes, heartbeats, or hosts in two pools.
class ToyWorld {
 public:
  ToyWorld(const scenarios::Scenario& scenario, std::uint64_t seed);
  [[nodiscard]] ToyResult run();

 private:
  // In the order in which they take place at one instant.
  enum class What : std::uint8_t { end, crash, repair };
  struct Happening {
    std::int64_t at = 0;
    What what = What::end;
    AttemptId attempt{};       // of end
    std::uint32_t host = 0;    // of crash and repair
    std::int64_t lasting = 0;  // of crash; below 0: for ever
    friend auto operator<=>(const Happening&, const Happening&) = default;
  };
  struct Host {
    double speed = 1.0;
    std::uint32_t worker = 0;
    bool has_worker = false;
    int down = 0;
  };
  struct Worker {
    std::uint32_t host = 0;
    std::uint32_t incarnation = 0;
    WorkerSpec spec{};
  };
  struct ToyJob {
    JobSpec spec;
    std::int64_t work = 0;
    std::int64_t done = 0;
    bool running = false;
    AttemptId attempt{};
    std::int64_t started = 0;
    std::vector<std::uint32_t> hosts{};
    // As the store has it:
    std::int64_t submitted = 0;
    std::uint32_t attempts = 0;
    std::uint32_t losses = 0;
    bool held = false;
  };

  void build();
  void register_worker(std::uint32_t worker, std::vector<Event>& facts);
  [[nodiscard]] std::int64_t next() const;
  void happen(const Happening& happening, std::vector<Event>& facts);
  void crash(const Happening& happening, std::vector<Event>& facts);
  void interrupt(ToyJob& job, OnInterrupt keep);
  void start(const Dispatch& order);
  void obey(const Command& command, std::vector<Event>& answers);
  void write(const Commit& commit);
  void load(const AskWaiting& order, std::vector<Event>& answers) const;
  void arrive(std::vector<Event>& facts);
  [[nodiscard]] bool hopeless() const;

  const scenarios::Scenario& scenario_;
  scenarios::Workload workload_;
  Scheduler scheduler_;
  scenarios::Arrival arrival_;
  bool more_ = false;
  std::int64_t now_ = 0;
  std::multiset<Happening> happenings_;
  std::vector<Host> hosts_;
  std::vector<Worker> workers_;
  std::map<std::uint64_t, ToyJob> jobs_;
  ToyResult result_;
  std::uint64_t store_version_ = 0;
};

}  // namespace drydock::toy

// The jobs of one run, one by one in order of submission, made when they are asked for: memory does not grow with the
// number of jobs.
#pragma once

#include "policies/core/events.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace drydock::scenarios {

// Which requests a job makes: those of an entry of the scenario's workload.
struct JobRequests {
  std::uint32_t count = 0;   // of each task; 0: the job computes instead
  std::uint32_t source = 0;  // index into Scenario::workload
  std::uint64_t number = 0;  // of the job in that source
};

struct Arrival {
  Time at{};
  std::uint32_t source = 0;  // index into Scenario::workload, and behind those into Scenario::periodic
  JobSpec job;               // ids are 0, 1, 2, ... in order of (time, source)
  Duration work{};       // true duration of each task on a worker of speed 1, or of its requests if none has to wait; > 0
  JobRequests requests;  // made instead of computing
};

class Workload {
 public:
  // Draws depend on the seed, the source's position in the scenario and the job's number in it, and on nothing else. Jobs
  // that would come at or after the scenario's duration are left out.
  Workload(const Scenario& scenario, std::uint64_t seed);
  ~Workload();
  Workload(Workload&&) noexcept;
  Workload& operator=(Workload&&) noexcept;

  // Fills `arrival` and returns true; false when there are no more.
  [[nodiscard]] bool next(Arrival& arrival);
  // How many next() will give in all, and periodic jobs that fall due (counted by drawing the arrivals once, where only a duration bounds them).
  [[nodiscard]] std::uint64_t total() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The time from request number `i` of each task of the job to its answer.
// How many jobs arrive on average, where that follows from rates; nothing where only a count would tell.
[[nodiscard]] std::optional<double> expected_jobs(const Scenario& scenario);

[[nodiscard]] Duration request_duration(const Requests& requests, std::uint64_t seed, const JobRequests& job,
                                        std::uint32_t i);
// The job of a periodic source that is due for the n-th time, all but its id and the time at which it is submitted. Draws depend
// on the seed, the source's position and n, and on nothing else.
[[nodiscard]] Arrival periodic_arrival(const Scenario& scenario, PeriodicId source, std::uint64_t seed, std::uint64_t n);

// One draw; `seed`, `stream` and `counter` as for counted(). May use further counters derived from this one.
[[nodiscard]] double sample(const Distribution& distribution, std::uint64_t seed, std::uint64_t stream,
                            std::uint64_t counter);

}  // namespace drydock::scenarios

// What a random fault is drawn from: times, targets and probabilities that fit a scenario.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/document.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace drydock::scenarios {

// To three digits, so that people can read it; above 0.
[[nodiscard]] double rounded(double value);

class FaultDice {
 public:
  // Faults begin and end within `course`. The scenario must outlive this.
  FaultDice(const Scenario& scenario, Duration course, Draws draws) : scenario_(scenario), course_(course), draws_(draws) {}

  [[nodiscard]] bool chance(double probability) { return draws_.uniform() < probability; }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return draws_.bits() % bound; }
  // A time, now and then a whole multiple of what the control plane does periodically: there its own events coincide with the fault.
  [[nodiscard]] std::string moment();
  // How long a fault lasts: half of them evenly spread, half so that short ones are as likely as long ones on a logarithmic scale.
  [[nodiscard]] std::string span();
  // 1% to 100%, on a logarithmic scale.
  [[nodiscard]] double probability();
  // From a millisecond to a minute, on a logarithmic scale: longer than messages, or what waits for them, take.
  [[nodiscard]] std::string pause();
  // Evenly from 0 to 1.
  [[nodiscard]] double fraction() { return draws_.uniform(); }
  // At least one of the kinds of messages between workers and Redis.
  [[nodiscard]] Json message_kinds(bool with_shares);
  // How many times as slow: 1 to 100, on a logarithmic scale. Nothing gives up waiting, so that more would take for ever.
  [[nodiscard]] double slowness();
  // The leader, any scheduler, all of them, or a certain one.
  [[nodiscard]] Json scheduler();
  // A host or a host group.
  [[nodiscard]] std::string host();

  // What the scenario has that a fault can harm.
  [[nodiscard]] bool has_beats() const;    // workers refresh keys
  [[nodiscard]] bool has_counter() const;  // beside the store
  [[nodiscard]] bool uses_redis() const;   // for anything
  [[nodiscard]] bool has_periodic_jobs() const { return !scenario_.periodic.empty(); }
  [[nodiscard]] bool gives_up_poison() const;  // jobs that lose too many workers end
  [[nodiscard]] bool redis_takes_time() const { return scenario_.registry_latency || scenario_.redis_service; }
  [[nodiscard]] bool database_takes_time() const { return scenario_.commit_latency || scenario_.query_latency; }
  [[nodiscard]] bool has_requests() const { return scenario_.limits.has_value(); }
  // The slowest rate of a worker's clock with which it still ends what it runs in time; 1: none is safe.
  [[nodiscard]] double slowest_safe_clock() const;
  // Whether clocks are compared with one another.
  [[nodiscard]] bool minds_offsets() const;
  [[nodiscard]] std::uint32_t schedulers() const { return scenario_.schedulers; }

 private:
  const Scenario& scenario_;
  Duration course_;
  Draws draws_;
};

}  // namespace drydock::scenarios

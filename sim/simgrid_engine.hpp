// SimGrid's part of a simulation: hosts, links, flows, and the loop that carries time forward. The only place that knows
// SimGrid; nothing of it shows here.
#pragma once

#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <limits>
#include <memory>

namespace drydock::sim {

inline constexpr std::int64_t kNoInstant = std::numeric_limits<std::int64_t>::max();

// A flow in progress; numbers are reused after it has ended.
struct FlowId {
  std::uint32_t value = 0;
};

// What the engine drives: a world with events of its own at int64 nanoseconds. Called from run() only, once per batch of
// instants, not per event.
class EngineDriver {
 public:
  virtual ~EngineDriver() = default;
  // Carries out its instants before `limit`, in order. Returns early, at the end of an instant, once it has given the
  // engine an order (a flow, a host), because SimGrid's clock must then catch up.
  virtual void advance(std::int64_t limit) = 0;
  // The instant it carried out last.
  [[nodiscard]] virtual std::int64_t present_instant() const = 0;
  // Its next instant; kNoInstant when it has none. While it has none, SimGrid's clock goes where the flows take it, for which
  // int64 nanoseconds may be too short: a driver with flows that may take centuries needs a last instant.
  [[nodiscard]] virtual std::int64_t next_instant() const = 0;
  // The run is over: flows in progress are dropped.
  [[nodiscard]] virtual bool finished() const = 0;
  // All bytes have arrived, at `now` (rounded to the nearest nanosecond, never before the last instant).
  virtual void flow_arrived(FlowId flow, std::uint64_t cookie, std::int64_t now) = 0;
};

// Star of hosts, each with one shared link to the middle, and one more for the site where the stores and the scheduler are; or the
// hosts, links and routes of the scenario's platform file. Flows share links max-min fairly: a lone flow takes the latency of all
// links of its route plus bytes / the least bandwidth.
class SimGridEngine {
 public:
  static constexpr HostIndex kSite = std::numeric_limits<HostIndex>::max();

  // Builds the platform; throws std::runtime_error where the platform file is not what the scenario says (but SimGrid may end the
  // process, if it is no platform). One per process for good (SimGrid keeps its clock in a global): fork first for each run.
  explicit SimGridEngine(const scenarios::Scenario& scenario);
  ~SimGridEngine();
  SimGridEngine(const SimGridEngine&) = delete;
  SimGridEngine& operator=(const SimGridEngine&) = delete;

  // Runs until the driver has finished, or has no instant and no flow left. Once per process.
  void run(EngineDriver& driver);

  // Work of a core of the host in one second, as seconds on a reference core.
  [[nodiscard]] double speed(HostIndex host) const;

  // --- orders, for the driver while it carries out an instant; they take effect at that instant ---
  // Both hosts must be on. `bytes` of 0 or less count as 1.
  FlowId start_flow(HostIndex from, HostIndex to, std::int64_t bytes, std::uint64_t cookie);
  // It must be in progress; it will not arrive.
  void stop_flow(FlowId flow);
  // Flows from and to a host must be stopped before it is switched off.
  void set_host_on(HostIndex host, bool on);
  [[nodiscard]] bool has_orders() const;

 private:
  friend class BatchedModel;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock::sim

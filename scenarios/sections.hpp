// Readers of the parts of a scenario file, one function per top-level key. Each takes the top-level object, fills its part
// of the scenario with what is written or with defaults, and leaves errors in the reader's diagnostics.
#pragma once

#include "scenarios/platform_file.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/run_checker.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/trace_cache.hpp"

#include <optional>

namespace drydock::scenarios {

void read_general(const ObjectReader& top, Scenario& scenario);  // name, description, seed, duration, warmup, checkpoint
// cluster, control_plane. Platform files are read through `platforms`.
void read_cluster(const ObjectReader& top, Scenario& scenario, PlatformFiles& platforms);
// control_plane.overheads, of which `plane` is the control plane.
void read_overheads(const ObjectReader& plane, Scenario& scenario);
// calibration: a file's name, or what a journal remembers of it.
void read_calibrated(const ObjectReader& top, Scenario& scenario);
void read_queues_and_pools(const ObjectReader& top, Scenario& scenario);
void read_policies(const ObjectReader& top, Scenario& scenario);
void read_limits(const ObjectReader& top, Scenario& scenario);  // needs policies
void read_faults(const ObjectReader& top, Scenario& scenario);
// policies.checkpoint, if there is one. Needs hosts and faults.
void read_checkpoint_policy(const ObjectReader& top, Scenario& scenario);
// Needs queues and pools. Traces are read through `traces`, and what jobs run for real is checked by `check_run`, if there is one.
void read_workload(const ObjectReader& top, Scenario& scenario, TraceCache& traces, const RunChecker& check_run);

// Whether a workload entry goes to Scenario::periodic, and not to Scenario::workload.
[[nodiscard]] bool is_periodic(const Node& entry);
// Refuses faults that name jobs which are not in the workload.
void refuse_unknown_jobs(const ObjectReader& top, const Scenario& scenario);
void refuse_paused_requests(const ObjectReader& top, const Scenario& scenario);
void refuse_overloaded_redis(const ObjectReader& top, const Scenario& scenario);

// Names appear in tables, file names and metric names.
inline constexpr std::string_view kNameHelp = R"(a name of 1 to 100 letters, digits, "-", "_" and ".")";
[[nodiscard]] bool is_name(std::string_view text);
[[nodiscard]] std::string read_name(const ObjectReader& object);
// What each host of a group is like: cores, speed, memory, gpus, cost.
void read_kind(const ObjectReader& host, HostGroup& group);
// cluster.platform
void read_platform(const ObjectReader& cluster, Scenario& scenario, PlatformFiles& platforms);
// Whether a fault's target means the group, or one of its hosts.
[[nodiscard]] bool is_target(const HostGroup& group, const std::string& target);
// The sessions of a group of hosts.
[[nodiscard]] SessionRules read_sessions(const Node& node);
// The policy as written; leased where there is nothing.
[[nodiscard]] PolicyConfig read_share_policy(const Diagnostics& diagnostics, const std::optional<Node>& node);
// Reads the key "requests" of a workload entry.
[[nodiscard]] Requests read_requests(const Node& node);
// Refuses requests that could never be made and limits that nothing would meet; fills in base shares and adds notes. Needs
// everything else.
void check_limits(const ObjectReader& top, Scenario& scenario);

// Adds a note when pools share memory or GPUs without knowing it.
void note_shared_hosts(Scenario& scenario);
// Adds a note when no attempt of some jobs can ever succeed.
void note_hopeless_jobs(Scenario& scenario);
// Adds a note when jobs may not fit in any session of the hosts that could run them, and would have to.
void note_long_jobs(Scenario& scenario);
// Adds a note when one worker would get all jobs of a pool.
void note_crowded_host(Scenario& scenario);
// Faults that change nothing.
void note_idle_faults(Scenario& scenario);
// Workers whose jobs take longer than their leases, where jobs keep them from sending heartbeats.
void note_starved_heartbeats(Scenario& scenario);
// Adds a note about a lookahead, and what it may change.
void note_lookahead(Scenario& scenario);
void note_time_scale(Scenario& scenario);
// Adds a note when the jobs ask for more core time than there is. Needs everything else.
void note_overload(Scenario& scenario);

// A duration ("10s") or an object such as {"exponential": {"mean": "10s"}}.
[[nodiscard]] Distribution read_duration_distribution(const Node& node);
// A number or such an object of numbers.
[[nodiscard]] Distribution read_number_distribution(const Node& node);
// The largest value that a distribution can give; nothing when there is none.
[[nodiscard]] std::optional<double> upper_bound(const Distribution& distribution);
// The least; 0 where it may be as small as one likes.
[[nodiscard]] double lower_bound(const Distribution& distribution);
[[nodiscard]] Arrivals read_arrivals(const Node& node);
[[nodiscard]] Cycle read_cycle(const Node& node);

// The most tasks of this kind that one pool serving the queue can hold at once, 0 if none fits anywhere; the most on one
// worker of any such pool; and the name of the first pool.
struct Room {
  std::int64_t tasks = 0;
  std::int64_t on_one_worker = 0;
  std::string pool;
};
[[nodiscard]] Room room_for(const Scenario& scenario, QueueId queue, const Resources& per_task);

// The same for one pool, whatever it serves.
[[nodiscard]] Room room_in(const Scenario& scenario, const Pool& pool, const Resources& per_task);

// Where the isolation policy lets every pool serve every queue, but for queues with jobs that are too large for the pool. Before
// the workload is read every pool serves all; after it, those that it can.
void widen_reach(Scenario& scenario);
void narrow_reach(Scenario& scenario);

// Index of a queue by name; fails at `node` if there is none.
[[nodiscard]] QueueId find_queue(const Node& node, const std::string& name, const Scenario& scenario);

}  // namespace drydock::scenarios

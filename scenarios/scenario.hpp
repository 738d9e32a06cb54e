// A scenario after loading: checked, in core types, with every default filled in. One Scenario per variant.
#pragma once

#include "policies/core/beat.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace drydock::scenarios {

// `count` equal hosts, called name-0, name-1, ... (or just name, when there is one).
struct HostGroup {
  std::string name;
  std::uint32_t count = 1;
  std::uint32_t cpus = 1;         // cores
  double speed = 1.0;             // work of one reference second takes 1/speed seconds on a core
  std::int64_t memory_bytes = 0;  // 0: as much as is asked for
  std::uint32_t gpus = 0;
  double cost_per_hour = 0;  // USD
};

// A star: each host has one link to the middle, as has the site where the stores and the scheduler are.
struct Network {
  Duration latency{};  // of one link
  double bandwidth_bytes_per_s = 1.25e9;
};

// What a worker is asked for before a job goes to it.
enum class Admission : std::uint8_t {
  per_worker,  // cores, memory, gpus and a slot for each task
  slots,       // a slot for each task; what jobs declare is not looked at
};

// A worker per host of each named group. Index in Scenario::pools = PoolId.
struct Pool {
  std::string name;
  std::vector<std::string> hosts;
  std::vector<std::string> queues;
  std::optional<std::uint32_t> slots_per_worker;  // nothing: bounded by resources alone
  bool processor_sharing = false;                 // "unlimited": tasks share the cores equally
  Admission admission = Admission::per_worker;    // slots only with slots_per_worker
  // Likewise only with slots_per_worker: tasks that a child process runs before it is replaced (nothing: any number), and how
  // long the new one takes to start.
  std::optional<std::uint64_t> max_tasks_per_child = {};
  Duration child_restart{};
};

// A positive random amount (seconds for durations, a plain number elsewhere).
struct Exponential {
  double mean;
};
struct Deterministic {
  double value;
};
struct Uniform {
  double low, high;
};
struct Lognormal {
  double mean, cv;
};  // cv: standard deviation / mean
struct Weibull {
  double shape, scale;
};
struct Hyperexponential {
  std::vector<double> probabilities, means;
};
struct BoundedPareto {
  double shape, low, high;
};
struct Empirical {
  std::vector<double> values;
};  // each equally likely
using Distribution =
    std::variant<Exponential, Deterministic, Uniform, Lognormal, Weibull, Hyperexponential, BoundedPareto, Empirical>;
[[nodiscard]] double mean_of(const Distribution& distribution);

struct PoissonArrivals {
  double rate;
};  // 1/s
struct RegularArrivals {
  Duration interval;
  Duration first;
};  // `first`: time of the first job
struct RenewalArrivals {
  Distribution gap;
};
struct MmppArrivals {
  std::vector<double> rates;
  std::vector<double> mean_sojourns;
};  // 1/s, s; states in a cycle
struct AtOnce {
  Duration at;
};  // all `count` jobs at one instant
// Lublin and Feitelson (JPDC 63(11), 2003): gamma gaps with a daily cycle; sizes and runtimes come from the same model
// unless the source says otherwise.
enum class LublinJobs : std::uint8_t { batch, interactive, all };
struct LublinArrivals {
  std::uint32_t nodes = 128;  // largest job (batch and all); interactive jobs reach 2^-1.5 of it
  LublinJobs jobs = LublinJobs::batch;
  double gap_scale = 1.0;  // multiplies the gaps at rush hours
};
using Arrivals = std::variant<PoissonArrivals, RegularArrivals, RenewalArrivals, MmppArrivals, AtOnce, LublinArrivals>;
// Multiplies the rate through the day or week: factors for equal parts of `period`.
struct Cycle {
  Duration period;
  std::vector<double> factors;
};

struct SyntheticSource {
  std::string name;
  std::optional<std::uint64_t> count;  // nothing: until the scenario's duration
  Arrivals arrivals;
  std::optional<Cycle> cycle;
  std::optional<Distribution> duration;         // nothing: from the Lublin model, which `arrivals` then is
  std::optional<Distribution> tasks;            // rounded, at least 1; nothing: from the Lublin model, else shape.tasks
  std::optional<Distribution> estimate_factor;  // estimate = true duration * factor; nothing: exact
  std::uint32_t most_tasks = 1;                 // random numbers of tasks are cut off here: what fits into the pool
  JobSpec shape;                                // queue, tasks, per_task, priority, bytes, what to do when interrupted
};

// Jobs read from a file, in order of submission; shared by all runs.
struct TraceJob {
  std::int64_t submit_ns = 0;
  std::int64_t work_ns = 0;      // true duration on speed 1; > 0
  std::int64_t estimate_ns = 0;  // > 0
  std::uint32_t tasks = 1;
  std::uint32_t queue = 0;
};
struct TraceSource {
  std::string name;
  std::string path;  // as shown to people
  std::shared_ptr<const std::vector<TraceJob>> jobs;
  std::vector<QueueId> queues = {};  // that its jobs may go to
  JobSpec shape;                     // what the trace does not say
};
using Source = std::variant<SyntheticSource, TraceSource>;

// A job that the beat fires at each of its due times. What such a job is like; its arrivals are the due times.
struct PeriodicSource {
  PeriodicJob schedule;
  SyntheticSource jobs;
};

// A host dies, with what runs on it, and comes back.
struct WorkerCrash {
  std::string target;  // a host ("node-7"), a group ("node"), or empty: every host
  struct Once {
    Duration at;
    std::optional<Duration> lasting;
  };  // nothing: for ever
  struct Repeated {
    Distribution up, down;
  };  // time between repair and crash; time to repair
  std::variant<Once, Repeated> when;
};

// Messages between workers and the registry are lost, each by itself or in bursts.
struct MessageLoss {
  std::string target;  // the host of the worker, as for WorkerCrash
  double probability = 0;
  // Gilbert (Bell Syst. Tech. J. 39, 1960) and Elliott (42, 1963): a chain of two states that takes a step with each message
  // of a worker; `probability` holds in the good one.
  struct Burst {
    double enter = 0;  // probability that the next message finds the bad state after the good one
    double leave = 1;  // and the good one after the bad
    double lost = 1;   // in the bad state
  };
  std::optional<Burst> burst;
  Duration at{};
  std::optional<Duration> lasting;  // nothing: to the end
};

// The beat stops: nothing periodic fires until it is back.
struct BeatDown {
  Duration at{};
  std::optional<Duration> lasting;  // nothing: to the end
};
using Fault = std::variant<WorkerCrash, MessageLoss, BeatDown>;

struct Warmup {
  double fraction = 0;  // of the jobs, by submission; these are simulated but not measured
};

struct CheckpointConfig {
  Duration interval{};  // of work between two checkpoints; 0: none
  Duration cost{};      // to write one
  Duration restart{};   // before an interrupted attempt's successor goes on
};

struct Scenario {
  std::string name;
  std::string description;
  std::string variant;               // empty when the file has no variants
  std::uint64_t seed = 1;            // the first, when --seeds does not say
  std::optional<Duration> duration;  // nothing: until all jobs have ended
  Warmup warmup;
  std::vector<HostGroup> hosts;
  Network network;
  std::optional<Distribution> registry_latency;  // of a worker's message to the registry; nothing: none
  std::vector<Pool> pools;                       // as in scheduler.pools, by index
  std::vector<Source> workload;
  std::vector<PeriodicSource> periodic;  // by PeriodicId
  std::vector<Fault> faults;
  CheckpointConfig checkpoint;
  SchedulerConfig scheduler;  // seed is set per run
  PolicyConfig liveness;      // "oracle" unless the scenario says otherwise
  std::vector<std::string>
      notes;         // for people: what may not be as they meant it; the same in several variants is meant once
  std::string json;  // the whole scenario with its variant and --set applied, defaults not spelled out
};

// The name of a host of a group.
[[nodiscard]] std::string host_name(const HostGroup& group, std::uint32_t number);

}  // namespace drydock::scenarios

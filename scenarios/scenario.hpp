// A scenario after loading: checked, in core types, with every default filled in. One Scenario per variant.
#pragma once

#include "policies/core/beat.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/session.hpp"
#include "policies/core/share.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace drydock::scenarios {

// What hosts may be like.
inline constexpr double kLeastHostSpeed = 1e-6;
inline constexpr double kMostHostSpeed = 1e6;
inline constexpr std::int64_t kMostCores = 1'000'000;
inline constexpr std::int64_t kMostGpus = 1'000'000;
inline constexpr double kMostCost = 1e9;
// Of a core of speed 1, where hosts are described in flop/s.
inline constexpr double kFlopsPerReferenceSecond = 1e9;

// `count` equal hosts, called name-0, name-1, ... (or just name, when there is one), unless `names` says how.
struct HostGroup {
  std::string name;
  std::uint32_t count = 1;
  std::uint32_t cpus = 1;         // cores
  double speed = 1.0;             // work of one reference second takes 1/speed seconds on a core
  std::int64_t memory_bytes = 0;  // 0: as much as is asked for
  std::uint32_t gpus = 0;
  double cost_per_hour = 0;                             // USD; of hosts with sessions: while they have one
  double cost_per_month = 0;                            // USD, for 1/12 of 365.25 days, used or not
  std::optional<SessionRules> sessions = std::nullopt;  // nothing: always there
  std::vector<std::string> names = {};                  // of each host, for those of a platform file
};

// A star: each host has one link to the middle, as has the site where the stores and the scheduler are.
struct Network {
  Duration latency{};  // of one link
  double bandwidth_bytes_per_s = 1.25e9;
};

// The file, in SimGrid's XML, from which the hosts are, and the network between them.
struct PlatformFile {
  std::filesystem::path path;
  std::string site;  // the host where the stores and the scheduler are; it runs no jobs
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
  Duration poll{};             // time between two questions of a worker for what was assigned to it; 0: it is told at once
  bool beats_in_loop = false;  // a worker sends heartbeats between its jobs only; else from a thread of their own
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

// What may go wrong with each attempt of some jobs.
struct JobHazards {
  double failure_probability = 0;      // at a random moment of its time
  std::optional<Duration> time_limit;  // from dispatch; the attempt is then ended and has failed. Nothing: none
};

// Instead of computing, each task of a job makes requests to a service, one after another, and waits for their answers.
struct Requests {
  Distribution count = Deterministic{1};            // of each task; rounded, at least 1
  Distribution duration = Deterministic{1};         // from a request to its answer, drawn for each
  std::int64_t tokens = 4096;                       // that each uses
  Duration delay = std::chrono::milliseconds{100};  // from an answer to the next request
  Duration retry_delay = std::chrono::seconds{3};   // from a refusal to the next try
  std::uint32_t retries = 3;                        // of one request; a refusal after them ends the attempt without success
};
// No task makes more.
inline constexpr std::int64_t kMostRequests = 10'000'000;

struct SyntheticSource {
  std::string name;
  std::optional<std::uint64_t> count;  // nothing: until the scenario's duration
  Arrivals arrivals;
  std::optional<Cycle> cycle;
  std::optional<Distribution> duration;         // nothing: from the Lublin model, which `arrivals` then is, or `requests`
  std::optional<Requests> requests = {};        // `duration` is nothing then: it follows from them
  std::optional<Distribution> tasks;            // rounded, at least 1; nothing: from the Lublin model, else shape.tasks
  std::optional<Distribution> estimate_factor;  // estimate = true duration * factor; nothing: exact
  std::uint32_t most_tasks = 1;                 // random numbers of tasks are cut off here: what fits into the pool
  JobSpec shape;                                // queue, tasks, per_task, priority, bytes, what to do when interrupted
  JobHazards hazards = {};
  bool runs = false;  // a process, for real; else it sleeps there
};

// Jobs read from a file, in order of submission; shared by all runs.
struct TraceJob {
  std::int64_t submit_ns = 0;
  std::int64_t work_ns = 0;      // true duration on speed 1; > 0
  std::int64_t estimate_ns = 0;  // > 0
  std::uint32_t tasks = 1;
  std::uint32_t queue = 0;  // or its kind, where the source has kinds
};
struct TraceSource {
  std::string name;
  std::string path;  // as shown to people
  std::shared_ptr<const std::vector<TraceJob>> jobs;
  std::vector<QueueId> queues = {};  // that its jobs may go to
  JobSpec shape;                     // what the trace does not say
  std::vector<JobSpec> kinds = {};   // of a journal, which says it all: what jobs are like, but for tasks and estimate
  JobHazards hazards = {};
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

// The workers of a host are asked to end: each takes nothing new, ends when what it runs has ended, and deletes its key.
struct WorkerStop {
  std::string target;             // as for WorkerCrash
  std::optional<Duration> grace;  // what still runs then is ended; nothing: it may take as long as it wants
  std::variant<WorkerCrash::Once, WorkerCrash::Repeated> when;  // `lasting` and `down`: from its end to its next start
};

// A host does not reach Redis, or is not reached from there, and so from the scheduler.
struct WorkerCut {
  std::string target;      // as for WorkerCrash
  bool to_redis = true;    // heartbeats and reports do not arrive
  bool from_redis = true;  // orders and acknowledgements do not
  std::variant<WorkerCrash::Once, WorkerCrash::Repeated> when;
};

// Which messages between workers and Redis a fault concerns.
struct MessageKinds {
  bool beats = true;
  bool dispatches = true;  // orders to run an attempt, and to stop it
  bool reports = true;     // of how an attempt ended
  bool shares = true;      // questions to the store of shares, and its answers
};

// Messages between workers and Redis are lost, each by itself or in bursts.
struct MessageLoss {
  std::string target;  // the host of the worker, as for WorkerCrash
  MessageKinds kinds = {.dispatches = false, .reports = false};
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
// Such messages come late, or come twice.
struct MessageDelay {
  std::string target;  // as of a loss
  MessageKinds kinds;
  double probability = 1;
  Distribution delay = Deterministic{0};  // seconds more; with `repeats`: from the message to its repetition
  bool repeats = false;
  Duration at{};
  std::optional<Duration> lasting;  // nothing: to the end
};
// A clock is wrong, from the beginning to the end.
struct ClockSkew {
  bool scheduler = false;  // that of all schedulers; else of the target's hosts
  std::string target;      // as for WorkerCrash
  Duration offset{};       // what it shows at the beginning, beyond the true time
  double rate = 1;         // seconds that it counts in one; of hosts only
};
// Something happens to a store: once, or again and again.
struct StoreFault {
  enum class Kind : std::uint8_t {
    redis_outage,         // nobody reaches it; what it holds stays, and TTLs go on
    redis_flush,          // it loses every key
    redis_restart,        // it is down, and comes back with a snapshot, or empty
    redis_failover,       // it is down, and another that lacks the last writes takes its place
    counter_eviction,     // it loses the counter
    worker_key_eviction,  // it loses the keys of the workers on the target's hosts
    database_outage,      // nobody reaches it
    redis_slow,           // all that it does takes `factor` times as long
    database_slow,        // likewise
  };
  Kind kind = Kind::redis_outage;
  std::string target{};
  std::variant<WorkerCrash::Once, WorkerCrash::Repeated> when{};  // only outages, restarts and fail-overs last
  std::optional<Duration> snapshot_age{};                         // of a restart; nothing: it comes back empty
  Duration lag{};                                                 // of a fail-over: writes of this time are lost
  double factor = 1;                                              // of a slow one: above 1
};

// Something that may happen to each single order to a store.
struct OrderFault {
  enum class Kind : std::uint8_t {
    counter_update_loss,    // it never arrives, and nobody says so
    counter_update_repeat,  // it arrives twice
    commit_abort,           // it is rolled back
    commit_in_doubt,        // its answer is lost
  };
  Kind kind = Kind::counter_update_loss;
  double probability = 0;
  double applied = 0.5;  // of commits in doubt: probability that it is in the store
  Duration at{};
  std::optional<Duration> lasting{};  // nothing: to the end
};
// Some jobs kill the worker that they run on, in each attempt.
struct PoisonJob {
  std::string jobs;               // name of an entry of the workload; empty: all
  double probability = 1;         // that a job is one
  std::optional<Duration> after;  // its work began; nothing: at a random moment
  Duration restart{};             // until the worker is back
};

// The beat stops: nothing periodic fires until it is back.
struct BeatDown {
  Duration at{};
  std::optional<Duration> lasting;  // nothing: to the end
};
// A host's processors are slow, or its processes stand still: once, or again and again.
struct HostTrouble {
  std::string target{};  // as of a crash
  std::variant<WorkerCrash::Once, WorkerCrash::Repeated> when{};
  double factor = 0;  // of its speed; 0: paused
};
// Something happens to a scheduler, where there are several.
struct SchedulerFault {
  enum class Kind : std::uint8_t {
    crash,  // its process dies, and is started again
    pause,  // it stands still, and goes on
    cut,    // it does not reach a store
  };
  enum class Whom : std::uint8_t { leader, any, all, one };
  Kind kind = Kind::crash;
  Whom whom = Whom::leader;
  std::uint32_t index = 0;  // of one
  bool graceful = false;    // of a crash: it is asked to end
  bool from_postgres = false;
  bool from_redis = false;  // and so from the workers
  std::variant<WorkerCrash::Once, WorkerCrash::Repeated> when{};
};
using Fault = std::variant<WorkerCrash, MessageLoss, PoisonJob, StoreFault, OrderFault, BeatDown, HostTrouble,
                           SchedulerFault, WorkerStop, WorkerCut, MessageDelay, ClockSkew>;

// What a service allows all workers together, and how they keep to it.
struct ServiceLimits {
  ShareLimits shares{.total = {kNoLimit, kNoLimit, kNoLimit}, .base = {}};
  Duration burst = std::chrono::minutes{1};           // so much of the rates as this time brings may be used at once
  bool enforced = true;                               // the service refuses what is beyond; else it is only measured
  Duration answer_timeout = std::chrono::seconds{1};  // a worker gives up waiting for the store's answer after this
  std::vector<std::int64_t> weights;                  // of a worker of each pool, for the policies that weigh
  PolicyConfig policy;                                // of the family share
};

// Which statistics of the scheduler are an alarm, beside those with fewer workers than the scenario has.
struct AlertLimits {
  double utilization = 0.9;  // more than this part of the cpus is allocated
  double counter = 0.1;      // the counter is off by more than this part of what is allocated
};

struct Warmup {
  double fraction = 0;  // of the jobs, by submission; these are simulated but not measured
};

struct CheckpointConfig {
  Duration interval{};  // of work between two checkpoints; 0: none
  Duration cost{};      // to write one
  Duration restart{};   // before an interrupted attempt's successor goes on
};

// What orders, reports and decisions take beside the work of jobs. Nothing: no time.
struct Overheads {
  std::optional<Distribution> dispatch = {};       // from the order to run an attempt to its start at the worker
  std::optional<Distribution> report = {};         // from the end of an attempt until its scheduler can know
  std::optional<Distribution> process_start = {};  // so much longer takes the start of a job that runs a process
  std::optional<Distribution> timer = {};          // so much too late ends a job that sleeps
  Duration step{};                                 // of the scheduler for each of its steps
  Duration event{};  // and for each fact of the step, each order that it gives, and each row of its commits
  [[nodiscard]] bool any() const {
    return dispatch || report || process_start || timer || step > Duration{0} || event > Duration{0};
  }
};

// Where the times of stores and overheads are from.
struct Calibrated {
  std::string file;
  std::string date;
  std::string host;
};

struct Scenario {
  std::string name;
  std::string description;
  std::string variant;               // empty when the file has no variants
  std::uint64_t seed = 1;            // the first, when --seeds does not say
  double time_scale = 1;             // by which all durations were divided, and rates multiplied
  std::optional<Duration> duration;  // nothing: until all jobs have ended
  // Without a duration: the run has failed if a job has not ended by then. Such a run is judged: it is checked, goes on until all is
  // at rest, and ends with the first violation.
  std::optional<Duration> must_end_by;
  Warmup warmup;
  std::vector<HostGroup> hosts;
  Network network;
  std::optional<PlatformFile> platform;          // in place of `network`
  std::optional<Distribution> registry_latency;  // of a message to or from the registry; nothing: none
  std::optional<Distribution> commit_latency;    // from a commit to its answer; nothing: none
  Duration commit_row{};                         // so much longer for each row of a commit
  std::optional<Distribution> database_latency;  // of a message to or from the database, beside these; nothing: none
  std::optional<Distribution> query_latency;     // from a question to the database to its answer; nothing: none
  std::optional<Distribution> redis_service;     // Redis's own time for an order, one after another; nothing: none
  std::uint32_t database_connections = 0;        // orders that the database takes at a time; 0: any number
  std::vector<Pool> pools;                       // as in scheduler.pools, by index
  std::vector<Source> workload;
  std::vector<PeriodicSource> periodic;  // by PeriodicId
  std::vector<Fault> faults;
  CheckpointConfig checkpoint;
  SchedulerConfig scheduler;       // seed is set per run
  PolicyConfig checkpoint_policy;  // what `checkpoint` was made from; without a type: written out, or none
  PolicyConfig liveness;           // "oracle" unless the scenario says otherwise
  std::uint32_t schedulers = 1;    // more than one: they have leases, see scheduler.control_plane.leadership
  Duration scheduler_restart = std::chrono::seconds{1};  // from the end of a scheduler's process to the start of the next
  bool self_fencing = true;                              // workers end what they run when their lease ends
  Duration fencing_margin{};                             // or so long before, by what they know of it
  bool safe_beat = true;  // a beat registers anew where the key is gone; else it leaves one without cpus that never expires
  Overheads overheads;
  std::optional<Calibrated> calibration;  // nothing: what is written
  AlertLimits alerts;
  std::optional<ServiceLimits> limits;
  std::vector<std::string>
      notes;         // for people: what may not be as they meant it; the same in several variants is meant once
  std::string json;  // the whole scenario with its variant and --set applied, defaults not spelled out
};

// Whether the pool serves jobs that make requests; only workers of such pools take part in sharing the limits.
[[nodiscard]] bool makes_requests(const Scenario& scenario, const Pool& pool);
// How many workers these are.
[[nodiscard]] std::int64_t requesting_workers(const Scenario& scenario);
// Where the times of stores and overheads are from, in words; empty where none of them takes any.
[[nodiscard]] std::string origin_of_figures(const Scenario& scenario);
// The part of its time that Redis spends on heartbeats; 0 where they take none.
[[nodiscard]] double heartbeat_load(const Scenario& scenario);
// The size of a token bucket that holds what a rate brings in this time; at least 1.
[[nodiscard]] std::int64_t burst_of_rate(std::int64_t per_minute, Duration burst);

// The name of a host of a group.
[[nodiscard]] std::string host_name(const HostGroup& group, std::uint32_t number);

}  // namespace drydock::scenarios

// The keys of every object in a scenario file. The schema must list the same; a test compares them. `definition` is the
// path under the schema's "definitions".
#pragma once

#include "scenarios/reader.hpp"

#include <array>

namespace drydock::scenarios::keys {

namespace lists {
using Word = std::string_view;
inline constexpr std::array<Word, 19> kScenario{"$schema",     "name",     "description", "seed",          "duration",
                                                "must_end_by", "warmup",   "cluster",     "control_plane", "queues",
                                                "pools",       "workload", "policies",    "faults",        "checkpoint",
                                                "variants",    "limits",   "time_scale",  "calibration"};
inline constexpr std::array<Word, 8> kLimits{"weights", "concurrency", "requests_per_minute", "tokens_per_minute", "base",
                                             "burst",   "enforced",    "answer_timeout"};
inline constexpr std::array<Word, 3> kBaseShare{"concurrency", "requests_per_minute", "tokens_per_minute"};
inline constexpr std::array<Word, 6> kRequests{"count", "duration", "tokens", "delay", "retry_delay", "retries"};
inline constexpr std::array<Word, 5> kCluster{"hosts", "platform", "site", "network", "stores"};
inline constexpr std::array<Word, 2> kPlatform{"file", "hosts"};
inline constexpr std::array<Word, 8> kPlatformHosts{"name",   "names", "cpus",          "speed",
                                                    "memory", "gpus",  "cost_per_hour", "cost_per_month"};
inline constexpr std::array<Word, 2> kStores{"redis", "postgres"};
inline constexpr std::array<Word, 5> kPostgres{"latency", "commit", "commit_row", "query", "connections"};
inline constexpr std::array<Word, 2> kRedis{"latency", "service"};
inline constexpr std::array<Word, 9> kHost{"name", "count",         "cpus",           "speed",   "memory",
                                           "gpus", "cost_per_hour", "cost_per_month", "sessions"};
inline constexpr std::array<Word, 7> kSessions{"max",     "quota",     "calendar",       "startup",
                                               "restart", "idle_stop", "available_until"};
inline constexpr std::array<Word, 2> kQuota{"time", "per"};
inline constexpr std::array<Word, 2> kWindow{"from", "to"};
inline constexpr std::array<Word, 2> kNetwork{"latency", "bandwidth"};
inline constexpr std::array<Word, 20> kControlPlane{"mode",
                                                    "cycle",
                                                    "debounce",
                                                    "registry_reading",
                                                    "mass_expiry_guard",
                                                    "mass_expiry_hold",
                                                    "self_fencing",
                                                    "beat",
                                                    "schedulers",
                                                    "lease",
                                                    "renew",
                                                    "margin",
                                                    "restart",
                                                    "admission",
                                                    "lookahead",
                                                    "statistics",
                                                    "alerts",
                                                    "fencing_margin",
                                                    "max_in_flight",
                                                    "overheads"};
inline constexpr std::array<Word, 6> kOverheads{"dispatch", "report", "process_start", "timer", "step", "event"};
inline constexpr std::array<Word, 3> kCalibrated{"file", "date", "host"};
inline constexpr std::array<Word, 2> kAlerts{"utilization", "counter"};
inline constexpr std::array<Word, 7> kSchedulerCrash{"type", "target", "at", "for", "mtbf", "mttr", "graceful"};
inline constexpr std::array<Word, 6> kSchedulerPause{"type", "target", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 7> kSchedulerCut{"type", "target", "from", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 4> kQueue{"name", "priority", "capacity", "weight"};
inline constexpr std::array<Word, 10> kPool{
    "name",          "hosts", "queues",    "slots_per_worker", "admission", "prefetch", "max_tasks_per_child",
    "child_restart", "poll",  "heartbeats"};
inline constexpr std::array<Word, 8> kPolicies{"placement", "liveness", "isolation",  "accounting",
                                               "share",     "retry",    "checkpoint", "session"};
inline constexpr std::array<Word, 6> kWorkerCrash{"type", "target", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 7> kWorkerStop{"type", "target", "grace", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 7> kWorkerCut{"type", "target", "direction", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 8> kMessageLoss{"type", "between", "target", "kinds", "probability", "burst", "at", "for"};
inline constexpr std::array<Word, 8> kMessageDelay{"type",        "between", "target", "kinds",
                                                   "probability", "delay",   "at",     "for"};
inline constexpr std::array<Word, 5> kClockSkew{"type", "target", "of", "offset", "rate"};
inline constexpr std::array<Word, 5> kPoisonJob{"type", "jobs", "probability", "after", "restart"};
inline constexpr std::array<Word, 5> kOutage{"type", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 6> kStoreSlow{"type", "factor", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 6> kWorkerPause{"type", "target", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 7> kWorkerSlow{"type", "target", "speed", "at", "for", "mtbf", "mttr"};
inline constexpr std::array<Word, 6> kRedisRestart{"type", "at", "for", "mtbf", "mttr", "snapshot_age"};
inline constexpr std::array<Word, 6> kRedisFailover{"type", "at", "for", "mtbf", "mttr", "lag"};
inline constexpr std::array<Word, 3> kInstant{"type", "at", "mtbf"};
inline constexpr std::array<Word, 4> kWorkerKeyEviction{"type", "target", "at", "mtbf"};
inline constexpr std::array<Word, 4> kOrderFault{"type", "probability", "at", "for"};
inline constexpr std::array<Word, 5> kCommitInDoubt{"type", "probability", "applied", "at", "for"};
inline constexpr std::array<Word, 3> kBurst{"enter", "leave", "lost"};
inline constexpr std::array<Word, 3> kBeatDown{"type", "at", "for"};
inline constexpr std::array<Word, 3> kCheckpoint{"interval", "cost", "restart"};
inline constexpr std::array<Word, 2> kVariant{"name", "set"};
inline constexpr std::array<Word, 20> kSynthetic{"name",
                                                 "queue",
                                                 "count",
                                                 "arrivals",
                                                 "cycle",
                                                 "duration",
                                                 "tasks",
                                                 "cpus",
                                                 "memory",
                                                 "gpus",
                                                 "priority",
                                                 "estimate",
                                                 "input",
                                                 "output",
                                                 "on_failure",
                                                 "on_preemption",
                                                 "failure_probability",
                                                 "time_limit",
                                                 "requests",
                                                 "run"};
inline constexpr std::array<Word, 17> kPeriodic{"name",  "queue",  "every",      "first",         "catch_up", "duration",
                                                "tasks", "cpus",   "memory",     "gpus",          "priority", "estimate",
                                                "input", "output", "on_failure", "on_preemption", "run"};
inline constexpr std::array<Word, 13> kTraceJobs{"name",      "queue",      "trace",         "cpus",
                                                 "memory",    "gpus",       "priority",      "input",
                                                 "output",    "on_failure", "on_preemption", "failure_probability",
                                                 "time_limit"};
inline constexpr std::array<Word, 13> kTrace{"format", "path",      "first",      "count",  "rebase",
                                             "load",   "estimate",  "oversized",  "queues", "columns",
                                             "units",  "delimiter", "flops_per_s"};
inline constexpr std::array<Word, 6> kColumns{"submit", "runtime", "runtime_base", "tasks", "estimate", "queue"};
inline constexpr std::array<Word, 2> kTerm{"column", "factor"};
inline constexpr std::array<Word, 3> kUnits{"submit", "runtime", "estimate"};
inline constexpr std::array<Word, 1> kEstimate{"factor"};
inline constexpr std::array<Word, 2> kCycle{"period", "factors"};
inline constexpr std::array<Word, 6> kArrivals{"poisson", "deterministic", "renewal", "mmpp", "at-once", "lublin"};
inline constexpr std::array<Word, 1> kPoisson{"rate"};
inline constexpr std::array<Word, 2> kRegular{"interval", "first"};
inline constexpr std::array<Word, 1> kRenewal{"gap"};
inline constexpr std::array<Word, 1> kMmpp{"states"};
inline constexpr std::array<Word, 2> kState{"rate", "sojourn"};
inline constexpr std::array<Word, 1> kAtOnce{"at"};
inline constexpr std::array<Word, 3> kLublin{"nodes", "jobs", "gap_scale"};
inline constexpr std::array<Word, 8> kDistribution{"exponential", "deterministic",    "uniform",        "lognormal",
                                                   "weibull",     "hyperexponential", "bounded-pareto", "empirical"};
inline constexpr std::array<Word, 1> kExponential{"mean"};
inline constexpr std::array<Word, 1> kDeterministic{"value"};
inline constexpr std::array<Word, 2> kUniform{"low", "high"};
inline constexpr std::array<Word, 2> kLognormal{"mean", "cv"};
inline constexpr std::array<Word, 2> kWeibull{"shape", "scale"};
inline constexpr std::array<Word, 2> kHyperexponential{"probabilities", "means"};
inline constexpr std::array<Word, 3> kBoundedPareto{"shape", "low", "high"};
inline constexpr std::array<Word, 1> kEmpirical{"values"};
}  // namespace lists

inline constexpr ObjectKeys kScenario{"", lists::kScenario};
inline constexpr ObjectKeys kCluster{"cluster", lists::kCluster};
inline constexpr ObjectKeys kPlatform{"platform", lists::kPlatform};
inline constexpr ObjectKeys kPlatformHosts{"platform_hosts", lists::kPlatformHosts};
inline constexpr ObjectKeys kHost{"host", lists::kHost};
inline constexpr ObjectKeys kSessions{"sessions", lists::kSessions};
inline constexpr ObjectKeys kQuota{"quota", lists::kQuota};
inline constexpr ObjectKeys kWindow{"window", lists::kWindow};
inline constexpr ObjectKeys kNetwork{"network", lists::kNetwork};
inline constexpr ObjectKeys kControlPlane{"control_plane", lists::kControlPlane};
inline constexpr ObjectKeys kAlerts{"alerts", lists::kAlerts};
inline constexpr ObjectKeys kOverheads{"overheads", lists::kOverheads};
inline constexpr ObjectKeys kCalibrated{"calibrated", lists::kCalibrated};
inline constexpr ObjectKeys kQueue{"queue", lists::kQueue};
inline constexpr ObjectKeys kPool{"pool", lists::kPool};
inline constexpr ObjectKeys kPolicies{"policies", lists::kPolicies};
inline constexpr ObjectKeys kStores{"stores", lists::kStores};
inline constexpr ObjectKeys kRedis{"redis", lists::kRedis};
inline constexpr ObjectKeys kWorkerCrash{"worker_crash", lists::kWorkerCrash};
inline constexpr ObjectKeys kWorkerStop{"worker_stop", lists::kWorkerStop};
inline constexpr ObjectKeys kWorkerCut{"worker_cut", lists::kWorkerCut};
inline constexpr ObjectKeys kMessageLoss{"message_loss", lists::kMessageLoss};
inline constexpr ObjectKeys kMessageDelay{"message_delay", lists::kMessageDelay};
inline constexpr ObjectKeys kMessageRepeat{"message_repeat", lists::kMessageDelay};
inline constexpr ObjectKeys kClockSkew{"clock_skew", lists::kClockSkew};
inline constexpr ObjectKeys kPostgres{"postgres", lists::kPostgres};
inline constexpr ObjectKeys kRedisOutage{"redis_outage", lists::kOutage};
inline constexpr ObjectKeys kRedisSlow{"redis_slow", lists::kStoreSlow};
inline constexpr ObjectKeys kDatabaseSlow{"database_slow", lists::kStoreSlow};
inline constexpr ObjectKeys kWorkerPause{"worker_pause", lists::kWorkerPause};
inline constexpr ObjectKeys kWorkerSlow{"worker_slow", lists::kWorkerSlow};
inline constexpr ObjectKeys kRedisFlush{"redis_flush", lists::kInstant};
inline constexpr ObjectKeys kRedisRestart{"redis_restart", lists::kRedisRestart};
inline constexpr ObjectKeys kRedisFailover{"redis_failover", lists::kRedisFailover};
inline constexpr ObjectKeys kCounterEviction{"counter_eviction", lists::kInstant};
inline constexpr ObjectKeys kWorkerKeyEviction{"worker_key_eviction", lists::kWorkerKeyEviction};
inline constexpr ObjectKeys kDatabaseOutage{"database_outage", lists::kOutage};
inline constexpr ObjectKeys kCounterUpdateLoss{"counter_update_loss", lists::kOrderFault};
inline constexpr ObjectKeys kCounterUpdateRepeat{"counter_update_repeat", lists::kOrderFault};
inline constexpr ObjectKeys kCommitAbort{"commit_abort", lists::kOrderFault};
inline constexpr ObjectKeys kCommitInDoubt{"commit_in_doubt", lists::kCommitInDoubt};
inline constexpr ObjectKeys kPoisonJob{"poison_job", lists::kPoisonJob};
inline constexpr ObjectKeys kBurst{"burst", lists::kBurst};
inline constexpr ObjectKeys kBeatDown{"beat_down", lists::kBeatDown};
inline constexpr ObjectKeys kSchedulerCrash{"scheduler_crash", lists::kSchedulerCrash};
inline constexpr ObjectKeys kSchedulerPause{"scheduler_pause", lists::kSchedulerPause};
inline constexpr ObjectKeys kSchedulerCut{"scheduler_cut", lists::kSchedulerCut};
inline constexpr ObjectKeys kCheckpoint{"checkpoint", lists::kCheckpoint};
inline constexpr ObjectKeys kLimits{"limits", lists::kLimits};
inline constexpr ObjectKeys kBaseShare{"base_share", lists::kBaseShare};
inline constexpr ObjectKeys kRequests{"requests", lists::kRequests};
inline constexpr ObjectKeys kVariant{"variant", lists::kVariant};
inline constexpr ObjectKeys kSynthetic{"synthetic", lists::kSynthetic};
inline constexpr ObjectKeys kPeriodic{"periodic", lists::kPeriodic};
inline constexpr ObjectKeys kTraceJobs{"trace_jobs", lists::kTraceJobs};
inline constexpr ObjectKeys kTrace{"trace", lists::kTrace};
inline constexpr ObjectKeys kColumns{"columns", lists::kColumns};
inline constexpr ObjectKeys kTerm{"term", lists::kTerm};
inline constexpr ObjectKeys kUnits{"units", lists::kUnits};
inline constexpr ObjectKeys kEstimate{"estimate", lists::kEstimate};
inline constexpr ObjectKeys kCycle{"cycle", lists::kCycle};
inline constexpr ObjectKeys kArrivals{"arrivals", lists::kArrivals};
inline constexpr ObjectKeys kPoisson{"arrivals/poisson", lists::kPoisson};
inline constexpr ObjectKeys kRegular{"arrivals/deterministic", lists::kRegular};
inline constexpr ObjectKeys kRenewal{"arrivals/renewal", lists::kRenewal};
inline constexpr ObjectKeys kMmpp{"arrivals/mmpp", lists::kMmpp};
inline constexpr ObjectKeys kState{"mmpp_state", lists::kState};
inline constexpr ObjectKeys kAtOnce{"arrivals/at-once", lists::kAtOnce};
inline constexpr ObjectKeys kLublin{"arrivals/lublin", lists::kLublin};
inline constexpr ObjectKeys kDistribution{"distribution", lists::kDistribution};
inline constexpr ObjectKeys kExponential{"distribution/exponential", lists::kExponential};
inline constexpr ObjectKeys kDeterministic{"distribution/deterministic", lists::kDeterministic};
inline constexpr ObjectKeys kUniform{"distribution/uniform", lists::kUniform};
inline constexpr ObjectKeys kLognormal{"distribution/lognormal", lists::kLognormal};
inline constexpr ObjectKeys kWeibull{"distribution/weibull", lists::kWeibull};
inline constexpr ObjectKeys kHyperexponential{"distribution/hyperexponential", lists::kHyperexponential};
inline constexpr ObjectKeys kBoundedPareto{"distribution/bounded-pareto", lists::kBoundedPareto};
inline constexpr ObjectKeys kEmpirical{"distribution/empirical", lists::kEmpirical};

inline constexpr std::array kAll{kScenario,
                                 kCluster,
                                 kPlatform,
                                 kPlatformHosts,
                                 kHost,
                                 kNetwork,
                                 kSessions,
                                 kQuota,
                                 kWindow,
                                 kControlPlane,
                                 kAlerts,
                                 kOverheads,
                                 kCalibrated,
                                 kQueue,
                                 kPool,
                                 kPolicies,
                                 kStores,
                                 kRedis,
                                 kWorkerCrash,
                                 kMessageLoss,
                                 kPoisonJob,
                                 kBurst,
                                 kCheckpoint,
                                 kVariant,
                                 kSynthetic,
                                 kTraceJobs,
                                 kTrace,
                                 kColumns,
                                 kTerm,
                                 kUnits,
                                 kEstimate,
                                 kCycle,
                                 kArrivals,
                                 kPoisson,
                                 kRegular,
                                 kRenewal,
                                 kMmpp,
                                 kState,
                                 kAtOnce,
                                 kLublin,
                                 kDistribution,
                                 kExponential,
                                 kDeterministic,
                                 kUniform,
                                 kLognormal,
                                 kWeibull,
                                 kHyperexponential,
                                 kBoundedPareto,
                                 kEmpirical,
                                 kPostgres,
                                 kRedisOutage,
                                 kRedisSlow,
                                 kDatabaseSlow,
                                 kWorkerPause,
                                 kWorkerSlow,
                                 kRedisFlush,
                                 kRedisRestart,
                                 kCounterEviction,
                                 kWorkerKeyEviction,
                                 kDatabaseOutage,
                                 kCounterUpdateLoss,
                                 kCounterUpdateRepeat,
                                 kCommitAbort,
                                 kCommitInDoubt,
                                 kLimits,
                                 kBaseShare,
                                 kRequests,
                                 kPeriodic,
                                 kBeatDown,
                                 kSchedulerCrash,
                                 kSchedulerPause,
                                 kSchedulerCut,
                                 kWorkerStop,
                                 kWorkerCut,
                                 kMessageDelay,
                                 kMessageRepeat,
                                 kClockSkew,
                                 kRedisFailover};

}  // namespace drydock::scenarios::keys

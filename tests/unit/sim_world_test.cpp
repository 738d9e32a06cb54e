#include "policies/core/rng.hpp"
#include "sim/result_wire.hpp"
#include "sim/world.hpp"
#include "tests/unit/sim_support.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

namespace drydock::sim::sim_world_test {
namespace {

using reports::RunResult;
using scenarios::Scenario;

RunResult simulate(const Scenario& scenario, WorldOptions options = {}, std::uint64_t seed = 1) {
  options.check = true;
  const std::string bytes = in_child([&] {
    SimGridEngine engine(scenario);
    return encode_result(World(scenario, seed, options, engine).run());
  });
  RunResult result = decode_result(bytes).value();
  if (!result.violations.empty()) ADD_FAILURE() << result.violations.front().what;
  return result;
}

double metric(const RunResult& result, const std::string& name) {
  const auto found = result.metrics.find(name);
  if (found == result.metrics.end()) {
    ADD_FAILURE() << "no metric " << name << (result.error ? ": " + *result.error : "");
    return -1;
  }
  return found->second;
}

double makespan(const RunResult& result) { return metric(result, "makespan_s"); }

scenarios::HostGroup nodes(std::uint32_t count, std::uint32_t cpus = 1, double speed = 1.0) {
  return {.name = "node", .count = count, .cpus = cpus, .speed = speed};
}

JobSpec keeping(OnInterrupt on_failure) {
  JobSpec shape;
  shape.on_failure = on_failure;
  shape.on_preemption = on_failure;
  return shape;
}

// --- running ---

TEST(World, RunsJobsInTurn) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}, {4s, 5s}, {30s, 1s}})};
  const RunResult result = simulate(scenario);
  EXPECT_FALSE(result.error) << *result.error;
  EXPECT_DOUBLE_EQ(makespan(result), 31);
  EXPECT_DOUBLE_EQ(metric(result, "jobs_completed"), 3);
  EXPECT_DOUBLE_EQ(metric(result, "wait_s.mean"), 2);
  EXPECT_DOUBLE_EQ(metric(result, "utilization"), 16.0 / 31);
}

TEST(World, AGangEndsWithItsSlowestTask) {
  Scenario scenario = scenario_on({nodes(2, 2), {.name = "slow", .count = 1, .cpus = 1, .speed = 0.5}});
  scenario.workload = {jobs_of({{0s, 10s, 5}, {1s, 10s, 1}})};
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 30);
  EXPECT_DOUBLE_EQ(metric(result, "wait_s.max"), 19);
}

TEST(World, SharesTheCoresOfUnlimitedWorkers) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.pools[0].processor_sharing = true;
  scenario.workload = {jobs_of({{0s, 10s}, {0s, 10s}, {5s, 1s}})};
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 21);
  EXPECT_DOUBLE_EQ(metric(result, "response_s.mean"), (21 + 21 + 3) / 3.0);
  EXPECT_DOUBLE_EQ(metric(result, "utilization"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "wait_s.max"), 0);
}

TEST(World, EndsAtTheDurationOfTheScenario) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.hosts[0].cost_per_hour = 36;
  scenario.workload = {jobs_of({{0s, 10s}, {0s, 100s}})};
  scenario.duration = 50s;
  const RunResult result = simulate(scenario);
  EXPECT_FALSE(result.error) << *result.error;
  EXPECT_DOUBLE_EQ(metric(result, "jobs_completed"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "utilization"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "cost_usd"), 0.5);
  scenario.duration = 1000s;
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "utilization"), 0.11);
}

TEST(World, PreemptsAndKeepsWhatTheJobSays) {
  for (const auto& [keep, expected] : std::map<OnInterrupt, double>{{OnInterrupt::resume, 13}, {OnInterrupt::restart, 17}}) {
    Scenario scenario = scenario_on({nodes(1)});
    scenario.scheduler.placement = configure(*find_policy(PolicyFamily::placement, "srpt"));
    scenario.workload = {jobs_of({{0s, 10s}, {4s, 3s}}, keeping(keep))};
    const RunResult result = simulate(scenario);
    EXPECT_DOUBLE_EQ(makespan(result), expected);
    EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), keep == OnInterrupt::resume ? 0 : 4);
  }
}

// --- data ---

Scenario with_network(std::uint32_t hosts) {
  Scenario scenario = scenario_on({nodes(hosts, 2)});
  scenario.network = {.latency = 1ms, .bandwidth_bytes_per_s = 1e9};
  return scenario;
}

JobSpec moving(std::int64_t in, std::int64_t out) {
  JobSpec shape;
  shape.input_bytes = in;
  shape.output_bytes = out;
  return shape;
}

TEST(World, MovesInputBeforeAndOutputAfter) {
  Scenario scenario = with_network(1);
  scenario.workload = {jobs_of({{0s, 10s}}, moving(1'000'000'000, 500'000'000))};
  EXPECT_NEAR(makespan(simulate(scenario)), 1.002 + 10 + 0.502, 1e-6);
}

TEST(World, TheSitesLinkIsShared) {
  Scenario scenario = with_network(2);
  scenario.workload = {jobs_of({{0s, 10s, 2}, {0s, 20s, 2}}, moving(1'000'000'000, 0))};
  EXPECT_NEAR(makespan(simulate(scenario)), 2.002 + 20, 1e-6);
}

TEST(World, AGangsInputIsSplitByTasks) {
  // 3 tasks: 2 and 1. Alone each part has the site's link to share: both end with the last byte.
  Scenario scenario = with_network(2);
  scenario.workload = {jobs_of({{0s, 10s, 3}}, moving(900'000'000, 0))};
  EXPECT_NEAR(makespan(simulate(scenario)), 0.902 + 10, 1e-6);
}

TEST(World, ACrashBreaksTransfersOff) {
  Scenario scenario = with_network(1);
  scenario.workload = {jobs_of({{0s, 10s}}, moving(1'000'000'000, 1'000'000'000))};
  scenario.faults = {crash_once("node", 500ms, 1s)};
  EXPECT_NEAR(makespan(simulate(scenario)), 1.5 + 1.002 + 10 + 1.002, 1e-6);
  scenario.faults = {crash_once("node", 11s + 500ms, 1s)};  // while the output moves: all is lost
  EXPECT_NEAR(makespan(simulate(scenario)), 12.5 + 1.002 + 10 + 1.002, 1e-6);
  scenario.duration = 500ms;  // in the middle of a transfer
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "jobs_completed"), 0);
}

// --- deaths ---

TEST(World, AfterACrashTheJobKeepsWhatItSays) {
  const auto ends_at = [](OnInterrupt keep) {
    Scenario scenario = scenario_on({nodes(1)});
    scenario.workload = {jobs_of({{0s, 10s}}, keeping(keep))};
    scenario.faults = {crash_once("node", 5s + 500ms, 10s)};
    scenario.checkpoint = {.interval = 2s, .cost = 1s, .restart = 3s};
    return makespan(simulate(scenario));
  };
  EXPECT_DOUBLE_EQ(ends_at(OnInterrupt::restart), 25.5);
  EXPECT_DOUBLE_EQ(ends_at(OnInterrupt::resume), 20);
  // Two seconds are saved (the second checkpoint was being written): 3 s restart, 8 s of work, 3 checkpoints.
  EXPECT_DOUBLE_EQ(ends_at(OnInterrupt::checkpoint), 15.5 + 3 + 8 + 3);
}

TEST(World, SavedCheckpointsOutliveASecondCrash) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}}, keeping(OnInterrupt::checkpoint))};
  scenario.checkpoint = {.interval = 4s, .cost = 1s, .restart = 1s};
  scenario.faults = {crash_once("node", 6s, 1s), crash_once("node", 9s, 1s)};
  // 0-4 work, -5 checkpoint, 6 crash; 7-8 restart, 9 crash (1 s of work lost); 10-11 restart, 4 left + 1 checkpoint + 2.
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 18);
}

TEST(World, CheckpointsOfLaterAttemptsAddUp) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}}, keeping(OnInterrupt::checkpoint))};
  scenario.checkpoint = {.interval = 2s, .cost = 0s, .restart = 0s};
  scenario.faults = {crash_once("node", 5s, 1s), crash_once("node", 9s, 1s)};
  // 4 s are saved at the first crash, 6 s at the second.
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 14);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 2);
}

TEST(World, ALeaseEndsAfterTheLastBeat) {
  const auto detection = [](Duration crash) {
    Scenario scenario = scenario_on({nodes(2)});
    scenario.liveness = ttl(30s, 60s);
    scenario.workload = {jobs_of({{0s, 300s}, {0s, 10s}})};
    scenario.faults = {crash_once("node-0", crash, std::nullopt)};
    const RunResult result = simulate(scenario);
    EXPECT_DOUBLE_EQ(makespan(result), metric(result, "detection_s.max") + seconds(crash) + 300);
    return metric(result, "detection_s.max");
  };
  EXPECT_DOUBLE_EQ(detection(40s), 50);
  EXPECT_DOUBLE_EQ(detection(59s), 31);
  EXPECT_DOUBLE_EQ(detection(60s), 60);  // the beat of that instant arrives
  EXPECT_DOUBLE_EQ(detection(61s), 59);
}

TEST(World, AWorkerThatIsBackBeforeItsLeaseEndsTellsItself) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.liveness = ttl(30s, 60s);
  scenario.workload = {jobs_of({{0s, 100s}})};
  scenario.faults = {crash_once("node", 40s, 5s)};
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 145);
  EXPECT_DOUBLE_EQ(metric(result, "detection_s.max"), 5);
  scenario.faults = {crash_once("node", 40s, 50s)};  // at the very end of the lease
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 190);
  EXPECT_EQ(simulate(scenario).journal_hash, simulate(scenario, {.eager = true}).journal_hash);
}

TEST(World, AGangDiesWithOneMember) {
  Scenario scenario = scenario_on({nodes(2)});
  scenario.liveness = ttl(30s, 60s);
  scenario.workload = {jobs_of({{0s, 100s, 2}})};
  scenario.faults = {crash_once("node-1", 40s, 5s)};
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 145);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 80);  // 40 s on both; nothing after the crash
  EXPECT_DOUBLE_EQ(metric(result, "utilization"), 280.0 / (2 * 145 - 5));
}

TEST(World, AnOrderToADeadWorkerIsLost) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.liveness = ttl(30s, 60s);
  scenario.workload = {jobs_of({{45s, 10s}})};
  scenario.faults = {crash_once("node", 40s, 100s)};
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(makespan(result), 150);
  EXPECT_DOUBLE_EQ(metric(result, "wait_s.max"), 95);  // the lost order gave it nothing
}

TEST(World, OverlappingCrashesOfOneHostAreOneOutage) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}})};
  scenario.faults = {crash_once("node", 5s, 10s), crash_once("node", 8s, 20s), crash_once("", 12s, 1s)};
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 38);
  scenario.faults = {crash_once("node", 5s, 10s), crash_once("node", 15s, 5s)};  // repaired and broken at one instant
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 30);
  scenario.faults = {crash_once("node", 10s, 5s)};  // ends at the instant of the crash
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 10);
  scenario.faults = {crash_once("node", 0s, 5s)};
  EXPECT_DOUBLE_EQ(makespan(simulate(scenario)), 15);
}

TEST(World, ALeaseShorterThanTheIntervalExpiresFalsely) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.liveness = ttl(10s, 4s);
  scenario.workload = {jobs_of({{1s, 2s}, {12s, 5s}})};
  scenario.duration = 58s;
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(metric(result, "jobs_completed"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "false_expiries"), 6);
  EXPECT_EQ(result.journal_hash, simulate(scenario, {.eager = true}).journal_hash);
}

Scenario crashing_fleet() {
  Scenario scenario = scenario_on({nodes(20, 2), {.name = "fast", .count = 5, .cpus = 4, .speed = 1.5}});
  scenario.liveness = ttl(30s, 70s);
  JobSpec shape = keeping(OnInterrupt::restart);
  shape.per_task = make_resources({.cpus_milli = 1000});
  shape.tasks = 2;
  scenario.workload = {scenarios::SyntheticSource{.name = "jobs",
                                                  .count = 3000,
                                                  .arrivals = scenarios::PoissonArrivals{0.05},
                                                  .cycle = {},
                                                  .duration = scenarios::Exponential{300},
                                                  .tasks = {},
                                                  .estimate_factor = {},
                                                  .shape = shape}};
  using Repeated = scenarios::WorkerCrash::Repeated;
  scenario.faults = {
      scenarios::WorkerCrash{.target = "", .when = Repeated{scenarios::Exponential{4000}, scenarios::Exponential{100}}},
      scenarios::WorkerCrash{.target = "fast",
                             .when = Repeated{scenarios::Deterministic{1000}, scenarios::Deterministic{60}}}};
  return scenario;
}

TEST(World, LazyAndEagerHeartbeatsGiveTheSameJournal) {
  const Scenario scenario = crashing_fleet();
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunResult lazy = simulate(scenario, {}, seed);
    const RunResult eager = simulate(scenario, {.eager = true}, seed);
    EXPECT_FALSE(lazy.error) << *lazy.error;
    EXPECT_EQ(lazy.journal_hash, eager.journal_hash) << "seed " << seed;
    EXPECT_EQ(lazy.steps, eager.steps);
    EXPECT_EQ(lazy.metrics, eager.metrics);
    EXPECT_GT(metric(lazy, "detection_s.mean"), 35);
    EXPECT_DOUBLE_EQ(metric(lazy, "jobs_completed"), 3000);
    hashes.insert(lazy.journal_hash);
  }
  EXPECT_EQ(hashes.size(), 6U);
}

// --- the store ---

class Misbehaving final : public StoreBehaviour {
 public:
  explicit Misbehaving(std::uint64_t seed) : rng_(seed, "store") {}
  CommitFate commit(const Commit& /*commit*/, Time /*now*/) override {
    CommitFate fate;
    const std::uint64_t what = rng_.below(10);
    if (what < 2) fate.answer = Answer::failed;
    if (what == 2 || what == 3) fate = {.answer = Answer::unknown, .applied = what == 2};
    if (rng_.below(2) == 0) fate.delay = Duration{static_cast<std::int64_t>(rng_.below(3'000'000'000))};
    return fate;
  }
  ReadFate read(const ReadBatch& /*read*/, Time /*now*/) override {
    const std::uint64_t what = rng_.below(10);
    return {.answer = what == 0   ? Answer::failed
                      : what == 1 ? Answer::unknown
                                  : Answer::done,
            .delay = Duration{static_cast<std::int64_t>(rng_.below(2) * rng_.below(1'000'000'000))}};
  }

 private:
  Rng rng_;
};

class Fixed final : public StoreBehaviour {
 public:
  explicit Fixed(std::vector<CommitFate> fates) : fates_(std::move(fates)) {}
  CommitFate commit(const Commit& /*commit*/, Time /*now*/) override {
    return next_ < fates_.size() ? fates_[next_++] : CommitFate{};
  }
  ReadFate read(const ReadBatch& /*read*/, Time /*now*/) override { return {}; }

 private:
  std::vector<CommitFate> fates_;
  std::size_t next_ = 0;
};

TEST(World, AStoreMayDelayFailOrLoseItsAnswers) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}})};
  scenario.scheduler.store_retry = 3s;
  const auto starts_after = [&](const CommitFate& first) {
    Fixed store({first});
    return metric(simulate(scenario, {.store = &store}), "wait_s.max");
  };
  EXPECT_DOUBLE_EQ(starts_after({}), 0);
  EXPECT_DOUBLE_EQ(starts_after({.delay = 250ms}), 0.25);
  EXPECT_DOUBLE_EQ(starts_after({.answer = Answer::failed}), 3);
  EXPECT_DOUBLE_EQ(starts_after({.answer = Answer::unknown, .applied = true}), 0);
  EXPECT_DOUBLE_EQ(starts_after({.answer = Answer::unknown, .applied = false, .delay = 1s}), 1);
}

TEST(World, NothingIsLostWhateverTheStoreDoes) {
  Scenario scenario = crashing_fleet();
  std::get<scenarios::SyntheticSource>(scenario.workload[0]).count = 500;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Misbehaving store(seed);
    const RunResult result = simulate(scenario, {.store = &store}, seed);
    EXPECT_FALSE(result.error) << *result.error;
    EXPECT_DOUBLE_EQ(metric(result, "jobs_completed"), 500);
  }
}

// --- runs that cannot go on ---

TEST(World, SaysWhenJobsCanNeverRun) {
  Scenario scenario = scenario_on({nodes(1)});
  scenario.workload = {jobs_of({{0s, 10s}, {0s, 10s}})};
  scenario.faults = {crash_once("node", 15s, std::nullopt)};
  for (const bool oracle : {true, false}) {
    if (!oracle) scenario.liveness = ttl(30s, 60s);
    const RunResult result = simulate(scenario);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(*result.error, "1 job can never run: nothing runs, no job will arrive and no worker will come back at " +
                                 std::string(oracle ? "15" : "60") + " s (1 host is down for ever); the first is job 1");
    EXPECT_DOUBLE_EQ(metric(result, "jobs_completed"), 1);
  }
  scenario.faults.clear();
  scenario.workload = {jobs_of({{0s, 10s, 2}})};  // more tasks than there are cores
  EXPECT_TRUE(simulate(scenario).error);
  scenario.scheduler.control_plane = {.trigger = PassTrigger::cycle, .period = 5s};
  EXPECT_TRUE(simulate(scenario).error);
}

constexpr Duration kCentury = std::chrono::hours{24 * 36500};

// With the end of time in sight, and the number of the job that would end behind it.
std::map<std::string, std::pair<Scenario, int>> endless_scenarios() {
  std::map<std::string, std::pair<Scenario, int>> all;
  const auto add = [&](const std::string& name, int job, const scenarios::Source& source) -> Scenario& {
    auto& [scenario, named] = all[name];
    scenario = scenario_on({nodes(1)});
    scenario.workload = {source};
    named = job;
    return scenario;
  };
  add("three in a row", 2, jobs_of({{0s, kCentury}, {0s, kCentury}, {0s, kCentury}, {0s, 1s}}));
  add("a slow host", 0, jobs_of({{0s, 240h}})).hosts[0].speed = 1e-6;
  add("checkpoints", 0, jobs_of({{0s, 1h}}, keeping(OnInterrupt::checkpoint))).checkpoint = {.interval = 1us, .cost = 10s};
  add("shared cores", 0, jobs_of({{0s, kCentury}, {0s, kCentury}, {0s, kCentury}})).pools[0].processor_sharing = true;
  add("data", 0, jobs_of({{0s, 1s}}, moving(10'000'000'000, 0))).network = {.latency = 1s, .bandwidth_bytes_per_s = 1};
  add("crashes", 0, jobs_of({{0s, 1s}}, keeping(OnInterrupt::restart))).faults = {scenarios::WorkerCrash{
      .target = "",
      .when =
          scenarios::WorkerCrash::Repeated{.up = scenarios::Deterministic{1e-3}, .down = scenarios::Deterministic{1e5}}}};
  return all;
}

TEST(World, SaysWhichJobWouldEndBehindTheEndOfTime) {
  for (auto& [name, endless] : endless_scenarios()) {
    auto& [scenario, job] = endless;
    EXPECT_EQ(simulate(scenario).error.value_or("no error"),
              "job " + std::to_string(job) + " would end later than 290 years after the start, the longest time a run can " +
                  "have: shorten it or give the scenario a \"duration\"")
        << name;
    scenario.duration = kCentury;
    const RunResult bounded = simulate(scenario);
    EXPECT_FALSE(bounded.error) << name << ": " << *bounded.error;
    EXPECT_LE(metric(bounded, "jobs_completed"), 1) << name;
  }
}

TEST(World, CountsMoreWasteThanOneDurationHolds) {
  Scenario scenario = scenario_on({nodes(1, 8)});
  scenario.workload = {jobs_of({{0s, kCentury, 8}}, keeping(OnInterrupt::restart))};
  scenario.faults = {crash_once("node", kCentury / 2, 1s)};
  EXPECT_NEAR(metric(simulate(scenario), "wasted_cpu_s"), 8 * seconds(kCentury) / 2, 1);
}

TEST(World, StopsWhenToldTo) {
  Scenario scenario = crashing_fleet();
  const std::atomic<bool> stop{true};
  const RunResult result = simulate(scenario, {.stop = &stop});
  EXPECT_TRUE(result.partial);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(metric(result, "jobs_completed"), 0);
  EXPECT_EQ(result.steps, 0U);  // not even one instant, which may be long
}

}  // namespace
}  // namespace drydock::sim::sim_world_test

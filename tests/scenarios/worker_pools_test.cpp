// What scenarios/worker-pools.json is there to show (source system B).
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::scenarios::worker_pools_test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr double kHour = 3600;

Scenario variant(const std::string& name, const std::vector<std::string>& sets = {}) {
  const auto loaded = load(DRYDOCK_SOURCE_DIR "/scenarios/worker-pools.json", {.sets = sets});
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  const auto found = std::ranges::find(loaded.value(), name, &Scenario::variant);
  EXPECT_NE(found, loaded.value().end()) << name;
  return *found;
}

// Nothing but the first training, of three hours, and the metrics task of every minute.
Scenario first_morning(const std::string& name, Duration duration, CatchUp catch_up = CatchUp::all) {
  Scenario scenario = variant(name);
  scenario.workload.resize(1);
  scenario.periodic.resize(1);
  EXPECT_EQ(std::get<SyntheticSource>(scenario.workload.front()).name, "first-training");
  EXPECT_EQ(scenario.periodic.front().schedule.name, "update_job_metrics");
  scenario.periodic.front().schedule.catch_up = catch_up;
  scenario.duration = duration;
  return scenario;
}

using Figures = std::map<std::string, double>;

std::vector<Figures> run(const Scenario& scenario, std::uint64_t runs = 1) {
  sim::RunOptions options;
  options.check = true;
  std::vector<sim::RunRequest> requests;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) requests.push_back({&scenario, seed, options});
  const std::atomic<bool> stop{false};
  std::vector<Figures> figures;
  for (const auto& result : sim::run_all(requests, 2, stop, {})) {
    EXPECT_FALSE(result.error) << *result.error;
    EXPECT_EQ(result.violation_count, 0U);
    figures.push_back(result.metrics);
  }
  return figures;
}

double largest(const std::vector<Figures>& runs, const std::string& metric) {
  double most = 0;
  for (const Figures& figures : runs) most = std::max(most, figures.at(metric));
  return most;
}
double least(const std::vector<Figures>& runs, const std::string& metric) {
  double least = 1e18;
  for (const Figures& figures : runs) least = std::min(least, figures.at(metric));
  return least;
}

TEST(WorkerPools, BeforeTheFirstMetricsTaskWaitsForTheTrainingAnd180PileUp) {
  // One second after the training's end the first of them runs, and 179 wait.
  const Figures at_its_end = run(first_morning("before", hours{3} + seconds{1})).front();
  EXPECT_EQ(at_its_end.at("per_queue.maintenance.jobs_unfinished"), 180);
  EXPECT_EQ(at_its_end.at("periodic_delay_s.max"), 3 * kHour - 60);
  // Until these have run, some 16 minutes, as many more come; the mean of them all is near the half.
  const Figures later = run(first_morning("before", hours{3} + minutes{20})).front();
  EXPECT_NEAR(later.at("periodic_delay_s.mean"), 1.5 * kHour, 0.2 * kHour);
  EXPECT_EQ(later.at("periodic_missed"), 0);
}

TEST(WorkerPools, CatchingUpTheLatestOnlyNothingPilesUp) {
  const Figures figures = run(first_morning("before", hours{3} + seconds{1}, CatchUp::latest)).front();
  EXPECT_EQ(figures.at("per_queue.maintenance.jobs_unfinished"), 2) << "the first, which runs, and the latest";
  EXPECT_EQ(figures.at("periodic_missed"), 178);
}

TEST(WorkerPools, AfterAMetricsTaskRespondsInUnderTenSeconds) {
  const Figures figures = run(first_morning("after", hours{4})).front();
  EXPECT_LT(figures.at("per_queue.maintenance.response_s.max"), 10);
  EXPECT_EQ(figures.at("jobs_unfinished"), 0);
}

TEST(WorkerPools, OverTwoWeeksShortTasksWaitBeforeAndDoNotAfter) {
  const auto before = run(variant("before"), 3);
  const auto after = run(variant("after"), 3);
  EXPECT_GT(least(before, "per_queue.evaluation.wait_s.max"), 3 * kHour);
  EXPECT_GT(least(before, "periodic_delay_s.max"), 3 * kHour - 60);
  EXPECT_LT(largest(after, "per_queue.evaluation.wait_s.p99"), 10);
  EXPECT_LT(largest(after, "periodic_delay_s.p99"), 10);
  EXPECT_EQ(largest(after, "periodic_missed"), 0);
}

TEST(WorkerPools, FourSlotsPutTwoTrainingsOnTheSameGpusAndAPoolOfOneDoesNot) {
  const auto before = run(variant("before"), 3);
  const auto four = run(variant("before-4"), 3);
  const auto after = run(variant("after"), 3);
  EXPECT_GT(largest(four, "gpu_conflict_s"), kHour);
  EXPECT_EQ(largest(before, "gpu_conflict_s"), 0);
  EXPECT_EQ(largest(after, "gpu_conflict_s"), 0) << "trainings are serial";
  EXPECT_EQ(largest(after, "overcommitted_cpu_s"), 0);
}

TEST(WorkerPools, WhoSharesCleverlyKeepsGpusExclusiveToo) {
  for (const char* name : {"shared", "priority", "borrowing", "weighted-fair"}) {
    const Scenario scenario = variant(name);
    for (const PoolConfig& pool : scenario.scheduler.pools) {
      // What has no GPUs leaves the trainings out.
      EXPECT_EQ(pool.queues.size(), pool.name == "training" ? 5U : 4U) << name;
    }
    const auto runs = run(scenario, 2);
    EXPECT_LT(largest(runs, "per_queue.evaluation.wait_s.p95"), kHour) << name;
  }
}

TEST(WorkerPools, ADownBeatCatchesUpAllOrTheLatest) {
  const std::vector<std::string> down{R"(/faults=[{"type": "beat-down", "at": "90s", "for": "30m"}])"};
  for (const CatchUp catch_up : {CatchUp::all, CatchUp::latest}) {
    Scenario scenario = first_morning("after", hours{1}, catch_up);
    scenario.faults = variant("after", down).faults;
    const Figures figures = run(scenario).front();
    // Due at minutes 2 to 31, back at 31.5.
    const bool all = catch_up == CatchUp::all;
    EXPECT_EQ(figures.at("periodic_missed"), all ? 0 : 29);
    EXPECT_GE(figures.at("periodic_delay_s.max"), all ? 29.5 * 60 : 30);
    EXPECT_LT(figures.at("periodic_delay_s.max"), all ? 31 * 60 : 40);
    EXPECT_EQ(figures.at("per_queue.maintenance.jobs_submitted"), all ? 59 : 30);
  }
}

}  // namespace
}  // namespace drydock::scenarios::worker_pools_test

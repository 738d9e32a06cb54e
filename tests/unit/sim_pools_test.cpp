// What workers of a pool are like in the simulation: slots without looking at resources, children that are replaced, jobs taken
// ahead, GPUs as they are really used.
#include "scenarios/loader.hpp"
#include "sim/children.hpp"
#include "sim/gpus.hpp"
#include "sim/run.hpp"

#include <atomic>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace drydock::sim::sim_pools_test {
namespace {

using std::chrono::seconds;

Time at(int s) { return kTimeZero + seconds{s}; }

WorkerFacts worker(std::int64_t slots, std::uint64_t most_tasks) {
  return {.host = 0,
          .spec = {.pool = {}, .capacity = make_resources({1000, 0, 0, slots})},
          .max_tasks_per_child = most_tasks,
          .child_restart = seconds{10}};
}

TEST(Children, AreReplacedAfterTheirTasks) {
  const std::vector<WorkerFacts> workers{worker(1, 2), worker(1, 0)};
  Children children(workers);
  const WorkerId first{0};
  for (int task = 0; task < 2; ++task) {
    EXPECT_EQ(children.take(first, 0, 1, at(task)), seconds{0});
    children.give_back(first, 0, at(task + 1));
  }
  EXPECT_EQ(children.take(first, 0, 1, at(5)), seconds{7}) << "ready at 12";
  children.give_back(first, 0, at(20));
  EXPECT_EQ(children.take(first, 0, 1, at(20)), seconds{0}) << "the new one has done one task";
  children.give_back(first, 0, at(21));
  children.renew(first);
  EXPECT_EQ(children.take(first, 0, 1, at(22)), seconds{0}) << "a new worker has new children";
  EXPECT_EQ(children.take(WorkerId{1}, 1, 5, at(22)), seconds{0}) << "not counted there";
}

TEST(Children, TheOneThatIsReadyFirstIsTakenFirst) {
  const std::vector<WorkerFacts> workers{worker(2, 1)};
  Children children(workers);
  (void)children.take(WorkerId{0}, 0, 2, at(0));
  children.give_back(WorkerId{0}, 0, at(0));  // both ready at 10
  EXPECT_EQ(children.take(WorkerId{0}, 0, 1, at(4)), seconds{6});
  children.give_back(WorkerId{0}, 0, at(15));  // at 25
  EXPECT_EQ(children.take(WorkerId{0}, 1, 1, at(16)), seconds{0});
  EXPECT_EQ(children.take(WorkerId{0}, 2, 1, at(16)), seconds{9});
}

TEST(Gpus, HaveTwoUsersOnlyWhereThereIsNoOtherWay) {
  const std::vector<HostFacts> hosts{{.gpus = 4, .workers = {}}};
  Gpus gpus(hosts);
  EXPECT_EQ(gpus.take(0, 0, {.tasks = 1, .each = 2}), 0);
  EXPECT_EQ(gpus.take(0, 1, {.tasks = 1, .each = 2}), 0);
  EXPECT_EQ(gpus.take(0, 2, {.tasks = 1, .each = 3}), 3);
  EXPECT_EQ(gpus.take(0, 3, {.tasks = 1, .each = 2}), 1) << "the one with one user, and one that has two already";
  EXPECT_EQ(gpus.give_back(0, 2) + gpus.give_back(0, 3), -4);
  EXPECT_EQ(gpus.give_back(0, 7), 0);
  EXPECT_EQ(gpus.take(0, 2, {.tasks = 2, .each = 9}), 4) << "no more than there are";
}

std::map<std::string, double> run(const std::string& text) {
  const auto loaded = scenarios::load_text(text, "test.json", "", {});
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  RunOptions options;
  options.check = true;
  const RunRequest request{&loaded.value().front(), 1, options};
  const std::atomic<bool> stop{false};
  const auto results = run_all({&request, 1}, 1, stop, {});
  EXPECT_FALSE(results.front().error) << *results.front().error;
  EXPECT_EQ(results.front().violation_count, 0U);
  return results.front().metrics;
}

std::string one_host(const std::string& pool, const std::string& job) {
  return fmt::format(R"({{"cluster": {{"hosts": [{{"name": "h", "cpus": 2, "gpus": 2}}]}},
    "pools": [{{"name": "p", {}}}],
    "workload": [{{"count": 3, "arrivals": {{"at-once": {{"at": "0s"}}}}, {}}}]}})",
                     pool, job);
}

TEST(Pools, ATaskWaitsForItsChild) {
  const auto m =
      run(one_host(R"("slots_per_worker": 1, "max_tasks_per_child": 1, "child_restart": "10s")", R"("duration": "5s")"));
  EXPECT_EQ(m.at("wait_s.max"), 30);
  EXPECT_EQ(m.at("makespan_s"), 35);
  EXPECT_FALSE(m.contains("gpu_conflict_s")) << "nothing can conflict there";
}

TEST(Pools, BySlotsAloneGpusConflictAndCoresAreOvercommitted) {
  const std::string job = R"("duration": "10s", "cpus": 2, "gpus": 2)";
  const auto slots = run(one_host(R"("slots_per_worker": 3, "admission": "slots")", job));
  EXPECT_EQ(slots.at("makespan_s"), 30) << "three share the cores of one";
  EXPECT_EQ(slots.at("gpu_conflict_s"), 2 * 30);
  EXPECT_EQ(slots.at("overcommitted_cpu_s"), 4 * 30);
  EXPECT_EQ(slots.at("utilization"), 1);
  const auto resources = run(one_host(R"("slots_per_worker": 3)", job));
  EXPECT_EQ(resources.at("makespan_s"), 30) << "one after the other";
  EXPECT_EQ(resources.at("wait_s.max"), 20);
}

TEST(Pools, TwoOnOneHostAreSeenToConflict) {
  const auto m = run(R"({"cluster": {"hosts": [{"name": "h", "cpus": 4, "gpus": 1}]},
    "queues": [{"name": "a"}, {"name": "b"}],
    "pools": [{"name": "pa", "queues": ["a"]}, {"name": "pb", "queues": ["b"]}],
    "workload": [{"queue": "a", "count": 1, "arrivals": {"at-once": {"at": "0s"}}, "duration": "10s", "gpus": 1},
                 {"queue": "b", "count": 1, "arrivals": {"at-once": {"at": "4s"}}, "duration": "10s", "gpus": 1}]})");
  EXPECT_EQ(m.at("gpu_conflict_s"), 6);
  EXPECT_EQ(m.at("overcommitted_cpu_s"), 0);
}

// Two workers. One takes a long job, the other a short one; the next two go to one each. Ahead, one is stuck behind the long.
TEST(Pools, WhatAWorkerHasTakenAheadNobodyElseRuns) {
  const auto with = [](int prefetch) {
    return run(fmt::format(R"({{"cluster": {{"hosts": [{{"name": "h", "count": 2}}]}},
      "pools": [{{"name": "p", "slots_per_worker": 1, "admission": "slots", "prefetch": {}}}],
      "workload": [{{"count": 1, "arrivals": {{"at-once": {{"at": "0s"}}}}, "duration": "100s"}},
                   {{"count": 1, "arrivals": {{"at-once": {{"at": "0s"}}}}, "duration": "10s"}},
                   {{"count": 2, "arrivals": {{"at-once": {{"at": "1s"}}}}, "duration": "10s"}}]}})",
                           prefetch));
  };
  EXPECT_EQ(with(0).at("wait_s.max"), 19);
  EXPECT_EQ(with(1).at("wait_s.max"), 99);
  EXPECT_EQ(with(1).at("makespan_s"), 110);
}

TEST(Pools, WhatADeadWorkerHadTakenGoesToOthers) {
  const auto m = run(R"({"cluster": {"hosts": [{"name": "h", "count": 2}]},
    "pools": [{"name": "p", "slots_per_worker": 1, "admission": "slots", "prefetch": 4}],
    "workload": [{"count": 6, "arrivals": {"at-once": {"at": "0s"}}, "duration": "10s"}],
    "faults": [{"type": "worker-crash", "target": "h-0", "at": "5s"}]})");
  EXPECT_EQ(m.at("jobs_completed"), 6);
  EXPECT_EQ(m.at("makespan_s"), 60);
}

}  // namespace
}  // namespace drydock::sim::sim_pools_test

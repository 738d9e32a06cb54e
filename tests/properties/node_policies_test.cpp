// Which workers each policy takes, and EASY and JSQ where workers and demands differ: start by start and worker by worker
// against brute force.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/properties/node_reference.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace drydock::properties::node_policies_test {
namespace {

constexpr std::int64_t kUnit = 1'000'000'000;  // ns in the references' unit of time

struct Workload {
  std::vector<Needs> workers;
  std::vector<NodeJob> jobs;
};

Workload random_workload(std::uint64_t seed, bool exact) {
  Rng rng(seed, "node workload");
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  Workload workload;
  for (std::int64_t w = between(1, 7); w > 0; --w)
    workload.workers.push_back({between(0, 9), between(2, 12), between(0, 2), 1'000});
  const std::int64_t gap = between(0, 5);
  std::int64_t submit = 0;
  for (std::int64_t count = between(1, 60); count > 0; --count) {
    NodeJob job;
    submit += between(0, gap);
    job.submit = submit;
    job.run = between(1, 25);
    job.estimate = exact || between(0, 1) == 0 ? job.run : between(1, 40);
    job.tasks = between(1, between(1, 6));
    job.per_task = {between(0, 5), between(0, 5), between(0, 4) == 0 ? 1 : 0, 1};
    workload.jobs.push_back(job);
  }
  return workload;
}

Workload single_jobs(Rng& rng, std::size_t workers) {
  Workload w;
  w.workers.assign(workers, {1, 10, 0, 1'000});
  std::int64_t submit = 0;
  for (std::uint64_t count = 1 + rng.below(80); count > 0; --count) {
    submit += static_cast<std::int64_t>(rng.below(4));
    const auto run = 1 + static_cast<std::int64_t>(rng.below(10));
    w.jobs.push_back({submit, run, run, 1, {1, 0, 0, 1}});
  }
  return w;
}

std::vector<WorkerSpec> workers_of(const Workload& workload) {
  std::vector<WorkerSpec> workers;
  for (const Needs& w : workload.workers)
    workers.push_back({PoolId{0}, make_resources({1'000 * w[0], w[1], w[2], w[3]}), 1.0});
  return workers;
}

std::vector<IdealJob> jobs_of(const Workload& workload) {
  std::vector<IdealJob> jobs;
  for (const NodeJob& plain : workload.jobs) {
    IdealJob job;
    job.spec.id = JobId{jobs.size()};
    job.spec.tasks = static_cast<std::uint32_t>(plain.tasks);
    job.spec.per_task = make_resources({1'000 * plain.per_task[0], plain.per_task[1], plain.per_task[2], plain.per_task[3]});
    job.spec.estimate = Duration{plain.estimate * kUnit};
    job.submitted = time_at(plain.submit * kUnit);
    job.duration = Duration{plain.run * kUnit};
    jobs.push_back(job);
  }
  return jobs;
}

void expect_same(const IdealRun& run, const NodeSchedule& expected) {
  ASSERT_EQ(run.halted, "");
  for (std::size_t j = 0; j < expected.starts.size(); ++j) {
    const std::int64_t start = run.starts[j] == kNever ? -1 : nanos(run.starts[j]) / kUnit;
    ASSERT_EQ(start, expected.starts[j]) << "start of job " << j;
    NodePlacement placement(expected.placements[j].size());
    for (const Placement& p : run.placements[j]) placement[index(p.worker)] += p.tasks;
    ASSERT_EQ(placement, expected.placements[j]) << "tasks of job " << j << " by worker";
  }
}

constexpr std::array kFits{NodeFit::first, NodeFit::best, NodeFit::worst, NodeFit::dot};
constexpr std::array kFitNames{"first", "best", "worst", "dot"};
constexpr std::array kFitPolicies{"first-fit", "best-fit", "worst-fit", "dot-product"};

TEST(NodePolicies, TakeTheWorkersThatTheirFitSays) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, seed % 2 == 0);
    for (std::size_t f = 0; f < kFits.size(); ++f) {
      SCOPED_TRACE(kFitNames[f]);
      const NodeSchedule expected = node_schedule(w.jobs, w.workers, kFits[f], false);
      expect_same(run_ideally(policy(kFitPolicies[f]), workers_of(w), jobs_of(w)), expected);
      expect_same(run_ideally(policy("fcfs", {{"fit", std::string(kFitNames[f])}}), workers_of(w), jobs_of(w)), expected);
    }
  });
}

TEST(NodePolicies, EasyCountsWorkerByWorkerAndKeepsItsPromise) {
  for_each_seed(400, "", [](std::uint64_t seed) {
    const bool exact = seed % 2 == 0;
    const Workload w = random_workload(seed, exact);
    for (std::size_t f = 0; f < kFits.size(); ++f) {
      SCOPED_TRACE(kFitNames[f]);
      const NodeSchedule expected = node_schedule(w.jobs, w.workers, kFits[f], true);
      expect_same(run_ideally(policy("easy", {{"fit", std::string(kFitNames[f])}}), workers_of(w), jobs_of(w)), expected);
      for (std::size_t j = 0; exact && j < w.jobs.size(); ++j) EXPECT_LE(expected.starts[j], expected.promised[j]) << j;
    }
  });
}

// Job 0 takes half of the cpus of worker 0. Job 1 fits into the rest, where best fit puts it; there are more on worker 1.
TEST(NodePolicies, DotProductTakesWhatThereIsMuchOf) {
  Workload w;
  w.workers = {{8, 8, 0, 1'000}, {8, 8, 0, 1'000}};
  w.jobs = {{0, 100, 100, 1, {4, 0, 0, 1}}, {1, 100, 100, 1, {4, 1, 0, 1}}};
  for (const auto& [type, worker] : {std::pair("best-fit", 0U), std::pair("dot-product", 1U)}) {
    const IdealRun run = run_ideally(policy(type), workers_of(w), jobs_of(w));
    EXPECT_EQ(index(run.placements[0].front().worker), 0U) << type;
    EXPECT_EQ(index(run.placements[1].front().worker), worker) << type;
  }
}

// Jobs of one task each and workers for one job: the queue of each worker, in order of arrival. Draws as JSQ(d) must: without
// repetition, all workers if d is not below their number.
struct JsqReference {
  JsqReference(std::uint64_t seed, std::int64_t choices, std::size_t workers)
      : rng(seed, "placement"), d(choices), queues(workers) {}

  std::size_t choose() {
    std::vector<std::size_t> drawn;
    if (static_cast<std::size_t>(d) >= queues.size()) {
      for (std::size_t w = 0; w < queues.size(); ++w) drawn.push_back(w);
    }
    while (drawn.size() < std::min(static_cast<std::size_t>(d), queues.size())) {
      const std::size_t w = rng.below(queues.size());
      if (std::ranges::find(drawn, w) == drawn.end()) drawn.push_back(w);
    }
    return *std::ranges::min_element(drawn, {}, [this](std::size_t w) { return queues[w].size(); });
  }

  // The worker and start of each job.
  std::vector<std::pair<std::int64_t, std::size_t>> run(const std::vector<NodeJob>& jobs) {
    std::vector<std::pair<std::int64_t, std::size_t>> result(jobs.size());
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      for (auto& queue : queues) {  // those that end at this instant are gone
        while (!queue.empty() && queue.front() <= jobs[j].submit) queue.pop_front();
      }
      const std::size_t w = choose();
      const std::int64_t start = queues[w].empty() ? jobs[j].submit : queues[w].back();
      queues[w].push_back(start + jobs[j].run);
      result[j] = {start, w};
    }
    return result;
  }

  Rng rng;
  std::int64_t d;
  std::vector<std::deque<std::int64_t>> queues;  // ends of the jobs there
};

TEST(NodePolicies, JsqJoinsTheShortestOfTheQueuesDrawn) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    Rng rng(seed, "jsq");
    const std::int64_t d = 1 + static_cast<std::int64_t>(rng.below(4));
    const std::size_t workers = 1 + rng.below(8);
    const Workload w = single_jobs(rng, workers);
    SchedulerConfig config = one_pool(policy("jsq", {{"d", d}}));
    const IdealRun got = run_ideally(config.placement, workers_of(w), jobs_of(w));
    const auto expected = JsqReference(config.seed, d, workers).run(w.jobs);
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < w.jobs.size(); ++j) {
      ASSERT_EQ(nanos(got.starts[j]) / kUnit, expected[j].first) << "job " << j;
      ASSERT_EQ(index(got.placements[j].front().worker), expected[j].second) << "job " << j;
    }
  });
}

// Whatever differs: all tasks of a job run on one worker, which was able to run it, and each worker serves in order.
TEST(NodePolicies, JsqServesEachWorkersOwnQueueInOrder) {
  for_each_seed(100, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, true);
    const IdealRun got = run_ideally(policy("jsq", {{"d", std::int64_t{2}}}), workers_of(w), jobs_of(w));
    ASSERT_EQ(got.halted, "");
    std::vector<Time> last(w.workers.size());
    for (std::size_t j = 0; j < w.jobs.size(); ++j) {
      const bool can_run = std::ranges::any_of(w.workers, [&](const Needs& room) {
        const NodeJob& job = w.jobs[j];
        return job.per_task[0] * job.tasks <= room[0] && job.per_task[1] * job.tasks <= room[1] &&
               job.per_task[2] * job.tasks <= room[2];
      });
      ASSERT_EQ(got.starts[j] != kNever, can_run) << "job " << j;
      if (!can_run) continue;
      ASSERT_EQ(got.placements[j].size(), 1U);
      Time& before = last[index(got.placements[j].front().worker)];
      EXPECT_LE(before, got.starts[j]) << "job " << j << " overtook";
      before = got.starts[j];
    }
  });
}

// Jobs of one task each and workers for one job: who has been idle for longest gets it, else one drawn at random. Of ends at one moment,
// the job that came first ends first.
struct JiqReference {
  JiqReference(std::uint64_t seed, std::size_t workers) : rng(seed, "placement"), queues(workers) {
    for (std::size_t w = 0; w < workers; ++w) idle.push_back(w);
  }

  void end_until(std::int64_t now) {
    std::vector<std::array<std::int64_t, 3>> ended;  // when, which job, where
    for (std::size_t w = 0; w < queues.size(); ++w) {
      while (!queues[w].empty() && queues[w].front().first <= now) {
        ended.push_back({queues[w].front().first, queues[w].front().second, static_cast<std::int64_t>(w)});
        queues[w].pop_front();
      }
    }
    std::ranges::sort(ended);
    for (const auto& [at, job, where] : ended) {
      const auto w = static_cast<std::size_t>(where);
      // With the last that ended there.
      const bool last = std::ranges::none_of(ended, [&](const auto& other) { return other[2] == where && other[0] > at; });
      if (!last || !queues[w].empty()) continue;
      idle.push_back(w);
    }
  }

  // The worker and start of each job.
  std::vector<std::pair<std::int64_t, std::size_t>> run(const std::vector<NodeJob>& jobs) {
    std::vector<std::pair<std::int64_t, std::size_t>> result(jobs.size());
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      end_until(jobs[j].submit);
      std::size_t w = 0;
      if (idle.empty()) {
        w = queues.size() == 1 ? 0 : rng.below(queues.size());
      } else {
        w = idle.front();
        idle.pop_front();
      }
      const std::int64_t start = queues[w].empty() ? jobs[j].submit : queues[w].back().first;
      queues[w].emplace_back(start + jobs[j].run, static_cast<std::int64_t>(j));
      result[j] = {start, w};
    }
    return result;
  }

  Rng rng;
  std::vector<std::deque<std::pair<std::int64_t, std::int64_t>>> queues;  // ends of the jobs there, and which
  std::deque<std::size_t> idle;
};

TEST(NodePolicies, JiqJoinsWhoHasBeenIdleForLongest) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    Rng rng(seed, "jiq");
    const std::size_t workers = 1 + rng.below(8);
    const Workload w = single_jobs(rng, workers);
    SchedulerConfig config = one_pool(policy("jiq"));
    const IdealRun got = run_ideally(config.placement, workers_of(w), jobs_of(w));
    const auto expected = JiqReference(config.seed, workers).run(w.jobs);
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < w.jobs.size(); ++j) {
      ASSERT_EQ(nanos(got.starts[j]) / kUnit, expected[j].first) << "job " << j;
      ASSERT_EQ(index(got.placements[j].front().worker), expected[j].second) << "job " << j;
    }
  });
}

// Whoever looks everywhere does not stop while a job waits: where one ends, another starts.
TEST(NodePolicies, StealingFromAllLeavesNothingWaitingBesideAnEnd) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    Rng rng(seed, "stealing");
    const std::size_t workers = 1 + rng.below(8);
    const Workload w = single_jobs(rng, workers);
    const auto all = static_cast<std::int64_t>(workers);
    const IdealRun got = run_ideally(policy("work-stealing", {{"d", all}}), workers_of(w), jobs_of(w));
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < w.jobs.size(); ++j) {
      const Time end = got.ends[j];
      bool waits = false;
      bool follows = false;
      for (std::size_t k = 0; k < w.jobs.size(); ++k) {
        waits = waits || (time_at(w.jobs[k].submit * kUnit) < end && got.starts[k] > end);
        follows = follows || (got.starts[k] == end && got.placements[k].front().worker == got.placements[j].front().worker);
      }
      ASSERT_TRUE(follows || !waits) << "where job " << j << " ended";
    }
  });
}

// Whoever probes every worker serves first come, first served: a worker with room takes the oldest job that waits.
TEST(NodePolicies, BatchSamplingThatProbesAllWorkersIsFirstComeFirstServed) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    Rng rng(seed, "batches");
    const auto workers = 1 + static_cast<std::int64_t>(rng.below(8));
    Workload w;
    w.workers.assign(static_cast<std::size_t>(workers), {1, 10, 0, 1'000});
    std::int64_t submit = 0;
    for (std::uint64_t count = 1 + rng.below(80); count > 0; --count) {
      submit += static_cast<std::int64_t>(rng.below(3));
      const auto run = 1 + static_cast<std::int64_t>(rng.below(10));
      w.jobs.push_back({submit, run, run, 1, {1, static_cast<std::int64_t>(rng.below(2)), 0, 1}});
    }
    const IdealRun got = run_ideally(policy("batch-sampling", {{"d", workers}}), workers_of(w), jobs_of(w));
    const IdealRun expected = run_ideally(policy("fcfs"), workers_of(w), jobs_of(w));
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < w.jobs.size(); ++j) ASSERT_EQ(got.starts[j], expected.starts[j]) << "job " << j;
  });
}

// All that some worker could run does run, whole, on one worker, with any demands.
TEST(NodePolicies, ThoseOfManyQueuesRunWhatCanRun) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, true);
    const auto d = 1 + static_cast<std::int64_t>(seed % 3);
    const auto chosen = seed % 2 == 0   ? policy("batch-sampling", {{"d", d}})
                        : seed % 4 == 1 ? policy("work-stealing", {{"d", d}})
                                        : policy("jiq");
    const IdealRun got = run_ideally(chosen, workers_of(w), jobs_of(w));
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < w.jobs.size(); ++j) {
      const bool can_run = std::ranges::any_of(w.workers, [&](const Needs& room) {
        const NodeJob& job = w.jobs[j];
        return job.per_task[0] * job.tasks <= room[0] && job.per_task[1] * job.tasks <= room[1] &&
               job.per_task[2] * job.tasks <= room[2];
      });
      ASSERT_EQ(got.starts[j] != kNever, can_run) << "job " << j;
      ASSERT_EQ(got.placements[j].size(), can_run ? 1U : 0U);
    }
  });
}

// Of `workers`, of which `busy` are, 2m are drawn: the probability that m of them or more have room.
double all_start_at_once(int workers, int busy, int m) {
  const auto choose = [](int n, int k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); };
  double sum = 0;
  for (int idle = m; idle <= 2 * m; ++idle) {
    if (idle > workers - busy || 2 * m - idle > busy) continue;
    sum += std::exp(choose(workers - busy, idle) + choose(busy, 2 * m - idle) - choose(workers, 2 * m));
  }
  return sum;
}

TEST(NodePolicies, BatchSamplingStartsABatchAtOnceAsOftenAsItsProbesFindRoom) {
  constexpr int kWorkers = 100;
  constexpr int kBusy = 50;
  constexpr int kBatch = 10;
  constexpr int kRuns = 2000;
  // Among many workers it is that of the paper for a load of a half.
  EXPECT_NEAR(all_start_at_once(2'000'000, 1'000'000, kBatch), 0.588099, 1e-4);
  Workload w;
  w.workers.assign(kWorkers, {1, 10, 0, 1'000});
  // Two probes each: one batch of them finds every worker.
  for (int j = 0; j < kBusy; ++j) w.jobs.push_back({0, 1'000, 1'000, 1, {1, 0, 0, 1}});
  for (int j = 0; j < kBatch; ++j) w.jobs.push_back({500, 1, 1, 1, {1, 0, 0, 1}});
  int at_once = 0;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    SchedulerConfig config = one_pool(policy("batch-sampling", {{"d", std::int64_t{2}}}));
    config.seed = seed;
    const IdealRun got = run_ideally(config, make_placement(config.placement), workers_of(w), jobs_of(w));
    at_once +=
        std::all_of(got.starts.end() - kBatch, got.starts.end(), [](Time at) { return nanos(at) == 500 * kUnit; }) ? 1 : 0;
  }
  const double expected = all_start_at_once(kWorkers, kBusy, kBatch);
  EXPECT_NEAR(at_once / double{kRuns}, expected, 4 * std::sqrt(expected * (1 - expected) / kRuns));
}

}  // namespace
}  // namespace drydock::properties::node_policies_test

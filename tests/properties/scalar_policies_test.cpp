// Policies against their textbook versions, start by start, on random workloads of one kind of demand.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/properties/scalar_reference.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::properties::scalar_policies_test {
namespace {

constexpr std::int64_t kUnit = 1'000'000'000;  // ns in the references' unit of time

enum class Estimates : std::uint8_t { exact, over, any };

struct Workload {
  std::int64_t places = 1;
  std::vector<PlainJob> jobs;
};

Workload random_workload(std::uint64_t seed, Estimates estimates, std::int64_t widest = 1 << 20) {
  Rng rng(seed, "scalar workload");
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  Workload workload;
  workload.places = between(1, 12);
  const std::int64_t gap = between(0, 6);
  const std::int64_t longest = between(2, 30);
  std::int64_t submit = 0;
  for (std::int64_t count = between(1, seed % 5 == 0 ? 150 : 40); count > 0; --count) {
    PlainJob job;
    submit += between(0, gap);
    job.submit = submit;
    job.run = between(1, longest);
    job.estimate = job.run;
    if (estimates != Estimates::exact && between(0, 1) == 0) job.estimate = job.run + between(0, longest);
    if (estimates == Estimates::any && between(0, 2) == 0) job.estimate = between(1, job.run);
    job.places = std::min({between(1, between(1, workload.places)), workload.places, widest});
    job.priority = between(0, 3);
    workload.jobs.push_back(job);
  }
  return workload;
}

std::vector<IdealJob> jobs_of(const Workload& workload) {
  std::vector<IdealJob> jobs;
  for (const PlainJob& plain : workload.jobs) {
    IdealJob job;
    job.spec.id = JobId{jobs.size()};
    job.spec.tasks = static_cast<std::uint32_t>(plain.places);
    job.spec.per_task = make_resources({.cpus_milli = 1'000});
    job.spec.estimate = Duration{plain.estimate * kUnit};
    job.spec.priority = static_cast<std::int32_t>(plain.priority);
    job.submitted = time_at(plain.submit * kUnit);
    job.duration = Duration{plain.run * kUnit};
    jobs.push_back(job);
  }
  return jobs;
}

// The places, spread over workers of one to three.
std::vector<WorkerSpec> workers_of(const Workload& workload, std::uint64_t seed) {
  Rng rng(seed, "scalar workers");
  std::vector<WorkerSpec> workers;
  for (std::int64_t left = workload.places; left > 0;) {
    const std::int64_t here = std::min(left, 1 + static_cast<std::int64_t>(rng.below(3)));
    workers.push_back({PoolId{0}, make_resources({1'000 * here, kUnlimited, 0, kUnlimited}), 1.0});
    left -= here;
  }
  return workers;
}

Starts starts_of(const IdealRun& run) {
  EXPECT_EQ(run.halted, "");
  Starts starts;
  for (const Time start : run.starts) starts.push_back(start == kNever ? -1 : nanos(start) / kUnit);
  return starts;
}

Starts starts_under(const PolicyConfig& policy, const Workload& workload, std::uint64_t seed) {
  return starts_of(run_ideally(policy, workers_of(workload, seed), jobs_of(workload)));
}

TEST(ScalarPolicies, ListSchedulingIsTheTextbooks) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, Estimates::any);
    EXPECT_EQ(starts_under(policy("fcfs"), w, seed), plain_list(w.jobs, w.places, PlainOrder::submission));
    EXPECT_EQ(starts_under(policy("sjf"), w, seed), plain_list(w.jobs, w.places, PlainOrder::estimate));
    EXPECT_EQ(starts_under(policy("saf"), w, seed), plain_list(w.jobs, w.places, PlainOrder::area));
    EXPECT_EQ(starts_under(policy("priority"), w, seed), plain_list(w.jobs, w.places, PlainOrder::priority));
    EXPECT_EQ(starts_under(policy("wfp3"), w, seed), plain_list(w.jobs, w.places, PlainOrder::wfp3));
    for (const char* fit : {"first-fit", "best-fit", "worst-fit", "dot-product"}) {
      EXPECT_EQ(starts_under(policy(fit, {{"order", std::string("sjf")}}), w, seed),
                plain_list(w.jobs, w.places, PlainOrder::estimate));
    }
  });
}

TEST(ScalarPolicies, EasyIsTheTextbooks) {
  for_each_seed(300, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, static_cast<Estimates>(seed % 3));
    EXPECT_EQ(starts_under(policy("easy"), w, seed), plain_easy(w.jobs, w.places, PlainOrder::submission));
    EXPECT_EQ(starts_under(policy("easy-sjf"), w, seed), plain_easy(w.jobs, w.places, PlainOrder::estimate));
    EXPECT_EQ(starts_under(policy("easy", {{"order", std::string("saf")}, {"fit", std::string("worst")}}), w, seed),
              plain_easy(w.jobs, w.places, PlainOrder::area));
    EXPECT_EQ(starts_under(policy("easy", {{"order", std::string("wfp3")}}), w, seed),
              plain_easy(w.jobs, w.places, PlainOrder::wfp3));
  });
}

TEST(ScalarPolicies, GreedyBackfillingIsTheTextbooks) {
  for_each_seed(300, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, static_cast<Estimates>(seed % 3));
    const std::string same = "same";
    EXPECT_EQ(starts_under(policy("greedy-backfill"), w, seed),
              plain_greedy(w.jobs, w.places, PlainOrder::submission, PlainOrder::submission));
    EXPECT_EQ(starts_under(policy("greedy-backfill", {{"order", std::string("sjf")}}), w, seed),
              plain_greedy(w.jobs, w.places, PlainOrder::estimate, PlainOrder::submission));
    EXPECT_EQ(starts_under(policy("greedy-backfill", {{"order", std::string("sjf")}, {"backfill_order", same}}), w, seed),
              plain_greedy(w.jobs, w.places, PlainOrder::estimate, PlainOrder::estimate));
    EXPECT_EQ(starts_under(policy("greedy-backfill", {{"order", std::string("wfp3")}, {"backfill_order", same}}), w, seed),
              plain_greedy(w.jobs, w.places, PlainOrder::wfp3, PlainOrder::wfp3));
  });
}

TEST(ScalarPolicies, ConservativeIsTheTextbooksAndKeepsItsPromise) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, seed % 2 == 0 ? Estimates::exact : Estimates::over);
    const Reserved expected = plain_conservative(w.jobs, w.places);
    const Starts got = starts_under(policy("conservative"), w, seed);
    EXPECT_EQ(got, expected.starts);
    for (std::size_t j = 0; j < got.size(); ++j) EXPECT_LE(got[j], expected.first_reservations[j]) << "job " << j;
  });
}

TEST(ScalarPolicies, SrptRunsTheJobsWithTheLeastLeft) {
  for_each_seed(300, "", [](std::uint64_t seed) {
    Workload w = random_workload(seed, Estimates::exact, 1);
    if (seed % 2 == 0) w.places = 1;
    EXPECT_EQ(starts_under(policy("srpt"), w, seed), plain_srpt(w.jobs, w.places));
  });
}

// At 100, when both places become free, the scores are (100/90)^3, (60/10)^3 and 2 (60/10)^3.
TEST(ScalarPolicies, Wfp3WeighsWaitAgainstLengthAndCountsPlaces) {
  Workload w{.places = 2, .jobs = {{0, 100, 100, 2}, {0, 90, 90, 1}, {40, 10, 10, 1}, {40, 10, 10, 2}}};
  EXPECT_EQ(starts_under(policy("wfp3"), w, 1), (Starts{0, 110, 110, 100}));
}

TEST(ScalarPolicies, LasRunsTheJobsThatHaveRunLeast) {
  std::uint64_t seeds = 0;
  for_each_seed(300, "", [&](std::uint64_t seed) {
    Workload w = random_workload(seed, Estimates::any, 1);
    if (++seeds % 2 == 0) w.places = 1;
    const PlainLevels rules{.quantum = 1 + static_cast<std::int64_t>(seed % 7),
                            .levels = 2 + static_cast<std::int64_t>(seed % 5),
                            .restart = seed % 3 == 0};
    std::vector<IdealJob> jobs = jobs_of(w);
    for (IdealJob& job : jobs) job.spec.on_preemption = rules.restart ? OnInterrupt::restart : OnInterrupt::resume;
    const PolicyConfig las =
        policy("las", {{"quantum", Duration{rules.quantum * kUnit}}, {"levels", rules.levels}, {"growth", 2.0}});
    EXPECT_EQ(starts_of(run_ideally(las, workers_of(w, seed), jobs)), plain_las(w.jobs, w.places, rules));
  });
}

// A job of 100 that has run for its quantum of 10 makes way for short ones, and none of these for it or for another.
TEST(ScalarPolicies, LasStopsOnlyWhoHasRunForItsQuantum) {
  const Workload w{.places = 1, .jobs = {{0, 100, 100, 1}, {3, 5, 5, 1}, {4, 5, 5, 1}, {30, 5, 5, 1}}};
  const PolicyConfig las = policy("las", {{"quantum", Duration{10 * kUnit}}, {"levels", std::int64_t{2}}});
  EXPECT_EQ(starts_under(las, w, 1), (Starts{35, 10, 15, 30}));
}

// Two levels, FCFS in each, on one server with Poisson arrivals of two lengths (Kleinrock, Queueing Systems II, section 4.7): with
// W(q) the mean work at hand of jobs cut off at q, a short one responds in W(quantum) + its length, a long one in
// (W(all) + its length) / (1 - load of jobs cut off at the quantum).
TEST(ScalarPolicies, LasInTwoLevelsRespondsAsTheoryHasIt) {
  constexpr double kShort = 1, kLong = 50, kQuantum = 2, kShortRate = 0.3, kLongRate = 0.008;
  const auto load = [&](double cut) { return kShortRate * kShort + kLongRate * std::min(kLong, cut); };
  const auto work = [&](double cut) {
    const double longest = std::min(kLong, cut);
    return (kShortRate * kShort * kShort + kLongRate * longest * longest) / (2 * (1 - load(cut)));
  };
  Rng rng(1, "las");
  std::vector<IdealJob> jobs;
  double now = 0;
  for (std::uint64_t id = 0; id < 300'000; ++id) {
    const auto uniform = [&rng] { return static_cast<double>(rng.below(1 << 30) + 1) / (1 << 30); };
    now -= std::log(uniform()) / (kShortRate + kLongRate);
    const double length = uniform() < kLongRate / (kShortRate + kLongRate) ? kLong : kShort;
    IdealJob job;
    job.spec.id = JobId{id};
    job.spec.per_task = make_resources({.cpus_milli = 1'000});
    job.spec.on_preemption = OnInterrupt::resume;
    job.spec.estimate = Duration{1};  // it is not looked at
    job.submitted = time_at(nanos(duration_of_seconds(now)));
    job.duration = duration_of_seconds(length);
    jobs.push_back(job);
  }
  const PolicyConfig las = policy("las", {{"quantum", duration_of_seconds(kQuantum)}, {"levels", std::int64_t{2}}});
  const IdealRun run = run_ideally(las, {{PoolId{0}, make_resources({1'000, kUnlimited, 0, 1}), 1.0}}, jobs);
  ASSERT_EQ(run.halted, "");
  const auto mean_response = [&](double length) {
    double sum = 0;
    double count = 0;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      if (jobs[j].duration != duration_of_seconds(length)) continue;
      sum += seconds(run.ends[j] - jobs[j].submitted);
      ++count;
    }
    return sum / count;
  };
  const double short_response = work(kQuantum) + kShort;
  const double long_response = (work(kLong) + kLong) / (1 - load(kQuantum));
  EXPECT_NEAR(mean_response(kShort), short_response, 0.02 * short_response);
  EXPECT_NEAR(mean_response(kLong), long_response, 0.08 * long_response);
}

TEST(ScalarPolicies, PreemptivePriorityStopsTheLowestAndYoungest) {
  for_each_seed(300, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, Estimates::any);
    EXPECT_EQ(starts_under(policy("priority", {{"preemptive", true}}), w, seed),
              plain_preemptive_priority(w.jobs, w.places));
  });
}

// The same workload beside one job that asks for something else and never runs: then the pool is no mere number of places,
// and the other half of each policy decides.
TEST(ScalarPolicies, TheGeneralPathDecidesAsTheScalarOne) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, static_cast<Estimates>(seed % 3));
    std::vector<IdealJob> jobs = jobs_of(w);
    IdealJob odd = jobs.front();
    odd.spec.id = JobId{jobs.size()};
    odd.spec.queue = QueueId{1};
    odd.spec.tasks = 1;
    odd.spec.per_task = make_resources({.cpus_milli = 0, .gpus = 1});
    odd.submitted = kTimeZero;
    jobs.push_back(odd);
    for (const char* type : {"fcfs", "sjf", "wfp3", "easy", "easy-sjf", "greedy-backfill"}) {
      SchedulerConfig config = one_pool(policy(type));
      config.queues.push_back({"odd", -1, {}});
      config.pools.front().queues.push_back(QueueId{1});
      bool general = true;
      const auto watch = [&](const Scheduler& scheduler, Time) {
        general = general && !scheduler.cluster().pools()[0].is_scalar();
      };
      Starts got = starts_of(run_ideally(config, make_placement(config.placement), workers_of(w, seed), jobs, watch));
      got.pop_back();
      EXPECT_EQ(got, starts_under(policy(type), w, seed)) << type;
      EXPECT_TRUE(general || w.jobs.front().submit > 0);
    }
  });
}

// With exact estimates no head of the queue starts later than the first time that EASY promised it.
TEST(ScalarPolicies, EasyNeverDelaysAHeadBeyondItsFirstShadowTime) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Workload w = random_workload(seed, seed % 2 == 0 ? Estimates::exact : Estimates::over);
    std::vector<Time> promised(w.jobs.size(), kNever);
    const auto watch = [&](const Scheduler& scheduler, Time) {
      const Cluster& cluster = scheduler.cluster();
      const std::optional<JobRef> head = cluster.head(PoolId{0});
      if (!head || promised[cluster.job(*head).spec.id.value] != kNever) return;
      const Job& job = cluster.job(*head);
      // By brute force: ends of what holds places, in order.
      std::vector<std::pair<Time, std::int64_t>> ends;
      for (std::uint64_t j = 0; j < w.jobs.size(); ++j) {
        const auto ref = cluster.find(JobId{j});
        if (ref && !cluster.job(*ref).placements.empty())
          ends.emplace_back(cluster.job(*ref).estimated_end, w.jobs[j].places);
      }
      std::ranges::sort(ends);
      std::int64_t free = cluster.pools()[0].free.cpus() / 1'000;
      for (const auto& [at, places] : ends) {
        free += places;
        if (free < job.spec.tasks) continue;
        promised[job.spec.id.value] = at;
        return;
      }
    };
    const IdealRun run = run_ideally(policy("easy"), workers_of(w, seed), jobs_of(w), watch);
    for (std::size_t j = 0; j < w.jobs.size(); ++j) EXPECT_LE(run.starts[j], promised[j]) << "job " << j;
  });
}

}  // namespace
}  // namespace drydock::properties::scalar_policies_test

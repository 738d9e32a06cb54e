// min-min, max-min and sufferage: by hand, start by start and worker by worker against brute force, and that nobody waits for ever for a
// worker that does not get free.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/properties/mapping_reference.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::properties::mapping_policies_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct MappedType {
  std::string_view type;
  MappingRule rule;
};
constexpr std::array kTypes{MappedType{"min-min", MappingRule::min_min}, MappedType{"max-min", MappingRule::max_min},
                            MappedType{"sufferage", MappingRule::sufferage}};

struct Mix {
  std::vector<MappedWorker> workers;
  std::vector<MappedJob> jobs;
};

struct Span {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
std::int64_t between(Rng& rng, Span span) {
  return span.low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(span.high - span.low + 1)));
}

// Workers for one job at a time and jobs that ask for one cpu, or all kinds of both; few that no worker could hold.
Mix random_mix(std::uint64_t seed) {
  Rng rng(seed, "mapping");
  Mix mix;
  const bool plain = between(rng, {0, 2}) == 0;
  const bool exact = between(rng, {0, 1}) == 0;
  for (std::int64_t w = between(rng, {1, 7}); w > 0; --w) {
    const std::int64_t quarters = std::int64_t{1} << between(rng, {0, 4});
    const Needs some{between(rng, {0, 9}), between(rng, {2, 12}), between(rng, {0, 2}), between(rng, {1, 5})};
    mix.workers.push_back({plain ? Needs{1, 10, 0, 1} : some, quarters});
  }
  const std::int64_t gap = between(rng, {0, 5});
  std::int64_t submit = 0;
  for (std::int64_t count = between(rng, {1, 40}); count > 0; --count) {
    MappedJob job;
    submit += between(rng, {0, gap});
    job.submit = submit * kSecond;
    job.run = between(rng, {1, 25}) * kSecond;
    job.estimate = exact || between(rng, {0, 1}) == 0 ? job.run : between(rng, {1, 40}) * kSecond;
    job.tasks = plain ? 1 : between(rng, {1, between(rng, {1, 3})});
    job.per_task =
        plain ? Needs{1, 0, 0, 1} : Needs{between(rng, {0, 4}), between(rng, {0, 5}), between(rng, {0, 4}) == 0 ? 1 : 0, 1};
    job.urgent = between(rng, {0, 3}) == 0;
    mix.jobs.push_back(job);
  }
  return mix;
}

std::vector<WorkerSpec> workers_of(const Mix& mix) {
  std::vector<WorkerSpec> workers;
  for (const MappedWorker& w : mix.workers) {
    const auto& [cpus, memory, gpus, slots] = w.capacity;
    workers.push_back({PoolId{0}, make_resources({1'000 * cpus, memory, gpus, slots}), static_cast<double>(w.quarters) / 4});
  }
  return workers;
}

std::vector<IdealJob> jobs_of(const Mix& mix) {
  std::vector<IdealJob> jobs;
  for (const MappedJob& plain : mix.jobs) {
    IdealJob job;
    job.spec.id = JobId{jobs.size()};
    job.spec.queue = QueueId{plain.urgent ? 1U : 0U};
    job.spec.tasks = static_cast<std::uint32_t>(plain.tasks);
    const auto& [cpus, memory, gpus, slots] = plain.per_task;
    job.spec.per_task = make_resources({1'000 * cpus, memory, gpus, slots});
    job.spec.estimate = Duration{plain.estimate};
    job.submitted = time_at(plain.submit);
    job.duration = Duration{plain.run};
    jobs.push_back(job);
  }
  return jobs;
}

using Watch = std::function<void(const Scheduler&, Time)>;

std::vector<MappedStart> starts_under(std::string_view type, const Mix& mix, std::int64_t window, const Watch& watch = {}) {
  SchedulerConfig config = one_pool(policy(type, {{"window", window}}));
  config.queues = {{"default", 0, {}}, {"urgent", 1, {}}};
  config.pools = {{"main", {QueueId{0}, QueueId{1}}}};
  const IdealRun run = run_ideally(config, make_placement(config.placement), workers_of(mix), jobs_of(mix), watch);
  EXPECT_EQ(run.halted, "");
  std::vector<MappedStart> starts(mix.jobs.size());
  for (std::size_t j = 0; j < starts.size(); ++j) {
    if (run.starts[j] == kNever) continue;
    EXPECT_EQ(run.placements[j].size(), 1U) << "job " << j << " goes whole to one worker";
    starts[j] = {nanos(run.starts[j]), index(run.placements[j].front().worker)};
  }
  return starts;
}

// Work that all want to do on the first worker, which is twice as fast as the second.
Mix three_jobs(std::array<std::int64_t, 3> works) {
  Mix mix;
  mix.workers = {{{1, 10, 0, 1}, 8}, {{1, 10, 0, 1}, 4}};
  for (const std::int64_t work : works) mix.jobs.push_back({0, work * kSecond, work * kSecond, 1, {1, 0, 0, 1}});
  return mix;
}

constexpr std::int64_t kHalf = kSecond / 2;

// Alone they would end at 4, 2.5 and 1 s on the first worker, at 8, 5 and 2 s on the second.
// min-min: c ends first, at 1 s; then b, at 3.5 s against 5; then a, at 7.5 s against 8: all on the first.
// max-min: a ends last, at 4 s. Then b does, at 5 s on the second against 6.5; c ends at 5 s behind a, at 7 s behind b.
// sufferage: a loses 4 s without the first, b 2.5 and c 1. Then c loses 3 s without the second, b 1.5; b ends at 6.5 s behind a, at 7 s
// behind c.
TEST(MappingPolicies, DifferInWhomTheyMapFirst) {
  const Mix mix = three_jobs({8, 5, 2});
  EXPECT_EQ(starts_under("min-min", mix, 64), (std::vector<MappedStart>{{7 * kHalf, 0}, {1 * kSecond, 0}, {0, 0}}));
  EXPECT_EQ(starts_under("max-min", mix, 64), (std::vector<MappedStart>{{0, 0}, {0, 1}, {4 * kSecond, 0}}));
  EXPECT_EQ(starts_under("sufferage", mix, 64), (std::vector<MappedStart>{{0, 0}, {4 * kSecond, 0}, {0, 1}}));
}

// One after the other, each to the worker where it ends first: a at 4 s, b at 5 s on the second; c waits until one of them is free.
TEST(MappingPolicies, AreAllTheSameWithAWindowOfOne) {
  const Mix mix = three_jobs({8, 5, 2});
  for (const auto& [type, rule] : kTypes) {
    EXPECT_EQ(starts_under(type, mix, 1), (std::vector<MappedStart>{{0, 0}, {0, 1}, {4 * kSecond, 0}})) << type;
  }
  for_each_seed(100, "", [](std::uint64_t seed) {
    const Mix any = random_mix(seed);
    const auto first = starts_under("min-min", any, 1);
    ASSERT_EQ(starts_under("max-min", any, 1), first);
    ASSERT_EQ(starts_under("sufferage", any, 1), first);
  });
}

TEST(MappingPolicies, StartWhatBruteForceStarts) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    const Mix mix = random_mix(seed);
    const std::size_t window = seed % 3 == 0 ? 64 : 1 + seed % 7;
    for (const auto& [type, rule] : kTypes) {
      SCOPED_TRACE(type);
      const auto expected = mapped_starts(mix.jobs, mix.workers, rule, window);
      const auto got = starts_under(type, mix, static_cast<std::int64_t>(window));
      for (std::size_t j = 0; j < expected.size(); ++j) {
        ASSERT_EQ(got[j].at, expected[j].at) << "start of job " << j;
        ASSERT_EQ(got[j].worker, expected[j].worker) << "worker of job " << j;
      }
    }
  });
}

// Whatever the estimates are worth: all that some worker could hold does run, and while anything of it waits something runs.
TEST(MappingPolicies, NeverLeaveAllWorkersIdleBesideAJob) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    Mix mix = random_mix(seed);
    Rng rng(seed, "estimates");
    for (MappedJob& job : mix.jobs) job.estimate = seed % 2 == 0 ? 4 : between(rng, {1, 400}) * kSecond / 4;
    const auto can_run = [&](const MappedJob& job) {
      return std::ranges::any_of(mix.workers, [&](const MappedWorker& w) {
        for (std::size_t k = 0; k < w.capacity.size(); ++k) {
          if (job.per_task[k] * job.tasks > w.capacity[k]) return false;
        }
        return true;
      });
    };
    const Watch is_busy = [&](const Scheduler& scheduler, Time now) {
      const Cluster& cluster = scheduler.cluster();
      for (std::uint32_t w = 0; w < cluster.worker_count(); ++w) {
        if (!cluster.worker(WorkerId{w}).held.empty()) return;
      }
      for (std::size_t j = 0; j < mix.jobs.size(); ++j) {
        const auto ref = cluster.find(JobId{j});
        const bool waits = ref && cluster.waits_for(PoolId{0}, *ref) && can_run(mix.jobs[j]);
        EXPECT_FALSE(waits) << "job " << j << " at " << seconds(now) << " s";
      }
    };
    for (const auto& [type, rule] : kTypes) {
      SCOPED_TRACE(type);
      const auto starts = starts_under(type, mix, 1 + static_cast<std::int64_t>(seed % 5), is_busy);
      for (std::size_t j = 0; j < mix.jobs.size(); ++j) ASSERT_EQ(starts[j].at >= 0, can_run(mix.jobs[j])) << "job " << j;
    }
  });
}

// Job 0 should end on the first worker, which is four times as fast, at 10 s, and does not. Job 1 would end there at 20 s, and at 41 s on
// the second. It asks again when it is late by a tenth of its length, at 11 s, and then each time that its start, which moves as fast as
// job 0 is late, is so late again: at 13, 17, 25 and 41 s, when it would end at 82 s on the first, at 81 s on the second.
TEST(MappingPolicies, DoNotWaitForeverForWhatOutlivesItsEstimate) {
  Mix mix;
  mix.workers = {{{1, 10, 0, 1}, 16}, {{1, 10, 0, 1}, 4}};
  mix.jobs = {{0, 4'000 * kSecond, 40 * kSecond, 1, {1, 0, 0, 1}}, {kSecond, 40 * kSecond, 40 * kSecond, 1, {1, 0, 0, 1}}};
  for (const auto& [type, rule] : kTypes) {
    EXPECT_EQ(starts_under(type, mix, 64), (std::vector<MappedStart>{{0, 0}, {41 * kSecond, 1}})) << type;
  }
  // Had it ended in time, job 1 would have followed.
  mix.jobs[0].run = mix.jobs[0].estimate;
  for (const auto& [type, rule] : kTypes) {
    EXPECT_EQ(starts_under(type, mix, 64), (std::vector<MappedStart>{{0, 0}, {10 * kSecond, 0}})) << type;
  }
}

// At most 1000 in one pass.
TEST(MappingPolicies, PassOverJobsThatNoWorkerCouldHold) {
  Mix mix;
  mix.workers = {{{1, 10, 0, 1}, 4}};
  for (int j = 0; j < 999; ++j) mix.jobs.push_back({0, kSecond, kSecond, 2, {1, 0, 0, 1}});
  mix.jobs.push_back({0, kSecond, kSecond, 1, {1, 0, 0, 1}});
  for (const auto& [type, rule] : kTypes) EXPECT_EQ(starts_under(type, mix, 1).back(), (MappedStart{0, 0})) << type;
  mix.jobs.insert(mix.jobs.begin(), mix.jobs.front());
  for (const auto& [type, rule] : kTypes) EXPECT_EQ(starts_under(type, mix, 1).back(), MappedStart{}) << type;
}

// What starts makes room in the window: one pass fills all workers.
TEST(MappingPolicies, StartMoreJobsAtOnceThanTheirWindowHolds) {
  Mix mix;
  mix.workers.assign(20, {{1, 10, 0, 1}, 4});
  mix.jobs.assign(20, {0, kSecond, kSecond, 1, {1, 0, 0, 1}});
  for (const auto& [type, rule] : kTypes) {
    const auto starts = starts_under(type, mix, 3);
    EXPECT_TRUE(std::ranges::all_of(starts, [](const MappedStart& s) { return s.at == 0; })) << type;
  }
}

// Job 0 is long and urgent; min-min alone would map job 1 first.
TEST(MappingPolicies, MapQueuesByTheirTurns) {
  Mix mix;
  mix.workers = {{{1, 10, 0, 1}, 4}};
  mix.jobs = {{0, 9 * kSecond, 9 * kSecond, 1, {1, 0, 0, 1}, true}, {0, kSecond, kSecond, 1, {1, 0, 0, 1}}};
  EXPECT_EQ(starts_under("min-min", mix, 64), (std::vector<MappedStart>{{0, 0}, {9 * kSecond, 0}}));
  mix.jobs[0].urgent = false;
  EXPECT_EQ(starts_under("min-min", mix, 64), (std::vector<MappedStart>{{kSecond, 0}, {0, 0}}));
  EXPECT_EQ(starts_under("max-min", mix, 64), (std::vector<MappedStart>{{0, 0}, {9 * kSecond, 0}}));
}

// Two jobs of two tasks: one worker holds one of them, the other none.
TEST(MappingPolicies, MapAGangWholeToOneWorker) {
  Mix mix;
  mix.workers = {{{1, 10, 0, 1}, 16}, {{3, 10, 0, 3}, 4}};
  mix.jobs.assign(2, {0, 5 * kSecond, 5 * kSecond, 2, {1, 0, 0, 1}});
  for (const auto& [type, rule] : kTypes) {
    EXPECT_EQ(starts_under(type, mix, 64), (std::vector<MappedStart>{{0, 1}, {5 * kSecond, 1}})) << type;
  }
}

}  // namespace
}  // namespace drydock::properties::mapping_policies_test

#include "policies/core/cluster.hpp"

#include "policies/core/candidates.hpp"
#include "policies/core/outlook.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <vector>

namespace drydock::cluster_test {
namespace {

JobSpec job_of(std::uint64_t id, std::uint32_t queue = 0, std::uint32_t tasks = 1,
               const Resources& demand = make_resources({1'000, 0, 0, 1})) {
  JobSpec job;
  job.id = JobId{id};
  job.queue = QueueId{queue};
  job.tasks = tasks;
  job.per_task = demand;
  job.estimate = std::chrono::seconds{10};
  return job;
}
JobRef wait(Cluster& cluster, const JobSpec& spec, Rank rank = {}) {
  const JobRef ref = cluster.add_job(spec, kTimeZero);
  cluster.set_rank(ref, rank);
  cluster.enqueue(ref);
  return ref;
}
WorkerSpec worker_of(std::int64_t cpus_milli, std::uint32_t pool = 0, double speed = 1.0) {
  return {PoolId{pool}, make_resources({cpus_milli, kUnlimited, 0, kUnlimited}), speed};
}
using Queues = std::vector<QueueConfig>;
using Pools = std::vector<PoolConfig>;

TEST(Cluster, HeadIsByQueuePriorityThenRankThenSubmission) {
  Cluster cluster(Queues{{"low", 1, {}}, {"high", 2, {}}, {"elsewhere", 9, {}}}, Pools{{"p", {QueueId{0}, QueueId{1}}}}, {});
  EXPECT_EQ(cluster.head(PoolId{0}), std::nullopt);
  wait(cluster, job_of(1, 2), {-100, 0});
  EXPECT_EQ(cluster.head(PoolId{0}), std::nullopt);
  const JobRef low = wait(cluster, job_of(2, 0), {-50, 0});
  EXPECT_EQ(cluster.head(PoolId{0}), low);
  const JobRef high = wait(cluster, job_of(3, 1), {7, 7});
  EXPECT_EQ(cluster.head(PoolId{0}), high);
  const JobRef better = wait(cluster, job_of(4, 1), {7, 6});
  wait(cluster, job_of(5, 1), {7, 6});
  EXPECT_EQ(cluster.head(PoolId{0}), better);
  cluster.sanity_check();
}

TEST(Cluster, EstimatedEndCountsTheSlowestWorkerAndNeverOverflows) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
  cluster.add_worker(WorkerId{0}, 1, worker_of(1'000, 0, 2.0));
  cluster.add_worker(WorkerId{1}, 1, worker_of(1'000, 0, 0.5));
  const std::vector<Placement> both{{WorkerId{0}, 1}, {WorkerId{1}, 1}};
  const JobRef ref = wait(cluster, job_of(1));
  EXPECT_EQ(cluster.estimated_end(cluster.job(ref), both, time_at(5)), time_at(5) + std::chrono::seconds{20});
  EXPECT_EQ(cluster.estimated_end(cluster.job(ref), {both.data(), 1}, time_at(5)), time_at(5) + std::chrono::seconds{5});
  JobSpec endless = job_of(2);
  endless.estimate = Duration::max();
  EXPECT_EQ(cluster.estimated_end(cluster.job(wait(cluster, endless)), both, time_at(5)), kNever);
}

TEST(Cluster, AJobThatOutlivedItsEstimateHasSomethingLeft) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
  const JobRef ref = wait(cluster, job_of(1));
  cluster.set_progress(ref, std::chrono::seconds{25});
  EXPECT_EQ(cluster.job(ref).remaining(), Duration{1});
}

TEST(Cluster, FindsWorkersForAllTasksOrNone) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}, {"other", {QueueId{0}}}}, {});
  cluster.add_worker(WorkerId{0}, 1, worker_of(2'000));
  cluster.add_worker(WorkerId{1}, 1, worker_of(9'000, 1));
  cluster.add_worker(WorkerId{2}, 1, worker_of(1'000));
  std::vector<Placement> out{{WorkerId{7}, 7}};
  EXPECT_FALSE(cluster.find_workers(PoolId{0}, cluster.job(wait(cluster, job_of(1, 0, 4))), out));
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(cluster.find_workers(PoolId{0}, cluster.job(wait(cluster, job_of(2, 0, 3))), out));
  EXPECT_EQ(out, (std::vector<Placement>{{WorkerId{0}, 2}, {WorkerId{2}, 1}}));
}

TEST(Cluster, WorstFitSpreadsTheTasksOfAGang) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {.fit = Fit::worst});
  for (const std::uint32_t w : {0U, 1U, 2U}) cluster.add_worker(WorkerId{w}, 1, worker_of(3'000 + 1'000 * (w == 1)));
  std::vector<Placement> out;
  ASSERT_TRUE(cluster.find_workers(PoolId{0}, cluster.job(wait(cluster, job_of(1, 0, 4))), out));
  std::ranges::sort(out, {}, [](const Placement& p) { return p.worker.value; });
  EXPECT_EQ(out, (std::vector<Placement>{{WorkerId{0}, 1}, {WorkerId{1}, 2}, {WorkerId{2}, 1}}));
}

TEST(Cluster, ChangesAreKeptUntilCleared) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}, {"other", {QueueId{0}}}}, {});
  cluster.add_worker(WorkerId{0}, 1, worker_of(1'000));
  const JobRef first = wait(cluster, job_of(1));
  const JobRef second = wait(cluster, job_of(2));
  EXPECT_TRUE(cluster.pools()[0].dirty);
  EXPECT_EQ(cluster.pools()[0].freed, std::vector<WorkerId>{WorkerId{0}});
  EXPECT_EQ(cluster.pools()[1].arrivals, (std::vector<JobRef>{first, second}));
  for (const std::uint32_t p : {0U, 1U}) cluster.clear_changes(PoolId{p});
  EXPECT_FALSE(cluster.pools()[0].dirty);

  const std::vector<Placement> placements{{WorkerId{0}, 1}};
  cluster.take(first, PoolId{0}, placements, time_at(3));
  EXPECT_FALSE(cluster.pools()[0].dirty) << "its own doing";
  EXPECT_TRUE(cluster.pools()[1].dirty) << "what was first in the shared queue is gone";
  EXPECT_EQ(cluster.pools()[1].withdrawn, std::vector<std::uint64_t>{0});
  cluster.give_back(first);
  EXPECT_TRUE(cluster.pools()[0].dirty);
  EXPECT_EQ(cluster.pools()[0].departures.size(), 1U);
  cluster.clear_changes(PoolId{0});
  cluster.dequeue(second);
  EXPECT_TRUE(cluster.pools()[0].dirty);
  EXPECT_EQ(cluster.pools()[0].withdrawn, std::vector<std::uint64_t>{1});
  EXPECT_FALSE(cluster.waits_for(PoolId{0}, second));
  cluster.sanity_check();
}

TEST(Cluster, KnowsWhetherAllDemandsAreEqual) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
  EXPECT_FALSE(cluster.pools()[0].is_scalar());
  cluster.add_worker(WorkerId{0}, 1, worker_of(5'500));
  wait(cluster, job_of(1));
  EXPECT_TRUE(cluster.pools()[0].is_scalar());
  EXPECT_EQ(cluster.pools()[0].free_units, 5);
  const JobRef odd = wait(cluster, job_of(2, 0, 1, make_resources({500, 0, 0, 1})));
  EXPECT_FALSE(cluster.pools()[0].is_scalar());
  cluster.dequeue(odd);
  cluster.remove_job(odd);
  EXPECT_TRUE(cluster.pools()[0].is_scalar());
  cluster.sanity_check();
}

TEST(Cluster, MisuseIsAProgrammersError) {
  Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
  cluster.add_worker(WorkerId{0}, 1, worker_of(1'000));
  const JobRef ref = wait(cluster, job_of(1, 0, 2));
  const std::vector<Placement> too_much{{WorkerId{0}, 2}};
  EXPECT_DEATH(cluster.take(ref, PoolId{0}, too_much, kTimeZero), "more than it has room for");
  EXPECT_DEATH(cluster.enqueue(ref), "holds nothing");
  EXPECT_DEATH(cluster.remove_job(ref), "holds nothing");
  EXPECT_DEATH(cluster.set_rank(ref, {}), "before the job waits");
  EXPECT_DEATH(cluster.add_worker(WorkerId{0}, 2, worker_of(1'000)), "nothing is held");
}

// Of what would fit after some ends, against a count over all workers.
TEST(Outlook, CountsAsAScanDoes) {
  properties::for_each_seed(200, "", [](std::uint64_t seed) {
    Rng rng(seed, "outlook");
    const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(rng.below(bound)); };
    Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
    std::vector<Resources> rooms;
    for (std::uint32_t w = 0; w < 5; ++w) {
      const Resources capacity = make_resources({below(9), below(9), 0, 9});
      cluster.add_worker(WorkerId{w}, 1, {PoolId{0}, capacity, 1.0});
      rooms.push_back(capacity);
    }
    std::vector<JobRef> held;
    for (std::uint64_t j = 0; j < 6; ++j) {
      const JobRef ref = wait(cluster, job_of(j, 0, 1, make_resources({below(5), below(5), 0, 1})));
      std::vector<Placement> out;
      if (!cluster.find_workers(PoolId{0}, cluster.job(ref), out)) continue;
      cluster.take(ref, PoolId{0}, out, kTimeZero);
      held.push_back(ref);
      rooms[index(out[0].worker)] -= cluster.job(ref).spec.per_task;
    }
    const Resources demand = make_resources({below(4), below(4), 0, 1});
    const auto scan = [&] {
      std::int64_t count = 0;
      for (const Resources& room : rooms) count += fit_count(demand, room);
      return count;
    };
    Outlook outlook;
    for (int round = 0; round < 2; ++round) {
      outlook.begin(cluster, PoolId{0}, demand);
      for (const JobRef ref : held) {
        ASSERT_EQ(outlook.fitting(), scan());
        outlook.release(cluster.job(ref));
        rooms[index(cluster.job(ref).placements[0].worker)] += cluster.job(ref).spec.per_task;
      }
      const std::vector<Placement> more{{WorkerId{0}, 1}, {WorkerId{3}, 2}};
      outlook.take(more, make_resources({2, 1, 0, 1}));
      rooms[0] -= make_resources({2, 1, 0, 1});
      rooms[3] -= make_resources({2, 1, 0, 1}) * 2;
      ASSERT_EQ(outlook.fitting(), scan());
      outlook.undo_take(more, make_resources({2, 1, 0, 1}));
      rooms[0] += make_resources({2, 1, 0, 1});
      rooms[3] += make_resources({2, 1, 0, 1}) * 2;
      ASSERT_EQ(outlook.fitting(), scan());
      for (const JobRef ref : held) rooms[index(cluster.job(ref).placements[0].worker)] -= cluster.job(ref).spec.per_task;
    }
  });
}

// --- Candidates ---

TEST(Candidates, WalkInOrderOverAllQueuesAgainstASort) {
  properties::for_each_seed(100, "", [](std::uint64_t seed) {
    Rng rng(seed, "candidates");
    const auto priority = [&] { return static_cast<std::int32_t>(rng.below(3)); };
    Cluster cluster(Queues{{"a", priority(), {}}, {"b", priority(), {}}, {"c", priority(), {}}},
                    Pools{{"p", {QueueId{0}, QueueId{1}, QueueId{2}}}}, {.by_submission = true});
    std::vector<JobRef> all;
    for (std::uint64_t j = 0; j < 60; ++j) {
      const auto queue = static_cast<std::uint32_t>(rng.below(3));
      all.push_back(wait(cluster, job_of(j, queue, 1 + static_cast<std::uint32_t>(rng.below(5))),
                         {static_cast<std::int64_t>(rng.below(4)), 0}));
    }
    for (const auto by : {Candidates::By::policy_order, Candidates::By::submission}) {
      // Only jobs of at most so many tasks, and fewer and fewer.
      std::int64_t most = 5;
      std::vector<JobRef> expected = all;
      std::ranges::sort(expected, [&](JobRef a, JobRef b) {
        const Job& first = cluster.job(a);
        const Job& second = cluster.job(b);
        const auto priority_of = [&](const Job& job) { return cluster.queue(job.spec.queue).config.priority; };
        if (priority_of(first) != priority_of(second)) return priority_of(first) > priority_of(second);
        return by == Candidates::By::submission ? first.sequence < second.sequence : first.key() < second.key();
      });
      Candidates candidates;
      candidates.begin(cluster, PoolId{0}, by);
      std::size_t at = 0;
      while (const auto got = candidates.next([&](const LeastDemand& demand) { return demand.tasks <= most; })) {
        while (cluster.job(expected.at(at)).spec.tasks > most) ++at;
        ASSERT_EQ(*got, expected[at]);
        ++at;
        if (rng.below(8) == 0) --most;
      }
      for (; at < expected.size(); ++at) ASSERT_GT(cluster.job(expected[at]).spec.tasks, most);
    }
  });
}

TEST(Candidates, DoNotLookAtWhatASummaryRulesOut) {
  for (const std::uint64_t size : {100U, 1'000U, 20'000U}) {
    Cluster cluster(Queues{{"q", 0, {}}}, Pools{{"p", {QueueId{0}}}}, {});
    for (std::uint64_t j = 0; j < size; ++j) wait(cluster, job_of(j, 0, j + 1 == size ? 1 : 64));
    Candidates candidates;
    candidates.begin(cluster, PoolId{0}, Candidates::By::policy_order);
    std::uint64_t looked_at = 0;
    const auto accept = [&](const LeastDemand& demand) {
      ++looked_at;
      return demand.tasks <= 1;
    };
    ASSERT_TRUE(candidates.next(accept));
    EXPECT_FALSE(candidates.next(accept));
    EXPECT_LE(looked_at, 70 * (std::bit_width(size) / 4 + 2)) << size;
  }
}

}  // namespace
}  // namespace drydock::cluster_test

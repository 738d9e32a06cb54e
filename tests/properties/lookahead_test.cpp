// A scheduler that holds few of the waiting jobs in memory decides as one that holds all, where the first ones in the store's order are
// those that the policy takes first.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace drydock::properties::lookahead_test {
namespace {

struct Backlog {
  SchedulerConfig config;
  std::vector<WorkerSpec> workers;
  std::vector<IdealJob> jobs;
};

// Queues with pools of their own, which are busy most of the time.
Backlog random_backlog(std::uint64_t seed, const PolicyConfig& placement) {
  Rng rng(seed, "backlog");
  Backlog backlog;
  backlog.config.placement = placement;
  const auto queues = static_cast<std::uint32_t>(1 + rng.below(3));
  for (std::uint32_t q = 0; q < queues; ++q) {
    backlog.config.queues.push_back({"queue" + std::to_string(q), 0, {}});
    backlog.config.pools.push_back({"pool" + std::to_string(q), {QueueId{q}}});
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) {
      const auto cpus = static_cast<std::int64_t>(2 + rng.below(3));
      backlog.workers.push_back({.pool = PoolId{q}, .capacity = make_resources({cpus * 1000, kUnlimited, 0, kUnlimited})});
    }
  }
  Time now = kTimeZero;
  for (std::uint64_t id = 0; id < 80; ++id) {
    if (rng.below(2) == 0) now += Duration{static_cast<std::int64_t>(rng.below(3)) * 1'000'000'000};
    JobSpec job;
    job.id = JobId{id};
    job.queue = QueueId{static_cast<std::uint32_t>(rng.below(queues))};
    job.tasks = static_cast<std::uint32_t>(1 + rng.below(2));
    job.per_task = make_resources({static_cast<std::int64_t>(500 * (1 + rng.below(2))), 0, 0, 1});
    job.estimate = Duration{static_cast<std::int64_t>(1 + rng.below(20)) * 1'000'000'000};
    backlog.jobs.push_back({.spec = job, .submitted = now, .duration = job.estimate});
  }
  return backlog;
}

IdealRun run(Backlog backlog, std::uint32_t lookahead, std::uint64_t* most_held = nullptr) {
  backlog.config.control_plane.lookahead = lookahead;
  const auto watch = [most_held](const Scheduler& scheduler, Time) {
    for (const Queue& queue : scheduler.cluster().queues()) {
      if (most_held != nullptr) *most_held = std::max<std::uint64_t>(*most_held, queue.waiting.size());
    }
  };
  return run_ideally(backlog.config, make_placement(backlog.config.placement), backlog.workers, backlog.jobs, watch);
}

TEST(Lookahead, FirstComeFirstServedDecidesAsWithout) {
  std::uint64_t most_without = 0;
  for_each_seed(200, "", [&](std::uint64_t seed) {
    const Backlog backlog = random_backlog(seed, policy("fcfs"));
    const IdealRun all = run(backlog, 0, &most_without);
    EXPECT_EQ(all.halted, "");
    for (const std::uint32_t lookahead : {1U, 2U, 7U}) {
      std::uint64_t most_held = 0;
      const IdealRun few = run(backlog, lookahead, &most_held);
      EXPECT_EQ(few.halted, "");
      EXPECT_EQ(few.starts, all.starts) << "lookahead " << lookahead;
      EXPECT_EQ(few.placements, all.placements) << "lookahead " << lookahead;
      EXPECT_LE(most_held, lookahead);
    }
  });
  EXPECT_GT(most_without, 20U) << "there is no backlog";
}

// Of jobs with priorities, the store's order has the most urgent first; so has this policy's.
TEST(Lookahead, PriorityDecidesAsWithout) {
  for_each_seed(100, "", [&](std::uint64_t seed) {
    Rng rng(seed, "priorities");
    Backlog backlog = random_backlog(seed, policy("priority", {{"preemptive", false}}));
    for (IdealJob& job : backlog.jobs) job.spec.priority = static_cast<std::int32_t>(rng.below(3));
    const IdealRun all = run(backlog, 0);
    EXPECT_EQ(all.halted, "");
    for (const std::uint32_t lookahead : {1U, 2U, 7U}) EXPECT_EQ(run(backlog, lookahead).starts, all.starts);
  });
}

// Another order looks only at what is in memory.
TEST(Lookahead, ShortestFirstDecidesOtherwiseButEndsAll) {
  std::uint64_t different = 0;
  for_each_seed(30, "", [&](std::uint64_t seed) {
    const Backlog backlog = random_backlog(seed, policy("sjf"));
    const IdealRun all = run(backlog, 0);
    const IdealRun few = run(backlog, 2);
    EXPECT_EQ(std::ranges::count(few.ends, kNever), 0);
    if (few.starts != all.starts) ++different;
  });
  EXPECT_GT(different, 0U);
}

}  // namespace
}  // namespace drydock::properties::lookahead_test

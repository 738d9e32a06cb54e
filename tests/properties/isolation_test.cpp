// What the isolation policies promise, on random workloads over several queues and pools.
#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "policies/fair_turns.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/properties/scalar_reference.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::properties::isolation_test {
namespace {

constexpr std::int64_t kUnit = 1'000'000'000;  // ns in the references' unit of time
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

PolicyConfig isolation(std::string_view type, const Parameters& parameters = {}) {
  return configure(*find_policy(PolicyFamily::isolation, type), parameters);
}

// Queues 0..queues-1 and pools 0..pools-1, each of a few workers of a few slots.
struct Story {
  SchedulerConfig config;
  std::vector<WorkerSpec> workers;
  std::vector<IdealJob> jobs;
  std::vector<PlainJob> plain;
  std::int64_t places = 0;
};

struct Shape {
  std::uint32_t queues = 3;
  std::uint32_t pools = 1;
  std::int64_t widest = 1;
};

Story make_story(std::uint64_t seed, const Shape& shape, PolicyConfig isolation, std::string_view placement = "fcfs") {
  Rng rng(seed, "isolation story");
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  Story story;
  story.config.placement = policy(placement);
  story.config.isolation = std::move(isolation);
  const bool all = make_isolation(story.config.isolation)->traits().serves_all;
  for (std::uint32_t q = 0; q < shape.queues; ++q) {
    story.config.queues.push_back({.name = "q" + std::to_string(q),
                                   .priority = static_cast<std::int32_t>(between(0, 3)),
                                   .capacity = {},
                                   .weight = between(1, 5)});
  }
  for (std::uint32_t p = 0; p < shape.pools; ++p) {
    PoolConfig pool{.name = "p" + std::to_string(p), .queues = {}};
    for (std::uint32_t q = 0; q < shape.queues; ++q) {
      if (q % shape.pools == p) pool.own.push_back(QueueId{q});
      if (all || q % shape.pools == p) pool.queues.push_back(QueueId{q});
    }
    story.config.pools.push_back(std::move(pool));
    for (std::int64_t count = between(1, 3); count > 0; --count) {
      const std::int64_t slots = between(1, 4);
      story.places += slots;
      story.workers.push_back({PoolId{p}, make_resources({1'000 * slots, kUnlimited, 0, slots}), 1.0});
    }
  }
  const std::int64_t gap = between(0, 3);
  const std::int64_t longest = between(2, 30);
  std::int64_t submit = 0;
  for (std::int64_t count = between(5, 80); count > 0; --count) {
    submit += between(0, gap);
    PlainJob plain;
    plain.submit = submit;
    plain.run = plain.estimate = between(1, longest);
    plain.places = between(1, std::min(shape.widest, story.places));
    const QueueId queue{static_cast<std::uint32_t>(rng.below(shape.queues))};
    plain.priority = story.config.queues[index(queue)].priority;
    IdealJob job;
    job.spec.id = JobId{story.jobs.size()};
    job.spec.queue = queue;
    job.spec.tasks = static_cast<std::uint32_t>(plain.places);
    job.spec.per_task = make_resources({.cpus_milli = 1'000});
    job.spec.estimate = job.duration = Duration{plain.run * kUnit};
    job.submitted = time_at(submit * kUnit);
    story.jobs.push_back(job);
    story.plain.push_back(plain);
  }
  return story;
}

using Watch = std::function<void(const Scheduler&, Time)>;

IdealRun run(const Story& story, const Watch& watch = {}) {
  return run_ideally(story.config, make_placement(story.config.placement), story.workers, story.jobs, watch);
}

Starts starts_of(const IdealRun& run) {
  EXPECT_EQ(run.halted, "");
  Starts starts;
  for (const Time start : run.starts) starts.push_back(start == kNever ? -1 : nanos(start) / kUnit);
  return starts;
}

TEST(Shared, IsFirstComeFirstServedOverAllQueuesAndPools) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Story one = make_story(seed, {.queues = 4, .pools = 1, .widest = 6}, isolation("shared"));
    EXPECT_EQ(starts_of(run(one)), plain_list(one.plain, one.places, PlainOrder::submission));
    const Story several = make_story(seed, {.queues = 4, .pools = 3}, isolation("shared"));
    EXPECT_EQ(starts_of(run(several)), plain_list(several.plain, several.places, PlainOrder::submission));
  });
}

TEST(StrictPriority, IsTheTextbooksOverAllPools) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    const Story one = make_story(seed, {.queues = 4, .pools = 1, .widest = 6}, isolation("priority"));
    EXPECT_EQ(starts_of(run(one)), plain_list(one.plain, one.places, PlainOrder::priority));
    const Story several = make_story(seed, {.queues = 4, .pools = 3}, isolation("priority"));
    EXPECT_EQ(starts_of(run(several)), plain_list(several.plain, several.places, PlainOrder::priority));
  });
}

// Each pool by itself, as if the others did not exist.
TEST(StaticPools, NeverServeAForeignQueue) {
  for_each_seed(100, "", [](std::uint64_t seed) {
    const Story story = make_story(seed, {.queues = 4, .pools = 2}, isolation("static-pools"));
    const IdealRun got = run(story);
    ASSERT_EQ(got.halted, "");
    for (std::size_t j = 0; j < story.jobs.size(); ++j) {
      ASSERT_EQ(got.placements[j].size(), 1U);
      const PoolId pool = story.workers[index(got.placements[j][0].worker)].pool;
      EXPECT_EQ(pool.value, story.jobs[j].spec.queue.value % 2);
    }
  });
}

bool own_wait(const Scheduler& scheduler, PoolId pool) {
  const Cluster& cluster = scheduler.cluster();
  return std::ranges::any_of(cluster.pool(pool).turns,
                             [&](const Turn& turn) { return turn.own && !cluster.queue(turn.queue).waiting.empty(); });
}

TEST(Borrowing, TheKeptPartIsFreeAtOnceAndNothingIsLentWhileOwnJobsWait) {
  for_each_seed(200, "", [](std::uint64_t seed) {
    const double keep = static_cast<double>(seed % 5) / 4;
    const Story story = make_story(seed, {.queues = 4, .pools = 3}, isolation("borrowing", {{"keep", keep}}));
    std::vector<std::int64_t> lent_before(3);
    bool any_lent = false;
    const auto watch = [&](const Scheduler& scheduler, Time) {
      for (std::uint32_t p = 0; p < 3; ++p) {
        const Pool& pool = scheduler.cluster().pool(PoolId{p});
        const std::int64_t lent = pool.lent.slots();
        any_lent = any_lent || lent > 0;
        const auto kept = static_cast<std::int64_t>(std::ceil(static_cast<double>(pool.capacity.slots()) * keep));
        EXPECT_LE(lent, pool.capacity.slots() - kept);
        if (own_wait(scheduler, PoolId{p})) {
          EXPECT_EQ(pool.free.slots(), 0) << "an own job waits beside a free slot";
          EXPECT_LE(lent, lent_before[p]) << "lent while own jobs wait";
        }
        lent_before[p] = lent;
      }
    };
    const IdealRun got = run(story, watch);
    ASSERT_EQ(got.halted, "");
    EXPECT_EQ(got.preemptions, 0U);
    EXPECT_FALSE(any_lent && keep == 1.0);
    for (const Time end : got.ends) EXPECT_NE(end, kNever);
  });
}

TEST(Borrowing, WithPreemptionNothingIsLentOnceOwnJobsHaveWaitedForTheGrace) {
  std::uint64_t preemptions = 0;
  for_each_seed(200, "", [&](std::uint64_t seed) {
    const Duration grace{static_cast<std::int64_t>(seed % 4) * kUnit};
    const Story story = make_story(seed, {.queues = 4, .pools = 2},
                                   isolation("borrowing", {{"reclaim", std::string("preempt")}, {"grace", grace}}));
    struct Waiting {
      Time since = kNever;  // own jobs wait and something is lent
      Time seen{};
    };
    std::vector<Waiting> waiting(2);
    const auto watch = [&](const Scheduler& scheduler, Time now) {
      for (std::uint32_t p = 0; p < 2; ++p) {
        Waiting& w = waiting[p];
        // How the instant before this one ended is what counts: within one, rounds follow each other.
        if (now > w.seen && w.since != kNever) {
          EXPECT_LT(w.seen, w.since + grace) << "pool " << p;
        }
        const bool now_waiting = own_wait(scheduler, PoolId{p}) && scheduler.cluster().pool(PoolId{p}).lent.slots() > 0;
        if (!now_waiting) w.since = kNever;
        else if (w.since == kNever) w.since = now;
        w.seen = now;
      }
    };
    const IdealRun got = run(story, watch);
    ASSERT_EQ(got.halted, "");
    preemptions += got.preemptions;
    for (const Time end : got.ends) EXPECT_NE(end, kNever);
  });
  EXPECT_GT(preemptions, 100U);
}

TEST(FairTurns, KeepQueuesWithinTheirBoundOverAnySpan) {
  for_each_seed(300, "", [](std::uint64_t seed) {
    Rng rng(seed, "fair turns");
    const auto discipline = seed % 2 == 0 ? FairTurns::Discipline::stride : FairTurns::Discipline::deficit_round_robin;
    const std::size_t queues = 2 + rng.below(5);
    const std::int64_t most = 1 + static_cast<std::int64_t>(rng.below(1000));
    const std::int64_t quantum = 1 + static_cast<std::int64_t>(rng.below(2000));
    std::vector<std::int64_t> weights;
    std::vector<std::optional<std::int64_t>> heads;
    const auto cost = [&] { return 1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most))); };
    for (std::size_t q = 0; q < queues; ++q) {
      weights.push_back(1 + static_cast<std::int64_t>(rng.below(9)));
      heads.emplace_back(cost());
    }
    FairTurns fair(discipline, quantum, weights);
    const auto bound = static_cast<double>(fair.bound(most));
    std::vector<double> got(queues);  // per weight
    // The widest and the narrowest lead of each queue over each other so far: their difference is the worst span.
    std::vector<std::vector<double>> low(queues, std::vector<double>(queues)), high = low;
    for (int start = 0; start < 2000; ++start) {
      fair.set_heads(heads);
      const auto first = std::ranges::find(fair.places(), 0) - fair.places().begin();
      const auto q = static_cast<std::size_t>(first);
      fair.charge(q, *heads[q]);
      got[q] += static_cast<double>(*heads[q]) / static_cast<double>(weights[q]);
      heads[q] = cost();
      for (std::size_t a = 0; a < queues; ++a) {
        for (std::size_t b = 0; b < queues; ++b) {
          const double lead = got[a] - got[b];
          low[a][b] = std::min(low[a][b], lead);
          high[a][b] = std::max(high[a][b], lead);
          ASSERT_LE(high[a][b] - low[a][b], bound + 1e-6) << "start " << start;
        }
      }
    }
  });
}

TEST(FairTurns, WhoComesLateSavedNothingUp) {
  for (const auto discipline : {FairTurns::Discipline::stride, FairTurns::Discipline::deficit_round_robin}) {
    FairTurns fair(discipline, 10, {1, 1});
    using Heads = std::vector<std::optional<std::int64_t>>;
    int second = 0;
    for (int start = 0; start < 200; ++start) {
      fair.set_heads(start < 100 ? Heads{10, std::nullopt} : Heads{10, 10});
      const std::size_t q = fair.places()[0] == 0 ? 0 : 1;
      if (q == 1) ++second;
      fair.charge(q, 10);
    }
    EXPECT_NEAR(second, 50, 1);
  }
}

// All queues backlogged from the start: the core time that each has started, by weight.
TEST(WeightedFair, SharesCoreTimeByWeightWithinOneQuantum) {
  for_each_seed(100, "", [](std::uint64_t seed) {
    const bool rounds = seed % 2 == 0;
    const Parameters parameters{{"discipline", std::string(rounds ? "drr" : "stride")}, {"quantum", Duration{5 * kUnit}}};
    Story story = make_story(seed, {.queues = 3, .pools = 1, .widest = 3}, isolation("weighted-fair", parameters));
    for (IdealJob& job : story.jobs) job.submitted = kTimeZero;
    double most = 0;
    for (const PlainJob& job : story.plain) most = std::max(most, static_cast<double>(job.run * job.places));
    const double bound = 2 * most + (rounds ? 5 : 0);
    const auto watch = [&](const Scheduler& scheduler, Time) {
      const Cluster& cluster = scheduler.cluster();
      std::vector<double> started(3);
      for (std::uint32_t q = 0; q < 3; ++q) {
        if (cluster.queue(QueueId{q}).waiting.empty()) return;
      }
      for (std::size_t j = 0; j < story.jobs.size(); ++j) {
        const auto ref = cluster.find(JobId{j});
        const QueueId queue = story.jobs[j].spec.queue;
        if (ref && cluster.job(*ref).state == JobState::waiting) continue;
        started[index(queue)] += static_cast<double>(story.plain[j].run * story.plain[j].places) /
                                 static_cast<double>(story.config.queues[index(queue)].weight);
      }
      const auto [low, high] = std::ranges::minmax(started);
      EXPECT_LE(high - low, bound);
    };
    EXPECT_EQ(run(story, watch).halted, "");
  });
}

// What the attempts of each queue hold, from the jobs alone.
std::vector<Resources> held_by_queue(const Story& story, const Cluster& cluster) {
  std::vector<Resources> held(story.config.queues.size());
  for (const IdealJob& job : story.jobs) {
    const auto ref = cluster.find(job.spec.id);
    if (!ref) continue;
    for (const Placement& p : cluster.job(*ref).placements) held[index(job.spec.queue)] += job.spec.per_task * p.tasks;
  }
  return held;
}

// The turns of the only pool go by `keys`, smaller first, where these differ by more than rounding.
void expect_turns_by(const Cluster& cluster, const std::vector<double>& keys) {
  const auto order = [&](std::size_t q) { return cluster.turn(PoolId{0}, QueueId{static_cast<std::uint32_t>(q)}).order; };
  for (std::size_t a = 0; a < keys.size(); ++a) {
    for (std::size_t b = 0; b < keys.size(); ++b) {
      if (keys[a] >= keys[b] - 1e-9) continue;
      EXPECT_LT(order(a), order(b)) << "queues " << a << " and " << b;
    }
  }
}

TEST(DominantShares, TheQueueWithTheSmallestGoesNext) {
  for_each_seed(150, "", [](std::uint64_t seed) {
    Story story = make_story(seed, {.queues = 3}, isolation("drf"));
    for (WorkerSpec& worker : story.workers) worker.capacity += make_resources({0, 16 - kUnlimited, 1, 0});
    for (IdealJob& job : story.jobs) {
      if (job.spec.queue == QueueId{1}) job.spec.per_task = make_resources({.cpus_milli = 250, .memory_bytes = 7});
      if (job.spec.queue == QueueId{2}) job.spec.per_task = make_resources({.memory_bytes = 1, .gpus = 1});
    }
    Resources all;
    for (const WorkerSpec& worker : story.workers) all += worker.capacity;
    const auto watch = [&](const Scheduler& scheduler, Time) {
      const std::vector<Resources> held = held_by_queue(story, scheduler.cluster());
      std::vector<double> shares;
      for (std::size_t q = 0; q < held.size(); ++q) {
        double share = 0;
        for (Eigen::Index k = 0; k < 4; ++k)
          share = std::max(share, static_cast<double>(held[q].amounts[k]) / static_cast<double>(all.amounts[k]));
        shares.push_back(share / static_cast<double>(story.config.queues[q].weight));
      }
      expect_turns_by(scheduler.cluster(), shares);
    };
    const IdealRun got = run(story, watch);
    EXPECT_EQ(got.halted, "");
    for (const Time end : got.ends) EXPECT_NE(end, kNever);
  });
}

// Ghodsi et al., figure 1: 9 cpus and 18 GB; tasks of A need <1 cpu, 4 GB>, those of B <3 cpus, 1 GB>. A gets three, B two.
TEST(DominantShares, DivideThePapersExampleAsThePaperDoes) {
  Story story;
  story.config.placement = policy("fcfs");
  story.config.isolation = isolation("drf");
  story.config.queues = {{.name = "a", .capacity = {}}, {.name = "b", .capacity = {}}};
  story.config.pools = {{.name = "p", .queues = {QueueId{0}, QueueId{1}}}};
  story.workers = {{PoolId{0}, make_resources({9'000, 18, 0, kUnlimited}), 1.0}};
  for (std::uint64_t j = 0; j < 20; ++j) {
    IdealJob job;
    job.spec.id = JobId{j};
    job.spec.queue = QueueId{j < 10 ? 0U : 1U};
    job.spec.per_task = j < 10 ? make_resources({.cpus_milli = 1'000, .memory_bytes = 4})
                               : make_resources({.cpus_milli = 3'000, .memory_bytes = 1});
    job.spec.estimate = job.duration = Duration{100 * kUnit};
    story.jobs.push_back(job);
  }
  const Starts starts = starts_of(run(story));
  EXPECT_EQ(std::count(starts.begin(), starts.begin() + 10, 0), 3);
  EXPECT_EQ(std::count(starts.begin() + 10, starts.end(), 0), 2);
}

// By the definition, from all that was ever held: each span of c cores from a to b has left c h / ln 2 (2^(-(t-b)/h) - 2^(-(t-a)/h)).
TEST(FairShare, TurnsGoByDecayedUsageAndAge) {
  constexpr double kHalfLife = 20, kAgeWeight = 0.3, kAgeMax = 30;
  for_each_seed(150, "", [&](std::uint64_t seed) {
    const Story story = make_story(seed, {.queues = 3, .widest = 3},
                                   isolation("fair-share", {{"half_life", duration_of_seconds(kHalfLife)},
                                                            {"age_weight", kAgeWeight},
                                                            {"age_max", duration_of_seconds(kAgeMax)}}));
    struct Span {
      double from = 0;
      std::vector<Resources> held;
    };
    std::vector<Span> history;
    const auto watch = [&](const Scheduler& scheduler, Time time) {
      const Cluster& cluster = scheduler.cluster();
      const double now = seconds(time);
      std::vector<double> usage(3), priority(3), weight(3);
      for (std::size_t s = 0; s < history.size(); ++s) {
        const double until = s + 1 < history.size() ? history[s + 1].from : now;
        const double part = std::exp2((until - now) / kHalfLife) - std::exp2((history[s].from - now) / kHalfLife);
        for (std::size_t q = 0; q < 3; ++q)
          usage[q] += static_cast<double>(history[s].held[q].cpus()) / 1000 * kHalfLife / std::log(2.0) * part;
      }
      const double used = usage[0] + usage[1] + usage[2];
      for (std::size_t q = 0; q < 3; ++q) weight[q] = static_cast<double>(story.config.queues[q].weight);
      const double weights = weight[0] + weight[1] + weight[2];
      for (std::size_t q = 0; q < 3; ++q) {
        double age = 0;
        for (const IdealJob& job : story.jobs) {
          const auto ref = cluster.find(job.spec.id);
          if (!ref || index(job.spec.queue) != q || cluster.job(*ref).state != JobState::waiting) continue;
          age = std::max(age, std::min(1.0, (now - seconds(job.submitted)) / kAgeMax));
        }
        priority[q] = -std::exp2(used > 0 ? -usage[q] / used * weights / weight[q] : 0) - kAgeWeight * age;
      }
      expect_turns_by(cluster, priority);
      history.push_back({now, held_by_queue(story, cluster)});
    };
    EXPECT_EQ(run(story, watch).halted, "");
  });
}

// One worker for one job of 1 s at a time; both queues always have some from their first on.
Story one_by_one(std::int64_t weight_of_second, std::int64_t second_from, const Parameters& parameters) {
  Story story;
  story.config.placement = policy("fcfs");
  story.config.isolation = isolation("fair-share", parameters);
  story.config.queues = {{.name = "a", .capacity = {}}, {.name = "b", .capacity = {}, .weight = weight_of_second}};
  story.config.pools = {{.name = "p", .queues = {QueueId{0}, QueueId{1}}}};
  story.workers = {{PoolId{0}, make_resources({1'000, kUnlimited, 0, 1}), 1.0}};
  for (std::uint64_t j = 0; j < 800; ++j) {
    IdealJob job;
    job.spec.id = JobId{j};
    job.spec.queue = QueueId{j < 400 ? 0U : 1U};
    job.spec.per_task = make_resources({.cpus_milli = 1'000});
    job.spec.estimate = job.duration = Duration{kUnit};
    job.submitted = time_at(j < 400 ? 0 : second_from * kUnit);
    story.jobs.push_back(job);
  }
  return story;
}

TEST(FairShare, DividesCoreTimeByWeight) {
  const Story story = one_by_one(3, 0, {{"half_life", duration_of_seconds(1e8)}, {"age_weight", 0.0}});
  const Starts starts = starts_of(run(story));
  EXPECT_NEAR(static_cast<double>(std::count_if(starts.begin(), starts.begin() + 400, [](auto s) { return s < 400; })), 100,
              1);
}

// When one queue has had everything for long, a newcomer of the same weight is level with it after one half-life.
TEST(FairShare, ANewcomerIsAheadForOneHalfLife) {
  const Story story = one_by_one(1, 100, {{"half_life", duration_of_seconds(10)}, {"age_weight", 0.0}});
  const Starts starts = starts_of(run(story));
  for (std::int64_t j = 0; j < 10; ++j) EXPECT_EQ(starts[static_cast<std::size_t>(400 + j)], 100 + j);
  EXPECT_EQ(starts[100], 110);
}

// Whoever has waited for age_max goes before a queue that used nothing, if age weighs more.
TEST(FairShare, AgeOutweighsUsageByItsWeight) {
  const Parameters aged{{"age_weight", 2.0}, {"age_max", duration_of_seconds(50)}};
  EXPECT_EQ(starts_of(run(one_by_one(1, 100, aged)))[100], 100);
  EXPECT_EQ(starts_of(run(one_by_one(1, 100, {{"age_weight", 0.0}})))[400], 100);
}

// Whatever the two policies decide together, every job ends, and the books are right after every step.
TEST(Isolation, GoesWithEveryPlacementThatHasNoOrderOfItsOwn) {
  for (const PolicyInfo& placement : policy_catalog()) {
    if (placement.family != PolicyFamily::placement) continue;
    const PlacementTraits traits = make_placement(configure(placement))->traits();
    const bool other_order = traits.plans_ahead || traits.preempts;
    for (const PolicyInfo& info : policy_catalog()) {
      if (info.family != PolicyFamily::isolation) continue;
      if (other_order && !make_isolation(configure(info))->traits().fixed) continue;
      for_each_seed(15, std::string(placement.type) + " " + std::string(info.type), [&](std::uint64_t seed) {
        Parameters parameters;
        if (info.type == "borrowing" && seed % 2 == 0) parameters = {{"reclaim", std::string("preempt")}, {"keep", 0.3}};
        const Story story = make_story(seed, {.queues = 4, .pools = 1 + static_cast<std::uint32_t>(seed % 3)},
                                       isolation(info.type, parameters), placement.type);
        const IdealRun got = run(story);
        EXPECT_EQ(got.halted, "");
        for (const Time end : got.ends) EXPECT_NE(end, kNever);
      });
    }
  }
}

}  // namespace
}  // namespace drydock::properties::isolation_test

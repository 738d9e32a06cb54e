// A shadow beside a scheduler, in stories so small that every difference can be told beforehand.
#include "policies/core/shadow.hpp"

#include "policies/catalog.hpp"
#include "tests/unit/function_policy.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::shadow_test {
namespace {

constexpr Duration second = std::chrono::seconds{1};

SchedulerConfig one_pool(std::string_view placement) {
  SchedulerConfig config;
  config.queues = {{"queue", 0, {}}};
  config.pools = {{"pool", {QueueId{0}}}};
  config.placement = configure(*find_policy(PolicyFamily::placement, placement));
  return config;
}

JobSpec job_of(std::uint64_t id, std::uint32_t tasks, Duration estimate) {
  JobSpec job = a_job(id, tasks);
  job.estimate = estimate;
  return job;
}

// A scheduler of one pool, and beside it a shadow.
class Story {
 public:
  Story(std::string_view real, std::string_view shadow)
      : Story(one_pool(real), one_pool(shadow), make_policies(one_pool(shadow))) {}
  Story(const SchedulerConfig& real, const SchedulerConfig& shadow, Policies policies)
      : bench_(real, make_policies(real)), shadow_(bench_.scheduler, shadow, std::move(policies), "the shadow") {}

  void at(Duration time, std::vector<Event> facts) {
    bench_.now = kTimeZero + time;
    while (!facts.empty()) {
      bench_.step(std::move(facts));
      facts.clear();
      for (const Commit& c : bench_.all<Commit>()) facts.emplace_back(CommitAnswered{c.request, Answer::done});
      shadow_.catch_up();
      shadow_.sanity_check();
    }
  }
  void end(Duration time, std::uint64_t job) {
    at(time, {AttemptFinished{{JobId{job}, bench_.job(job).attempt}, Ending::succeeded}});
  }
  [[nodiscard]] const ShadowReport& report() const { return shadow_.report(); }
  [[nodiscard]] SchedulerBench& bench() { return bench_; }
  [[nodiscard]] Shadow& shadow() { return shadow_; }

 private:
  SchedulerBench bench_;
  Shadow shadow_;
};

// Two places. Job 1 has one of them for 10 s; job 2 wants both; job 3, of 5 s, fits beside job 1.
void fill_a_hole(Story& story) {
  story.at(0 * second, {a_worker(0), a_worker(1), JobSubmitted{job_of(1, 1, 10 * second)}});
  story.at(0 * second, {JobSubmitted{job_of(2, 2, 10 * second)}});
  story.at(1 * second, {JobSubmitted{job_of(3, 1, 5 * second)}});
  story.at(2 * second, {JobSubmitted{job_of(4, 2, 5 * second)}});  // the hole is still there: nothing new
  story.end(10 * second, 1);
  story.end(20 * second, 2);
}

TEST(Shadow, CountsWhatBackfillingWouldHaveStarted) {
  Story story("fcfs", "easy");
  fill_a_hole(story);
  const ShadowReport& report = story.report();
  EXPECT_EQ(report.starts, (ShadowTally{.same = 3, .shadow_only = 1}));
  EXPECT_EQ(report.different, 2U) << "at 1 s, and at 2 s again";
  EXPECT_EQ(report.equal, 3U);
  EXPECT_EQ(report.later, 1U);
  EXPECT_EQ(report.later_by, 19 * second);
  ASSERT_EQ(report.first.size(), 1U);
  EXPECT_EQ(to_text(report.first.front()), "1.000 s, job 3: real leaves it waiting; shadow starts on worker 1");
}

TEST(Shadow, CountsTheReverseToo) {
  Story story("easy", "fcfs");
  fill_a_hole(story);
  const ShadowReport& report = story.report();
  EXPECT_EQ(report.starts, (ShadowTally{.same = 1, .real_only = 1})) << "job 1; job 3, which runs on";
  EXPECT_EQ(report.later, 0U);
  ASSERT_EQ(report.first.size(), 1U);
  EXPECT_EQ(to_text(report.first.front()), "1.000 s, job 3: real starts on worker 1; shadow leaves it waiting");
}

TEST(Shadow, SeesWhereTheOrderDiffers) {
  Story story("fcfs", "sjf");
  story.at(0 * second, {a_worker(0), JobSubmitted{job_of(1, 1, 10 * second)}});
  story.at(1 * second, {JobSubmitted{job_of(2, 1, 20 * second)}, JobSubmitted{job_of(3, 1, 5 * second)}});
  story.end(10 * second, 1);
  story.end(30 * second, 2);
  const ShadowReport& report = story.report();
  EXPECT_EQ(report.starts, (ShadowTally{.same = 2, .shadow_only = 1, .real_only = 1}));
  EXPECT_EQ(report.later, 1U);
  EXPECT_EQ(report.later_by, 20 * second);
  ASSERT_EQ(report.first.size(), 2U);
  EXPECT_EQ(to_text(report.first[0]), "10.000 s, job 2: real starts on worker 0; shadow leaves it waiting");
  EXPECT_EQ(to_text(report.first[1]), "10.000 s, job 3: real leaves it waiting; shadow starts on worker 0");
}

TEST(Shadow, SeesOtherWorkers) {
  Story story("best-fit", "worst-fit");
  story.at(0 * second, {a_worker(0, 4'000), a_worker(1, 2'000), JobSubmitted{a_job(1)}});
  EXPECT_EQ(story.report().starts, (ShadowTally{.elsewhere = 1}));
  EXPECT_EQ(to_text(story.report().first.front()), "0.000 s, job 1: real starts on worker 1; shadow starts on worker 0");
  EXPECT_EQ(story.bench().job(1).placements[0].worker, WorkerId{1});
}

TEST(Shadow, CountsAStopOnce) {
  Story story("sjf", "srpt");
  story.at(0 * second, {a_worker(0), JobSubmitted{job_of(1, 1, 100 * second)}});
  story.at(1 * second, {JobSubmitted{job_of(2, 1, 5 * second)}});
  story.at(2 * second, {JobSubmitted{job_of(3, 1, 7 * second)}});
  EXPECT_EQ(story.report().stops, (ShadowTally{.shadow_only = 1}));
  EXPECT_EQ(story.bench().job(1).state, JobState::running);
}

// Job 3 waits behind job 2, which wants both places; the shadow would start it at one moment and bind it at the next.
TEST(Shadow, CountsAJobOnceOfEachKindWhileItWaits) {
  auto policy = std::make_unique<FunctionPolicy>();
  policy->wanted.binds = true;
  policy->on_plan = [moment = 0](const PassContext& pass, Plan& plan) mutable {
    const auto waits = [&](std::uint64_t id) {
      const auto ref = pass.cluster.find(JobId{id});
      return ref && pass.cluster.job(*ref).state == JobState::waiting ? ref : std::nullopt;
    };
    const Placement first{WorkerId{0}, 1};
    const Placement second_place{WorkerId{1}, 1};
    if (const auto ref = waits(1)) plan.start(*ref, {&first, 1});
    if (const auto ref = waits(3)) {
      if (++moment % 2 == 0) plan.bind(*ref, WorkerId{1});
      else plan.start(*ref, {&second_place, 1});
    }
  };
  Story story(one_pool("fcfs"), one_pool("jsq"), Policies(std::move(policy)));
  story.at(0 * second, {a_worker(0), a_worker(1), JobSubmitted{job_of(1, 1, 10 * second)}});
  story.at(1 * second, {JobSubmitted{job_of(2, 2, 10 * second)}, JobSubmitted{job_of(3, 1, 5 * second)}});
  for (std::uint64_t id = 4; id <= 9; ++id) {
    story.at(static_cast<std::int64_t>(id) * second, {JobSubmitted{job_of(id, 2, 10 * second)}});
  }
  EXPECT_EQ(story.report().starts, (ShadowTally{.same = 1, .shadow_only = 1}));
  EXPECT_EQ(story.report().binds, (ShadowTally{.shadow_only = 1}));
  EXPECT_EQ(story.report().different, 7U);
}

TEST(Shadow, OfAnotherIsolationKeepsItsOwnTurns) {
  const auto with = [](std::int64_t first, std::int64_t second_weight) {
    SchedulerConfig config = one_pool("fcfs");
    config.queues = {{.name = "a", .capacity = {}, .weight = first}, {.name = "b", .capacity = {}, .weight = second_weight}};
    config.pools = {{"pool", {QueueId{0}, QueueId{1}}}};
    config.isolation =
        configure(*find_policy(PolicyFamily::isolation, "weighted-fair"), {{"cost", ParameterValue{std::string("jobs")}}});
    return config;
  };
  const SchedulerConfig shadow = with(1, 3);
  Story story(with(1, 1), shadow, make_policies(shadow));
  std::vector<Event> facts{a_worker(0)};
  for (std::uint64_t id = 1; id <= 24; ++id) {
    JobSpec job = a_job(id);
    job.queue = QueueId{static_cast<std::uint32_t>(id % 2)};
    facts.emplace_back(JobSubmitted{job});
  }
  story.at(0 * second, facts);
  for (int i = 1; i <= 11; ++i) {
    for (std::uint64_t id = 1; id <= 24; ++id) {
      if (!story.bench().is_live(id) || story.bench().job(id).state != JobState::running) continue;
      story.end(i * second, id);
      break;
    }
  }
  // What the real one gave to queue a beyond its share of a quarter, the shadow gives to b from then on, at every moment.
  const ShadowReport& report = story.report();
  EXPECT_EQ(report.starts.same + report.starts.real_only, 12U);
  EXPECT_GE(report.starts.real_only, 4U);
  EXPECT_LE(report.starts.real_only, 6U) << "what it gave to b is right";
}

// --- one that misbehaves ---

struct Misbehaviour {
  std::string expected;
  std::function<void(FunctionPolicy&)> begin;
};

TEST(Shadow, IsSwitchedOffWhenItMisbehavesAndTheSchedulerGoesOn) {
  const auto start_on_nothing = [](const PassContext& pass, Plan& plan) {
    const Placement nowhere{WorkerId{7}, 1};
    if (const auto ref = pass.cluster.find(JobId{2})) plan.start(*ref, {&nowhere, 1});
  };
  const std::vector<Misbehaviour> all = {
      {"it threw an exception: no plan",
       [](FunctionPolicy& policy) {
         policy.on_plan = [](const PassContext&, Plan&) { throw std::runtime_error("no plan"); };
       }},
      {"it threw something that is not a std::exception",
       [](FunctionPolicy& policy) { policy.on_plan = [](const PassContext&, Plan&) { throw 1; }; }},
      {"it threw an exception: no rank",
       [](FunctionPolicy& policy) {
         policy.on_rank = [](const Job& job) -> Rank {
           if (job.spec.id == JobId{2}) throw std::runtime_error("no rank");
           return {};
         };
       }},
      {"it broke a rule: start job 2 at 0.000000000 s: worker 7 does not exist",
       [&](FunctionPolicy& policy) { policy.on_plan = start_on_nothing; }},
  };
  Story alone("fcfs", "fcfs");
  fill_a_hole(alone);
  for (const Misbehaviour& one : all) {
    SCOPED_TRACE(one.expected);
    auto policy = std::make_unique<FunctionPolicy>();
    one.begin(*policy);
    Story story(one_pool("fcfs"), one_pool("easy"), Policies(std::move(policy)));
    fill_a_hole(story);
    EXPECT_EQ(story.report().off, one.expected);
    EXPECT_FALSE(story.shadow().is_on());
    EXPECT_EQ(story.bench().scheduler.journal_hash(), alone.bench().scheduler.journal_hash());
  }
}

TEST(Shadow, ThatTakesTooMuchTimeSkipsMoments) {
  Story story("fcfs", "easy");
  story.at(0 * second, {a_worker(0), a_worker(1), JobSubmitted{job_of(1, 1, 100 * second)}});
  story.at(0 * second, {JobSubmitted{job_of(2, 2, 10 * second)}});
  story.shadow().spent(kTimeZero, 4 * second);  // two more than it had: it has time again in ten seconds
  story.at(9 * second, {JobSubmitted{job_of(3, 1, 5 * second)}});
  EXPECT_EQ(story.report().skipped, 1U);
  EXPECT_EQ(story.report().starts.shadow_only, 0U);
  story.at(11 * second, {JobSubmitted{job_of(4, 1, 500 * second)}});
  EXPECT_EQ(story.report().skipped, 1U);
  EXPECT_EQ(story.report().starts.shadow_only, 1U) << "job 3";
}

TEST(Shadow, KeepsAFewDifferencesOfMany) {
  Story story("best-fit", "worst-fit");
  story.at(0 * second, {a_worker(0, 4'000), a_worker(1, 2'000)});
  for (std::uint64_t id = 1; id <= 40; ++id) {
    story.at(static_cast<std::int64_t>(id) * second, {JobSubmitted{a_job(id)}});
    story.end(static_cast<std::int64_t>(id) * second, id);
  }
  const ShadowReport& report = story.report();
  EXPECT_EQ(report.differences(), 40U);
  ASSERT_EQ(report.first.size(), ShadowReport::kKept);
  ASSERT_EQ(report.latest.size(), ShadowReport::kKept);
  EXPECT_EQ(report.first.back().job, JobId{10});
  EXPECT_EQ(report.latest.front().job, JobId{31});
  EXPECT_EQ(report.latest.back().job, JobId{40});
}

// --- who may have which ---

TEST(Shadow, MustHaveTheSameQueuesPoolsAndAdmission) {
  const SchedulerConfig real = one_pool("fcfs");
  EXPECT_EQ(why_no_shadow(real, one_pool("conservative")), std::nullopt);
  SchedulerConfig other = real;
  other.queues.push_back({"more", 0, {}});
  EXPECT_EQ(why_no_shadow(real, other), "it has other queues");
  other = real;
  other.pools[0].name = "another";
  EXPECT_EQ(why_no_shadow(real, other), "it has other pools");
  other = real;
  other.control_plane.aggregate = true;
  EXPECT_EQ(why_no_shadow(real, other), "it has another admission (control_plane.admission)");
}

// --- the report ---

TEST(ShadowReport, GoesThroughJson) {
  Story story("fcfs", "sjf");
  fill_a_hole(story);
  ShadowReport report = story.report();
  report.off = "it \"broke\" a rule";
  report.skipped = 7;
  const auto back = parse_shadow_report(to_json(report));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back.value(), report);
  EXPECT_FALSE(parse_shadow_report("{}").ok());
  EXPECT_FALSE(parse_shadow_report("nonsense").ok());
  EXPECT_FALSE(parse_shadow_report(R"({"schema":"drydock-shadow/1","name":7})").ok());
}

TEST(ShadowReport, OfTwoReignsIsTheirSum) {
  Story story("fcfs", "easy");
  fill_a_hole(story);
  ShadowReport sum = story.report();
  sum += story.report();
  EXPECT_EQ(sum.starts, (ShadowTally{.same = 6, .shadow_only = 2}));
  EXPECT_EQ(sum.later_by, 38 * second);
  EXPECT_EQ(sum.first.size(), 2U);
  EXPECT_EQ(
      summary_of(sum),
      "the shadow: 6 of 10 decisions equal; starts: 6 same, 0 on other workers, 2 by the shadow alone, 0 by the real one "
      "alone; 2 jobs would have started earlier, by 19.000 s on average");
}

}  // namespace
}  // namespace drydock::shadow_test

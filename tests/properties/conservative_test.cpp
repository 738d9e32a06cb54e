// Conservative backfilling where the textbook is silent: jobs that outlive their estimates, that come back, that leave.
#include "policies/catalog.hpp"
#include "tests/properties/ideal_world.hpp"
#include "tests/unit/function_policy.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock::properties::conservative_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

IdealJob job_of(std::uint64_t id, Duration submit, Duration run, std::uint32_t places, Duration estimate) {
  IdealJob job;
  job.spec = a_job(id, places);
  job.spec.estimate = estimate;
  job.submitted = kTimeZero + submit;
  job.duration = run;
  return job;
}

std::vector<std::int64_t> starts_ms(std::int64_t places, const std::vector<IdealJob>& jobs) {
  const IdealRun run = run_ideally(policy("conservative"), {a_worker(0, 1'000 * places).spec}, jobs);
  EXPECT_EQ(run.halted, "");
  std::vector<std::int64_t> result;
  for (const Time start : run.starts) result.push_back(start == kNever ? -1 : nanos(start) / 1'000'000);
  return result;
}

// One more second, a tenth of its estimate, is what an overdue job is given, and the hole until then may be used.
TEST(Conservative, PlansAroundAJobThatOutlivedItsEstimate) {
  EXPECT_EQ(
      starts_ms(2, {job_of(0, seconds{0}, seconds{30}, 1, seconds{10}), job_of(1, seconds{12}, seconds{10}, 2, seconds{10}),
                    job_of(2, seconds{12}, seconds{1}, 1, seconds{1})}),
      (std::vector<std::int64_t>{0, 30'000, 12'000}));
}

// Job 0 ends 2 s late, so job 1 does, and the time planned for job 2 passes unused: job 3 must not take its place.
TEST(Conservative, AJobWhosePlannedTimePassedIsNotOvertaken) {
  EXPECT_EQ(
      starts_ms(4, {job_of(0, seconds{0}, seconds{12}, 3, seconds{10}), job_of(1, seconds{0}, seconds{10}, 2, seconds{10}),
                    job_of(2, seconds{0}, seconds{1}, 4, seconds{1}),
                    job_of(3, milliseconds{21'500}, seconds{100}, 2, seconds{100})}),
      (std::vector<std::int64_t>{0, 12'000, 22'000, 23'000}));
}

// Job 2 would fit into what the two workers have free together, but not into either: it is due at once, finds no room, and
// claims that much for as long as it waits, also when the time planned for it has passed. Job 3 must not take half of it.
TEST(Conservative, AJobWhoseRoomIsScatteredKeepsItsClaim) {
  std::vector<IdealJob> jobs{
      job_of(0, seconds{0}, seconds{100}, 1, seconds{100}), job_of(1, seconds{0}, seconds{100}, 1, seconds{100}),
      job_of(2, seconds{0}, seconds{10}, 1, seconds{10}), job_of(3, seconds{11}, seconds{500}, 1, seconds{500})};
  const std::vector<std::int64_t> cpus_milli{1'500, 1'500, 1'000, 500};
  for (std::size_t j = 0; j < jobs.size(); ++j) jobs[j].spec.per_task = make_resources({.cpus_milli = cpus_milli[j]});
  const IdealRun run = run_ideally(policy("conservative"), {a_worker(0, 2'000).spec, a_worker(1, 2'000).spec}, jobs);
  EXPECT_EQ(run.starts[2], kTimeZero + seconds{100});
  EXPECT_EQ(run.starts[3], kTimeZero + seconds{100});
}

SchedulerBench conservative_bench() {
  SchedulerConfig config = one_pool(policy("conservative"));
  auto made = make_placement(config.placement);
  return {std::move(config), std::move(made)};
}

TEST(Conservative, AJobWhoseCommitFailedKeepsItsPlace) {
  SchedulerBench bench = conservative_bench();
  bench.step({a_worker(0), JobSubmitted{a_job(0)}, JobSubmitted{a_job(1)}});
  bench.step({CommitAnswered{bench.all<Commit>().at(0).request, Answer::failed}});
  bench.now = bench.scheduler.next_wakeup();
  bench.step({});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.all<Commit>().at(0).assignments[0].attempt, (AttemptId{JobId{0}, 2}));
}

// Jobs 1 and 2 have reservations one behind the other; nothing ever happens at the time of the second if the first leaves.
TEST(Conservative, ACancelledReservationLeavesNoHole) {
  SchedulerBench bench = conservative_bench();
  bench.settle({a_worker(0), JobSubmitted{a_job(0)}, JobSubmitted{a_job(1)}, JobSubmitted{a_job(2)}});
  bench.now += seconds{5};
  bench.settle({JobCancelled{JobId{1}}});
  bench.now += seconds{5};
  bench.settle({AttemptFinished{{JobId{0}, 1}, Ending::succeeded}});
  EXPECT_EQ(bench.job(2).state, JobState::running);
}

}  // namespace
}  // namespace drydock::properties::conservative_test

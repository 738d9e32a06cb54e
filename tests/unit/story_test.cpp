// What `drydock explain` tells: of a job that is lost with its worker and runs again, and of that worker.
#include "reports/story.hpp"

#include "cli/named_ids.hpp"
#include "tests/unit/check_story.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::reports::story_test {
namespace {

using namespace check_story;
using Steps = check_story::Story;

constexpr ResourceAmounts kHost{.cpus_milli = 2000, .slots = 2};
constexpr ResourceAmounts kTask{.cpus_milli = 1000};

SchedulerConfig config() {
  SchedulerConfig config;
  config.queues = {{.name = "default", .capacity = {}}};
  config.pools = {{.name = "main", .queues = {QueueId{0}}}};
  return config;
}

Steps steps() {
  return {
      {0, {submitted(7, 2, kTask)}, {}},
      {1, {registered(0, 1, kHost)}, {OwnedCommit{1, {}, {{attempt(7, 1), {on(0, 2)}}}}}},
      {2, {answered(1, Answer::unknown)}, {ask(2, 1)}},
      {3, {read(2, Answer::done, true)}, {OwnedDispatch{attempt(7, 1), {on(0, 2)}}}},
      {9,
       {LeaseExpired{WorkerId{0}, 1}, WorkerRegistered{WorkerId{0}, 2, {PoolId{0}, make_resources(kHost), 1.0}}},
       {OwnedCommit{3, {{attempt(7, 1), ReleaseReason::worker_lost}}, {{attempt(7, 2), {on(0, 2)}}}}}},
      {10, {answered(3)}, {OwnedDispatch{attempt(7, 2), {on(0, 2)}}}},
      {11, {finished(attempt(7, 1))}, {}},
      {15, {finished(attempt(7, 2))}, {OwnedCommit{4, {{attempt(7, 2), ReleaseReason::succeeded}}, {}}}},
      {16, {answered(4)}, {}},
  };
}

template <class Tale>
std::string told(Tale& tale) {
  Spans spans;
  for (const StoryStep& step : steps()) tale.step(time_at(step.at_s * 1'000'000'000), step.events, spans.of(step));
  std::string text;
  for (const StoryLine& line : tale.lines()) text += std::to_string(nanos(line.at) / 1'000'000'000) + " " + line.what + "\n";
  return text + tale.summary() + "\n";
}

TEST(JobStory, TellsWhyItWaitedAndRanAgain) {
  const SchedulerConfig recorded = config();
  JobStory story(JobId{7}, recorded);
  EXPECT_EQ(told(story),
            "0 is submitted to queue default: 2 tasks of 1 cpu, estimated to take 10 s\n"
            "0 waits: no worker that serves its queue is known to live\n"
            "1 attempt 1 is assigned to worker 0 (2 tasks) after a wait of 1 s: commit 1 is sent\n"
            "2 the answer to commit 1 is lost: it will be read back\n"
            "2 commit 1 is read back\n"
            "3 commit 1 is done\n"
            "3 attempt 1 is sent to worker 0 (2 tasks)\n"
            "9 the lease of worker 0 has expired\n"
            "9 attempt 1 is lost: worker 0 is another process now, incarnation 2\n"
            "9 the end of attempt 1 is to be written as lost with its worker: commit 3 is sent\n"
            "9 attempt 2 is assigned to worker 0 (2 tasks) after a wait of 0 s: commit 3 is sent\n"
            "10 commit 3 is done: its end is written\n"
            "10 attempt 2 is sent to worker 0 (2 tasks)\n"
            "11 attempt 1 reports success, and is refused: it is not the current one any more\n"
            "15 attempt 2 succeeds after 5 s\n"
            "15 the end of attempt 2 is to be written as succeeded: commit 4 is sent\n"
            "16 commit 4 is done: its end is written\n"
            "job 7 has ended 16 s after its submission: succeeded\n");
}

TEST(WorkerStory, TellsWhatItRanAndLost) {
  const SchedulerConfig recorded = config();
  WorkerStory story(WorkerId{0}, recorded);
  EXPECT_EQ(told(story),
            "1 registers in pool main with 2 cpus\n"
            "3 is sent attempt 7.1\n"
            "9 its lease has expired; what ran there is lost: attempt 7.1\n"
            "9 is there as another process, incarnation 2, in pool main with 2 cpus\n"
            "10 is sent attempt 7.2\n"
            "15 attempt 7.2 succeeds after 5 s\n"
            "worker 0: 2 processes, 1 attempt ended there, 1 lost; it lives where the journal ends\n");
}

TEST(Stories, OfSomebodyWhoIsNotThereAreEmpty) {
  const SchedulerConfig recorded = config();
  JobStory job(JobId{8}, recorded);
  EXPECT_EQ(told(job), "job 8 is not in this journal\n");
  WorkerStory worker(WorkerId{4}, recorded);
  EXPECT_EQ(told(worker), "worker 4 is not in this journal\n");
}

TEST(NamedIds, AreThoseOfJobsAttemptsAndWorkers) {
  const auto ids = cli::ids_named_in("attempt 8.1 needs 1 x 1000 cpus on worker 3, job 12 and attempt 8.2 with 4 more");
  EXPECT_EQ(ids.jobs, (std::vector<std::uint64_t>{8, 12}));
  EXPECT_EQ(ids.workers, (std::vector<std::uint32_t>{3}));
  EXPECT_TRUE(cli::ids_named_in("time goes back; worker x, job").jobs.empty());
  EXPECT_TRUE(cli::ids_named_in("worker 99999999999999999999").workers.empty());
}

}  // namespace
}  // namespace drydock::reports::story_test

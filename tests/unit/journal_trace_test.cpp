// Journals as traces.
#include "policies/core/journal.hpp"
#include "scenarios/import.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::scenarios::journal_trace_test {
namespace {

using std::chrono::seconds;

constexpr const char* kRecorded = R"({"name": "shop", "cluster": {"hosts": [{"name": "node", "count": 2}]},
  "queues": [{"name": "web"}, {"name": "batch"}], "workload": [{"queue": "web", "count": 1, "duration": "1s"}]})";

Time at(int s) { return kTimeZero + seconds{s}; }

JobSpec job(std::uint64_t id, std::uint32_t queue, std::int64_t gpus = 0) {
  return {.id = JobId{id},
          .queue = QueueId{queue},
          .priority = 3,
          .tasks = 2,
          .per_task = make_resources({.cpus_milli = 500, .gpus = gpus}),
          .estimate = seconds{30},
          .input_bytes = 5};
}
WorkerRegistered worker(std::uint32_t id, double speed) {
  return {WorkerId{id}, 1, {.pool = PoolId{0}, .capacity = make_resources({.cpus_milli = 1000}), .speed = speed}};
}

// A journal from its steps.
class Recording {
 public:
  explicit Recording(JournalFormat format = JournalFormat::binary)
      : writer_(out_, format, {.version = "1", .scenario = kRecorded, .variant = "easy", .seed = 7}) {}

  Recording& learn(int s, const std::vector<Event>& events) {
    writer_.step(at(s), events, {}, 0);
    return *this;
  }
  Recording& dispatch(int s, AttemptId attempt, const std::vector<WorkerId>& workers) {
    std::vector<Placement> placements;
    for (const WorkerId id : workers) placements.push_back({id, 1});
    return order(s, Dispatch{attempt, placements});
  }
  Recording& order(int s, const Command& command) {
    const std::array<Command, 1> commands{command};
    writer_.step(at(s), {}, commands, 0);
    return *this;
  }
  Recording& lose(int s, AttemptId attempt) {
    const std::array<Release, 1> releases{Release{attempt, ReleaseReason::worker_lost}};
    return order(s, Commit{.request = RequestId{1}, .releases = releases, .assignments = {}});
  }
  Result<RawTrace> read() {
    writer_.close(JournalEnd::stopped);
    text_ = out_.str();
    return read_journal_jobs(open_memory(text_), "run.journal");
  }

 private:
  std::ostringstream out_;
  std::string text_;
  JournalWriter writer_;
};

AttemptId attempt(std::uint64_t id, std::uint32_t number) { return {JobId{id}, number}; }

class Formats : public testing::TestWithParam<JournalFormat> {};
INSTANTIATE_TEST_SUITE_P(Journal, Formats, testing::Values(JournalFormat::binary, JournalFormat::json_lines));

// A gang takes as long as its slowest worker; with speed 0.5 that is half the work.
TEST_P(Formats, TellsWhenJobsCameAndWhatTheyTookAtSpeedOne) {
  Recording recording(GetParam());
  recording.learn(0, {worker(0, 2.0), worker(1, 0.5)})
      .learn(10, {JobSubmitted{job(4, 1)}})
      .learn(11, {JobSubmitted{job(5, 0, 1)}})
      .dispatch(15, attempt(4, 1), {WorkerId{0}, WorkerId{1}})
      .dispatch(16, attempt(5, 1), {WorkerId{0}})
      .learn(19, {AttemptFinished{attempt(5, 1)}})
      .learn(35, {AttemptFinished{attempt(4, 1)}});
  const auto trace = recording.read();
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  const RawTrace& raw = trace.value();
  ASSERT_EQ(raw.jobs.size(), 2U);
  EXPECT_EQ(raw.read, 2U);
  EXPECT_TRUE(raw.skipped.empty());
  EXPECT_EQ(Duration{raw.jobs[0].submit_ns}, seconds{10});
  EXPECT_EQ(Duration{raw.jobs[0].runtime_ns}, seconds{10});
  EXPECT_EQ(Duration{raw.jobs[0].requested_ns}, seconds{30});
  EXPECT_EQ(raw.jobs[0].tasks, 2U);
  EXPECT_EQ(raw.jobs[0].line, 4U);
  EXPECT_EQ(raw.queues[raw.jobs[0].queue], "batch");
  EXPECT_EQ(Duration{raw.jobs[1].runtime_ns}, seconds{6});
  EXPECT_EQ(raw.queues[raw.jobs[1].queue], "web");
  const JobSpec& kind = raw.kinds[raw.jobs[1].queue];
  EXPECT_EQ(kind.per_task, make_resources({.cpus_milli = 500, .gpus = 1}));
  EXPECT_EQ(kind.priority, 3);
  EXPECT_EQ(kind.input_bytes, 0) << "moving it was part of the runtime";
  EXPECT_EQ(raw.remarks.size(), 1U);
  EXPECT_EQ(raw.header.at("Variant"), "easy");
}

// The last attempt counts, with what was done before where that was kept.
TEST(JournalTrace, StoppedLostAndRepeatedAttempts) {
  Recording recording;
  recording.learn(0, {worker(0, 2.0), JobSubmitted{job(1, 0)}, JobSubmitted{job(2, 0)}, JobSubmitted{job(3, 0)}})
      .dispatch(1, attempt(1, 1), {WorkerId{0}})
      .learn(5, {AttemptStopped{attempt(1, 1), seconds{7}}})
      .dispatch(6, attempt(1, 2), {WorkerId{0}})
      .learn(8, {AttemptFinished{attempt(1, 2)}})
      .dispatch(10, attempt(2, 1), {WorkerId{0}})
      .lose(15, attempt(2, 1))
      .dispatch(20, attempt(2, 2), {WorkerId{0}})
      .learn(21, {AttemptFinished{attempt(2, 1)}})  // too late
      .learn(23, {AttemptFinished{attempt(2, 2)}})
      .dispatch(30, attempt(3, 1), {WorkerId{0}})
      .learn(31, {AttemptFinished{attempt(3, 1), Ending::failed}})
      .dispatch(32, attempt(3, 2), {WorkerId{0}})
      .learn(36, {AttemptFinished{attempt(3, 2)}});
  const auto trace = recording.read();
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace.value().jobs.size(), 3U);
  EXPECT_EQ(Duration{trace.value().jobs[0].runtime_ns}, seconds{7 + 4});
  EXPECT_EQ(Duration{trace.value().jobs[1].runtime_ns}, seconds{6});
  EXPECT_EQ(Duration{trace.value().jobs[2].runtime_ns}, seconds{8});
}

TEST(JournalTrace, SaysWhichJobsItLeavesOut) {
  Recording recording;
  std::vector<Event> jobs{worker(0, 1.0)};
  for (std::uint64_t id = 1; id <= 7; ++id) jobs.emplace_back(JobSubmitted{job(id, 0)});
  recording.learn(0, jobs)
      .order(0, RejectJob{JobId{1}})
      .learn(1, {JobCancelled{JobId{2}}})
      .dispatch(2, attempt(3, 1), {WorkerId{0}})
      .learn(3, {JobCancelled{JobId{3}}})
      .learn(4, {AttemptStopped{attempt(3, 1)}})
      .dispatch(5, attempt(4, 1), {WorkerId{0}})
      .learn(8, {AttemptFinished{attempt(4, 1), Ending::failed}})
      .dispatch(9, attempt(5, 1), {WorkerId{0}})
      .dispatch(9, attempt(6, 1), {WorkerId{0}})
      .lose(20, attempt(6, 1));
  const auto trace = recording.read();
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().read, 7U);
  ASSERT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().jobs[0].line, 3U);
  EXPECT_EQ(Duration{trace.value().jobs[0].runtime_ns}, seconds{2});
  EXPECT_EQ(trace.value().jobs[1].line, 4U);
  EXPECT_EQ(Duration{trace.value().jobs[1].runtime_ns}, seconds{3});
  std::vector<std::uint64_t> left_out;
  for (const auto& [why, tally] : trace.value().skipped)
    left_out.insert(left_out.end(), tally.first_lines.begin(), tally.first_lines.end());
  std::ranges::sort(left_out);
  EXPECT_EQ(left_out, (std::vector<std::uint64_t>{1, 2, 5, 6, 7}));
}

// A journal that begins with a takeover has jobs that came, and attempts that began, before it.
TEST(JournalTrace, BeginsWithWhatALeaderTookOver) {
  Recording recording;
  recording
      .learn(100, {worker(0, 2.0), JobLoaded{.job = job(1, 0), .submitted = at(40), .attempts = 1},
                   JobLoaded{.job = job(2, 0), .submitted = at(50), .attempts = 1, .progress = seconds{5}}})
      .learn(101, {AttemptHeld{attempt(1, 1), WorkerId{0}, seconds{31}}})
      .learn(110, {AttemptFinished{attempt(1, 1)}})
      .dispatch(111, attempt(2, 2), {WorkerId{0}})
      .learn(112, {AttemptFinished{attempt(2, 2)}});
  const auto trace = recording.read();
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(Duration{trace.value().jobs[0].submit_ns}, seconds{40});
  EXPECT_EQ(Duration{trace.value().jobs[0].runtime_ns}, seconds{80});
  EXPECT_EQ(Duration{trace.value().jobs[1].runtime_ns}, seconds{7});
}

TEST(JournalTrace, RefusesWhatIsNone) {
  const auto garbage = read_journal_jobs(open_memory("; an SWF file\n1 2 3\n"), "run.journal");
  ASSERT_FALSE(garbage.ok());
  EXPECT_TRUE(garbage.error().message.starts_with("run.journal: ")) << garbage.error().message;
  const auto empty = Recording().learn(1, {worker(0, 1)}).read();
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().message, "run.journal: no job was submitted in this journal");
}

}  // namespace
}  // namespace drydock::scenarios::journal_trace_test

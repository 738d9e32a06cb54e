// What reports make of the steps of a journal: who waits and runs, failures, the trace.
#include "reports/chrome_trace.hpp"
#include "reports/happenings.hpp"
#include "reports/timeline.hpp"
#include "tests/unit/check_story.hpp"

#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::reports::report_journal_test {
namespace {

using namespace check_story;
using Steps = check_story::Story;
using Json = nlohmann::json;

constexpr ResourceAmounts kHost{.cpus_milli = 2000, .slots = 2};
constexpr ResourceAmounts kTask{.cpus_milli = 1000};

// Two jobs; the worker of both is lost at 9 s and back at 12 s, and job 7 runs again from 13 to 15 s. Job 8 is cancelled.
Steps two_jobs() {
  return {
      {0, {submitted(7, 1, kTask)}, {}},
      {1, {registered(0, 1, kHost)}, {OwnedCommit{1, {}, {{attempt(7, 1), {on(0, 1)}}}}}},
      {2,
       {answered(1), submitted(8, 1, kTask)},
       {OwnedDispatch{attempt(7, 1), {on(0, 1)}}, OwnedCommit{2, {}, {{attempt(8, 1), {on(0, 1)}}}}}},
      {3, {answered(2)}, {OwnedDispatch{attempt(8, 1), {on(0, 1)}}}},
      {9,
       {LeaseExpired{WorkerId{0}, 1}},
       {OwnedCommit{3, {{attempt(7, 1), ReleaseReason::worker_lost}, {attempt(8, 1), ReleaseReason::worker_lost}}, {}}}},
      {10, {answered(3), JobCancelled{JobId{8}}}, {}},
      {12, {registered(0, 2, kHost)}, {OwnedCommit{4, {}, {{attempt(7, 2), {on(0, 1)}}}}}},
      {13, {answered(4)}, {OwnedDispatch{attempt(7, 2), {on(0, 1)}}}},
      {15, {finished(attempt(7, 2))}, {OwnedCommit{5, {{attempt(7, 2), ReleaseReason::succeeded}}, {}}}},
      {16, {answered(5)}, {}},
  };
}

template <class Each>
Time play(const Steps& steps, Happenings& all, const Each& each) {
  Spans spans;
  Time now{};
  for (const StoryStep& step : steps) {
    now = time_at(step.at_s * 1'000'000'000);
    all.step(now, step.events, spans.of(step));
    each(now);
  }
  return now;
}

TEST(Happenings, CountsWhoWaitsAndRuns) {
  Happenings all(false);
  std::map<std::int64_t, std::string> told;
  play(two_jobs(), all, [&](Time now) {
    told[nanos(now) / 1'000'000'000] = std::to_string(all.waiting()) + " waiting " + std::to_string(all.running()) +
                                       " running " + std::to_string(all.cpus_used()) + " used " +
                                       std::to_string(all.cpus_live()) + " live";
  });
  EXPECT_EQ(told[0], "1 waiting 0 running 0 used 0 live");
  EXPECT_EQ(told[1], "1 waiting 0 running 0 used 2000 live");
  EXPECT_EQ(told[2], "1 waiting 1 running 1000 used 2000 live");
  EXPECT_EQ(told[3], "0 waiting 2 running 2000 used 2000 live");
  EXPECT_EQ(told[9], "2 waiting 0 running 0 used 0 live");
  EXPECT_EQ(told[10], "1 waiting 0 running 0 used 0 live");
  EXPECT_EQ(told[13], "0 waiting 1 running 1000 used 2000 live");
  EXPECT_EQ(told[16], "0 waiting 0 running 0 used 2000 live");
}

TEST(Happenings, GivesEachStretchOnceInALaneOfItsOwn) {
  Happenings all(false);
  std::vector<Stretch> ended;
  play(two_jobs(), all, [&](Time) { ended.insert(ended.end(), all.ended().begin(), all.ended().end()); });
  ASSERT_EQ(ended.size(), 3U);
  EXPECT_NE(ended[0].lane, ended[1].lane);
  EXPECT_EQ(ended[0].end, StretchEnd::lost);
  EXPECT_EQ(ended[2].end, StretchEnd::succeeded);
  EXPECT_EQ(ended[2].from, time_at(13'000'000'000));
  EXPECT_EQ(ended[2].to, time_at(15'000'000'000));
  EXPECT_EQ(ended[2].lane, 0U);
}

TEST(Happenings, EndsWhatStillRunsWithTheJournal) {
  Steps steps = two_jobs();
  steps.resize(4);
  Happenings all(false);
  const Time end = play(steps, all, [](Time) {});
  all.finish(end + Duration{5});
  ASSERT_EQ(all.ended().size(), 2U);
  for (const Stretch& stretch : all.ended()) EXPECT_EQ(stretch.end, StretchEnd::unended);
  EXPECT_EQ(all.cpus_used(), 0);
}

// Drift is told against what was committed, not against what was asked for.
TEST(Happenings, DriftIsTheCounterLessWhatIsCommitted) {
  Happenings all(true);
  Spans spans;
  const Steps steps = two_jobs();
  std::vector<std::optional<std::int64_t>> drifts;
  for (std::size_t i = 0; i < 4; ++i) {
    all.step(time_at(steps[i].at_s), steps[i].events, spans.of(steps[i]));
    const std::vector<Event> counted{CounterAnswered{.request = RequestId{99}, .value = 1500}};
    all.step(time_at(steps[i].at_s), counted, {});
    drifts.push_back(all.drift());
  }
  EXPECT_EQ(drifts[1], 1500);  // the commit is on its way
  EXPECT_EQ(drifts[2], 500);
  EXPECT_EQ(drifts[3], -500);
}

TEST(Timeline, TellsAFailureFromItsFaultToItsRecovery) {
  Happenings all(false);
  Timeline timeline({"default"});
  const Time end = play(two_jobs(), all, [&](Time now) { timeline.step(now, all); });
  const std::vector<FaultSpan> faults{
      {.type = "worker-crash", .target = "node-0", .workers = {WorkerId{0}}, .from = time_at(4'000'000'000)}};
  const Timeline::Course course = timeline.finish(end, faults);
  ASSERT_EQ(course.failures.size(), 1U);
  const Failure& failure = course.failures.front();
  EXPECT_EQ(failure.what, "worker-crash");
  EXPECT_EQ(failure.fault, time_at(4'000'000'000));
  EXPECT_EQ(failure.suspected, time_at(9'000'000'000));
  EXPECT_EQ(failure.known, time_at(9'000'000'000));
  EXPECT_EQ(failure.lost, 2U);
  EXPECT_EQ(failure.resumed, time_at(13'000'000'000));
  EXPECT_EQ(failure.returned, time_at(12'000'000'000));
  EXPECT_EQ(course.attempts, 3U);
  ASSERT_FALSE(course.series.empty());
  EXPECT_EQ(course.series.front().name, "jobs waiting");
  Wide area = 0;
  for (const SeriesBucket& bucket : course.series.front().series.buckets) area += bucket.area;
  EXPECT_EQ(area, Wide{1 + 1 + 1 + 0 + 2 + 3} * 1'000'000'000);  // 0-1, 1-2, 2-3, 3-9, 9-10, 10-13 s
}

Json traced(std::uint64_t most_events) {
  std::ostringstream out;
  Happenings all(false);
  ChromeTrace trace(out, {.title = "a \"title\"\n", .queues = {"</q>"}, .hosts = {"node-0"}, .most_events = most_events});
  const Time end = play(two_jobs(), all, [&](Time now) { trace.step(now, all); });
  all.finish(end);
  const std::vector<FaultSpan> faults{{.type = "worker-crash",
                                       .target = "node-0",
                                       .workers = {},
                                       .from = time_at(4'000'000'000),
                                       .to = time_at(8'000'000'000)},
                                      {.type = "redis-flush", .target = {}, .workers = {}, .from = time_at(5'000'000'000)}};
  trace.finish(end, all, faults);
  return Json::parse(out.str(), nullptr, false);
}

// The rules of the Trace Event Format, as far as they concern what is written.
void expect_lawful(const Json& trace) {
  ASSERT_TRUE(trace.is_object());
  ASSERT_TRUE(trace["traceEvents"].is_array());
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> complete;
  std::map<std::string, int> open;
  for (const Json& event : trace["traceEvents"]) {
    const std::string phase = event.at("ph");
    ASSERT_TRUE(event.at("name").is_string());
    ASSERT_TRUE(event.at("pid").is_number_integer());
    if (phase != "M") {
      ASSERT_GE(event.at("ts").get<double>(), 0);
    }
    if (phase == "X") {
      ASSERT_GE(event.at("dur").get<double>(), 0);
      complete[{event["pid"], event["tid"]}].emplace_back(event["ts"],
                                                          event["ts"].get<double>() + event["dur"].get<double>());
    } else if (phase == "i") {
      ASSERT_TRUE(event.at("s") == "g" || event.at("s") == "p" || event.at("s") == "t");
    } else if (phase == "C") {
      ASSERT_TRUE(event.at("args").at("value").is_number());
    } else if (phase == "b" || phase == "e") {
      open[event.at("cat").get<std::string>() + event.at("id").get<std::string>()] += phase == "b" ? 1 : -1;
    } else {
      ASSERT_EQ(phase, "M");
      ASSERT_TRUE(event.at("args").is_object());
    }
  }
  for (const auto& [id, count] : open) EXPECT_EQ(count, 0) << id;
  for (auto& [thread, spans] : complete) {
    std::ranges::sort(spans);
    for (std::size_t i = 1; i < spans.size(); ++i)
      EXPECT_LE(spans[i - 1].second, spans[i].first) << "complete events of one thread nest or follow";
  }
}

TEST(ChromeTrace, KeepsTheRulesOfTheFormat) {
  const Json trace = traced(1000);
  expect_lawful(trace);
  std::map<std::string, int> phases;
  for (const Json& event : trace["traceEvents"]) ++phases[event["ph"].get<std::string>()];
  EXPECT_EQ(phases["X"], 3);
  EXPECT_EQ(phases["b"], 1);
  EXPECT_EQ(phases["i"], 3 + 2);  // registered, expired, back; two faults
  EXPECT_EQ(trace["otherData"]["title"], "a \"title\"\n");
  EXPECT_EQ(trace["otherData"]["left_out"], 0);
}

TEST(ChromeTrace, SaysWhatItLeavesOut) {
  const Json trace = traced(5);
  expect_lawful(trace);
  EXPECT_GT(trace["otherData"]["left_out"].get<int>(), 0);
  EXPECT_NE(trace["otherData"]["note"].get<std::string>().find("left out"), std::string::npos);
}

}  // namespace
}  // namespace drydock::reports::report_journal_test

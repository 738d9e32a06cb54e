#include "policies/core/replay.hpp"

#include "policies/catalog.hpp"
#include "policies/core/check.hpp"
#include "policies/core/rng.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>

namespace drydock::replay_test {
namespace {

SchedulerConfig config_with(const std::string& type, std::uint64_t seed = 1) {
  SchedulerConfig config;
  config.queues.push_back({.name = "default", .capacity = 20});
  config.pools.push_back({.name = "main", .queues = {QueueId{0}}});
  config.placement = configure(*find_policy(PolicyFamily::placement, type));
  config.seed = seed;
  return config;
}

// Facts of a small world in which commits fail or their replies are lost, and workers come and go.
class Recorder {
 public:
  Recorder(const SchedulerConfig& config, std::uint64_t seed, JournalFormat format)
      : one_worker_each_(make_placement(config.placement)->traits().one_worker),
        scheduler_(config, make_placement(config.placement)),
        rng_(seed, "world"),
        writer_(out_, format, {"test", "{}", "", seed}) {}

  std::string record(int jobs) {
    for (std::uint32_t w = 0; w < 4; ++w) register_worker(w, 0);
    for (int j = 0; j < jobs; ++j) {
      JobSpec job{.id = JobId{static_cast<std::uint64_t>(j)},
                  .queue = {},
                  .per_task = make_resources({.cpus_milli = static_cast<std::int64_t>(500 * (1 + rng_.below(3)))})};
      job.tasks = one_worker_each_ ? 1 : static_cast<std::uint32_t>(1 + rng_.below(4));
      job.estimate = seconds_from(rng_.below(20) + 1);
      job.priority = static_cast<std::int32_t>(rng_.below(3));
      due_.emplace(time_after(seconds_from(rng_.below(300))), JobSubmitted{job});
      if (rng_.below(10) == 0) due_.emplace(time_after(seconds_from(rng_.below(300))), JobCancelled{job.id});
    }
    for (std::uint32_t n = 1; n <= 6; ++n) {
      const auto w = static_cast<std::uint32_t>(rng_.below(4));
      const std::uint64_t at = std::uint64_t{50} * n;
      due_.emplace(time_after(seconds_from(at)), LeaseExpired{WorkerId{w}, incarnations_[w]});
      register_worker(w, at + 10);
    }
    run();
    writer_.close(scheduler_.idle() ? JournalEnd::all_ended : JournalEnd::stopped);
    checker_.finish(scheduler_.idle());
    EXPECT_EQ(checker_.violation_count(), 0U) << (checker_.violations().empty() ? "" : checker_.violations()[0].what);
    EXPECT_TRUE(scheduler_.idle());
    return out_.str();
  }

  [[nodiscard]] std::uint64_t hash() const { return scheduler_.journal_hash(); }

 private:
  static Duration seconds_from(std::uint64_t s) { return std::chrono::seconds{static_cast<std::int64_t>(s)}; }
  [[nodiscard]] Time time_after(Duration d) const { return now_ + d; }
  void register_worker(std::uint32_t worker, std::uint64_t at_s) {
    const WorkerSpec spec{PoolId{0}, make_resources({.cpus_milli = 2000, .slots = 4}), 1.0};
    due_.emplace(time_after(seconds_from(at_s)), WorkerRegistered{WorkerId{worker}, ++incarnations_[worker], spec});
  }

  void run() {
    while (true) {
      Time next = due_.empty() ? kNever : due_.begin()->first;
      next = std::min(next, scheduler_.next_wakeup());
      if (next == kNever) return;
      now_ = std::max(now_, next);
      std::vector<Event> events;
      const auto end = due_.upper_bound(now_);
      for (auto it = due_.begin(); it != end; ++it) events.push_back(it->second);
      due_.erase(due_.begin(), end);
      order_canonically(events);
      const std::span<const Command> commands = scheduler_.step(now_, events);
      checker_.step(now_, events, commands);
      scheduler_.cluster().sanity_check();
      writer_.step(now_, events, commands, scheduler_.journal_hash());
      for (const Command& command : commands) obey(command);
    }
  }

  void obey(const Command& command) {
    const Time soon = time_after(Duration{static_cast<std::int64_t>(rng_.below(1'000'000'000))});
    if (const auto* commit = std::get_if<Commit>(&command)) {
      const std::uint64_t draw = rng_.below(10);
      in_store_[commit->request] = draw < 8;
      due_.emplace(soon, CommitAnswered{commit->request, draw < 7    ? Answer::done
                                                         : draw == 9 ? Answer::failed
                                                                     : Answer::unknown});
    } else if (const auto* read = std::get_if<ReadBatch>(&command)) {
      const bool done = rng_.below(3) > 0;
      due_.emplace(soon, BatchRead{read->request, done ? Answer::done : Answer::failed, done && in_store_[read->commit]});
    } else if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
      due_.emplace(time_after(seconds_from(1 + rng_.below(20))), AttemptFinished{dispatch->attempt});
    } else if (const auto* stop = std::get_if<StopAttempt>(&command)) {
      due_.emplace(soon, AttemptStopped{stop->attempt, seconds_from(1)});
    }
  }

  bool one_worker_each_;  // the policy binds a job to one worker
  Scheduler scheduler_;
  Checker checker_;
  Rng rng_;
  Time now_{};
  std::multimap<Time, Event> due_;
  std::map<std::uint32_t, std::uint32_t> incarnations_;
  std::map<RequestId, bool> in_store_;
  std::ostringstream out_;
  JournalWriter writer_;
};

Result<ReplayReport> replay_text(const std::string& journal, const SchedulerConfig& config) {
  std::istringstream in(journal);
  auto reader = JournalReader::open(in);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.error().message);
  Scheduler scheduler(config, make_placement(config.placement));
  return replay(*reader.value(), scheduler);
}

class EveryPlacement : public testing::TestWithParam<std::string> {};
std::vector<std::string> all_placements() {
  std::vector<std::string> types;
  for (const PolicyInfo& policy : policy_catalog()) {
    if (policy.family == PolicyFamily::placement) types.emplace_back(policy.type);
  }
  return types;
}
INSTANTIATE_TEST_SUITE_P(Replay, EveryPlacement, testing::ValuesIn(all_placements()), [](const auto& p) {
  std::string name = p.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST_P(EveryPlacement, RepeatsEveryOrderFromItsJournal) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const SchedulerConfig config = config_with(GetParam(), seed);
    Recorder recorder(config, seed, seed % 2 == 0 ? JournalFormat::json_lines : JournalFormat::binary);
    const std::string journal = recorder.record(60);
    const Result<ReplayReport> report = replay_text(journal, config);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report.value().difference, std::nullopt) << "seed " << seed << ": " << *report.value().difference;
    EXPECT_EQ(report.value().hash, recorder.hash());
    EXPECT_GT(report.value().commands, 60U);
  }
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class ReplayOfAChangedJournal : public testing::Test {
 protected:
  const SchedulerConfig config_ = config_with("fcfs");
  const std::string journal_ = Recorder(config_, 7, JournalFormat::json_lines).record(20);
};

TEST_F(ReplayOfAChangedJournal, ShowsTheFirstOtherOrderWithBothSides) {
  const auto report =
      replay_text(changed(journal_, R"("placements":[{"worker":0,)", R"("placements":[{"worker":3,)"), config_);
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_TRUE(report.value().difference.has_value());
  const std::string& text = *report.value().difference;
  EXPECT_NE(text.find("step " + std::to_string(report.value().steps) + " at "), std::string::npos) << text;
  const std::size_t recorded = text.find("recorded commands:");
  const std::size_t replayed = text.find("replayed commands:");
  ASSERT_LT(recorded, replayed) << text;
  EXPECT_NE(text.substr(recorded, replayed - recorded).find(R"({"worker":3,)"), std::string::npos) << text;
  EXPECT_NE(text.substr(replayed).find(R"({"worker":0,)"), std::string::npos) << text;
}

TEST_F(ReplayOfAChangedJournal, NoticesAMissingOrder) {
  std::string bad = journal_;
  const std::size_t begin = bad.find(R"("commands":[{"type":"Dispatch")");
  const std::size_t end = bad.find(R"(],"hash")", begin);
  ASSERT_NE(begin, std::string::npos);
  bad.replace(begin, end - begin, R"("commands":[)");
  const auto report = replay_text(bad, config_);
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report.value().difference.has_value());
  EXPECT_NE(report.value().difference->find("(none)"), std::string::npos) << *report.value().difference;
}

TEST_F(ReplayOfAChangedJournal, NoticesAnotherFact) {
  const auto report = replay_text(changed(journal_, R"("ending":"succeeded")", R"("ending":"failed")"), config_);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report.value().difference.has_value());
}

TEST_F(ReplayOfAChangedJournal, NoticesAnotherHash) {
  const auto report = replay_text(changed(journal_, R"("hash":")", R"("hash":"1)"), config_);
  // 17 digits are no hash any more, or another one.
  EXPECT_TRUE(!report.ok() || report.value().difference.has_value());
}

TEST_F(ReplayOfAChangedJournal, NoticesAnotherConfiguration) {
  SchedulerConfig other = config_;
  other.max_in_flight = 1;
  const auto report = replay_text(journal_, other);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report.value().difference.has_value());
}

TEST_F(ReplayOfAChangedJournal, RefusesFactsThatCannotBe) {
  const std::pair<const char*, const char*> changes[] = {
      {R"("worker":3,"incarnation":1)", R"("worker":4000000000,"incarnation":1)"},
      {R"("incarnation":1,"pool":0)", R"("incarnation":0,"pool":0)"},
      {R"("pool":0)", R"("pool":7)"},
      {R"("cpus_milli":2000)", R"("cpus_milli":-2000)"},
      {R"("cpus_milli":2000)", R"("cpus_milli":9223372036854775807)"},
      {R"("speed":1)", R"("speed":0)"},
      {R"("speed":1)", R"("speed":-1e300)"},
      {R"("estimate_ns":)", R"("estimate_ns":-)"},
      {R"("priority":0,"tasks":)", R"("priority":0,"tasks":99999999)"},
      {R"("slots":1})", R"("slots":0})"},
      {R"({"t_ns":)", R"({"t_ns":-)"},
  };
  for (const auto& [from, to] : changes) {
    // The first step is at 0 s: a sign shows only further on.
    const std::size_t skip = std::string_view(from) == R"({"t_ns":)" ? journal_.find('\n', journal_.find('\n') + 1) : 0;
    const auto report = replay_text(journal_.substr(0, skip) + changed(journal_.substr(skip), from, to), config_);
    ASSERT_FALSE(report.ok()) << to;
    EXPECT_NE(report.error().message.find("step "), std::string::npos) << report.error().message;
  }
}

TEST(SameCommand, ComparesEveryField) {
  const std::vector<Placement> here{{WorkerId{1}, 2}};
  const std::vector<Placement> there{{WorkerId{1}, 3}};
  const AttemptId a{JobId{1}, 1};
  const AttemptId b{JobId{1}, 2};
  const std::vector<Assignment> assign_here{{a, here}};
  const std::vector<Assignment> assign_there{{a, there}};
  const std::vector<Release> release{{a, ReleaseReason::failed}};
  const std::vector<Release> other_release{{a, ReleaseReason::succeeded}};
  const std::vector<Command> all{Commit{RequestId{1}, release, assign_here},
                                 Commit{RequestId{2}, release, assign_here},
                                 Commit{RequestId{1}, other_release, assign_here},
                                 Commit{RequestId{1}, {}, assign_here},
                                 Commit{RequestId{1}, release, assign_there},
                                 Commit{RequestId{1}, release, {}},
                                 ReadBatch{RequestId{1}, RequestId{2}},
                                 ReadBatch{RequestId{1}, RequestId{3}},
                                 ReadBatch{RequestId{2}, RequestId{2}},
                                 Dispatch{a, here},
                                 Dispatch{b, here},
                                 Dispatch{a, there},
                                 Dispatch{a, {}},
                                 StopAttempt{a, ReleaseReason::preempted},
                                 StopAttempt{b, ReleaseReason::preempted},
                                 StopAttempt{a, ReleaseReason::cancelled},
                                 RejectJob{JobId{1}, RejectReason::queue_full},
                                 RejectJob{JobId{2}, RejectReason::queue_full},
                                 RejectJob{JobId{1}, RejectReason::unknown_queue},
                                 Halt{"a"},
                                 Halt{"b"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) EXPECT_EQ(same_command(all[i], all[j]), i == j) << i << " " << j;
  }
}

}  // namespace
}  // namespace drydock::replay_test

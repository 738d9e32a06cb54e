// Keepers that serve one attempt after another: each attempt has its own, and nothing of another.
#include "real-runtime/keeper_messages.hpp"
#include "tests/runtime/job_world.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace drydock::runtime::keeper_test {
namespace {

using namespace std::chrono_literals;
using Kind = AttemptOutcome::Kind;
namespace fs = std::filesystem;

pid_t parent_of(JobWorld& world, std::uint64_t job) { return world.number_in(world.folder(job) / "stdout"); }

// An attempt that ends by itself leaves its keeper to the next one; what that gets is its own alone.
TEST(Keeper, AKeeperServesOneAttemptAfterAnother) {
  if (!is_root()) GTEST_SKIP() << "it does where jobs have another user";
  JobWorld world;
  EXPECT_EQ(world.run(1, JobWorld::script("echo $PPID; echo of the first > left; sleep 1000 & exit 3")).exit_status, 3);
  const JobSettings settings{.environment = {{"SAID", "second"}}, .parameters = R"({"n":2})"};
  const auto outcome = world.run(2, JobWorld::script("echo $PPID; echo $SAID >&2; ls; cat task.json >&2", settings));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_EQ(parent_of(world, 1), parent_of(world, 2));
  const std::string printed = text_of(world.folder(2) / "stdout");
  EXPECT_EQ(printed.substr(printed.find('\n')), "\nresults\nscript.sh\ntask.json\n");
  const std::string told = text_of(world.folder(2) / "stderr");
  EXPECT_TRUE(told.starts_with("second\n")) << told;
  EXPECT_NE(told.find(R"("job": 2)"), std::string::npos) << told;
  EXPECT_NE(told.find(R"("n": 2)"), std::string::npos) << told;
  EXPECT_EQ(world.result(1)["exit_status"], 3);
  EXPECT_EQ(world.result(2)["job"], 2);
  EXPECT_EQ(world.result(2)["max_rss_bytes"].get<std::int64_t>() > 0, true);
}

TEST(Keeper, AKeeperThatHadToEndItsAttemptServesNoOther) {
  JobWorld world({.executor = {.stop_grace = 50ms}});
  world.start(1, JobWorld::script("echo $PPID; exec sleep 1000"));
  const pid_t first = parent_of(world, 1);
  world.kill(1);
  EXPECT_EQ(world.end_of(1).kind, Kind::stopped);
  world.run(2, JobWorld::script("echo $PPID; exec sleep 1000", {.time_limit = 50ms, .grace = 0ms}));
  world.run(3, JobWorld::script("echo $PPID"));
  const std::set<pid_t> all{first, parent_of(world, 2), parent_of(world, 3)};
  EXPECT_EQ(all.size(), 3U);
}

std::ptrdiff_t spares_in(const JobWorld& world) {
  const fs::directory_iterator all(world.files().path() / "jobs");
  return std::ranges::count_if(
      all, [](const fs::directory_entry& entry) { return entry.path().filename().string().starts_with("spare-"); });
}

const std::string kLook =
    "stat -c %i .; ls -A . results; stat -c '%a %U %G %h' . results task.json; "
    "lsattr -d . results task.json 2> /dev/null | cut -d ' ' -f 1; cat task.json; ";

std::string inode_of_work(JobWorld& world, std::uint64_t job, const std::string& then) {
  world.run(job, JobWorld::script(kLook + then));
  return world.output(job).substr(0, world.output(job).find('\n'));
}

// Nothing of a job is in the folder of the next one.
TEST(Keeper, AWorkFolderIsUsedAgainOnlyIfNothingWasDoneThere) {
  if (!is_root()) GTEST_SKIP() << "it is where jobs have another user";
  JobWorld world;
  const std::string last = inode_of_work(world, 1, "");
  EXPECT_EQ(inode_of_work(world, 2, ""), last) << "or the rest shows nothing";
  const std::string expected = world.output(2);
  const std::vector<std::string> deeds{
      "touch .hidden",
      "touch results/.hidden && rm -r results && mkdir results && chmod 700 results && touch results/x",
      "chmod 711 .",
      "chmod 600 results; chmod 1700 results",
      "chmod 640 task.json",
      "ln task.json ../linked",
      "ln -s /etc/passwd other; rm task.json; ln -s /etc/passwd task.json; rm other",
      "rm task.json; mkfifo -m 600 task.json",
      "rmdir results; ln -s /tmp results",
      "rm -r results",
      "rm task.json",
      "chgrp $(id -G | tr ' ' '\\n' | tail -1) task.json; chmod u+s results",
      "mkdir -p results/deep/er",
      "chattr +d results",
      "chattr +S task.json",
  };
  std::uint64_t job = 3;
  for (const std::string& deed : deeds) {
    inode_of_work(world, job, deed);
    const std::uint64_t next = job + 1;
    world.run(next, JobWorld::script(kLook));
    const std::string printed = world.output(next);
    const auto without_numbers = [](std::string text, std::uint64_t number) {
      text.erase(0, text.find('\n'));
      const std::string own = fmt::format("\"job\": {}", number);
      if (const auto at = text.find(own); at != std::string::npos) text.replace(at, own.size(), "\"job\": N");
      return text;
    };
    EXPECT_EQ(without_numbers(printed, next), without_numbers(expected, 2)) << deed;
    world.run(next + 1, CommandPayload{{"true"}});  // leaves one that is used again
    job = next + 2;
  }
  // A longer text before it.
  JobSettings settings;
  settings.parameters = R"({"long":")" + std::string(5000, 'x') + R"("})";
  world.run(job, JobWorld::script("exit 0", settings));
  world.run(job + 1, JobWorld::script("cat task.json"));
  EXPECT_EQ(nlohmann::json::parse(world.output(job + 1))["parameters"], nlohmann::json::object());
  world.end_runner();
  for (std::uint64_t each = 1; each <= job + 1; ++each) EXPECT_FALSE(fs::exists(world.folder(each) / "work")) << each;
  EXPECT_EQ(spares_in(world), 0);
}

// Words that come when the attempt has ended already are for none that follows.
TEST(Keeper, AStopThatComesTooLateStopsNoOther) {
  if (!is_root()) GTEST_SKIP() << "keepers serve others only where jobs have another user";
  JobWorld world;
  for (std::uint64_t job = 1; job <= 10; ++job) {
    world.start(job, JobWorld::script("echo $PPID"));
    if (job % 2 == 1) {
      // It has ended, and said so; the worker has not looked yet.
      for (int i = 0; i < 5000 && !fs::exists(world.folder(job) / kResultFile); ++i) std::this_thread::sleep_for(2ms);
      std::this_thread::sleep_for(50ms);
      world.kill(job);
    }
    const auto outcome = world.end_of(job);
    EXPECT_EQ(outcome.kind, Kind::succeeded) << job << ": " << outcome.reason;
    EXPECT_EQ(parent_of(world, job), parent_of(world, 1)) << job;
  }
}

// Jobs with its rights could have done anything to a keeper: it ends with each.
TEST(Keeper, AKeeperOfTheSameUserServesOneAttemptAlone) {
  JobWorld world({.executor = {.allow_root = true}});
  world.run(1, JobWorld::script("echo $PPID; kill -TERM $PPID; prlimit --pid $PPID --nofile=6"));
  const auto outcome = world.run(2, JobWorld::script("echo $PPID"));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_NE(parent_of(world, 1), parent_of(world, 2));
}

TEST(Keeper, AKeeperThatIsToldToEndWhileItWaitsDoes) {
  if (!is_root()) GTEST_SKIP() << "keepers wait only where jobs have another user";
  JobWorld world;
  world.run(1, JobWorld::script("echo $PPID"));
  ::kill(parent_of(world, 1), SIGTERM);
  EXPECT_TRUE(world.run_until([&] { return keepers_of(::getpid()).empty(); }));
  const auto outcome = world.run(2, JobWorld::script("echo $PPID"));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
}

// The next attempt finds out.
TEST(Keeper, AKeeperThatIsKilledWhileItWaitsIsDoneWithout) {
  if (!is_root()) GTEST_SKIP() << "keepers wait only where jobs have another user";
  JobWorld world;
  for (std::uint64_t job = 1; job <= 3; ++job) {
    const auto outcome = world.run(job, CommandPayload{{"true"}});
    EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
    const auto keepers = keepers_of(::getpid());
    ASSERT_EQ(keepers.size(), 1U);
    ::kill(keepers.front(), SIGKILL);
    while (::waitid(P_PID, static_cast<id_t>(keepers.front()), nullptr, WEXITED | WNOWAIT) != 0) {}
  }
  EXPECT_TRUE(world.run_until([&] { return spares_in(world) == 0; })) << "what they left is removed";
}

// All are killed while they wait; the next process of the worker finds what they left.
TEST(Keeper, WhatWaitingKeepersLeftIsRemoved) {
  const TestFolder files;
  const fs::path spare = files.path() / "jobs/spare-12345";
  fs::create_directories(spare / "results");
  files.put("jobs/spare-12345/task.json", "{}");
  ::chmod((files.path() / "jobs").c_str(), 0711);
  EventLoop loop;
  Executor executor(loop, {.folder = files.path() / "jobs"}, "1", 0, [](AttemptId, const AttemptOutcome&) {});
  const auto problem = executor.prepare();
  EXPECT_FALSE(problem) << problem->message;
  EXPECT_FALSE(fs::exists(spare));
}

TEST(Keeper, AnAttemptTooLargeForAMessageHasAKeeperOfItsOwn) {
  JobWorld world;
  world.run(1, JobWorld::script("echo $PPID"));
  const std::string large(200'000, 'x');
  const JobSettings settings{.files = {{.name = "in.txt", .content = InputFile::Inline{large}}}};
  const auto outcome = world.run(2, JobWorld::script("echo $PPID; wc -c < in.txt >&2", settings));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_EQ(text_of(world.folder(2) / "stderr"), "200000\n");
  EXPECT_NE(parent_of(world, 1), parent_of(world, 2));
}

TEST(Keeper, WhatAKeeperIsGivenIsWhatItGets) {
  KeptAttempt attempt{.attempt = {JobId{7}, 2}, .tasks = 3, .held = {}, .payload = SleepPayload{}};
  attempt.held = make_resources({.cpus_milli = 1500, .memory_bytes = 1 << 20, .gpus = 2, .slots = 3});
  attempt.progress = 17ms;
  attempt.payload = JobPayload{CommandPayload{{"a", "b c"}},
                               {.environment = {{"N", "v"}},
                                .files = {{.name = "f", .content = InputFile::Inline{std::string("\0\xff", 2)}}},
                                .time_limit = 3s,
                                .grace = 1s,
                                .pids = 5,
                                .parameters = R"({"p":1})"}};
  attempt.gpus = {1, 3};
  attempt.cores = {0};
  attempt.folder = "/tmp/no \xff utf8/7-2";
  attempt.results = "/results/7-2";
  attempt.limiter = "/run/limiter";
  const auto message = encode_attempt(attempt);
  ASSERT_TRUE(message);
  const auto got = decode_attempt(*message);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->attempt, attempt.attempt);
  EXPECT_EQ(got->tasks, attempt.tasks);
  EXPECT_EQ(got->held, attempt.held);
  EXPECT_EQ(got->progress, attempt.progress);
  EXPECT_EQ(got->payload, attempt.payload);
  EXPECT_EQ(got->gpus, attempt.gpus);
  EXPECT_EQ(got->cores, attempt.cores);
  EXPECT_EQ(got->folder, attempt.folder);
  EXPECT_EQ(got->results, attempt.results);
  EXPECT_EQ(got->limiter, attempt.limiter);
  EXPECT_FALSE(decode_attempt("")) << "nothing";
  EXPECT_FALSE(decode_attempt(message->substr(0, message->size() / 2))) << "half of it";
}

}  // namespace
}  // namespace drydock::runtime::keeper_test

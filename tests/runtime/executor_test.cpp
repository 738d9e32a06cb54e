// Attempts as real processes: how they end, what they are told, what is kept of them, and that nothing of them is left.
#include "real-runtime/file_text.hpp"
#include "real-runtime/keeper_messages.hpp"
#include "real-runtime/process_tree.hpp"
#include "real-runtime/run_as.hpp"
#include "tests/runtime/job_world.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drydock::runtime::executor_test {
namespace {

using namespace std::chrono_literals;
using Kind = AttemptOutcome::Kind;
namespace fs = std::filesystem;

bool is_root() { return ::geteuid() == 0; }

// --- how it ends ---

TEST(Executor, ExitStatusDecides) {
  JobWorld world;
  EXPECT_EQ(world.run(1, CommandPayload{{"true"}}).kind, Kind::succeeded);
  const auto failed = world.run(2, JobWorld::script("echo why >&2; exit 7"));
  EXPECT_EQ(failed.kind, Kind::failed);
  EXPECT_EQ(failed.exit_status, 7);
  EXPECT_EQ(text_of(world.folder(2) / "stderr"), "why\n");
  ASSERT_EQ(world.facts().size(), 2U);
  EXPECT_EQ(std::get<RunEnded>(world.facts()[0]).ending, Ending::succeeded);
  EXPECT_EQ(std::get<RunEnded>(world.facts()[1]).ending, Ending::failed);
  const auto result = world.result(2);
  EXPECT_EQ(result["outcome"], "failed");
  EXPECT_EQ(result["exit_status"], 7);
  EXPECT_EQ(result["tasks"][0]["stderr"]["bytes"], 4);
}

TEST(Executor, SignalsAreNamed) {
  JobWorld world;
  const auto outcome = world.run(1, JobWorld::script("kill -SEGV $$"));
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_EQ(world.result(1)["signal"], "SIGSEGV");
}

TEST(Executor, WhatCannotStartSaysWhy) {
  JobWorld world;
  const auto missing = world.run(1, CommandPayload{{"no-such-program-anywhere"}});
  EXPECT_EQ(missing.kind, Kind::not_started);
  EXPECT_EQ(missing.reason, "cannot start no-such-program-anywhere: No such file or directory");
  JobSettings settings{.files = {{.name = "a", .content = InputFile::Local{"/no/such/file"}}}};
  const auto no_input = world.run(2, JobWorld::script("true", settings));
  EXPECT_EQ(no_input.kind, Kind::not_started);
  EXPECT_EQ(no_input.reason, "cannot read the input file /no/such/file: No such file or directory");
  world.start_text(3, R"({"command": []})");
  EXPECT_EQ(world.end_of(3).kind, Kind::not_started);
  EXPECT_EQ(std::get<RunEnded>(world.facts()[2]).ending, Ending::failed);
}

TEST(Executor, OneTaskThatFailsEndsTheOthers) {
  JobWorld world;
  world.start(1, JobWorld::script("test $DRYDOCK_TASK = 1 && exit 3; echo $DRYDOCK_TASK of $DRYDOCK_TASKS; exec sleep 1000"),
              3);
  const auto outcome = world.end_of(1);
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.exit_status, 3) << "the one that failed by itself decides";
  EXPECT_EQ(world.result(1)["tasks"].size(), 3U);
}

TEST(Executor, EachTaskHasItsOutput) {
  JobWorld world;
  world.start(1, JobWorld::script("echo $DRYDOCK_TASK of $DRYDOCK_TASKS"), 2);
  EXPECT_EQ(world.end_of(1).kind, Kind::succeeded);
  EXPECT_EQ(text_of(world.folder(1) / "stdout-0"), "0 of 2\n");
  EXPECT_EQ(text_of(world.folder(1) / "stdout-1"), "1 of 2\n");
}

// --- what it is told ---

TEST(Executor, EnvironmentIsWhatThePayloadSaysAndLittleElse) {
  ::setenv("DRYDOCK_TEST_PASSWORD", "secret", 1);
  ::setenv("DRYDOCK_TEST_PASSED", "on", 1);
  JobWorld world({.worker = WorkerId{4}, .executor = {.environment = {"DRYDOCK_TEST_PASSED"}}});
  JobSettings settings{.environment = {{"COLOUR", "dark blue"}, {"CUDA_VISIBLE_DEVICES", "0,1,2"}}};
  EXPECT_EQ(world.run(1, {CommandPayload{{"env"}}, settings}).kind, Kind::succeeded);
  const std::string seen = "\n" + world.output(1);
  EXPECT_NE(seen.find("\nCOLOUR=dark blue\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\nDRYDOCK_JOB=1\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\nDRYDOCK_ATTEMPT=1\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\nDRYDOCK_WORKER=4\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\nDRYDOCK_TEST_PASSED=on\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\nCUDA_VISIBLE_DEVICES=\n"), std::string::npos) << "it was given none: " << seen;
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
}

TEST(Executor, TaskFileTellsWhatItIs) {
  JobWorld world({.worker = WorkerId{3}, .gpus = 2});
  JobSettings settings{.parameters = R"({"epochs":4,"name":"größer"})"};
  world.start(8, JobWorld::script("cat task.json; test $PWD/task.json = $DRYDOCK_TASK_FILE", settings), 1,
              {.cpus_milli = 500, .memory_bytes = 1 << 28, .gpus = 1});
  EXPECT_EQ(world.end_of(8).kind, Kind::succeeded);
  const auto task = nlohmann::json::parse(world.output(8));
  EXPECT_EQ(task["job"], 8);
  EXPECT_EQ(task["attempt"], 1);
  EXPECT_EQ(task["worker"], "3");
  EXPECT_EQ(task["resources"]["cpus_milli"], 500);
  EXPECT_EQ(task["resources"]["memory_bytes"], 1 << 28);
  EXPECT_EQ(task["resources"]["gpu_devices"], nlohmann::json::array({0}));
  EXPECT_EQ(task["parameters"], nlohmann::json::parse(settings.parameters));
}

TEST(Executor, InputFilesAreThere) {
  JobWorld world;
  const fs::path local = world.files().put("data.txt", "from the disk\n");
  JobSettings settings{
      .files = {{.name = "in/text", .content = InputFile::Inline{"a\n"}},
                {.name = "bytes", .content = InputFile::Inline{std::string("\0\xff\n", 3)}},
                {.name = "copy", .content = InputFile::Local{local.string()}},
                {.name = "link", .content = InputFile::Local{local.string(), true}},
                {.name = "run", .content = InputFile::Inline{"#!/bin/sh\necho ran\n"}, .executable = true}}};
  const auto outcome =
      world.run(1, JobWorld::script("set -e; cat in/text copy link bytes; ./run; test -L link; ! test -L copy", settings));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_EQ(world.output(1), std::string("a\nfrom the disk\nfrom the disk\n\0\xff\nran\n", 37));
}

TEST(Executor, AScriptRunsByWhatItsFirstLineSays) {
  JobWorld world;
  EXPECT_EQ(world.run(1, JobWorld::script("#!/bin/cat\nlike this\n")).kind, Kind::succeeded);
  EXPECT_EQ(world.output(1), "#!/bin/cat\nlike this\n");
}

// --- what is kept ---

TEST(Executor, ResultsAreCollected) {
  JobWorld world;
  const auto outcome =
      world.run(1, JobWorld::script("mkdir -p results/deep; echo a > results/deep/a; echo b > $DRYDOCK_RESULTS/b;"
                                    "ln -s /etc/passwd results/link; mkfifo results/pipe; echo c > elsewhere"));
  EXPECT_EQ(outcome.kind, Kind::succeeded);
  const fs::path results = world.folder(1) / "results";
  EXPECT_EQ(text_of(results / "deep/a"), "a\n");
  EXPECT_EQ(text_of(results / "b"), "b\n");
  EXPECT_FALSE(fs::exists(fs::symlink_status(results / "link")));
  EXPECT_FALSE(fs::exists(results / "pipe"));
  EXPECT_FALSE(fs::exists(world.folder(1) / "work"));
  const auto result = world.result(1);
  EXPECT_EQ(result["results"]["files"], 2);
  EXPECT_EQ(result["results"]["bytes"], 4);
  EXPECT_EQ(result["results"]["left_out"], nlohmann::json::array({"link: a link", "pipe: not a plain file"}));
}

TEST(Executor, ResultsGoWhereTheyAreToAndNoFurther) {
  const TestFolder elsewhere;
  JobWorld world({.executor = {.results = elsewhere.path(), .collect = {.most_bytes = 10}, .keep_work = true}});
  const auto outcome =
      world.run(7, JobWorld::script("printf 12345678 > results/a; printf 12345678 > results/b; echo > results/c; exit 1"));
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(text_of(elsewhere.path() / "7-1/a"), "12345678") << "also of an attempt that failed";
  EXPECT_FALSE(fs::exists(elsewhere.path() / "7-1/b"));
  EXPECT_EQ(text_of(elsewhere.path() / "7-1/c"), "\n");
  EXPECT_EQ(world.result(7)["results"]["left_out"], nlohmann::json::array({"b: more bytes than are collected"}));
  EXPECT_TRUE(fs::exists(world.folder(7) / "work/task.json")) << "it was to be kept";
}

TEST(Executor, NoMoreResultsAreCollectedThanMayBe) {
  JobWorld world({.executor = {.collect = {.most_files = 1}}});
  EXPECT_EQ(world.run(1, JobWorld::script("touch results/a results/b results/c")).kind, Kind::succeeded);
  const auto results = world.result(1)["results"];
  EXPECT_EQ(results["files"], 1);
  EXPECT_EQ(results["left_out"].size(), 2U);
}

TEST(Executor, OutputIsBounded) {
  JobWorld world({.executor = {.output = {.head = 1000, .tail = 500}}});
  EXPECT_EQ(world.run(1, JobWorld::script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")).kind,
            Kind::succeeded);
  const std::string kept = world.output(1);
  EXPECT_LT(kept.size(), 1600U);
  EXPECT_TRUE(kept.starts_with("line 0\nline 1\n"));
  EXPECT_TRUE(kept.ends_with("line 19998\nline 19999\n"));
  EXPECT_NE(kept.find("bytes were cut here"), std::string::npos);
  const auto stdout_of = world.result(1)["tasks"][0]["stdout"];
  EXPECT_EQ(stdout_of["bytes"].get<int>() - stdout_of["cut"].get<int>(), 1500);
  EXPECT_FALSE(fs::exists(world.folder(1) / "stdout.tail"));
}

TEST(Executor, OutputCanBeReadWhileItRuns) {
  JobWorld world;
  world.start(1, JobWorld::script("echo begun; exec sleep 1000"));
  EXPECT_TRUE(world.run_until([&] { return end_of_log(world.folder(1) / "stdout", 100) == "begun\n"; }));
  world.kill(1);
  EXPECT_EQ(world.end_of(1).kind, Kind::stopped);
}

TEST(Executor, AFolderOfAnEarlierLifeIsReplaced) {
  JobWorld world;
  world.files().put("jobs/1-1/results/r", "of another job");
  world.files().put("jobs/1-1/result.json", "{}");
  EXPECT_EQ(world.run(1, JobWorld::script("echo second")).kind, Kind::succeeded);
  EXPECT_EQ(world.output(1), "second\n");
  EXPECT_FALSE(fs::exists(world.folder(1) / "results"));
}

// --- nothing is left ---

// Leaves the number of a process in a session of its own in results/escaped, and goes on.
const std::string kEscape = "setsid sh -c 'setsid sh -c \"echo \\$\\$ > results/escaped; exec sleep 1000\" & wait' & ";

fs::path escaped(const JobWorld& world, std::uint64_t job) { return world.folder(job) / "work/results/escaped"; }

TEST(Executor, AnEndEndsWhateverWasStarted) {
  JobWorld world;
  const auto outcome =
      world.run(1, JobWorld::script(kEscape + "while ! test -s results/escaped; do sleep 0.01; done; exit 0"));
  EXPECT_EQ(outcome.kind, Kind::succeeded);
  EXPECT_FALSE(lives(world.number_in(world.folder(1) / "results/escaped")));
}

TEST(Executor, ATimeLimitEndsTheWholeTree) {
  JobWorld world({.executor = {.grace = 100ms}});
  JobSettings settings{.time_limit = 2s};
  world.start(1, JobWorld::script("trap '' TERM; " + kEscape + "while true; do sleep 1000; done", settings));
  const pid_t stray = world.number_in(escaped(world, 1));
  const auto outcome = world.end_of(1);
  EXPECT_EQ(outcome.kind, Kind::timed_out);
  EXPECT_EQ(outcome.reason, "it ran for longer than its time limit of 2 s");
  EXPECT_FALSE(lives(stray));
}

TEST(Executor, ATimeLimitAsksFirst) {
  JobWorld world;
  JobSettings settings{.time_limit = 1s, .grace = 50s};
  const auto outcome =
      world.run(1, JobWorld::script("trap 'echo saved > results/checkpoint; exit 0' TERM; sleep 1000 & wait", settings));
  EXPECT_EQ(outcome.kind, Kind::timed_out) << "that it ended kindly does not mean that it was done";
  EXPECT_EQ(text_of(world.folder(1) / "results/checkpoint"), "saved\n");
}

TEST(Executor, KillLeavesNothing) {
  JobWorld world({.executor = {.stop_grace = 50ms}});
  world.start(1, JobWorld::script("trap '' TERM; " + kEscape + "while true; do sleep 1000; done"));
  const pid_t stray = world.number_in(escaped(world, 1));
  world.kill(1);
  EXPECT_EQ(world.end_of(1).kind, Kind::stopped);
  EXPECT_FALSE(lives(stray)) << "told when it is gone, not before";
  ASSERT_EQ(world.facts().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<RunKilled>(world.facts().front()));
  EXPECT_EQ(world.result(1)["outcome"], "stopped");
}

TEST(Executor, ARunnerThatGoesLeavesNothing) {
  JobWorld world;
  world.start(1, JobWorld::script(kEscape + "sleep 1000"));
  const pid_t stray = world.number_in(escaped(world, 1));
  world.end_runner();
  EXPECT_FALSE(lives(stray));
  EXPECT_EQ(world.result(1)["outcome"], "lost");
}

// A runner in a process of its own, as a worker is, that says its number and never ends by itself.
class OtherWorker {
 public:
  OtherWorker(const fs::path& folder, const std::string& script) {
    child_ = ::fork();
    if (child_ != 0) return;
    EventLoop loop;
    JobRunnerOptions options{.executor = {.folder = folder}};
    JobRunner runner(loop, options, [](const WorkerFact&) {});
    const std::string payload = to_json(JobWorld::script(script));
    runner.start({.attempt = {JobId{1}, 1}, .payload = payload, .held = {}});
    loop.run();
    ::_exit(1);
  }
  ~OtherWorker() { kill(); }
  OtherWorker(const OtherWorker&) = delete;
  OtherWorker& operator=(const OtherWorker&) = delete;
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  [[nodiscard]] pid_t process() const { return child_; }

 private:
  pid_t child_ = -1;
};

TEST(Executor, AKilledWorkerLeavesNothing) {
  JobWorld world;
  const fs::path jobs = world.files().path() / "jobs";
  OtherWorker worker(jobs, "trap '' TERM; " + kEscape + "echo $$ > results/self; sleep 1000");
  const pid_t stray = world.number_in(escaped(world, 1));
  const pid_t self = world.number_in(world.folder(1) / "work/results/self");
  EXPECT_TRUE(lives(stray));
  worker.kill();
  EXPECT_TRUE(world.run_until([&] { return !lives(stray) && !lives(self); }));
  EXPECT_EQ(world.result(1)["outcome"], "lost");
}

std::vector<pid_t> keepers_of(pid_t worker) {
  std::vector<pid_t> found;
  for (const pid_t process : descendants_of(worker)) {
    if (text_of(fmt::format("/proc/{}/comm", process)) == "job-keeper\n") found.push_back(process);
  }
  return found;
}

// All who could clear up are killed at once; the next process of the worker does.
TEST(Executor, AWorkerKilledWithItsKeepersIsClearedUpAfter) {
  JobWorld world;
  const fs::path jobs = world.files().path() / "jobs";
  OtherWorker worker(jobs, kEscape + "sleep 1000");
  const pid_t stray = world.number_in(escaped(world, 1));
  const auto keepers = keepers_of(worker.process());
  ASSERT_EQ(keepers.size(), 1U);
  ::kill(worker.process(), SIGSTOP);
  ::kill(keepers.front(), SIGKILL);
  worker.kill();
  EXPECT_TRUE(lives(stray)) << "or this test shows nothing";
  const auto problem = world.runner().executor().prepare();
  EXPECT_FALSE(problem) << problem->message;
  EXPECT_TRUE(world.run_until([&] { return !lives(stray); }));
  EXPECT_EQ(world.result(1)["outcome"], "lost");
}

// They come and go while keepers and workers look at all that there are.
TEST(Executor, ProcessesThatGoMeanwhileAreNoTrouble) {
  EXPECT_EQ(file_text(fs::temp_directory_path()), "") << "an error of read()";
  EXPECT_EQ(file_text("/proc/self/none"), "");
  EXPECT_FALSE(file_text("/proc/self/stat").empty());
  for (int i = 0; i < 300; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    (void)descendants_of(::getpid());
    ::waitpid(child, nullptr, 0);
  }
}

TEST(Executor, AKilledKeeperIsToldAndClearedUpAfter) {
  JobWorld world;
  world.start(1, JobWorld::script(kEscape + "sleep 1000"));
  const pid_t stray = world.number_in(escaped(world, 1));
  const auto keepers = keepers_of(::getpid());
  ASSERT_EQ(keepers.size(), 1U);
  ::kill(keepers.front(), SIGKILL);
  const auto outcome = world.end_of(1);
  EXPECT_EQ(outcome.kind, Kind::lost);
  EXPECT_EQ(outcome.reason, "the process that watched it was ended by SIGKILL");
  EXPECT_FALSE(lives(stray));
}

// One of the same user can do that. Root here, so that it is one.
TEST(Executor, AJobThatStopsItsKeeperEndsAllTheSame) {
  JobWorld world({.executor = {.allow_root = true}});
  const JobSettings limited{.time_limit = 50ms, .grace = 50ms};
  world.start(1, JobWorld::script("kill -STOP $PPID; exec sleep 1000", limited));
  world.start(2, JobWorld::script("trap '' TERM; while :; do kill -STOP $PPID; sleep 0.05; done", limited));
  EXPECT_EQ(world.end_of(1).kind, Kind::timed_out);
  EXPECT_EQ(world.end_of(2).kind, Kind::lost) << "its keeper was killed, or it would stop it for ever";
}

// --- keepers that serve several attempts ---

pid_t parent_of(JobWorld& world, std::uint64_t job) { return world.number_in(world.folder(job) / "stdout"); }

// An attempt that ends by itself leaves its keeper to the next one; what that gets is its own alone.
TEST(Executor, AKeeperServesOneAttemptAfterAnother) {
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

TEST(Executor, AKeeperThatHadToEndItsAttemptServesNoOther) {
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
    "stat -c %i .; ls -A . results; stat -c '%a %U %G %h' . results task.json | tr -d 2; "
    "lsattr -d . results task.json 2> /dev/null | cut -d ' ' -f 1; cat task.json; ";

std::string inode_of_work(JobWorld& world, std::uint64_t job, const std::string& then) {
  world.run(job, JobWorld::script(kLook + then));
  return world.output(job).substr(0, world.output(job).find('\n'));
}

// Nothing of a job is in the folder of the next one.
TEST(Executor, AWorkFolderIsUsedAgainOnlyIfNothingWasDoneThere) {
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
    EXPECT_NE(inode_of_work(world, next + 1, ""), "") << deed;
    job = next + 2;
  }
  // A longer text before it, and an end that is not removed.
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
TEST(Executor, AStopThatComesTooLateStopsNoOther) {
  JobWorld world;
  for (std::uint64_t job = 1; job <= 40; ++job) {
    world.start(job, CommandPayload{{"true"}});
    if (job % 2 == 1) world.kill(job);
    const Kind how = world.end_of(job).kind;
    if (job % 2 == 0) EXPECT_EQ(how, Kind::succeeded) << job;
    else EXPECT_TRUE(how == Kind::succeeded || how == Kind::stopped) << job;
  }
}

// Jobs with its rights could have done anything to a keeper: it ends with each.
TEST(Executor, AKeeperOfTheSameUserServesOneAttemptAlone) {
  JobWorld world({.executor = {.allow_root = true}});
  world.run(1, JobWorld::script("echo $PPID; kill -TERM $PPID; prlimit --pid $PPID --nofile=6"));
  const auto outcome = world.run(2, JobWorld::script("echo $PPID"));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_NE(parent_of(world, 1), parent_of(world, 2));
}

TEST(Executor, AKeeperThatIsToldToEndWhileItWaitsDoes) {
  if (!is_root()) GTEST_SKIP() << "keepers wait only where jobs have another user";
  JobWorld world;
  world.run(1, JobWorld::script("echo $PPID"));
  ::kill(parent_of(world, 1), SIGTERM);
  EXPECT_TRUE(world.run_until([&] { return keepers_of(::getpid()).empty(); }));
  const auto outcome = world.run(2, JobWorld::script("echo $PPID"));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
}

// The next attempt finds out.
TEST(Executor, AKeeperThatIsKilledWhileItWaitsIsDoneWithout) {
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
TEST(Executor, WhatWaitingKeepersLeftIsRemoved) {
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

TEST(Executor, AnAttemptTooLargeForAMessageHasAKeeperOfItsOwn) {
  JobWorld world;
  world.run(1, JobWorld::script("echo $PPID"));
  const std::string large(200'000, 'x');
  const JobSettings settings{.files = {{.name = "in.txt", .content = InputFile::Inline{large}}}};
  const auto outcome = world.run(2, JobWorld::script("echo $PPID; wc -c < in.txt >&2", settings));
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
  EXPECT_EQ(text_of(world.folder(2) / "stderr"), "200000\n");
  EXPECT_NE(parent_of(world, 1), parent_of(world, 2));
}

TEST(Executor, WhatAKeeperIsGivenIsWhatItGets) {
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

// --- ends nobody asked for ---

// What clears up temporary folders, or groups of processes that it takes for gone, may take those of one that lives.
TEST(Executor, WhatIsClearedAwayIsMadeAgain) {
  JobWorld world;
  EXPECT_EQ(world.run(1, CommandPayload{{"true"}}).kind, Kind::succeeded);
  fs::remove_all(world.files().path() / "jobs");
  for (const char* controller : {"memory", "cpu", "pids", "freezer", "unified"}) {
    std::error_code ignored;
    for (const auto& group : fs::directory_iterator(fs::path("/sys/fs/cgroup") / controller, ignored)) {
      const std::string own = fmt::format("drydock-{}-{}-", process_namespace(), ::getpid());
      if (group.path().filename().string().starts_with(own)) ::rmdir(group.path().c_str());
    }
  }
  const auto outcome = world.run(2, CommandPayload{{"true"}});
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
}

TEST(Executor, TwoWorkersDoNotShareAFolder) {
  const TestFolder files;
  EventLoop loop;
  const auto worker = [&] {
    return std::make_unique<Executor>(loop, ExecutorOptions{.folder = files.path() / "jobs"}, "1", 0,
                                      [](AttemptId, const AttemptOutcome&) {});
  };
  auto first = worker();
  EXPECT_FALSE(first->prepare());
  const auto other = worker();
  const auto problem = other->prepare();
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->message.find("is used by another worker"), std::string::npos) << problem->message;
  first.reset();
  EXPECT_FALSE(other->prepare()) << "what was wrong has passed";
}

// What keeps a worker from starting anything is no fault of its jobs.
TEST(Executor, WhatCannotBeStartedIsTriedAgain) {
  JobWorld world;
  auto other = std::make_unique<Executor>(world.loop(), ExecutorOptions{.folder = world.files().path() / "jobs"}, "1", 0,
                                          [](AttemptId, const AttemptOutcome&) {});
  ASSERT_FALSE(other->prepare()) << "it has the folder now";
  world.start(1, CommandPayload{{"true"}});
  world.start(2, CommandPayload{{"true"}});
  world.kill(2);
  EXPECT_EQ(world.end_of(2).kind, Kind::stopped);
  bool passed = false;
  EventLoop::Timer soon(world.loop(), [&] { passed = true; });
  soon.start(later(world.loop().now(), 100ms));
  ASSERT_TRUE(world.run_until([&] { return passed; }));
  other.reset();
  EXPECT_EQ(world.end_of(1).kind, Kind::succeeded);
  const auto outcome = world.run(3, CommandPayload{{"true"}});
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.reason;
}

// --- rights ---

TEST(Executor, JobsAreNotRoot) {
  JobWorld world;
  const auto outcome = world.run(1, JobWorld::script("id -u; id -G; stat -c %u . results; grep NoNewPrivs /proc/self/status;"
                                                     "test -w .. && exit 1; exit 0"));
  EXPECT_EQ(outcome.kind, is_root() ? Kind::succeeded : Kind::failed) << "only root can make a folder that is not its job's";
  if (!is_root()) GTEST_SKIP() << "only root can run jobs as another user";
  const auto nobody = find_user("nobody");
  ASSERT_TRUE(nobody.ok());
  const auto uid = nobody.value().uid;
  EXPECT_EQ(world.output(1), fmt::format("{}\n{}\n{}\n{}\nNoNewPrivs:\t1\n", uid, nobody.value().gid, uid, uid));
}

TEST(Executor, JobsOfRootAreRootOnlyIfTheyMay) {
  if (!is_root()) GTEST_SKIP() << "only root can";
  JobWorld refused({.executor = {.run_as = "root"}});
  EXPECT_EQ(refused.run(1, CommandPayload{{"true"}}).reason, "jobs do not run as root unless that is allowed");
  JobWorld unknown({.executor = {.run_as = "no-such-user"}});
  EXPECT_EQ(unknown.run(1, CommandPayload{{"true"}}).reason, "there is no user no-such-user to run jobs as");
  JobWorld allowed({.executor = {.allow_root = true}});
  EXPECT_EQ(allowed.run(1, CommandPayload{{"id", "-u"}}).kind, Kind::succeeded);
  EXPECT_EQ(allowed.output(1), "0\n");
}

TEST(Executor, InputsAreReadWithTheRightsOfTheJob) {
  if (!is_root()) GTEST_SKIP() << "only root has more rights than its jobs";
  JobWorld world;
  const fs::path secret = world.files().put("secret", "of root\n");
  ::chmod(secret.c_str(), 0600);
  for (const bool linked : {false, true}) {
    JobSettings settings{.files = {{.name = "got", .content = InputFile::Local{secret.string(), linked}}}};
    const auto outcome = world.run(linked ? 1 : 2, JobWorld::script("cat got", settings));
    EXPECT_EQ(outcome.kind, Kind::not_started);
    EXPECT_NE(outcome.reason.find("Permission denied"), std::string::npos) << outcome.reason;
  }
}

// --- limits ---

TEST(Executor, GpusAreExclusive) {
  JobWorld world({.gpus = 2});
  const std::string body = "echo $CUDA_VISIBLE_DEVICES/$NVIDIA_VISIBLE_DEVICES; exec sleep 1000";
  const auto says = [&](std::uint64_t job) {
    return world.run_until([&, job] { return world.output(job).ends_with('\n'); });
  };
  world.start(1, JobWorld::script(body), 1, {.gpus = 1});
  world.start(2, JobWorld::script(body), 1, {.gpus = 1});
  ASSERT_TRUE(says(1) && says(2));
  EXPECT_EQ((std::set{world.output(1), world.output(2)}), (std::set<std::string>{"0/0\n", "1/1\n"}));
  world.kill(1);
  world.kill(2);
  (void)world.end_of(1);
  (void)world.end_of(2);
  world.start(3, JobWorld::script(body), 1, {.gpus = 2});
  ASSERT_TRUE(says(3));
  EXPECT_EQ(world.output(3), "0,1/0,1\n");
}

TEST(Executor, MoreMemoryThanItHoldsIsTheEndOfIt) {
  JobWorld world;
  world.start(1, JobWorld::script("set -e; x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo ${#x}"), 1,
              {.memory_bytes = 100'000'000});
  const auto outcome = world.end_of(1);
  const LimitBy by = world.runner().executor().facts().limits.memory;
  if (by == LimitBy::rlimit) EXPECT_EQ(outcome.kind, Kind::failed) << "no more than that can be told";
  else EXPECT_EQ(outcome.kind, Kind::out_of_memory) << outcome.reason;
  EXPECT_EQ(world.output(1), "");
  EXPECT_EQ(world.result(1)["limits"]["memory"], in_words(by));
}

TEST(Executor, WithoutControlGroupsTheRestIsUsedAndSaid) {
  JobWorld world({.executor = {.cgroups = false}});
  world.start(1, JobWorld::script("grep Cpus_allowed_list /proc/self/status; ulimit -v"), 1,
              {.cpus_milli = 1000, .memory_bytes = 1 << 30});
  EXPECT_EQ(world.end_of(1).kind, Kind::succeeded);
  const std::string output = world.output(1);
  EXPECT_EQ(output.find(','), std::string::npos) << "one core: " << output;
  EXPECT_EQ(output.find('-'), std::string::npos) << "one core: " << output;
  EXPECT_NE(output.find("\n1048576\n"), std::string::npos) << output;
  const auto limits = world.result(1)["limits"];
  EXPECT_EQ(limits["memory"], "RLIMIT_AS of each process");
  EXPECT_EQ(limits["cpus"], "bound to whole cores");
  EXPECT_EQ(limits["pids"], "not enforced");
}

TEST(Executor, ProcessesAreLimitedWhereTheyCanBe) {
  JobWorld world;
  JobSettings settings{.pids = 5};
  world.start(1, JobWorld::script("for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo all", settings));
  const auto started = [&] { return world.output(1) == "all\n" || !text_of(world.folder(1) / "stderr").empty(); };
  ASSERT_TRUE(world.run_until(started));
  const LimitBy by = world.runner().executor().facts().limits.pids;
  EXPECT_EQ(world.output(1), by == LimitBy::nothing ? "all\n" : "");
}

// --- admission ---

TEST(Executor, AFullMachineTakesNothingAndSaysWhy) {
  NodeAdmissionConfig full{.least_disk_free = 2, .longest_wait = 50ms, .look_again = 10ms};
  JobWorld world({.admission = full});
  const auto outcome = world.run(1, CommandPayload{{"true"}});
  EXPECT_EQ(outcome.kind, Kind::not_started);
  EXPECT_NE(outcome.reason.find("of the disk are free"), std::string::npos) << outcome.reason;
  EXPECT_FALSE(fs::exists(world.folder(1)));
}

TEST(Executor, LimitsOfTheNodeMakeThemWait) {
  NodeAdmissionConfig one{.most_cpu_busy = 2,
                          .least_memory_free = 0,
                          .least_disk_free = 0,
                          .most_tasks = 1,
                          .longest_wait = 60s,
                          .look_again = 5ms};
  JobWorld world({.admission = one});
  world.start(1, JobWorld::script("exec sleep 1000"));
  world.start(2, JobWorld::script("echo at last"));
  world.start(3, SleepPayload{1000s});
  ASSERT_TRUE(world.run_until([&] { return fs::exists(world.folder(1) / "stdout"); }));
  EXPECT_FALSE(fs::exists(world.folder(2)));
  world.kill(3);
  ASSERT_TRUE(world.run_until([&] { return world.runner().running() == 2; }));
  world.kill(1);
  EXPECT_EQ(world.end_of(2).kind, Kind::succeeded);
  EXPECT_EQ(world.output(2), "at last\n");
}

}  // namespace
}  // namespace drydock::runtime::executor_test

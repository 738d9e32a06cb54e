// Attempts as real processes: how they end, what they are told, what is kept of them, and that nothing of them is left.
#include "real-runtime/file_text.hpp"
#include "real-runtime/process_tree.hpp"
#include "real-runtime/run_as.hpp"
#include "tests/runtime/job_world.hpp"

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

// Containers, by a program that takes the words of docker and keeps its containers as processes and folders. It shows which words are
// said, when, and that a container is removed whatever happens; no real engine is asked.
#include "real-runtime/container_engine.hpp"
#include "tests/runtime/job_world.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::runtime::container_test {
namespace {

using namespace std::chrono_literals;
using Kind = AttemptOutcome::Kind;
namespace fs = std::filesystem;

// Its state is in the folder that it is in.
constexpr const char* kEngine = R"sh(#!/bin/bash
here=$(dirname "$0")
echo "$*" >> "$here/calls"
verb=$1; shift
case $verb in
  create)
    while [[ $1 == --* ]]; do
      case $1 in
        --name=*) name=${1#--name=} ;;
        --label=drydock.process=*) process=${1#*process=} ;;
        --user=*) user=${1#--user=} ;;
        --volume=*) volume=${1#--volume=}; work=${volume%:*} ;;
      esac
      shift
    done
    image=$1; shift
    if [[ $image == missing ]]; then echo "Unable to find image 'missing' locally" >&2; exit 125; fi
    if [[ $image == slow ]]; then sleep 1000; fi
    mkdir "$here/$name" || exit 125
    echo "$process" > "$here/$name/process"; echo "$work" > "$here/$name/work"; echo "$user" > "$here/$name/user"
    printf '%s\n' "$@" > "$here/$name/words"
    ;;
  start)
    name=$2
    cd "$(cat "$here/$name/work")"
    mapfile -t words < "$here/$name/words"
    "${words[@]}" &
    echo $! > "$here/$name/pid"
    wait $!
    code=$?
    echo $code > "$here/$name/code"
    [[ $EUID == 0 ]] && chown -R "$(cat "$here/$name/user")" results
    exit $code
    ;;
  stop) kill -TERM "$(cat "$here/$3/pid")" ;;
  container)
    name=$3
    echo "$(cat "$here/$name/code" 2>/dev/null || echo 137) $([[ -e $(cat "$here/$name/work")/oom ]] && echo true || echo false)"
    ;;
  rm)
    name=$2
    [[ -d $here/$name ]] || exit 1
    [[ -e $here/cannot-remove ]] && { echo "it will not go" >&2; exit 1; }
    kill -KILL "$(cat "$here/$name/pid" 2>/dev/null)" 2>/dev/null
    rm -r "$here/$name"
    ;;
  ps) for at in "$here"/drydock-*; do [[ -d $at ]] && echo "$(basename "$at") $(cat "$at/process")"; done ;;
esac
exit 0
)sh";

class Containers : public testing::Test {
 protected:
  Containers() { engine_.put("docker", kEngine, true); }

  [[nodiscard]] JobRunnerOptions options() const {
    return {.worker = WorkerId{5}, .gpus = 4, .executor = {.engine = (engine_.path() / "docker").string(), .grace = 100ms}};
  }
  [[nodiscard]] std::vector<std::string> calls() const {
    std::istringstream stream(text_of(engine_.path() / "calls"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  [[nodiscard]] bool has_container(const std::string& name) const { return fs::exists(engine_.path() / name); }
  [[nodiscard]] std::size_t count(const std::string& call) const {
    const auto said = calls();
    return static_cast<std::size_t>(std::ranges::count(said, call));
  }
  // The one container that there is was removed, once.
  void expect_removed(const std::string& name) const {
    EXPECT_FALSE(has_container(name));
    EXPECT_EQ(count("rm --force " + name), 1U);
  }

  TestFolder engine_;
};

TEST_F(Containers, RunAndAreRemoved) {
  JobWorld world(options());
  JobSettings settings{.environment = {{"A", "b"}}, .pids = 9};
  world.start(
      7,
      {ContainerPayload{.image = "img:1", .words = {"sh", "-c", "echo out; echo err >&2; echo r > results/r; exit 3"}},
       settings},
      1, {.cpus_milli = 1500, .memory_bytes = 1 << 20, .gpus = 2});
  const auto outcome = world.end_of(7);
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.exit_status, 3);
  EXPECT_EQ(world.output(7), "out\n");
  EXPECT_EQ(text_of(world.folder(7) / "stderr"), "err\n");
  EXPECT_EQ(text_of(world.folder(7) / "results/r"), "r\n");
  EXPECT_EQ(world.result(7)["limits"]["memory"], "the container engine");
  expect_removed("drydock-7-1-5");
  const auto said = calls();
  const auto created = std::ranges::find_if(said, [](const std::string& call) { return call.starts_with("create "); });
  ASSERT_NE(created, said.end());
  for (const char* word : {" --name=drydock-7-1-5 ", " --label=drydock.worker=5 ", " --memory=1048576b ", " --cpus=1.500 ",
                           " --pids-limit=9 ", " --gpus=\"device=0,1\" ", " --env=A=b ", " --env=DRYDOCK_JOB=7 ",
                           " --env=DRYDOCK_RESULTS=/work/results ", " --workdir=/work ", " --pull=missing ",
                           " --cap-drop=ALL ", " --security-opt=no-new-privileges ", " img:1 sh -c "}) {
    EXPECT_NE(created->find(word), std::string::npos) << word << " is not in " << *created;
  }
  EXPECT_EQ(created->find("--network"), std::string::npos) << "the engine's default is one of its own";
}

TEST_F(Containers, OfThePayloadOverrideWhatIsHeld) {
  JobWorld world(options());
  const ContainerPayload what{.image = "img", .words = {"true"}, .memory_bytes = 99, .cpus_milli = 250, .network = "none"};
  world.start(1, what, 1, {.cpus_milli = 1500, .memory_bytes = 1 << 20});
  EXPECT_EQ(world.end_of(1).kind, Kind::succeeded);
  const std::string said = text_of(engine_.path() / "calls");
  EXPECT_NE(said.find(" --memory=99b --cpus=0.250 --pids-limit=4096 --network=none "), std::string::npos) << said;
}

TEST_F(Containers, WhatTheEngineRefusesIsSaid) {
  JobWorld world(options());
  const auto outcome = world.run(1, ContainerPayload{.image = "missing"});
  EXPECT_EQ(outcome.kind, Kind::not_started);
  EXPECT_EQ(outcome.reason, "the container engine refused: Unable to find image 'missing' locally");
  EXPECT_EQ(count("rm --force drydock-1-1-5"), 1U) << "it may be half made";
}

TEST_F(Containers, OutOfMemoryIsRecognised) {
  JobWorld world(options());
  const auto outcome = world.run(1, ContainerPayload{.image = "img", .words = {"sh", "-c", "touch oom; exit 137"}});
  EXPECT_EQ(outcome.kind, Kind::out_of_memory);
  EXPECT_EQ(outcome.exit_status, 137);
  expect_removed("drydock-1-1-5");
}

TEST_F(Containers, ATimeLimitStopsAndRemovesThem) {
  JobWorld world(options());
  JobSettings settings{.time_limit = 2s};
  const auto outcome = world.run(1, {ContainerPayload{.image = "img", .words = {"sleep", "1000"}}, settings});
  EXPECT_EQ(outcome.kind, Kind::timed_out);
  EXPECT_EQ(count("stop -t 1 drydock-1-1-5"), 1U);
  expect_removed("drydock-1-1-5");
}

TEST_F(Containers, AKillRemovesThem) {
  JobWorld world(options());
  world.start(1, ContainerPayload{.image = "img", .words = {"sh", "-c", "echo up; exec sleep 1000"}});
  ASSERT_TRUE(world.run_until([&] { return world.output(1) == "up\n"; }));
  world.kill(1);
  EXPECT_EQ(world.end_of(1).kind, Kind::stopped);
  expect_removed("drydock-1-1-5");
}

TEST_F(Containers, AKillWhileTheImageIsFetchedDoesToo) {
  JobWorld world(options());
  world.start(1, ContainerPayload{.image = "slow"});
  ASSERT_TRUE(world.run_until([&] {
    const auto said = calls();
    return std::ranges::any_of(said, [](const std::string& call) { return call.starts_with("create"); });
  }));
  world.kill(1);
  EXPECT_EQ(world.end_of(1).kind, Kind::stopped);
  expect_removed("drydock-1-1-5");
}

TEST_F(Containers, ARunnerThatGoesRemovesThem) {
  JobWorld world(options());
  world.start(1, ContainerPayload{.image = "img", .words = {"sh", "-c", "echo up; exec sleep 1000"}});
  ASSERT_TRUE(world.run_until([&] { return world.output(1) == "up\n"; }));
  world.end_runner();
  expect_removed("drydock-1-1-5");
}

TEST_F(Containers, WhatCannotBeRemovedIsNoted) {
  JobWorld world(options());
  engine_.put("cannot-remove", "");
  EXPECT_EQ(world.run(1, ContainerPayload{.image = "img", .words = {"true"}}).kind, Kind::succeeded);
  EXPECT_EQ(world.result(1)["left_behind"], nlohmann::json::array({"container drydock-1-1-5: it will not go"}));
}

TEST_F(Containers, ThoseOfAnEarlierProcessAreRemovedAtTheStart) {
  engine_.put("drydock-9-1-5/process", "1234-5678\n");
  JobWorld world(options());
  EXPECT_EQ(world.run(1, ContainerPayload{.image = "img", .words = {"true"}}).kind, Kind::succeeded);
  EXPECT_TRUE(world.run_until([&] { return !has_container("drydock-9-1-5"); }));
}

TEST_F(Containers, WithoutAnEngineThereAreNone) {
  JobRunnerOptions none = options();
  none.executor.engine = (engine_.path() / "nothing").string();
  JobWorld world(none);
  const auto outcome = world.run(1, ContainerPayload{.image = "img"});
  EXPECT_EQ(outcome.kind, Kind::not_started);
  EXPECT_EQ(outcome.reason, "there is neither docker nor podman on this worker");
}

// --- words ---

TEST(ContainerWords, OfPodman) {
  const ContainerEngine podman{.program = "/usr/bin/podman", .is_podman = true, .is_rootless = true};
  const ContainerRun run{.attempt = {JobId{7}, 2},
                         .worker = "0",
                         .process = "1-2",
                         .what = {.image = "img"},
                         .environment = {},
                         .work = "/jobs/7-2/work",
                         .gpus = {1, 3},
                         .user = {1000, 1000}};
  EXPECT_EQ(create_words(podman, run),
            (Words{"/usr/bin/podman", "create", "--name=drydock-7-2-0", "--label=drydock.worker=0",
                   "--label=drydock.process=1-2", "--pull=missing", "--volume=/jobs/7-2/work:/work", "--workdir=/work",
                   "--user=1000:1000", "--security-opt=no-new-privileges", "--cap-drop=ALL", "--userns=keep-id",
                   "--device=nvidia.com/gpu=1", "--device=nvidia.com/gpu=3", "img"}));
}

TEST(ContainerWords, AnswersAreRead) {
  ASSERT_TRUE(parse_container_end("137 true\n"));
  EXPECT_EQ(parse_container_end("137 true\n")->exit_status, 137);
  EXPECT_TRUE(parse_container_end("137 true\n")->out_of_memory);
  EXPECT_FALSE(parse_container_end("0 false")->out_of_memory);
  for (const char* bad : {"", "Error: no such container", "137", "137 <no value>"}) {
    EXPECT_FALSE(parse_container_end(bad)) << bad;
  }
  EXPECT_EQ(stale_containers("drydock-1-1-0 10-20\ndrydock-2-1-0 30-40\n\nodd\n", "30-40"), (Words{"drydock-1-1-0"}));
}

}  // namespace
}  // namespace drydock::runtime::container_test

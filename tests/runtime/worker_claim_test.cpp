// Two workers that live never share a number: who comes second is refused, who comes after a dead one starts at once, and who finds
// another in its place ends.
#include "real-runtime/worker_claim.hpp"

#include "real-runtime/redis_client.hpp"
#include "tests/runtime/processes.hpp"

#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace drydock::cli::worker_claim_test {
namespace {

using namespace std::chrono_literals;
using runtime::KeyOwner;
using runtime::owner_of;
using runtime::WorkerKey;
using runtime::WorkerPlace;

WorkerPlace here(const std::string& process) {
  return {.machine = runtime::this_machine(), .life = "one", .process = process};
}

// A process that does nothing, until it is killed; `reap`: then nothing is left of it.
class Idle {
 public:
  Idle() : pid_(fork()) {
    while (pid_ == 0) ::pause();
    place_ = runtime::this_process();  // with another number and start
    const auto rest = place_.substr(place_.rfind('/'));
    std::ifstream stat(fmt::format("/proc/{}/stat", pid_));
    const std::string text{std::istreambuf_iterator<char>(stat), {}};
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string start;
    for (int field = 3; field <= 22; ++field) fields >> start;
    place_ = fmt::format("{}/{}{}", pid_, start, rest);
  }
  ~Idle() {
    kill();
    reap();
  }
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;
  void kill() const { ::kill(pid_, SIGKILL); }
  void reap() const { (void)::waitpid(pid_, nullptr, 0); }
  void wait_for_the_end() const {
    siginfo_t info{};
    (void)::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  pid_t pid_;
  std::string place_;
};

TEST(WorkerPlace, TellsWhetherAProcessOfThisMachineIsThere) {
  EXPECT_EQ(runtime::is_alive(here(runtime::this_process())), true);
  const Idle idle;
  EXPECT_EQ(runtime::is_alive(here(idle.place())), true);
  idle.kill();
  idle.wait_for_the_end();
  EXPECT_EQ(runtime::is_alive(here(idle.place())), false) << "a zombie runs no jobs";
  idle.reap();
  EXPECT_EQ(runtime::is_alive(here(idle.place())), false);
}

// Numbers are given again.
TEST(WorkerPlace, AnotherProcessOfTheSameNumberIsAnother) {
  const std::string self = runtime::this_process();
  const auto slash = self.find('/');
  EXPECT_EQ(runtime::is_alive(here(self.substr(0, slash) + "/1" + self.substr(slash + 1))), false);
}

TEST(WorkerPlace, NothingIsToldOfOtherMachinesAndContainers) {
  const std::string self = runtime::this_process();
  WorkerPlace place = here(self);
  place.machine = "elsewhere/1";
  EXPECT_EQ(runtime::is_alive(place), std::nullopt);
  EXPECT_EQ(runtime::is_alive(here(self + "1")), std::nullopt) << "in other numbers than these";
  for (const std::string text : {"", "/", "x/1/2", "1", "-1/2/3", "99999999999999999999/1/2"})
    EXPECT_EQ(runtime::is_alive(here(text)), std::nullopt) << text;
}

TEST(WorkerPlace, IsReadAsItIsWritten) {
  const WorkerPlace place{.lease = 6s, .machine = "m/1", .life = "l", .process = "1/2/3", .jobs_folder = "/j"};
  const WorkerPlace read = runtime::read_place(runtime::place_fields(place));
  EXPECT_EQ(read.life, "l");
  EXPECT_EQ(read.process, "1/2/3");
  EXPECT_EQ(runtime::in_words(read), "on machine m (process 1, jobs in /j)");
}

TEST(KeyOwner, OfAMachineThatCannotBeSeenIsToldByItsBeats) {
  const auto key = [](const std::string& life, Duration left) {
    return std::optional(WorkerKey{.place = {.machine = "elsewhere/1", .life = life}, .incarnation = 1, .left = left});
  };
  EXPECT_EQ(owner_of({}, {}), KeyOwner::nobody);
  EXPECT_EQ(owner_of(WorkerKey{}, {}), KeyOwner::nobody) << "it never expires";
  EXPECT_EQ(owner_of(key("a", 5s), {}), KeyOwner::unknown);
  EXPECT_EQ(owner_of(key("a", 4s), key("a", 5s)), KeyOwner::unknown);
  EXPECT_EQ(owner_of(key("a", 6s), key("a", 5s)), KeyOwner::alive);
  EXPECT_EQ(owner_of(key("b", 6s), key("a", 5s)), KeyOwner::unknown) << "another one has come";
  EXPECT_EQ(owner_of(key("", 6s), key("", 5s)), KeyOwner::alive) << "of an older version";
}

class WorkerClaim : public OnGivenStores {
 protected:
  [[nodiscard]] std::vector<std::string> words(const std::string& ttl = "60s") const {
    return {"worker", "--redis", redis_url(), "--id", "3", "--heartbeat", "100ms", "--ttl", ttl};
  }
  std::unique_ptr<Process> start(const std::string& ttl = "60s") { return std::make_unique<Process>(words(ttl)); }
  // Its key; fields empty: there is none.
  redis::Fields key() {
    auto redis = runtime::RedisClient::connect({.address = redis_->address()});
    if (!redis.ok()) return {};
    const auto reply = redis.value()->execute(redis::ReadWorkers{});
    const auto* workers = std::get_if<redis::Workers>(&reply);
    return workers == nullptr || workers->entries.empty() ? redis::Fields{} : workers->entries.front().fields;
  }
  std::string life() {
    const redis::Fields fields = key();
    return fields.contains("life") ? fields.at("life") : "";
  }
  void execute(const redis::Op& op) {
    auto redis = runtime::RedisClient::connect({.address = redis_->address()});
    ASSERT_TRUE(redis.ok());
    (void)redis.value()->execute(op);
  }
  void beat_elsewhere(Duration ttl) {
    execute(
        redis::BeatWorker{.worker = "3",
                          .fields = {{"worker_id", "3"}},
                          .touched = {{"incarnation", "4000000000"}, {"machine", "elsewhere/1"}, {"jobs_folder", "/far"}},
                          .ttl = ttl,
                          .life = "another",
                          .above = 4'000'000'000});
  }
};

TEST_F(WorkerClaim, ASecondOneIsRefusedAndLeavesTheFirstAlone) {
  const auto first = start();
  ASSERT_TRUE(until([&] { return !life().empty(); }));
  const std::string before = life();
  const Ran second = run_binary(words());
  EXPECT_EQ(second.code, 2);
  EXPECT_NE(second.err.find("worker 3 runs already"), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("(process "), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("drydock drain 3"), std::string::npos) << second.err;
  EXPECT_EQ(life(), before);
  EXPECT_EQ(first->end(SIGTERM).code, 0);
  EXPECT_TRUE(key().empty()) << "its own key goes with it";
}

// Its key has most of a minute left.
TEST_F(WorkerClaim, OneThatWasKilledIsFollowedAtOnce) {
  auto first = start();
  ASSERT_TRUE(until([&] { return !life().empty(); }));
  const std::string before = life();
  first->end(SIGKILL);
  EXPECT_EQ(life(), before);
  const auto second = start();
  ASSERT_TRUE(until([&] { return life() != before; }));
  const Ran ran = second->end(SIGTERM);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err.find("waiting"), std::string::npos) << ran.err;
}

TEST_F(WorkerClaim, WhatOneThatWasKilledHadIsForgotten) {
  const auto start_with = [&](const std::string& slots, const std::string& memory) {
    std::vector<std::string> all = words();
    all.insert(all.end(), {"--slots", slots, "--memory-bytes", memory});
    return std::make_unique<Process>(all);
  };
  auto first = start_with("2", "1000000000");
  ASSERT_TRUE(until([&] { return key()["slots"] == "2"; }));
  first->end(SIGKILL);
  const auto second = start_with("5", "3000000000");
  EXPECT_TRUE(until([&] { return key()["slots"] == "5"; }));
  EXPECT_EQ(key()["memory_bytes"], "3000000000");
  EXPECT_EQ(second->end(SIGTERM).code, 0);
}

TEST_F(WorkerClaim, OneOnAnotherMachineThatMayBeDeadIsWaitedFor) {
  beat_elsewhere(5s);
  const auto worker = start();
  ASSERT_TRUE(until([&] { return !life().empty() && life() != "another"; }));
  const Ran ran = worker->end(SIGTERM);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("on machine elsewhere (jobs in /far)"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("waiting"), std::string::npos) << ran.err;
}

TEST_F(WorkerClaim, OneOnAnotherMachineThatBeatsIsAlive) {
  beat_elsewhere(30s);
  const Started worker(words());
  ASSERT_TRUE(until([&] {
    beat_elsewhere(30s);
    return worker.ended();
  }));
  const Ran ran = worker.wait();
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("worker 3 runs already, on machine elsewhere"), std::string::npos) << ran.err;
  EXPECT_EQ(life(), "another");
}

// As where two start at once, or one is paused past its lease.
TEST_F(WorkerClaim, OneThatFindsAnotherInItsPlaceEndsAndLeavesItsKey) {
  const Started worker(words());
  ASSERT_TRUE(until([&] { return !life().empty(); }));
  beat_elsewhere(60s);
  ASSERT_TRUE(until([&] { return worker.ended(); }));
  const Ran ran = worker.wait();
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("another process has become worker 3, on machine elsewhere"), std::string::npos) << ran.err;
  EXPECT_EQ(life(), "another");
}

// A Redis that came back from a snapshot remembers a process of before.
TEST_F(WorkerClaim, AKeyOfAProcessBeforeIsTakenBack) {
  const auto worker = start();
  ASSERT_TRUE(until([&] { return !life().empty(); }));
  const std::string own = life();
  execute(redis::SetWorker{"3", {{"life", "of before"}, {"incarnation", "1"}}});
  EXPECT_TRUE(until([&] { return life() == own; }));
  EXPECT_EQ(worker->end(SIGTERM).code, 0);
}

}  // namespace
}  // namespace drydock::cli::worker_claim_test

// For the tests of the simulation: SimGrid wants a process of its own for each engine, and small scenarios made by hand.
#pragma once

#include "policies/catalog.hpp"
#include "scenarios/scenario.hpp"
#include "sim/processes.hpp"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace drydock::sim {

using namespace std::chrono_literals;

// Runs `body` in a child process and returns what it returns; failed expectations inside are printed and fail this test too.
inline std::string in_child(const std::function<std::string()>& body) {
  auto [mine, its] = connected_pair();
  const bool failed_before = ::testing::Test::HasFailure();
  const pid_t self = getpid();
  const pid_t child = fork_child();
  if (child == 0) {
    become_helper(self);
    mine.reset();
    const std::string text = body();
    const bool sent = send_message(its.get(), text);
    std::fflush(nullptr);
    _exit(sent && (failed_before || !::testing::Test::HasFailure()) ? 0 : 1);
  }
  its.reset();
  MessageReader reader;
  while (reader.fill(mine.get())) {}
  EXPECT_EQ(wait_for_end(child), "");
  return reader.next().value_or("(nothing came back)");
}

struct JobLine {
  Duration submit{};
  Duration work{};
  std::uint32_t tasks = 1;
};

// Jobs of one source, in the given order, with exact estimates and 1 cpu per task.
inline scenarios::TraceSource jobs_of(const std::vector<JobLine>& lines, JobSpec shape = {}) {
  auto jobs = std::make_shared<std::vector<scenarios::TraceJob>>();
  for (const JobLine& line : lines) {
    jobs->push_back({.submit_ns = line.submit.count(),
                     .work_ns = line.work.count(),
                     .estimate_ns = line.work.count(),
                     .tasks = line.tasks});
  }
  if (shape.per_task == Resources{}) shape.per_task = make_resources({.cpus_milli = 1000});
  return {.name = "jobs", .path = "", .jobs = jobs, .shape = shape};
}

// One pool on the given host groups, one queue, first come first served, the oracle.
inline scenarios::Scenario scenario_on(std::vector<scenarios::HostGroup> hosts) {
  scenarios::Scenario scenario;
  scenario.name = "by hand";
  scenario.hosts = std::move(hosts);
  scenarios::Pool pool{.name = "main", .hosts = {}, .queues = {"default"}, .slots_per_worker = {}};
  for (const auto& group : scenario.hosts) pool.hosts.push_back(group.name);
  scenario.pools = {pool};
  scenario.scheduler.queues = {{.name = "default", .priority = 0, .capacity = {}}};
  scenario.scheduler.pools = {{.name = "main", .queues = {QueueId{0}}}};
  scenario.scheduler.placement = configure(*find_policy(PolicyFamily::placement, "fcfs"));
  scenario.liveness = configure(*find_policy(PolicyFamily::liveness, "oracle"));
  return scenario;
}

inline PolicyConfig ttl(Duration heartbeat, Duration time_to_live) {
  return configure(*find_policy(PolicyFamily::liveness, "ttl"), {{"heartbeat", heartbeat}, {"ttl", time_to_live}});
}

inline scenarios::Fault crash_once(std::string target, Duration at, std::optional<Duration> lasting) {
  return scenarios::WorkerCrash{.target = std::move(target),
                                .when = scenarios::WorkerCrash::Once{.at = at, .lasting = lasting}};
}

}  // namespace drydock::sim

// A project of its own that drives the scheduler: one worker comes, one job is submitted, and the orders are carried out.
#include <policies/catalog.hpp>
#include <policies/core/scheduler.hpp>
#ifdef WITH_RUNTIME
#include <real-runtime/redis_client.hpp>
#endif
#ifdef WITH_SIM
#include <scenarios/loader.hpp>
#include <sim/run.hpp>
#endif

#include <chrono>
#include <iostream>
#include <variant>
#include <vector>

using namespace drydock;

int main() {
  const PolicyInfo* fcfs = find_policy(PolicyFamily::placement, "fcfs");
  if (fcfs == nullptr) return 1;

  SchedulerConfig config;
  config.queues.push_back({.name = "default"});
  config.pools.push_back({.name = "main", .queues = {QueueId{0}}});
  config.placement = configure(*fcfs);
  Scheduler scheduler(config, make_placement(config.placement));

  const Resources core = make_resources({.cpus_milli = 1000});
  std::vector<Event> events;
  events.push_back(WorkerRegistered{.worker = WorkerId{0}, .incarnation = 1, .spec = {.pool = PoolId{0}, .capacity = core}});
  JobSpec job;
  job.per_task = core;
  job.estimate = std::chrono::seconds{10};
  events.push_back(JobSubmitted{job});

  bool dispatched = false;
  for (int round = 0; round < 4 && !events.empty(); ++round) {
    std::vector<Event> answers;
    for (const Command& command : scheduler.step(kTimeZero, events)) {
      if (const auto* commit = std::get_if<Commit>(&command))
        answers.push_back(CommitAnswered{commit->request, Answer::done});
      if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
        dispatched = true;
        std::cout << "job " << dispatch->attempt.job.value << " was dispatched to worker "
                  << dispatch->placements.front().worker.value << "\n";
      }
    }
    events = answers;
  }
#ifdef WITH_SIM
  if (scenarios::built_in_scenarios().empty()) return 2;
#endif
#ifdef WITH_RUNTIME
  if (runtime::RedisClient::connect({.address = {.unix_socket = "/nowhere"}}).ok()) return 4;
#endif
  return dispatched ? 0 : 3;
}

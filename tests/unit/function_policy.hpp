// A placement policy made of functions, and a bench that drives a scheduler by hand.
#pragma once

#include "policies/core/scheduler.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace drydock {

struct FunctionPolicy final : PlacementPolicy {
  std::function<void(const PassContext&, Plan&)> on_plan = [](const PassContext&, Plan&) {};
  std::function<Rank(const Job&)> on_rank = [](const Job&) { return Rank{}; };
  PlacementTraits wanted;

  [[nodiscard]] PlacementTraits traits() const override { return wanted; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster&) const override { return on_rank(job); }
  void plan(const PassContext& pass, Plan& plan) override { on_plan(pass, plan); }
};

[[nodiscard]] inline JobSpec a_job(std::uint64_t id, std::uint32_t tasks = 1, std::int64_t cpus_milli = 1'000) {
  JobSpec job;
  job.id = JobId{id};
  job.tasks = tasks;
  job.per_task = make_resources({.cpus_milli = cpus_milli});
  job.estimate = std::chrono::seconds{10};
  return job;
}
[[nodiscard]] inline WorkerRegistered a_worker(std::uint32_t id, std::int64_t cpus_milli = 1'000, PoolId pool = {},
                                               std::uint32_t incarnation = 1) {
  return {WorkerId{id}, incarnation, {pool, make_resources({cpus_milli, kUnlimited, 0, kUnlimited}), 1.0}};
}

class SchedulerBench {
 public:
  SchedulerBench(SchedulerConfig config, Policies policies) : scheduler(std::move(config), std::move(policies)) {}

  // The orders of one step; those of the last one are overwritten.
  std::span<const Command> step(std::vector<Event> facts) {
    order_canonically(facts);
    commands = scheduler.step(now, facts);
    scheduler.cluster().sanity_check();
    return commands;
  }
  // Steps, and answers every commit with done, until there is nothing more to answer.
  void settle(std::vector<Event> facts) {
    while (!facts.empty()) {
      step(std::move(facts));
      facts.clear();
      for (const Commit& c : all<Commit>()) facts.emplace_back(CommitAnswered{c.request, Answer::done});
    }
  }
  // The orders of one kind in the last step.
  template <class Kind>
  [[nodiscard]] std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const Command& command : commands) {
      if (const auto* match = std::get_if<Kind>(&command)) found.push_back(*match);
    }
    return found;
  }
  [[nodiscard]] const Job& job(std::uint64_t id) const {
    return scheduler.cluster().job(*scheduler.cluster().find(JobId{id}));
  }
  [[nodiscard]] bool is_live(std::uint64_t id) const { return scheduler.cluster().find(JobId{id}).has_value(); }

  Scheduler scheduler;
  Time now{};
  std::span<const Command> commands;
};

}  // namespace drydock

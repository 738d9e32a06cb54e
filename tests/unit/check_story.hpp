// Steps that own what they hold, so that tests can write them down and corrupt them.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <deque>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::check_story {

using Placements = std::vector<Placement>;

struct OwnedAssignment {
  AttemptId attempt;
  Placements placements;
};
struct OwnedCommit {
  std::uint64_t request = 0;
  std::vector<Release> releases;
  std::vector<OwnedAssignment> assignments;
};
struct OwnedDispatch {
  AttemptId attempt;
  Placements placements;
};
using Order = std::variant<OwnedCommit, ReadBatch, OwnedDispatch, StopAttempt, RejectJob, Halt>;

struct StoryStep {
  std::int64_t at_s = 0;
  std::vector<Event> events;
  std::vector<Order> orders;
};
using Story = std::vector<StoryStep>;

// Commands of a step, whose spans point into the step and into this.
class Spans {
 public:
  std::span<const Command> of(const StoryStep& step) {
    commands_.clear();
    assignments_.clear();
    for (const Order& order : step.orders) std::visit([this](const auto& o) { add(o); }, order);
    return commands_;
  }

 private:
  void add(const OwnedCommit& c) {
    std::vector<Assignment>& list = assignments_.emplace_back();
    for (const OwnedAssignment& a : c.assignments) list.push_back({a.attempt, a.placements});
    commands_.emplace_back(Commit{RequestId{c.request}, c.releases, list});
  }
  void add(const OwnedDispatch& d) { commands_.emplace_back(Dispatch{d.attempt, d.placements}); }
  template <class T>
  void add(const T& order) {
    commands_.emplace_back(order);
  }

  std::vector<Command> commands_;
  std::deque<std::vector<Assignment>> assignments_;
};

inline void tell(const Story& story, Checker& checker, bool complete = true) {
  Spans spans;
  for (const StoryStep& step : story) checker.step(time_at(step.at_s * 1'000'000'000), step.events, spans.of(step));
  checker.finish(complete);
}

// --- short words to write stories with ---

inline AttemptId attempt(std::uint64_t job, std::uint32_t number) { return {JobId{job}, number}; }
inline Placement on(std::uint32_t worker, std::uint32_t tasks = 1) { return {WorkerId{worker}, tasks}; }
inline Event registered(std::uint32_t worker, std::uint32_t incarnation, const ResourceAmounts& capacity,
                        std::uint32_t pool = 0) {
  return WorkerRegistered{WorkerId{worker}, incarnation, {PoolId{pool}, make_resources(capacity), 1.0}};
}
inline Event submitted(std::uint64_t job, std::uint32_t tasks, const ResourceAmounts& per_task) {
  return JobSubmitted{JobSpec{.id = JobId{job},
                              .queue = {},
                              .tasks = tasks,
                              .per_task = make_resources(per_task),
                              .estimate = std::chrono::seconds{10}}};
}
inline Event answered(std::uint64_t request, Answer answer = Answer::done) {
  return CommitAnswered{RequestId{request}, answer};
}
inline Event read(std::uint64_t request, Answer answer, bool found) { return BatchRead{RequestId{request}, answer, found}; }
inline Event finished(AttemptId id, Ending ending = Ending::succeeded) { return AttemptFinished{id, ending}; }
inline Event stopped(AttemptId id) { return AttemptStopped{id, Duration{}}; }
inline Order ask(std::uint64_t request, std::uint64_t commit) { return ReadBatch{RequestId{request}, RequestId{commit}}; }

}  // namespace drydock::check_story

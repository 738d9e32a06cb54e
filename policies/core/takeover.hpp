// Attempts that a new leader found in the store, and what became of them. Each was assigned by a leader before: it runs, it ended and
// its result was not accepted, it was lost with its worker, or it never reached one. The worker's report tells which.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/events.hpp"
#include "policies/core/time.hpp"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace drydock {

class Takeover {
 public:
  // An attempt whose fate is open, or that is taken as running although some of its workers have not reported.
  struct Open {
    AttemptId attempt;
    std::vector<Placement> placements{};
    std::vector<WorkerId> held_by{};   // workers that said that they run it
    std::vector<WorkerId> reported{};  // workers of its that said what they run
    Duration age{};                    // since its dispatch, as a worker said
    bool adopted = false;              // taken as running
    std::optional<std::variant<AttemptFinished, AttemptStopped>> end{};

    [[nodiscard]] bool lacks() const { return held_by.size() < reported.size(); }
    [[nodiscard]] bool confirmed() const { return held_by.size() >= placements.size(); }
  };

  // --- what was loaded, in any order ---
  void load(const AllocationLoaded& row);
  // A job that came while the state was on its way.
  void arrived(const JobSpec& job) { arrivals_.push_back(job); }
  [[nodiscard]] std::vector<JobSpec> take_arrivals() { return std::exchange(arrivals_, {}); }

  // --- what workers say. False: it is not about an attempt whose fate is open. ---
  void reported(const WorkerReported& event);
  void held(const AttemptHeld& event);
  bool ended(const AttemptFinished& event) { return note_end(event.attempt, event); }
  bool ended(const AttemptStopped& event) { return note_end(event.attempt, event); }

  [[nodiscard]] Open* find(AttemptId attempt);
  [[nodiscard]] const Open* find(JobId job) const;
  [[nodiscard]] std::vector<Open>& open() { return open_; }
  [[nodiscard]] const std::vector<Open>& open() const { return open_; }
  [[nodiscard]] bool empty() const { return open_.empty(); }

 private:
  template <class Event>
  bool note_end(AttemptId attempt, const Event& event) {
    Open* const open = find(attempt);
    if (open == nullptr || open->adopted) return false;
    open->end = event;
    return true;
  }

  std::vector<Open> open_;  // by attempt
  std::vector<JobSpec> arrivals_;
};

}  // namespace drydock

#include "tests/properties/node_reference.hpp"

#include <algorithm>

namespace drydock::properties {

namespace {

bool fits(const Needs& needs, const Needs& room) {
  return needs[0] <= room[0] && needs[1] <= room[1] && needs[2] <= room[2];
}
void take(Needs& room, const Needs& needs, std::int64_t tasks) {
  for (std::size_t k = 0; k < needs.size(); ++k) room[k] -= needs[k] * tasks;
}

class Nodes {
 public:
  Nodes(const std::vector<NodeJob>& jobs, const std::vector<Needs>& workers, NodeFit fit, bool backfill)
      : jobs_(jobs), workers_(workers), fit_(fit), backfill_(backfill), state_(jobs.size(), State::future) {
    schedule_.starts.assign(jobs.size(), -1);
    schedule_.placements.resize(jobs.size());
    schedule_.promised.assign(jobs.size(), kNoPromise);
  }

  NodeSchedule run() {
    while (true) {
      std::int64_t next = kNoPromise;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::future) next = std::min(next, jobs_[j].submit);
        if (state_[j] == State::running) next = std::min(next, schedule_.starts[j] + jobs_[j].run);
      }
      if (next == kNoPromise) return schedule_;
      now_ = next;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::running && schedule_.starts[j] + jobs_[j].run == now_) state_[j] = State::ended;
        if (state_[j] == State::future && jobs_[j].submit == now_) state_[j] = State::waiting;
      }
      pass();
    }
  }

 private:
  enum class State : std::uint8_t { future, waiting, running, ended };

  [[nodiscard]] std::int64_t planned_end(std::size_t j) const {
    return std::max(schedule_.starts[j] + jobs_[j].estimate, now_);
  }
  // Free at a time, if nothing else starts; right now if it is the past.
  [[nodiscard]] std::vector<Needs> rooms_at(std::int64_t t) const {
    std::vector<Needs> rooms = workers_;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] != State::running || (t >= 0 && planned_end(j) <= t)) continue;
      for (std::size_t w = 0; w < rooms.size(); ++w) take(rooms[w], jobs_[j].per_task, schedule_.placements[j][w]);
    }
    return rooms;
  }
  static constexpr std::int64_t kRightNow = -1;

  // Task by task, each by the rule.
  [[nodiscard]] std::optional<NodePlacement> place(const NodeJob& job, std::vector<Needs> rooms) const {
    NodePlacement placement(rooms.size());
    for (std::int64_t task = 0; task < job.tasks; ++task) {
      std::optional<std::size_t> best;
      for (std::size_t w = 0; w < rooms.size(); ++w) {
        if (!fits(job.per_task, rooms[w])) continue;
        const bool better = !best || (fit_ == NodeFit::best && rooms[w][0] < rooms[*best][0]) ||
                            (fit_ == NodeFit::worst && rooms[w][0] > rooms[*best][0]);
        if (better) best = w;
      }
      if (!best) return std::nullopt;
      take(rooms[*best], job.per_task, 1);
      ++placement[*best];
    }
    return placement;
  }
  void start(std::size_t j, const NodePlacement& placement) {
    state_[j] = State::running;
    schedule_.starts[j] = now_;
    schedule_.placements[j] = placement;
  }

  void pass() {
    std::optional<std::size_t> head;
    std::int64_t shadow = kNoPromise;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] != State::waiting) continue;
      const auto placement = place(jobs_[j], rooms_at(kRightNow));
      if (!head && placement) {
        start(j, *placement);
      } else if (!head) {
        head = j;
        if (!backfill_) return;
        shadow = shadow_of(j);
        if (schedule_.promised[j] == kNoPromise) schedule_.promised[j] = shadow;
      } else if (placement && leaves_room(j, *placement, *head, shadow)) {
        start(j, *placement);
      }
    }
  }
  [[nodiscard]] std::int64_t shadow_of(std::size_t head) const {
    std::int64_t shadow = kNoPromise;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::running && planned_end(j) < shadow && place(jobs_[head], rooms_at(planned_end(j)))) {
        shadow = planned_end(j);
      }
    }
    return shadow;
  }
  [[nodiscard]] bool leaves_room(std::size_t j, const NodePlacement& placement, std::size_t head,
                                 std::int64_t shadow) const {
    if (shadow == kNoPromise || now_ + jobs_[j].estimate <= shadow) return true;
    std::vector<Needs> rooms = rooms_at(shadow);
    for (std::size_t w = 0; w < rooms.size(); ++w) take(rooms[w], jobs_[j].per_task, placement[w]);
    return place(jobs_[head], rooms).has_value();
  }

  const std::vector<NodeJob>& jobs_;
  const std::vector<Needs>& workers_;
  NodeFit fit_;
  bool backfill_;
  std::int64_t now_ = 0;
  std::vector<State> state_;
  NodeSchedule schedule_;
};

}  // namespace

NodeSchedule node_schedule(const std::vector<NodeJob>& jobs, const std::vector<Needs>& workers, NodeFit fit, bool backfill) {
  return Nodes(jobs, workers, fit, backfill).run();
}

}  // namespace drydock::properties

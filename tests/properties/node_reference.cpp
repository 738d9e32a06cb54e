#include "tests/properties/node_reference.hpp"

#include <algorithm>

namespace drydock::properties {

namespace {

bool fits(const Needs& needs, const Needs& room) {
  return needs[0] <= room[0] && needs[1] <= room[1] && needs[2] <= room[2] && needs[3] <= room[3];
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

  // Of what a task asks for and what is free, as parts of all that there is.
  [[nodiscard]] double dot(const NodeJob& job, const std::vector<Needs>& rooms, std::size_t w) const {
    double sum = 0;
    for (std::size_t k = 0; k < job.per_task.size(); ++k) {
      double whole = 0;
      for (const Needs& worker : workers_) whole += static_cast<double>(worker[k]);
      if (whole > 0) sum += static_cast<double>(job.per_task[k]) / whole * (static_cast<double>(rooms[w][k]) / whole);
    }
    return sum;
  }
  // Task by task, each by the rule.
  [[nodiscard]] std::optional<NodePlacement> place(const NodeJob& job, std::vector<Needs> rooms) const {
    NodePlacement placement(rooms.size());
    for (std::int64_t task = 0; task < job.tasks; ++task) {
      std::optional<std::size_t> best;
      for (std::size_t w = 0; w < rooms.size(); ++w) {
        if (!fits(job.per_task, rooms[w])) continue;
        const bool better = !best || (fit_ == NodeFit::best && rooms[w][0] < rooms[*best][0]) ||
                            (fit_ == NodeFit::worst && rooms[w][0] > rooms[*best][0]) ||
                            (fit_ == NodeFit::dot && dot(job, rooms, w) > dot(job, rooms, *best));
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
    in_vain_.clear();
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] != State::waiting) continue;
      const auto placement = place(jobs_[j], rooms_at(kRightNow));
      if (placement && (!head || leaves_room(j, *placement, *head, shadow))) {
        start(j, *placement);
      } else if (!head) {
        head = j;
        if (!backfill_) return;
        shadow = shadow_of(j);
        if (schedule_.promised[j] == kNoPromise) schedule_.promised[j] = shadow;
      } else if (const auto other = placement ? place_beside(j, *head, shadow) : std::nullopt) {
        start(j, *other);
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

  // Workers with room for a task, in the order of the fit.
  [[nodiscard]] std::vector<std::size_t> with_room(const Needs& per_task, const std::vector<Needs>& rooms) const {
    std::vector<std::size_t> workers;
    for (std::size_t w = 0; w < rooms.size(); ++w) {
      if (fits(per_task, rooms[w])) workers.push_back(w);
    }
    if (fit_ == NodeFit::best) std::ranges::stable_sort(workers, {}, [&](std::size_t w) { return rooms[w][0]; });
    if (fit_ == NodeFit::worst) std::ranges::stable_sort(workers, {}, [&](std::size_t w) { return -rooms[w][0]; });
    return workers;
  }
  // Tasks that there is room for, or as many as are asked for.
  [[nodiscard]] static std::int64_t count(const NodeJob& job, std::vector<Needs> rooms) {
    std::int64_t tasks = 0;
    for (Needs& room : rooms) {
      for (; tasks < kEnough && fits(job.per_task, room); ++tasks) take(room, job.per_task, 1);
    }
    return tasks;
  }
  // Gives tasks to one worker after the other, as many as it has room for now, as long as the head keeps room for so many of
  // its tasks at the shadow time: first for all that it would have room for, then for those that it has.
  [[nodiscard]] std::optional<NodePlacement> place_beside(std::size_t j, std::size_t head, std::int64_t shadow) {
    const NodeJob& job = jobs_[j];
    for (const NodeJob& other : in_vain_) {
      if (other.tasks <= job.tasks && fits(other.per_task, job.per_task)) return std::nullopt;
    }
    std::vector<Needs> now = rooms_at(kRightNow);
    std::vector<Needs> then = rooms_at(shadow);
    const std::vector<std::size_t> order = with_room(job.per_task, now);
    NodePlacement placement(now.size());
    std::int64_t missing = job.tasks;
    for (const std::int64_t kept : {count(jobs_[head], then), jobs_[head].tasks}) {
      for (const std::size_t w : order) {
        while (missing > 0 && fits(job.per_task, now[w])) {
          std::vector<Needs> rooms = then;
          take(rooms[w], job.per_task, 1);
          if (count(jobs_[head], rooms) < kept) break;
          then = rooms;
          take(now[w], job.per_task, 1);
          ++placement[w];
          --missing;
        }
      }
    }
    if (missing == 0) return placement;
    in_vain_.push_back(job);
    return std::nullopt;
  }

  static constexpr std::int64_t kEnough = 1'000;

  const std::vector<NodeJob>& jobs_;
  const std::vector<Needs>& workers_;
  NodeFit fit_;
  bool backfill_;
  std::int64_t now_ = 0;
  std::vector<State> state_;
  std::vector<NodeJob> in_vain_;  // found no workers beside the head in this pass; who asks for no less is not tried
  NodeSchedule schedule_;
};

}  // namespace

NodeSchedule node_schedule(const std::vector<NodeJob>& jobs, const std::vector<Needs>& workers, NodeFit fit, bool backfill) {
  return Nodes(jobs, workers, fit, backfill).run();
}

}  // namespace drydock::properties

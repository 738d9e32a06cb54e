#include "tests/properties/mapping_reference.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace drydock::properties {

namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

class MappedNodes {
 public:
  MappedNodes(const std::vector<MappedJob>& jobs, const std::vector<MappedWorker>& workers, MappingRule rule,
              std::size_t window)
      : jobs_(jobs), workers_(workers), rule_(rule), window_(window), state_(jobs.size()), starts_(jobs.size()) {}

  std::vector<MappedStart> run() {
    while (true) {
      std::int64_t next = wakeup_;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::future) next = std::min(next, jobs_[j].submit);
        if (state_[j] == State::running) next = std::min(next, true_end(j));
      }
      if (next == kEnd) return starts_;
      now_ = next;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::running && true_end(j) == now_) state_[j] = State::ended;
        if (state_[j] == State::future && jobs_[j].submit == now_) state_[j] = State::waiting;
      }
      while (start_some()) {}
    }
  }

 private:
  enum class State : std::uint8_t { future, waiting, running, ended };
  struct Planned {
    std::size_t job = 0;
    std::size_t worker = 0;
    std::int64_t start = 0;
    std::int64_t end = 0;
  };

  [[nodiscard]] std::int64_t length(std::int64_t work, std::size_t w) const { return work * 4 / workers_[w].quarters; }
  [[nodiscard]] std::int64_t true_end(std::size_t j) const {
    return starts_[j].at + length(jobs_[j].run, starts_[j].worker);
  }
  [[nodiscard]] std::int64_t expected_end(std::size_t j) const {
    const std::int64_t estimated = starts_[j].at + length(jobs_[j].estimate, starts_[j].worker);
    if (estimated > now_) return estimated;
    return now_ + std::max<std::int64_t>(1, now_ - estimated);
  }

  [[nodiscard]] bool fits(std::size_t j, const Needs& room) const {
    for (std::size_t k = 0; k < room.size(); ++k) {
      if (jobs_[j].per_task[k] * jobs_[j].tasks > room[k]) return false;
    }
    return true;
  }
  void take(Needs& room, std::size_t j) const {
    for (std::size_t k = 0; k < room.size(); ++k) room[k] -= jobs_[j].per_task[k] * jobs_[j].tasks;
  }

  // Of a worker at a time, which is not before any start that is planned there.
  [[nodiscard]] Needs room_at(std::size_t w, std::int64_t at) const {
    Needs room = workers_[w].capacity;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::running && starts_[j].worker == w && expected_end(j) > at) take(room, j);
    }
    for (const Planned& p : planned_) {
      if (p.worker == w && p.end > at) take(room, p.job);
    }
    return room;
  }

  // The earliest time from the last start planned there on, at which something ends there if it is not that one.
  [[nodiscard]] Planned place_on(std::size_t j, std::size_t w) const {
    std::int64_t from = now_;
    for (const Planned& p : planned_) {
      if (p.worker == w) from = std::max(from, p.start);
    }
    std::vector<std::int64_t> times{from};
    for (std::size_t other = 0; other < jobs_.size(); ++other) {
      if (state_[other] == State::running && starts_[other].worker == w) times.push_back(expected_end(other));
    }
    for (const Planned& p : planned_) {
      if (p.worker == w) times.push_back(p.end);
    }
    std::int64_t start = kEnd;
    for (const std::int64_t at : times) {
      if (at >= from && at < start && fits(j, room_at(w, at))) start = at;
    }
    return {j, w, start, start + length(jobs_[j].estimate, w)};
  }

  // On each worker that could run it, the best first.
  [[nodiscard]] std::vector<Planned> places(std::size_t j) const {
    std::vector<Planned> all;
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      if (fits(j, workers_[w].capacity)) all.push_back(place_on(j, w));
    }
    std::ranges::stable_sort(all, {}, &Planned::end);
    return all;
  }

  [[nodiscard]] std::vector<Planned> choose(const std::vector<std::size_t>& unmapped) const {
    return rule_ == MappingRule::sufferage ? round(unmapped) : extreme(unmapped);
  }

  [[nodiscard]] std::vector<Planned> extreme(const std::vector<std::size_t>& unmapped) const {
    std::optional<Planned> chosen;
    for (const std::size_t j : unmapped) {
      const Planned best = places(j).front();
      const bool better = !chosen || (rule_ == MappingRule::min_min ? best.end < chosen->end : best.end > chosen->end);
      if (better) chosen = best;
    }
    return {*chosen};
  }

  [[nodiscard]] std::vector<Planned> round(const std::vector<std::size_t>& unmapped) const {
    std::vector<std::optional<Planned>> holder(workers_.size());
    std::vector<std::int64_t> suffers(workers_.size());
    for (const std::size_t j : unmapped) {
      const std::vector<Planned> all = places(j);
      const std::size_t w = all[0].worker;
      const std::int64_t sufferage = all.size() == 1 ? kEnd : all[1].end - all[0].end;
      if (holder[w] && suffers[w] >= sufferage) continue;
      holder[w] = all[0];
      suffers[w] = sufferage;
    }
    std::vector<Planned> chosen;
    for (const auto& held : holder) {
      if (held) chosen.push_back(*held);
    }
    return chosen;
  }

  // The first that wait and that some worker could run; urgent ones before the others.
  [[nodiscard]] std::vector<std::size_t> batch() const {
    std::vector<std::size_t> first;
    for (const bool urgent : {true, false}) {
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] != State::waiting || jobs_[j].urgent != urgent || first.size() == window_) continue;
        if (!places(j).empty()) first.push_back(j);
      }
    }
    return first;
  }

  // One mapping of all that is in the window.
  bool start_some() {
    planned_.clear();
    wakeup_ = kEnd;
    const std::vector<std::size_t> first = batch();
    bool room_for_one = false;
    for (const std::size_t j : first) {
      for (std::size_t w = 0; w < workers_.size(); ++w) room_for_one = room_for_one || fits(j, room_at(w, now_));
    }
    for (const bool urgent : {true, false}) {
      std::vector<std::size_t> unmapped;
      std::ranges::copy_if(first, std::back_inserter(unmapped), [&](std::size_t j) { return jobs_[j].urgent == urgent; });
      while (!unmapped.empty()) {
        for (const Planned& p : choose(unmapped)) {
          planned_.push_back(p);
          std::erase(unmapped, p.job);
        }
      }
    }
    bool started = false;
    for (const Planned& p : planned_) {
      if (p.start > now_) {
        wakeup_ = std::min(wakeup_, p.start + std::max<std::int64_t>(1, (p.end - p.start) / 10));
        continue;
      }
      state_[p.job] = State::running;
      starts_[p.job] = {now_, p.worker};
      started = true;
    }
    planned_.clear();
    if (started || !room_for_one) wakeup_ = kEnd;
    return started;
  }

  const std::vector<MappedJob>& jobs_;
  const std::vector<MappedWorker>& workers_;
  MappingRule rule_;
  std::size_t window_;
  std::int64_t now_ = 0;
  std::int64_t wakeup_ = kEnd;
  std::vector<State> state_;
  std::vector<MappedStart> starts_;
  std::vector<Planned> planned_;
};

}  // namespace

std::vector<MappedStart> mapped_starts(const std::vector<MappedJob>& jobs, const std::vector<MappedWorker>& workers,
                                       MappingRule rule, std::size_t window) {
  return MappedNodes(jobs, workers, rule, window).run();
}

}  // namespace drydock::properties

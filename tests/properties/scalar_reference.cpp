#include "tests/properties/scalar_reference.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace drydock::properties {

namespace {

constexpr std::int64_t kNotYet = -1;
constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();

// Advances from event to event: all ends of an instant, then all arrivals, then one pass.
class Plain {
 public:
  Plain(const std::vector<PlainJob>& jobs, std::int64_t places)
      : jobs_(jobs), free_(places), starts_(jobs.size(), kNotYet), left_(jobs.size()), state_(jobs.size(), State::future) {
    for (std::size_t j = 0; j < jobs.size(); ++j) left_[j] = jobs[j].run;
  }
  virtual ~Plain() = default;

  Starts run() {
    while (true) {
      std::int64_t next = kEver;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::future) next = std::min(next, jobs_[j].submit);
        if (state_[j] == State::running) next = std::min({next, starts_[j] + left_[j], next_change(j)});
      }
      if (next == kEver) return starts_;
      now_ = next;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] != State::running || starts_[j] + left_[j] != now_) continue;
        state_[j] = State::ended;
        free_ += jobs_[j].places;
        ended(j);
      }
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::future && jobs_[j].submit == now_) state_[j] = State::waiting;
      }
      pass();
    }
  }

 protected:
  enum class State : std::uint8_t { future, waiting, running, ended };

  virtual void pass() = 0;
  virtual void ended(std::size_t /*job*/) {}
  // Of a running job, when there must be another pass.
  [[nodiscard]] virtual std::int64_t next_change(std::size_t /*job*/) const { return kEver; }

  [[nodiscard]] bool fits(std::size_t j) const { return jobs_[j].places <= free_; }
  void start(std::size_t j) {
    starts_[j] = now_;
    state_[j] = State::running;
    free_ -= jobs_[j].places;
  }
  void stop(std::size_t j) {
    left_[j] -= now_ - starts_[j];
    state_[j] = State::waiting;
    free_ += jobs_[j].places;
  }
  [[nodiscard]] std::int64_t estimated_end(std::size_t j) const { return starts_[j] + jobs_[j].estimate; }
  [[nodiscard]] double rank(std::size_t j, PlainOrder order) const {
    const PlainJob& job = jobs_[j];
    const double waited = static_cast<double>(now_ - job.submit) / static_cast<double>(job.estimate);
    switch (order) {
      case PlainOrder::submission: return 0;
      case PlainOrder::estimate: return static_cast<double>(job.estimate);
      case PlainOrder::area: return static_cast<double>(job.estimate * job.places);
      case PlainOrder::priority: return static_cast<double>(-job.priority);
      case PlainOrder::wfp3: return -waited * waited * waited * static_cast<double>(job.places);
    }
    return 0;
  }
  // Waiting jobs, in order; equal ones by number.
  [[nodiscard]] std::vector<std::size_t> waiting(PlainOrder order) const {
    std::vector<std::size_t> result;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::waiting) result.push_back(j);
    }
    std::ranges::stable_sort(result, {}, [&](std::size_t j) { return rank(j, order); });
    return result;
  }
  // Starts the first one while it fits; the one that does not.
  std::optional<std::size_t> start_heads(PlainOrder order) {
    for (const std::size_t j : waiting(order)) {
      if (!fits(j)) return j;
      start(j);
    }
    return std::nullopt;
  }

  struct Shadow {
    std::int64_t at = kEver;
    std::int64_t extra = 0;
  };
  // The earliest time from now on at which the head fits by estimates, and how many places are left beside it then.
  [[nodiscard]] Shadow shadow_of(std::size_t head) const {
    const auto free_at = [&](std::int64_t t) {
      std::int64_t free = free_;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::running && std::max(estimated_end(j), now_) <= t) free += jobs_[j].places;
      }
      return free;
    };
    Shadow best;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] != State::running) continue;
      const std::int64_t t = std::max(estimated_end(j), now_);
      if (t < best.at && free_at(t) >= jobs_[head].places) best = {t, free_at(t) - jobs_[head].places};
    }
    return best;
  }

  const std::vector<PlainJob>& jobs_;
  std::int64_t now_ = 0;
  std::int64_t free_;
  Starts starts_;
  Starts left_;
  std::vector<State> state_;
};

class List final : public Plain {
 public:
  List(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order) : Plain(jobs, places), order_(order) {}

 private:
  void pass() override { start_heads(order_); }
  PlainOrder order_;
};

class Easy final : public Plain {
 public:
  Easy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order) : Plain(jobs, places), order_(order) {}

 private:
  void pass() override {
    const std::optional<std::size_t> head = start_heads(order_);
    if (!head) return;
    Shadow shadow = shadow_of(*head);
    for (const std::size_t j : waiting(order_)) {
      if (j == *head || !fits(j)) continue;
      const bool ends_before = shadow.at == kEver || now_ + jobs_[j].estimate <= shadow.at;
      if (!ends_before && jobs_[j].places > shadow.extra) continue;
      if (!ends_before) shadow.extra -= jobs_[j].places;
      start(j);
    }
  }
  PlainOrder order_;
};

class Greedy final : public Plain {
 public:
  Greedy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order, PlainOrder backfill_order)
      : Plain(jobs, places), order_(order), backfill_order_(backfill_order) {}

 private:
  void pass() override {
    if (committed_ && fits(*committed_)) {
      start(*committed_);
      committed_.reset();
    }
    if (!committed_) {
      committed_ = start_heads(order_);
      if (committed_) start_at_ = shadow_of(*committed_).at;
    }
    if (!committed_) return;
    for (const std::size_t j : waiting(backfill_order_)) {
      if (j != *committed_ && fits(j) && (start_at_ == kEver || now_ + jobs_[j].estimate < start_at_)) start(j);
    }
  }
  PlainOrder order_;
  PlainOrder backfill_order_;
  std::optional<std::size_t> committed_;
  std::int64_t start_at_ = kEver;
};

class Conservative final : public Plain {
 public:
  Conservative(const std::vector<PlainJob>& jobs, std::int64_t places)
      : Plain(jobs, places), places_(places), reserved_(jobs.size(), kNotYet), first_(jobs.size(), kNotYet) {}
  [[nodiscard]] const Starts& first_reservations() const { return first_; }

 private:
  void ended(std::size_t j) override { early_ = early_ || estimated_end(j) > now_; }

  void pass() override {
    if (early_ || moved_) compress();
    early_ = false;
    start_due();
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::waiting && reserved_[j] == kNotYet) first_[j] = reserved_[j] = earliest(j);
    }
    start_due();
  }
  void start_due() {
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::waiting && reserved_[j] == now_) start(j);
    }
  }
  void compress() {
    moved_ = false;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] != State::waiting || reserved_[j] == kNotYet) continue;
      const std::int64_t before = reserved_[j];
      reserved_[j] = kNotYet;
      reserved_[j] = earliest(j);
      moved_ = moved_ || reserved_[j] != before;
    }
  }
  // Places that are planned to be in use at an instant.
  [[nodiscard]] std::int64_t used_at(std::int64_t t) const {
    std::int64_t used = 0;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (state_[j] == State::running && t < estimated_end(j)) used += jobs_[j].places;
      if (state_[j] == State::waiting && reserved_[j] != kNotYet && reserved_[j] <= t &&
          t < reserved_[j] + jobs_[j].estimate) {
        used += jobs_[j].places;
      }
    }
    return used;
  }
  [[nodiscard]] std::int64_t earliest(std::size_t j) const {
    std::int64_t start = now_;
    for (std::int64_t t = now_; t < start + jobs_[j].estimate; ++t) {
      if (used_at(t) + jobs_[j].places > places_) start = t + 1;
    }
    return start;
  }

  std::int64_t places_;
  Starts reserved_;
  Starts first_;
  bool early_ = false;
  bool moved_ = false;
};

class Srpt final : public Plain {
 public:
  using Plain::Plain;

 private:
  [[nodiscard]] std::int64_t remaining(std::size_t j) const {
    return state_[j] == State::running ? starts_[j] + left_[j] - now_ : left_[j];
  }
  void pass() override {
    while (true) {
      std::optional<std::size_t> head;
      std::optional<std::size_t> longest;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::waiting && (!head || remaining(j) < remaining(*head))) head = j;
        if (state_[j] == State::running && (!longest || remaining(j) >= remaining(*longest))) longest = j;
      }
      if (!head) return;
      if (!fits(*head)) {
        if (remaining(*longest) <= remaining(*head)) return;
        stop(*longest);
      }
      start(*head);
    }
  }
};

class Las final : public Plain {
 public:
  Las(const std::vector<PlainJob>& jobs, std::int64_t servers, const PlainLevels& rules)
      : Plain(jobs, servers), rules_(rules), served_(jobs.size()) {}

 private:
  [[nodiscard]] std::int64_t served(std::size_t j) const {
    return served_[j] + (state_[j] == State::running ? now_ - starts_[j] : 0);
  }
  [[nodiscard]] std::int64_t begin_of(std::int64_t level) const { return rules_.quantum << (level - 1); }
  [[nodiscard]] std::int64_t level(std::size_t j) const {
    std::int64_t level = 0;
    while (level + 1 < rules_.levels && served(j) >= begin_of(level + 1)) ++level;
    return level;
  }
  [[nodiscard]] std::int64_t next_change(std::size_t j) const override {
    return level(j) + 1 < rules_.levels ? now_ + begin_of(level(j) + 1) - served(j) : kEver;
  }
  void pass() override {
    while (true) {
      std::optional<std::size_t> head;
      std::optional<std::size_t> last;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::waiting && (!head || level(j) < level(*head))) head = j;
        if (state_[j] == State::running && (!last || level(j) >= level(*last))) last = j;
      }
      if (!head) return;
      if (!fits(*head)) {
        if (level(*last) <= level(*head)) return;
        served_[*last] = served(*last);
        stop(*last);
        if (rules_.restart) left_[*last] = jobs_[*last].run;
      }
      start(*head);
    }
  }

  PlainLevels rules_;
  Starts served_;  // by earlier attempts
};

class PreemptivePriority final : public Plain {
 public:
  using Plain::Plain;

 private:
  static constexpr std::size_t kSpared = std::numeric_limits<std::size_t>::max();

  void pass() override {
    while (const std::optional<std::size_t> head = start_heads(PlainOrder::priority)) {
      std::vector<std::size_t> victims;
      for (std::size_t j = 0; j < jobs_.size(); ++j) {
        if (state_[j] == State::running && jobs_[j].priority < jobs_[*head].priority) victims.push_back(j);
      }
      std::ranges::sort(victims, [this](std::size_t a, std::size_t b) {
        return jobs_[a].priority != jobs_[b].priority ? jobs_[a].priority < jobs_[b].priority : a > b;
      });
      std::int64_t room = free_;
      std::size_t needed = 0;
      while (needed < victims.size() && room < jobs_[*head].places) room += jobs_[victims[needed++]].places;
      if (room < jobs_[*head].places) return;
      // A later, larger one may have made it needless: the best ranked is spared first.
      for (std::size_t v = needed; v-- > 0;) {
        if (room - jobs_[victims[v]].places < jobs_[*head].places) continue;
        room -= jobs_[victims[v]].places;
        victims[v] = kSpared;
      }
      for (std::size_t v = 0; v < needed; ++v) {
        if (victims[v] != kSpared) stop(victims[v]);
      }
    }
  }
};

}  // namespace

Starts plain_list(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order) {
  return List(jobs, places, order).run();
}
Starts plain_easy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order) {
  return Easy(jobs, places, order).run();
}
Starts plain_greedy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order, PlainOrder backfill_order) {
  return Greedy(jobs, places, order, backfill_order).run();
}
Reserved plain_conservative(const std::vector<PlainJob>& jobs, std::int64_t places) {
  Conservative conservative(jobs, places);
  Starts starts = conservative.run();
  return {std::move(starts), conservative.first_reservations()};
}
Starts plain_srpt(const std::vector<PlainJob>& jobs, std::int64_t servers) { return Srpt(jobs, servers).run(); }
Starts plain_las(const std::vector<PlainJob>& jobs, std::int64_t servers, const PlainLevels& rules) {
  return Las(jobs, servers, rules).run();
}
Starts plain_preemptive_priority(const std::vector<PlainJob>& jobs, std::int64_t places) {
  return PreemptivePriority(jobs, places).run();
}

}  // namespace drydock::properties

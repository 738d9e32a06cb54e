#include "policies/availability.hpp"
#include "policies/built_in.hpp"
#include "policies/order.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace drydock {

namespace {

// The plan of one pool. With one kind of amount all demands are equal, and a place is a place; else sums of each resource
// stand for the pool.
template <int Kinds>
class Books {
 public:
  void plan(const PassContext& pass, Plan& plan) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    bool more = true;
    if (!made_ || worker_changes_ != pool.worker_changes || any_overdue(pass) || any_returned(pass)) rebuild(pass);
    else more = advance(pass, plan);
    if (more) start_due(pass, plan, IfNoRoom::go_on);
    free_before_ = free_now(pool);
  }

 private:
  using Amounts = typename Availability<Kinds>::Amounts;
  // In the order of reservation: the queues' turns, then submission.
  using Key = typename Availability<Kinds>::Order;
  struct Reserved {
    JobRef job;
    JobId id;
    typename Availability<Kinds>::Reservation reservation;
    [[nodiscard]] Time start() const { return reservation.planned.start; }
  };
  struct Running {
    Time end{};  // as planned: the estimated end, or later once that has passed
    Amounts held = Amounts::Zero();
  };

  static Key key_of(const PassContext& pass, JobRef ref) {
    const Job& job = pass.cluster.job(ref);
    return {pass.cluster.turn(pass.pool, job.spec.queue).order, job.sequence};
  }
  static Amounts need_of(const Job& job) {
    if constexpr (Kinds == 1) return Amounts{std::int64_t{job.spec.tasks}};
    else return (job.spec.per_task * job.spec.tasks).amounts;
  }
  static Amounts free_now(const Pool& pool) {
    if constexpr (Kinds == 1) return Amounts{pool.free_units};
    else return pool.free.amounts;
  }
  static Duration length_of(const Pool& pool, const Job& job) {
    return pool.speed_max == 1.0 || pool.speed_max <= 0
               ? job.remaining()
               : std::max(Duration{1}, duration_of_seconds(seconds(job.remaining()) / pool.speed_max));
  }

  // Until when a running job holds what it has, as planned. One that has outlived its estimate is given another tenth of it.
  static Time planned_end(const PassContext& pass, const Job& job) {
    if (job.estimated_end > pass.now) return job.estimated_end;
    return pass.now + std::max(Duration{1}, job.spec.estimate / 10);
  }
  void add_running(const Job& job, Time end) {
    running_[job.sequence] = {end, need_of(job)};
    by_end_.insert({end, job.sequence});
  }

  // Whether some running job should have ended by now: then all plans are off.
  [[nodiscard]] bool any_overdue(const PassContext& pass) const {
    for (const auto& [end, sequence] : by_end_) {
      if (end > pass.now) return false;
      if (!departed(pass, sequence)) return true;
    }
    return false;
  }
  static bool departed(const PassContext& pass, std::uint64_t sequence) {
    const auto& departures = pass.cluster.pool(pass.pool).departures;
    return std::ranges::any_of(departures, [&](const Departure& d) { return d.sequence == sequence; });
  }

  // Whether some job that had started waits again: it gets back its place in the order.
  static bool any_returned(const PassContext& pass) {
    const Cluster& cluster = pass.cluster;
    return std::ranges::any_of(cluster.pool(pass.pool).arrivals, [&](JobRef ref) {
      return cluster.waits_for(pass.pool, ref) && cluster.job(ref).attempt > 0;
    });
  }

  // Takes ended attempts out of the books; true when one ended before its time, so that others can move forward.
  bool forget_departed(const PassContext& pass) {
    bool early = false;
    Amounts unplanned = free_now(pass.cluster.pool(pass.pool)) - free_before_;
    for (const Departure& departure : pass.cluster.pool(pass.pool).departures) {
      const auto running = running_.find(departure.sequence);
      if (running == running_.end()) continue;
      const auto [end, held] = running->second;
      unplanned -= held;
      if (end > pass.now) {
        availability_.release({pass.now, end}, held);
        early = true;
      }
      by_end_.erase({end, departure.sequence});
      running_.erase(running);
    }
    // What was held on a worker that is gone has come back to nobody.
    if ((unplanned != 0).any()) availability_.release({pass.now, kNever}, unplanned);
    return early;
  }

  void reserve(const PassContext& pass, JobRef ref) {
    const Job& job = pass.cluster.job(ref);
    const Duration length = length_of(pass.cluster.pool(pass.pool), job);
    const Key key = key_of(pass, ref);
    const auto reservation = availability_.reserve(pass.now, need_of(job), length);
    reserved_[key] = {ref, job.spec.id, reservation};
    if (reservation.planned.start != kNever) by_start_.insert({reservation.planned.start, key});
  }
  void change_start(const Key& key, Time from, Time to) {
    auto entry = by_start_.extract({from, key});
    if (entry.empty()) {
      by_start_.insert({to, key});
    } else if (to != kNever) {
      entry.value().first = to;
      by_start_.insert(std::move(entry));
    }
  }

  // Jobs that are due, and whose room is scattered over workers, go on to claim it: those that come must not take it away.
  void hold_due(const PassContext& pass) {
    std::vector<Key> due;
    for (auto it = by_start_.begin(); it != by_start_.end() && it->first < pass.now; ++it) due.push_back(it->second);
    for (const Key& key : due) {
      auto& held = reserved_.at(key).reservation;
      const Interval before = held.planned;
      held.planned = {pass.now, later(pass.now, before.end - before.start)};
      availability_.change_end(before.end, held.planned.end, held.need);
      change_start(key, before.start, pass.now);
    }
  }

  // Moves every reservation forward as far as it goes, in order; none moves back. One that moves may make room for an earlier
  // one, whose start then is no more a time at which something happens: hence again at the next pass, until none moves.
  void compress(const PassContext& pass) {
    drop_gone(pass);
    // What should have started by now has held places that it did not take.
    if (!by_start_.empty() && by_start_.begin()->first < pass.now) return rebuild(pass);
    settled_ = true;
    availability_.begin_round(pass.now);
    for (auto& [key, reserved] : reserved_) {
      const Time before = reserved.start();
      if (!availability_.move_forward(key, reserved.reservation)) continue;
      change_start(key, before, reserved.start());
      settled_ = false;
    }
    availability_.end_round();
  }
  static bool waits(const PassContext& pass, const Reserved& reserved) {
    const Job& job = pass.cluster.job(reserved.job);
    return job.spec.id == reserved.id && job.state == JobState::waiting;
  }
  // Cancelled, or started by another pool.
  void drop_gone(const PassContext& pass) {
    if (pass.cluster.pool(pass.pool).withdrawn.empty()) return;
    for (auto it = reserved_.begin(); it != reserved_.end();) {
      const auto& [key, reserved] = *it;
      if (waits(pass, reserved)) {
        ++it;
        continue;
      }
      by_start_.erase({reserved.start(), key});
      availability_.release(reserved.reservation.planned, reserved.reservation.need);
      it = reserved_.erase(it);
    }
  }

  void rebuild(const PassContext& pass) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    *this = Books{};
    made_ = true;
    worker_changes_ = pool.worker_changes;
    availability_ = Availability<Kinds>(free_now(pool));
    pool.by_estimated_end.for_each([&](const auto& entry) {
      const Job& job = pass.cluster.job(entry.value);
      const Time end = planned_end(pass, job);
      add_running(job, end);
      availability_.claim({end, kNever}, -need_of(job));
    });
    std::map<Key, JobRef> waiting;
    for (const QueueId queue : pool.config.queues) {
      pass.cluster.queue(queue).waiting.for_each(
          [&](const auto& entry) { waiting.emplace(key_of(pass, entry.value), entry.value); });
    }
    for (const auto& [key, ref] : waiting) reserve(pass, ref);
  }

  enum class IfNoRoom : std::uint8_t { stop, go_on };

  // Takes into the books what changed, and starts what has become due; false when nothing more can have become due.
  bool advance(const PassContext& pass, Plan& plan) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    const bool early = forget_departed(pass);
    if (early || !pool.withdrawn.empty() || !settled_) compress(pass);
    const bool all = start_due(pass, plan, Kinds == 1 ? IfNoRoom::stop : IfNoRoom::go_on);
    // Where a place is a place, no room for what is due means that something ended later than planned.
    const bool late = !all && Kinds == 1;
    if (late) rebuild(pass);
    if (!late && pool.arrivals.empty()) return false;
    if (!all && !late) hold_due(pass);
    for (const JobRef ref : pool.arrivals) {
      if (pass.cluster.waits_for(pass.pool, ref) && !reserved_.contains(key_of(pass, ref))) reserve(pass, ref);
    }
    return true;
  }

  // Starts those whose time has come; false when one of them found no room.
  bool start_due(const PassContext& pass, Plan& plan, IfNoRoom if_no_room) {
    bool all = true;
    for (auto it = by_start_.begin(); it != by_start_.end() && it->first <= pass.now;) {
      const Key key = it->second;
      const auto at = reserved_.find(key);
      const Reserved reserved = at->second;
      const Job& job = pass.cluster.job(reserved.job);
      if (!pass.cluster.find_workers(pass.pool, job, placements_)) {
        ++it;
        all = false;
        if (if_no_room == IfNoRoom::stop) break;
        continue;
      }
      if (!plan.start(reserved.job, placements_)) break;
      it = by_start_.erase(it);
      reserved_.erase(at);
      const Time end = planned_end(pass, job);
      add_running(job, end);
      availability_.change_end(reserved.reservation.planned.end, end, reserved.reservation.need);
    }
    return all;
  }

  bool made_ = false;
  std::uint64_t worker_changes_ = 0;       // of the pool when the books were made
  Amounts free_before_ = Amounts::Zero();  // at the end of the last pass
  Availability<Kinds> availability_;
  std::map<Key, Reserved> reserved_;
  std::set<std::pair<Time, Key>> by_start_;
  std::map<std::uint64_t, Running> running_;  // by the job's sequence
  std::set<std::pair<Time, std::uint64_t>> by_end_;
  bool settled_ = true;  // another compression would move nothing
  std::vector<Placement> placements_;
};

class Conservative final : public PlacementPolicy {
 public:
  explicit Conservative(Fit fit) : fit_(fit) {}

  [[nodiscard]] PlacementTraits traits() const override {
    return {.fit = fit_, .by_estimated_end = true, .plans_ahead = true};
  }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return rank_fcfs(job); }

  void plan(const PassContext& pass, Plan& plan) override {
    if (pools_.size() <= index(pass.pool)) pools_.resize(index(pass.pool) + 1);
    AnyBooks& books = pools_[index(pass.pool)];
    const bool scalar = pass.cluster.pool(pass.pool).is_scalar();
    if (scalar && !std::holds_alternative<Books<1>>(books)) books.emplace<Books<1>>();
    if (!scalar && !std::holds_alternative<Books<4>>(books)) books.emplace<Books<4>>();
    std::visit([&](auto& made) { made.plan(pass, plan); }, books);
  }

 private:
  using AnyBooks = std::variant<Books<4>, Books<1>>;

  Fit fit_;
  std::vector<AnyBooks> pools_;
};

}  // namespace

BuiltInPlacement conservative_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "conservative",
                   .summary = "Conservative backfilling: every job gets a reservation when it arrives",
                   .details =
                       "A job is given the earliest start at which, by all estimates, it delays no earlier job. When a job "
                       "ends before its estimate, reservations move forward in order, never back; when one outlives it, "
                       "or workers come or go, all are made anew in order. Where demands differ, reservations count "
                       "the pool's sums of cpus, memory, GPUs and slots; a due job that finds its room scattered over "
                       "workers starts as soon as it fits. An early end asks every waiting job again whether it can move, "
                       "in 1 to 3 us each: 0.7 ms per decision with 1000 workers and 1000 waiting jobs.",
                   .source = "Feitelson, Weil, IPPS 1998; Mu'alem, Feitelson, IEEE TPDS 12(6), 2001",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<Conservative>(fit_of(config));
          }};
}

}  // namespace drydock

#include "policies/availability.hpp"
#include "policies/built_in.hpp"
#include "policies/order.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace drydock {

namespace {

using Amounts = Resources::Amounts;

class Conservative final : public PlacementPolicy {
 public:
  explicit Conservative(Fit fit) : fit_(fit) {}

  [[nodiscard]] PlacementTraits traits() const override { return {.fit = fit_, .by_estimated_end = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return rank_fcfs(job); }

  void plan(const PassContext& pass, Plan& plan) override {
    if (books_.size() <= index(pass.pool)) books_.resize(index(pass.pool) + 1);
    Books& books = books_[index(pass.pool)];
    const Pool& pool = pass.cluster.pool(pass.pool);
    const bool off =
        books.scalar != pool.is_scalar() || books.worker_changes != pool.worker_changes || any_overdue(pass, books);
    if (off || any_returned(pass)) rebuild(pass, books);
    else if (!advance(pass, plan, books)) return;
    start_due(pass, plan, books, IfNoRoom::go_on);
  }

 private:
  // In the order of reservation: queue priority, then submission.
  using ReservedKey = std::pair<std::int64_t, std::uint64_t>;
  struct Reserved {
    JobRef job;
    JobId id;
    Time start{};
    Time end{};
    Amounts need = Amounts::Zero();
  };
  struct Running {
    Time end{};  // as planned: the estimated end, or later once that has passed
    Amounts held = Amounts::Zero();
  };
  struct Books {
    bool scalar = false;
    std::uint64_t worker_changes = 0;  // of the pool when the books were made
    Availability availability;
    std::map<ReservedKey, Reserved> reserved;
    std::set<std::pair<Time, ReservedKey>> by_start;
    std::map<std::uint64_t, Running> running;  // by the job's sequence
    std::set<std::pair<Time, std::uint64_t>> by_end;
    bool settled = true;  // another compression would move nothing
  };

  static ReservedKey key_of(const Cluster& cluster, JobRef ref) {
    const Job& job = cluster.job(ref);
    return {-std::int64_t{cluster.queue(job.spec.queue).config.priority}, job.sequence};
  }
  // Where all demands are equal a place is a place; else sums of each resource stand for the pool.
  static Amounts need_of(const Books& books, const Job& job) {
    if (books.scalar) return Amounts{job.spec.tasks, 0, 0, 0};
    return (job.spec.per_task * job.spec.tasks).amounts;
  }
  static Amounts free_now(const Books& books, const Pool& pool) {
    return books.scalar ? Amounts{pool.free_units, 0, 0, 0} : pool.free.amounts;
  }
  static Duration length_of(const Pool& pool, const Job& job) {
    return pool.speed_max == 1.0 || pool.speed_max <= 0
               ? job.remaining()
               : std::max(Duration{1}, duration_of_seconds(seconds(job.remaining()) / pool.speed_max));
  }

  static void add_running(const PassContext& pass, Books& books, const Job& job) {
    const Amounts held = need_of(books, job);
    const Time end = job.estimated_end > pass.now ? job.estimated_end : pass.now + overtime(job);
    books.running[job.sequence] = {end, held};
    books.by_end.insert({end, job.sequence});
    books.availability.add_jump(end, job.sequence, held);
  }
  // How much longer a job is given that has outlived its estimate: a tenth of it.
  static Duration overtime(const Job& job) { return std::max(Duration{1}, job.spec.estimate / 10); }

  // Whether some running job should have ended by now: then all plans are off.
  static bool any_overdue(const PassContext& pass, const Books& books) {
    for (const auto& [end, sequence] : books.by_end) {
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
  static bool forget_departed(const PassContext& pass, Books& books) {
    bool early = false;
    for (const Departure& departure : pass.cluster.pool(pass.pool).departures) {
      const auto running = books.running.find(departure.sequence);
      if (running == books.running.end()) continue;
      const Time end = running->second.end;
      early = early || end > pass.now;
      books.availability.remove_jump(end, departure.sequence, true);
      books.by_end.erase({end, departure.sequence});
      books.running.erase(running);
    }
    return early;
  }

  static void reserve(const PassContext& pass, Books& books, JobRef ref) {
    const Job& job = pass.cluster.job(ref);
    const Pool& pool = pass.cluster.pool(pass.pool);
    const Amounts need = need_of(books, job);
    const Duration length = length_of(pool, job);
    const Time start = books.availability.earliest(pass.now, free_now(books, pool), need, length);
    add(books, key_of(pass.cluster, ref), {ref, job.spec.id, start, later(start, length), need});
  }
  static void add(Books& books, const ReservedKey& key, const Reserved& reserved) {
    books.reserved[key] = reserved;
    if (reserved.start == kNever) return;
    books.by_start.insert({reserved.start, key});
    books.availability.add_jump(reserved.start, key.second, -reserved.need);
    books.availability.add_jump(reserved.end, key.second, reserved.need);
  }
  static void release(Books& books, const ReservedKey& key, const Reserved& reserved) {
    if (reserved.start == kNever) return;
    books.by_start.erase({reserved.start, key});
    books.availability.remove_jump(reserved.start, key.second, false);
    books.availability.remove_jump(reserved.end, key.second, true);
  }

  // Jobs that are due, and whose room is scattered over workers, go on to claim it: those that come must not take it away.
  static void hold_due(const PassContext& pass, Books& books) {
    std::vector<ReservedKey> due;
    for (auto it = books.by_start.begin(); it != books.by_start.end() && it->first < pass.now; ++it)
      due.push_back(it->second);
    for (const ReservedKey& key : due) {
      Reserved held = books.reserved.at(key);
      release(books, key, held);
      held.end = later(pass.now, held.end - held.start);
      held.start = pass.now;
      add(books, key, held);
    }
  }

  // Moves every reservation forward as far as it goes, in order; none moves back. One that moves may make room for an earlier
  // one, whose start then is no more a time at which something happens: hence again at the next pass, until none moves.
  static void compress(const PassContext& pass, Books& books) {
    drop_gone(pass, books);
    // What should have started by now has held places that it did not take.
    if (!books.by_start.empty() && books.by_start.begin()->first < pass.now) return rebuild(pass, books);
    books.settled = true;
    for (auto& [key, reserved] : books.reserved) {
      const Time before = reserved.start;
      release(books, key, reserved);
      reserve(pass, books, reserved.job);
      if (reserved.start != before) books.settled = false;
    }
  }
  static bool waits(const PassContext& pass, const Reserved& reserved) {
    const Job& job = pass.cluster.job(reserved.job);
    return job.spec.id == reserved.id && job.state == JobState::waiting;
  }
  // Cancelled, or started by another pool.
  static void drop_gone(const PassContext& pass, Books& books) {
    for (auto it = books.reserved.begin(); it != books.reserved.end();) {
      if (waits(pass, it->second)) {
        ++it;
        continue;
      }
      release(books, it->first, it->second);
      it = books.reserved.erase(it);
    }
  }

  static void rebuild(const PassContext& pass, Books& books) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    books = Books{};
    books.scalar = pool.is_scalar();
    books.worker_changes = pool.worker_changes;
    pool.by_estimated_end.for_each([&](const auto& entry) { add_running(pass, books, pass.cluster.job(entry.value)); });
    std::map<ReservedKey, JobRef> waiting;
    for (const QueueId queue : pool.config.queues) {
      pass.cluster.queue(queue).waiting.for_each(
          [&](const auto& entry) { waiting.emplace(key_of(pass.cluster, entry.value), entry.value); });
    }
    for (const auto& [key, ref] : waiting) reserve(pass, books, ref);
  }

  enum class IfNoRoom : std::uint8_t { stop, go_on };

  // Takes into the books what changed, and starts what has become due; false when nothing more can have become due.
  bool advance(const PassContext& pass, Plan& plan, Books& books) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    const bool early = forget_departed(pass, books);
    if (early || !pool.withdrawn.empty() || !books.settled) compress(pass, books);
    const bool all = start_due(pass, plan, books, books.scalar ? IfNoRoom::stop : IfNoRoom::go_on);
    // Where a place is a place, no room for what is due means that something ended later than planned.
    const bool late = !all && books.scalar;
    if (late) rebuild(pass, books);
    if (!late && pool.arrivals.empty()) return false;
    if (!all && !late) hold_due(pass, books);
    for (const JobRef ref : pool.arrivals) {
      if (pass.cluster.waits_for(pass.pool, ref) && !books.reserved.contains(key_of(pass.cluster, ref)))
        reserve(pass, books, ref);
    }
    return true;
  }

  // Starts those whose time has come; false when one of them found no room.
  bool start_due(const PassContext& pass, Plan& plan, Books& books, IfNoRoom if_no_room) {
    bool all = true;
    for (auto it = books.by_start.begin(); it != books.by_start.end() && it->first <= pass.now;) {
      const ReservedKey key = it->second;
      const Reserved reserved = books.reserved.at(key);
      ++it;
      const Job& job = pass.cluster.job(reserved.job);
      if (!pass.cluster.find_workers(pass.pool, job, scratch_)) {
        all = false;
        if (if_no_room == IfNoRoom::stop) break;
        continue;
      }
      if (!plan.start(reserved.job, scratch_)) break;
      release(books, key, reserved);
      books.reserved.erase(key);
      add_running(pass, books, job);
    }
    return all;
  }

  Fit fit_;
  std::vector<Books> books_;  // by pool
  std::vector<Placement> scratch_;
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
                       "workers starts as soon as it fits. Early ends cost O(waiting jobs x log n).",
                   .source = "Feitelson, Weil, IPPS 1998; Mu'alem, Feitelson, IEEE TPDS 12(6), 2001",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<Conservative>(fit_of(config));
          }};
}

}  // namespace drydock

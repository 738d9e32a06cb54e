#include "policies/built_in.hpp"
#include "policies/preemption.hpp"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <vector>

namespace drydock {

namespace {

struct BorrowingRules {
  double keep = 0;  // of each resource of a pool, never lent
  bool preempt = false;
  Duration grace{};  // from when own jobs began to wait until loans are called back
};

class Borrowing final : public IsolationPolicy {
 public:
  explicit Borrowing(const BorrowingRules& rules) : rules_(rules) {}

  [[nodiscard]] IsolationTraits traits() const override {
    return {.serves_all = true, .preempts = rules_.preempt, .lends = true};
  }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<Borrowing>(*this); }

  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    if (books_.size() <= index(pass.pool)) books_.resize(index(pass.pool) + 1);
    order_by_priority(pass, turns);
    const auto wants = [&](const Turn& turn) { return turn.own && !pass.cluster.queue(turn.queue).waiting.empty(); };
    const bool lend = pass.lending && std::ranges::none_of(turns, wants);
    for (Turn& turn : turns) {
      turn.limited = !turn.own;
      if (!turn.own) turn.room = lend ? lendable(pass) : Resources{};
    }
  }

  void started(const IsolationPass& pass, JobRef ref, std::span<Turn> turns) override {
    const Job& job = pass.cluster.job(ref);
    const auto turn = std::ranges::find(turns, job.spec.queue, &Turn::queue);
    if (turn->own) return;
    for (Turn& other : turns) {
      if (!other.own) other.room = lendable(pass);
    }
    Books& books = books_[index(pass.pool)];
    if (books.loans.size() >= books.compact_at) {
      std::erase_if(books.loans, [&](const Loan& loan) { return !is_open(pass, loan); });
      books.compact_at = 2 * books.loans.size() + 64;
    }
    books.loans.push_back({ref, job.attempt_id()});
  }

  // Calls loans back, the latest first, when own jobs have waited for so long. For one head at a time: those behind it follow
  // once it has started.
  void reclaim(const IsolationPass& pass, Plan& plan) override {
    Books& books = books_[index(pass.pool)];
    const Resources& lent = pass.cluster.pool(pass.pool).lent;
    const std::optional<JobRef> head = pass.cluster.head(pass.pool);
    books.call_at = kNever;
    if (!rules_.preempt || !head || lent.slots() == 0) {
      books.waiting_since = kNever;
      return;
    }
    if (books.waiting_since == kNever) books.waiting_since = pass.now;
    const Time due = later(books.waiting_since, rules_.grace);
    if (pass.now < due) {
      books.call_at = due;
      return;
    }
    preemption_.make_room(pass, plan, *head, [&](const auto& visit) {
      for (const Loan& loan : std::views::reverse(books.loans)) {
        if (is_open(pass, loan) && !visit(loan.job)) return;
      }
    });
  }

  [[nodiscard]] Time next_wakeup(PoolId pool) const override {
    return index(pool) < books_.size() ? books_[index(pool)].call_at : kNever;
  }

 private:
  struct Loan {
    JobRef job;
    AttemptId attempt;
  };
  struct Books {
    std::vector<Loan> loans;  // in order of their starts; also some that have ended
    std::size_t compact_at = 64;
    Time waiting_since = kNever;  // own jobs, while something is lent
    Time call_at = kNever;        // when loans are to be called back
  };

  static bool is_open(const IsolationPass& pass, const Loan& loan) {
    const Job& job = pass.cluster.job(loan.job);
    return job.attempt_id() == loan.attempt && !job.placements.empty();
  }

  [[nodiscard]] Resources lendable(const IsolationPass& pass) const {
    const Pool& pool = pass.cluster.pool(pass.pool);
    Resources room;
    for (Eigen::Index k = 0; k < Resources::Amounts::SizeAtCompileTime; ++k) {
      const auto most =
          static_cast<std::int64_t>(std::floor(static_cast<double>(pool.capacity.amounts[k]) * (1 - rules_.keep)));
      room.amounts[k] = std::max(std::int64_t{0}, most - pool.lent.amounts[k]);
    }
    return room;
  }

  BorrowingRules rules_;
  std::vector<Books> books_;  // by pool
  Preemption preemption_;
};

}  // namespace

BuiltInIsolation borrowing_policy() {
  return {
      .info = {.family = PolicyFamily::isolation,
               .type = "borrowing",
               .summary = "Pools lend what they do not use, and get it back",
               .details =
                   "Each pool serves its own queues first. While none of their jobs waits for it, jobs of other queues that "
                   "their own pools have no room for may use the rest, but for the part that it keeps. With reclaim wait a "
                   "loan ends when its job does: an own job finds the kept part free at once, and waits for more at most as "
                   "long as what is lent still runs, since nothing more is lent while it waits. With reclaim preempt "
                   "lent-to jobs are stopped, the latest first, when own jobs have waited for the grace time. The kept part "
                   "is kept in sum, not on each worker.",
               .source =
                   "Hadoop's capacity scheduler; Isard et al., Quincy, SOSP 2009 (preemption of what is above the share)",
               .parameters = {{.name = "keep",
                               .default_value = 0.0,
                               .help = "part of each resource of a pool that is never lent: its guaranteed minimum",
                               .maximum = 1},
                              {.name = "reclaim",
                               .default_value = std::string("wait"),
                               .help = "how a pool gets back what it lent: by waiting, or by stopping what runs there",
                               .choices = {"wait", "preempt"}},
                              {.name = "grace",
                               .default_value = Duration{0},
                               .help = "with reclaim preempt: how long own jobs wait before others are stopped for them"}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<IsolationPolicy> {
        return std::make_unique<Borrowing>(BorrowingRules{.keep = config.get<double>("keep"),
                                                          .preempt = config.get<std::string>("reclaim") == "preempt",
                                                          .grace = config.get<Duration>("grace")});
      }};
}

}  // namespace drydock

#include "tests/hunt/mutants.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::hunt {
namespace {

using std::chrono::seconds;

// Facts and orders that can be changed on their way.
class Mutant : public sim::Interposer {
 public:
  std::span<const Command> step(Scheduler& scheduler, Time now, std::span<const Event> facts) final {
    now_ = now;
    facts_.assign(facts.begin(), facts.end());
    hear(facts_);
    order_canonically(facts_);
    const std::span<const Command> orders = scheduler.step(now, facts_);
    orders_.assign(orders.begin(), orders.end());
    releases_.clear();
    say(orders_);
    return orders_;
  }

 protected:
  virtual void hear(std::vector<Event>& /*facts*/) {}
  virtual void say(std::vector<Command>& /*orders*/) {}

  [[nodiscard]] Time now() const { return now_; }
  std::span<const Release> keep(std::vector<Release> releases) { return releases_.emplace_back(std::move(releases)); }

  template <class Fact>
  [[nodiscard]] static bool has(const std::vector<Event>& facts) {
    return std::ranges::any_of(facts, [](const Event& event) { return std::holds_alternative<Fact>(event); });
  }
  template <class Part, class Things, class Visit>
  static void each(Things& things, const Visit& visit) {
    for (auto& thing : things) {
      if (auto* part = std::get_if<Part>(&thing)) visit(*part);
    }
  }

 private:
  Time now_{};
  std::vector<Event> facts_;
  std::vector<Command> orders_;
  std::deque<std::vector<Release>> releases_;
};

// Takes the result of any attempt of a job for that of its current one.
class ForgottenFence final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<AttemptFinished>(facts, [this](AttemptFinished& fact) {
      const auto current = numbers_.find(fact.attempt.job);
      if (current != numbers_.end()) fact.attempt.number = current->second;
    });
  }
  void say(std::vector<Command>& orders) override {
    each<Dispatch>(orders, [this](const Dispatch& order) { numbers_[order.attempt.job] = order.attempt.number; });
  }
  std::map<JobId, std::uint32_t> numbers_;
};

// Believes a release once it is sent, whatever becomes of its commit.
class ReleaseBeforeCommit final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<CommitAnswered>(facts, [this](CommitAnswered& fact) {
      if (fact.answer == Answer::failed && releasing_.contains(fact.request.value)) fact.answer = Answer::done;
    });
  }
  void say(std::vector<Command>& orders) override {
    each<Commit>(orders, [this](const Commit& order) {
      if (order.assignments.empty()) releasing_.insert(order.request.value);
    });
  }
  std::set<std::uint64_t> releasing_;
};

// Sends an assignment to its worker before its commit is answered, where commits are slow.
class DispatchBeforeCommit final : public Mutant {
  void say(std::vector<Command>& orders) override {
    std::vector<Command> early;
    each<Commit>(orders, [&](const Commit& order) {
      for (const Assignment& a : order.assignments) early.emplace_back(Dispatch{a.attempt, a.placements});
    });
    std::erase_if(orders, [](const Command& order) { return std::holds_alternative<Dispatch>(order); });
    orders.insert(orders.end(), early.begin(), early.end());
  }
};

// Sends what was in doubt a second time once it has been read back.
class DoubleDispatch final : public Mutant {
  void hear(std::vector<Event>& facts) override { was_read_ = has<BatchRead>(facts); }
  void say(std::vector<Command>& orders) override {
    if (!was_read_) return;
    std::vector<Command> again;
    each<Dispatch>(orders, [&](const Dispatch& order) { again.emplace_back(order); });
    orders.insert(orders.end(), again.begin(), again.end());
  }
  bool was_read_ = false;
};

// Forgets to queue one of the jobs of a worker that died.
class LostRequeue final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    std::optional<JobId> lost;
    each<LeaseExpired>(facts, [&](const LeaseExpired& fact) {
      for (const auto& [job, worker] : running_) {
        if (worker == fact.worker) lost = job;
      }
    });
    each<AttemptFinished>(facts, [this](const AttemptFinished& fact) { running_.erase(fact.attempt.job); });
    if (lost) facts.emplace_back(JobCancelled{*lost});
  }
  void say(std::vector<Command>& orders) override {
    each<Dispatch>(orders, [this](const Dispatch& order) { running_[order.attempt.job] = order.placements.front().worker; });
  }
  std::map<JobId, WorkerId> running_;
};

// Never sets a counter anew, and believes that it did.
class CounterNotRestored final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    for (const RequestId request : unsent_) facts.emplace_back(CounterAnswered{.request = request});
    unsent_.clear();
  }
  void say(std::vector<Command>& orders) override {
    each<AskCounter>(orders, [this](const AskCounter& order) {
      if (order.op == CounterOp::fenced_set) unsent_.push_back(order.request);
    });
    std::erase_if(orders, [](const Command& order) {
      const auto* ask = std::get_if<AskCounter>(&order);
      return ask != nullptr && ask->op == CounterOp::fenced_set;
    });
  }
  std::vector<RequestId> unsent_;
};

// Sets the counter to a sum that leaves out a cpu where there are many.
class ResyncOffByOne final : public Mutant {
  void say(std::vector<Command>& orders) override {
    each<AskCounter>(orders, [](AskCounter& order) {
      if (order.op == CounterOp::fenced_set && order.amount > 6000) order.amount -= 1000;
    });
  }
};

class Registry : public Mutant {
 protected:
  // The incarnations that were registered, by worker.
  void note(const std::vector<Event>& facts) {
    each<WorkerRegistered>(facts, [this](const WorkerRegistered& fact) { live_[fact.worker] = fact.incarnation; });
    each<LeaseExpired>(facts, [this](const LeaseExpired& fact) { live_.erase(fact.worker); });
  }
  std::map<WorkerId, std::uint32_t> live_;
};

// now > until where it should be now < until, once a lease has come to its end.
class TtlTheWrongWay final : public Registry {
  void hear(std::vector<Event>& facts) override {
    const bool any = has<LeaseExpired>(facts);
    note(facts);
    if (!any) return;
    std::erase_if(facts, [](const Event& fact) { return std::holds_alternative<LeaseExpired>(fact); });
    for (const auto& [worker, incarnation] : live_) facts.emplace_back(LeaseExpired{worker, incarnation});
  }
};

// Compares leases with a wall clock, which somebody sets an hour forward.
class ExpiryByWallClock final : public Registry {
  void hear(std::vector<Event>& facts) override {
    note(facts);
    if (jumped_ || now() < kTimeZero + seconds{25} || !has<RegistryRead>(facts)) return;
    jumped_ = true;
    for (const auto& [worker, incarnation] : live_) facts.emplace_back(LeaseExpired{worker, incarnation});
  }
  bool jumped_ = false;
};

// Loses the acknowledgement of a result that comes together with the answer to a commit.
class DroppedAcknowledgement final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    const bool failed = std::ranges::any_of(facts, [](const Event& event) {
      const auto* answer = std::get_if<CommitAnswered>(&event);
      return answer != nullptr && answer->answer == Answer::failed;
    });
    if (failed) trouble_until_ = later(now(), seconds{1});
    if (now() > trouble_until_) return;
    std::erase_if(facts, [](const Event& event) { return std::holds_alternative<AttemptFinished>(event); });
  }
  Time trouble_until_{};
};

// Takes a commit whose answer was lost for one that failed, or that was done.
template <Answer taken_for>
class GuessedAnswer final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<CommitAnswered>(facts, [](CommitAnswered& fact) {
      if (fact.answer == Answer::unknown) fact.answer = taken_for;
    });
  }
};

// A worker that comes back counts as larger than it is.
class GrowingWorker final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<WorkerRegistered>(facts, [](WorkerRegistered& fact) {
      if (fact.incarnation > 1) fact.spec.capacity = fact.spec.capacity + fact.spec.capacity;
    });
  }
};

// Leaves the last release out of a commit that is sent again.
class LeakedAllocation final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<CommitAnswered>(facts, [this](const CommitAnswered& fact) { failed_ = failed_ || fact.answer == Answer::failed; });
  }
  void say(std::vector<Command>& orders) override {
    if (!failed_) return;
    each<Commit>(orders, [this](Commit& order) {
      if (order.releases.size() < 2 || !failed_) return;
      order.releases = keep({order.releases.begin(), order.releases.end() - 1});
      failed_ = false;
    });
  }
  bool failed_ = false;
};

// Forgets a job that comes while waiting jobs are being loaded: the store may have read before.
class ForgottenArrival final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    if (!loading_.empty()) {
      std::erase_if(facts, [](const Event& event) { return std::holds_alternative<JobSubmitted>(event); });
    }
    each<WaitingLoaded>(facts, [this](const WaitingLoaded& fact) { loading_.erase(fact.request); });
  }
  void say(std::vector<Command>& orders) override {
    each<AskWaiting>(orders, [this](const AskWaiting& order) { loading_.insert(order.request); });
  }
  std::set<RequestId> loading_;
};

// Takes a job that ended while it was being loaded for one that waits.
class EndedJobComesBack final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<JobSubmitted>(facts, [this](const JobSubmitted& fact) { jobs_[fact.job.id] = fact.job; });
    each<AttemptFinished>(facts, [this](const AttemptFinished& fact) {
      if (fact.ending == Ending::succeeded && fact.attempt.number == 1) ended_[fact.attempt.job] = now();
    });
    const auto answer = std::ranges::find_if(facts, [](const Event& event) {
      const auto* loaded = std::get_if<WaitingLoaded>(&event);
      return loaded != nullptr && loaded->answer == Answer::done;
    });
    if (answer == facts.end()) return;
    for (const auto& [job, at] : ended_) {
      if (now() > at + seconds{2})
        facts.emplace_back(JobLoaded{.job = jobs_.at(job), .submitted = kTimeZero, .attempts = 1});
    }
  }
  std::map<JobId, JobSpec> jobs_;
  std::map<JobId, Time> ended_;
};

// Does not hear that a worker is about to leave.
class DrainingNotHeard final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    std::erase_if(facts, [](const Event& fact) { return std::holds_alternative<WorkerDraining>(fact); });
  }
};

// Drops a job from memory, and takes the next load for one of all that waits.
class ForgottenTail final : public Mutant {
  void hear(std::vector<Event>& facts) override {
    each<WaitingLoaded>(facts, [](WaitingLoaded& fact) { fact.whole = fact.whole || fact.answer == Answer::done; });
  }
};

// The ledger gives a newcomer what others are still to give up.
class ShareGrownBeforeShrink final : public sim::Interposer {
  LedgerReply reply(const LedgerReply& reply) override {
    LedgerReply changed = reply;
    if (auto* grant = std::get_if<GrantReply>(&changed)) grant->amount = grant->target;
    return changed;
  }
};

// The ledger tells of a lease that is longer than what it writes down.
class LeaseToldTooLong final : public sim::Interposer {
  LedgerReply reply(const LedgerReply& reply) override {
    LedgerReply changed = reply;
    if (auto* grant = std::get_if<GrantReply>(&changed)) grant->lease += seconds{60};
    return changed;
  }
};

template <class Kind>
std::unique_ptr<sim::Interposer> make() {
  return std::make_unique<Kind>();
}

}  // namespace

std::span<const MutantInfo> mutants() {
  static constexpr std::array kAll{
      MutantInfo{"forgotten-fence", make<ForgottenFence>},
      MutantInfo{"release-before-commit", make<ReleaseBeforeCommit>},
      MutantInfo{"dispatch-before-commit", make<DispatchBeforeCommit>},
      MutantInfo{"double-dispatch", make<DoubleDispatch>},
      MutantInfo{"lost-requeue", make<LostRequeue>},
      MutantInfo{"counter-not-restored", make<CounterNotRestored>},
      MutantInfo{"resync-off-by-one", make<ResyncOffByOne>},
      MutantInfo{"ttl-the-wrong-way", make<TtlTheWrongWay>},
      MutantInfo{"expiry-by-wall-clock", make<ExpiryByWallClock>},
      MutantInfo{"dropped-acknowledgement", make<DroppedAcknowledgement>},
      MutantInfo{"doubt-taken-for-abort", make<GuessedAnswer<Answer::failed>>},
      MutantInfo{"doubt-taken-for-commit", make<GuessedAnswer<Answer::done>>},
      MutantInfo{"growing-worker", make<GrowingWorker>},
      MutantInfo{"leaked-allocation", make<LeakedAllocation>},
      MutantInfo{"share-grown-before-shrink", make<ShareGrownBeforeShrink>},
      MutantInfo{"lease-told-too-long", make<LeaseToldTooLong>},
      MutantInfo{"forgotten-arrival", make<ForgottenArrival>},
      MutantInfo{"ended-job-comes-back", make<EndedJobComesBack>},
      MutantInfo{"forgotten-tail", make<ForgottenTail>},
      MutantInfo{"draining-not-heard", make<DrainingNotHeard>},
  };
  return kAll;
}

}  // namespace drydock::hunt

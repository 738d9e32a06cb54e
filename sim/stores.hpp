// The stores of a simulated world: Redis with the counter, PostgreSQL with the allocations, the way to them and what goes wrong there;
// and the truth beside them, against which the counter is measured.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/scenario.hpp"
#include "sim/common.hpp"
#include "sim/executor.hpp"
#include "sim/faults.hpp"
#include "sim/ledger.hpp"
#include "sim/redis.hpp"
#include "sim/store_behaviour.hpp"
#include "sim/store_queue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace drydock::sim {

// Without latencies everything is answered at the instant at which it is asked. Else an order to Redis has its effect after one
// latency and its answer after another; one to PostgreSQL has both after one.
class Stores {
 public:
  // What it is given must outlive it. `behaviour` decides over commits, where there is one (for tests).
  Stores(const scenarios::Scenario& scenario, std::uint64_t seed, StoreBehaviour* behaviour, const StoreFaults& faults,
         const Executor& executor, Common& common);

  void commit(const Commit& order);
  void read(const ReadBatch& order);
  void sum(const SumAllocations& order);
  void load(const AskWaiting& order);  // there is a ledger
  // How long a question to the registry that is asked now takes, if it holds so many keys: each is an order of its own.
  [[nodiscard]] Duration registry_round_trip(std::uint32_t keys);
  // `epoch`: of the leader that asks.
  void ask(const AskCounter& order, std::int64_t epoch = 1);
  // Scripts of lower epochs are refused from now on.
  void raise_epoch(std::int64_t epoch);
  // Likewise a transaction, or a question to the database, beside the commits.
  [[nodiscard]] Duration transaction_time() { return at_database(scenario_.commit_latency); }
  [[nodiscard]] Duration query_time() { return at_database(scenario_.query_latency); }

  // From now on the ledger says which commits are accepted. They arrive in the order in which they were sent. Must outlive this.
  void set_ledger(Ledger& ledger) { ledger_ = &ledger; }
  // The sender of a commit does not learn its answer: it may read it. `answer`: the answer, if the commit arrived.
  void lose_answer(RequestId commit, const std::optional<CommitAnswered>& answer);

  // Nothing more happens at this instant: measures the error of the counter. What lies between a commit and the update that follows
  // it at the same instant is no error.
  void end_instant() {
    if (counts_ && changed_) note_drift();
  }

  // --- events from the queue: index of what is due ---
  void due(std::uint32_t place);

  // Who answers there now.
  struct Identity {
    std::uint64_t server = 0;
    std::uint64_t sentinel = 0;
  };
  // Plants a sentinel where there is none.
  [[nodiscard]] Identity identity();
  void flush();
  void snapshot();
  void restart(bool empty);
  void evict_counter();

  // When an allocation was written or released last.
  [[nodiscard]] Time changed_at() const { return changed_at_; }
  // What is wrong with the counter now, in words, if there is one.
  [[nodiscard]] std::optional<std::string> untruth();

  // Orders to the database without an answer, which may still let jobs go on.
  [[nodiscard]] std::size_t pending() const { return pending_; }
  // All orders without an answer.
  [[nodiscard]] std::size_t asked() const { return due_.size() - free_.size(); }

 private:
  // A commit, and what it does to the truth.
  struct Applied {
    CommitAnswered answer;
    bool applied = false;
    std::vector<AttemptId> released{};
    std::vector<std::pair<AttemptId, std::int64_t>> assigned{};
  };
  struct Asked {
    AskCounter order;
    std::int64_t epoch = 1;
  };
  using Loaded = std::vector<Event>;
  using Due = std::variant<Applied, BatchRead, AllocationsSummed, Asked, CounterAnswered, Loaded>;

  void later_or_now(Due what, Duration delay);
  void happen(const Applied& commit);
  void happen(const BatchRead& answer) { common_.facts.emplace_back(answer); }
  void happen(const AllocationsSummed& answer) { common_.facts.emplace_back(answer); }
  void happen(const Asked& asked);
  void happen(const CounterAnswered& answer) { common_.facts.emplace_back(answer); }
  void happen(const Loaded& facts) { common_.facts.insert(common_.facts.end(), facts.begin(), facts.end()); }
  [[nodiscard]] CounterAnswered answer_to(const Asked& asked);
  [[nodiscard]] CommitFate fate_of(const Commit& order);
  [[nodiscard]] ReadFate fate_of(const ReadBatch& order);
  [[nodiscard]] Duration draw(const std::optional<scenarios::Distribution>& latency);
  [[nodiscard]] Duration on_the_way();  // to Redis or back
  // How long an order waits there and is worked on, if it arrives after this time.
  [[nodiscard]] Duration at_redis(Duration after, std::uint32_t orders);
  // From an order to its answer.
  [[nodiscard]] Duration at_database(const std::optional<scenarios::Distribution>& latency, std::size_t rows = 0);
  void note_drift();
  [[nodiscard]] std::optional<std::int64_t> counter();

  const scenarios::Scenario& scenario_;
  std::uint64_t seed_;
  const StoreFaults& faults_;
  const Executor& executor_;
  Common& common_;
  StoreBehaviour* behaviour_;
  Ledger* ledger_ = nullptr;  // where somebody reads what is in the database
  Time last_arrival_{};       // of a commit, there
  Time last_there_{};         // of anything, at the database
  bool counts_;               // there is an accounting policy: the truth is kept
  SimRedis redis_;
  double heartbeat_load_;  // part of its time that Redis spends on heartbeats
  StoreQueue redis_queue_;
  StoreQueue database_queue_;

  std::int64_t truth_ = 0;  // thousandths of a cpu in allocations that are not released
  struct AttemptHash {
    std::size_t operator()(AttemptId id) const { return static_cast<std::size_t>(mix64(id.job.value + id.number)); }
  };
  std::unordered_map<AttemptId, std::int64_t, AttemptHash> allocations_;
  std::uint64_t version_ = 0;
  Time changed_at_{};
  bool changed_ = false;  // the counter or the truth, since it was measured
  struct Doubt {
    bool applied = false;
    std::uint64_t version = 0;
  };
  std::unordered_map<std::uint64_t, Doubt> doubtful_;  // commits whose answers were lost

  std::vector<Due> due_;
  std::vector<std::uint32_t> free_;
  std::size_t pending_ = 0;
  std::uint64_t draws_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t updates_ = 0;
  std::uint64_t sentinels_ = 0;
};

}  // namespace drydock::sim

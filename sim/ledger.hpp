// What PostgreSQL holds where several schedulers write to it: jobs, attempts, allocations and the lease. Writes of a leader of an
// earlier time are refused. Where there is one scheduler, which holds all that waits in memory, nobody needs to read its state again, and
// Stores is enough.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"
#include "sim/common.hpp"
#include "sim/executor.hpp"
#include "sim/postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace drydock::sim {

class Ledger {
 public:
  // `lookahead`: of a scheduler that loads the state, as in its configuration. `fenced`: epochs are compared; without, for tests of the
  // tests.
  Ledger(Executor& executor, Common& common, std::uint32_t lookahead, bool fenced = true)
      : executor_(executor), common_(common), lookahead_(lookahead), fenced_(fenced) {}

  // Orders from now on come from this scheduler process.
  struct Sender {
    std::uint64_t process = 0;
    std::int64_t epoch = 0;  // that its orders carry
  };
  void hear(const Sender& sender) { sender_ = sender; }

  void submit(const JobSpec& job);
  // The queue of the job is full. False: refused.
  [[nodiscard]] bool reject(JobId job);

  // A commit left its scheduler: its rows are kept until it arrives, or is lost.
  void sent(const Commit& order);
  void lost(RequestId request) { on_their_way_.erase(request); }
  // It arrives. Answer::done: its rows are in the store.
  [[nodiscard]] Answer apply(RequestId request);
  // Whether a read by the sender of this commit is answered.
  [[nodiscard]] bool may_read() const { return is_current(sender_.epoch); }

  struct Held {
    bool by_sender = false;
    std::int64_t epoch = 0;
    Duration left{};
  };
  [[nodiscard]] Held acquire(Duration ttl);
  void release_lease();
  // That stands; 0: nobody ever led.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  // Appends the facts that follow StateLoaded. False: refused.
  [[nodiscard]] bool load(std::vector<Event>& facts);
  // Appends the answer, and the facts that come with it.
  void load(const AskWaiting& order, std::vector<Event>& facts);
  // Whether the allocations of this attempt are not released.
  [[nodiscard]] bool holds(AttemptId attempt) const;
  [[nodiscard]] bool at_rest() const { return on_their_way_.empty() && store_.tables().held().empty(); }

  // Breaches of "at most one leader's writes are accepted per epoch", and of the order of epochs.
  [[nodiscard]] const std::vector<std::string>& breaches() const { return breaches_; }

 private:
  struct OnItsWay {
    Sender sender;
    postgres::CommitBatch batch;
  };
  [[nodiscard]] bool is_current(std::int64_t epoch) const { return !fenced_ || epoch == epoch_; }
  [[nodiscard]] postgres::Fence fence_of(std::int64_t epoch) const { return {kLease, fenced_ ? epoch : epoch_}; }
  [[nodiscard]] std::string holder() const { return "scheduler-" + std::to_string(sender_.process); }
  void note_accepted(const Sender& sender);
  [[nodiscard]] JobLoaded loaded(const postgres::LoadedJob& row) const;

  static constexpr const char* kLease = "scheduler";

  Executor& executor_;
  Common& common_;
  std::uint32_t lookahead_;
  bool fenced_;
  SimPostgres store_{{.keep_ended = false}};
  Sender sender_;
  std::int64_t epoch_ = 0;
  std::unordered_map<std::uint64_t, Time> submitted_;  // by job that has not ended
  std::map<RequestId, OnItsWay> on_their_way_;
  std::optional<Sender> last_accepted_;
  std::vector<std::string> breaches_;
};

}  // namespace drydock::sim

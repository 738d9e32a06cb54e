// How the workers of a simulated world share the limits of a service: an agent of the core in each of them, the store where
// they meet, and the messages between.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/share_agent.hpp"
#include "policies/core/share_ledger.hpp"
#include "scenarios/scenario.hpp"
#include "sim/beats.hpp"
#include "sim/event_queue.hpp"
#include "sim/interposer.hpp"
#include "sim/platform.hpp"
#include "sim/request_clients.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

// Rules:
// - A message takes a draw of cluster.stores.redis.latency in each direction and is lost as the faults say; the store applies
//   each operation when it arrives, by its own clock, which is right, as are those of the workers.
// - An agent is told of its worker's load when that changes, and before each of its steps how many requests run: it does not
//   look at that in between, but is told at once when the running requests have fallen to a share that shrank.
// - An agent wakes when its share is over, if not before, and all that runs then is stopped, whether or not it says so.
// - The store knows from the start that nobody holds anything.
// - The agents of a host that dies are gone at once, with their requests; the next ones begin with nothing.
class Shares {
 public:
  // The scenario, the platform and the links must outlive it.
  Shares(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed, const Links& links,
         Interposer* interposer = nullptr);

  [[nodiscard]] RequestClients& clients() { return clients_; }
  [[nodiscard]] const RequestClients& clients() const { return clients_; }

  // The process of a worker began, or ended (its tasks have left).
  void started(Time now, std::uint32_t worker);
  void stopped(Time now, std::uint32_t worker);
  // The store lost all it knew: another one, empty, is in its place.
  void lose_store();

  // Nanoseconds of the next thing to happen; EventQueue::kNone if there is none.
  [[nodiscard]] std::int64_t next() const;
  // Lets happen all that is due at `now`. To be called after each instant in which clients() got orders.
  void happen(Time now);

  // Shares exceeded a limit although the policy promises that they never do (invariant 6), if that was so until now.
  [[nodiscard]] std::optional<Violation> broken_promise(Time now) const;
  // Why tasks will wait for ever, if they do.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  struct Node {
    std::optional<ShareAgent> agent;  // while the process runs
    std::uint32_t incarnation = 0;
    LoadChanged told;
    std::uint64_t messages = 0;  // of this process, in both directions
    std::uint32_t bad = 0;       // for BeatChannel::loses
    Time wake_at = kNever;
    std::uint32_t generation = 0;  // of its wakeup
  };
  struct Message {
    std::uint32_t worker = 0;
    std::uint32_t incarnation = 0;
    RequestId request;
    Time sent{};
    LedgerOperation operation;
    LedgerReply reply;
  };
  enum class Kind : std::uint8_t { wake, arrival, answer, time_out };
  struct Pending {
    std::uint32_t index = 0;  // worker, or message
    std::uint32_t generation = 0;
    Kind kind = Kind::wake;
  };

  void push(Time at, Kind kind, std::uint32_t index, std::uint32_t generation = 0);
  void work(const Pending& pending);
  void tell(std::uint32_t worker);
  void step(std::uint32_t worker, std::span<const ShareEvent> events);
  void step_with_load(std::uint32_t worker, bool refused);
  void obey(std::uint32_t worker, const ShareCommand& command);
  void send(std::uint32_t worker, const AskLedger& ask);
  void arrive(std::uint32_t message);
  void answer(std::uint32_t message, Answer how);
  [[nodiscard]] std::optional<Duration> on_the_way(std::uint32_t worker, Way way);
  [[nodiscard]] std::uint32_t keep(Message message);
  void look_for_starvation();
  [[nodiscard]] Duration phase(std::uint32_t worker, std::string_view name, Duration period) const;

  const scenarios::Scenario& scenario_;
  const Platform& platform_;
  std::uint64_t seed_;
  RequestClients clients_;
  BeatChannel channel_;
  Interposer* interposer_;               // may be nullptr
  std::unique_ptr<SharePolicy> policy_;  // none without limits: then there are no agents
  std::vector<bool> takes_part_;         // by worker
  std::vector<Node> nodes_;              // by worker
  std::optional<ShareLedger> ledger_;
  StoreIdentity store_{1};
  std::vector<Message> messages_;
  std::vector<std::uint32_t> free_messages_;
  EventQueue<Pending> queue_;
  Time now_{};
  std::uint64_t made_ = 0;  // requests, when the last progress was seen
  Time progress_at_{};
  std::optional<std::string> error_;
};

}  // namespace drydock::sim

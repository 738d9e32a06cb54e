// A place between a world and what decides in it, for tests: a planted bug stands here, and nothing of the product does.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/share_messages.hpp"

#include <span>

namespace drydock::sim {

// Made for one run. The journal and the checker see the facts as they were and the orders as they leave this place.
class Interposer {
 public:
  virtual ~Interposer() = default;
  // Lets the scheduler decide. What is returned must hold until the next step.
  [[nodiscard]] virtual std::span<const Command> step(Scheduler& scheduler, Time now, std::span<const Event> facts) {
    return scheduler.step(now, facts);
  }
  // What the ledger of shares replies to a worker.
  [[nodiscard]] virtual LedgerReply reply(const LedgerReply& reply) { return reply; }
};

}  // namespace drydock::sim

// Single orders of a scheduler that go wrong: updates of the counter that are lost or come twice, commits that are rolled back or whose
// answer is lost. Which ones, is drawn by their number, as in a simulation.
#pragma once

#include "real-runtime/event_loop.hpp"
#include "real-runtime/store_port.hpp"
#include "scenarios/faults/store_faults.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace drydock::runtime::chaos {

class OrderFaults {
 public:
  // `now`: since the beginning of the scenario; nothing: it has not begun. `struck` is told of each order that meets with a fault of this
  // kind. They live as long as this and all that is wrapped, and `faults` too.
  OrderFaults(EventLoop& loop, const scenarios::StoreFaults& faults, std::function<std::optional<Time>()> now,
              std::function<void(scenarios::OrderFault::Kind)> struck);

  // Of every scheduler, one after the other or several: the orders are numbered through.
  [[nodiscard]] std::unique_ptr<RedisPort> around(RedisPort& port);
  [[nodiscard]] std::unique_ptr<PostgresPort> around(PostgresPort& port);

 private:
  friend class FaultyCounter;
  friend class FaultyCommits;
  // Whether the order of this number meets with it.
  [[nodiscard]] bool strikes(scenarios::OrderFault::Kind kind, std::uint64_t number);
  [[nodiscard]] bool is_applied(std::uint64_t number) const;

  EventLoop& loop_;
  const scenarios::StoreFaults& faults_;
  std::function<std::optional<Time>()> now_;
  std::function<void(scenarios::OrderFault::Kind)> struck_;
  std::uint64_t updates_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace drydock::runtime::chaos

// What orders, reports and the scheduler's own decisions take. Each draw is numbered by what it is about, so that it does not matter
// when, or how often, it is looked at. What is for one worker, or from it, at one moment is one message (worker_text.hpp has it so), and is
// as long on its way.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace drydock::sim {

class Overheads {
 public:
  // The scenario must outlive it.
  Overheads(const scenarios::Scenario& scenario, std::uint64_t seed);

  // Whether attempts, and what is said of them, take any.
  [[nodiscard]] bool any() const;
  // `source`: of the job, as Arrival::source. `sent`: when it was ordered, or ended.
  struct Message {
    WorkerId worker;
    AttemptId attempt;
    Time sent{};
    std::uint32_t source = 0;
  };
  // From an order to run it, or to stop it, to what is done at the worker.
  [[nodiscard]] Duration to_run(const Message& message) const;
  [[nodiscard]] Duration to_stop(const Message& message) const;
  // From its end until it can be known. `by_a_timer`: it was not stopped, and took time.
  [[nodiscard]] Duration to_tell(const Message& message, bool by_a_timer) const;

 private:
  [[nodiscard]] Duration draw(const std::optional<scenarios::Distribution>& what, std::uint64_t stream,
                              std::uint64_t number) const;

  const scenarios::Overheads& costs_;
  std::uint64_t seed_;
  std::vector<bool> runs_;    // by source: a process
  std::vector<bool> sleeps_;  // for real, likewise
};

// A scheduler that takes time for a step: what comes meanwhile waits for the next one, and what it decided leaves when it is done.
class Thinking {
 public:
  explicit Thinking(const scenarios::Overheads& costs) : step_(costs.step), event_(costs.event) {}

  [[nodiscard]] bool takes_time() const { return step_ > Duration{0} || event_ > Duration{0}; }
  // A step on so many facts ended in these orders, which must stay until they are taken.
  void begin(Time now, std::size_t facts, std::span<const Command> orders);
  [[nodiscard]] bool is_busy(Time now) const { return now < until_; }
  [[nodiscard]] bool holds_orders() const { return !orders_.empty(); }
  // What leaves now that it is done.
  [[nodiscard]] std::span<const Command> take_orders() { return std::exchange(orders_, {}); }
  // When it is to be looked at, if it would decide at `wakeup` next, or has facts that wait for it.
  [[nodiscard]] Time next(Time wakeup, bool facts) const {
    return holds_orders() || facts ? until_ : std::max(wakeup, until_);
  }

 private:
  Duration step_;
  Duration event_;
  Time until_{};
  std::span<const Command> orders_;
};

}  // namespace drydock::sim

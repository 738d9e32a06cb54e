// Orders to workers, and their reports of ends, on their way through Redis: when they arrive. Each draw is numbered by what the message
// is about, so that it does not matter when, or how often, it is looked at.
#pragma once

#include "policies/core/ids.hpp"
#include "scenarios/scenario.hpp"
#include "sim/faults.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace drydock::sim {

// What is lost is said again until it gets through, after pauses as of Dispatcher and WorkerAgent; what cannot be sent is sent when it
// can. Numbers of attempts make what comes twice harmless: an order that is repeated does nothing, a report gives its fact again.
class Mail {
 public:
  // What it is given must outlive it.
  Mail(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed, const Links& links);

  // Whether anything ever happens to a message.
  [[nodiscard]] bool any() const { return links_.any() || !losses_.empty() || !delays_.empty(); }

  enum class Kind : std::uint8_t { run, stop, report };
  struct Message {
    Kind kind = Kind::run;
    WorkerId worker;
    AttemptId attempt;
  };
  [[nodiscard]] Time arrival(const Message& message, Time sent) const;
  // From its arrival to its repetition; nothing where it does not come again.
  [[nodiscard]] std::optional<Duration> repetition(const Message& message, Time arrived) const;

 private:
  struct Span {
    Time from{};
    Time until{};
    std::vector<bool> hosts;  // by host: concerned
    bool orders = false;
    bool reports = false;
    std::uint64_t stream = 0;
  };
  struct Loss : Span {
    double probability = 0;
  };
  struct Delay : Span {
    scenarios::MessageDelay fault;
  };
  [[nodiscard]] bool concerns(const Span& span, const Message& message, Time at) const;
  [[nodiscard]] bool is_lost(const Message& message, std::uint32_t number, Time at) const;
  [[nodiscard]] std::optional<Duration> drawn(const Delay& delay, const Message& message, Time at) const;

  const Platform& platform_;
  const Links& links_;
  std::uint64_t seed_;
  std::vector<Loss> losses_;
  std::vector<Delay> delays_;  // and repetitions
};

}  // namespace drydock::sim

// When the stores of a world fail: outages as spans of time, and single orders that go wrong. Everything is drawn by number,
// so that it does not matter when, or how often, it is looked at.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/faults/course.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace drydock::scenarios {

class StoreFaults {
 public:
  struct Running {
    StoreFault fault;
    std::size_t index = 0;  // of the fault, in Scenario::faults
    Course course;
    std::uint32_t actions_taken = 0;
  };
  StoreFaults(const Scenario& scenario, std::uint64_t seed);

  [[nodiscard]] std::span<const Running> all() const { return courses_; }
  // Whether Redis is ever out of reach, or slow.
  [[nodiscard]] bool any_redis_trouble() const { return any_redis_outage_ || any_slow_redis_; }
  [[nodiscard]] bool any_failover() const { return any_failover_; }
  [[nodiscard]] bool redis_is_down(Time now) const;
  // When what is written to Redis now is lost, because a replica takes its place; kNever where it is not.
  [[nodiscard]] Time forgotten_at(Time now) const;
  [[nodiscard]] bool database_is_down(Time now) const;
  // How many times as long everything takes there as it should; 1 where all is well.
  [[nodiscard]] double redis_slowness(Time now) const;
  [[nodiscard]] double database_slowness(Time now) const;

  // What is done to Redis, or to its keys, at an instant.
  struct Action {
    enum class Kind : std::uint8_t { flush, snapshot, restart, failover, evict_counter, evict_workers };
    Time at{};
    Kind kind = Kind::flush;
    Time died{};  // with failover: the primary
    const StoreFault* fault = nullptr;
    std::size_t index = 0;   // of the fault, in Scenario::faults
    std::size_t number = 0;  // of the span
  };
  // The time of the next action; kNever when there is none.
  [[nodiscard]] Time next_action() const;
  // Takes it.
  [[nodiscard]] Action take_action();

  // Whether the number-th order of its kind meets with this.
  [[nodiscard]] bool strikes(OrderFault::Kind kind, std::uint64_t number, Time now) const;
  // Of the number-th commit, which is in doubt: whether it is in the store.
  [[nodiscard]] bool is_applied(std::uint64_t number, Time now) const;

 private:
  [[nodiscard]] std::optional<Action> next_of(const Running& running) const;
  [[nodiscard]] bool is_down(Time now, bool redis) const;
  [[nodiscard]] double slowness(Time now, StoreFault::Kind kind) const;

  std::uint64_t seed_;
  std::vector<Running> courses_;
  std::vector<OrderFault> orders_;
  bool any_redis_outage_ = false;
  bool any_failover_ = false;
  bool any_slow_redis_ = false;
  bool any_slow_database_ = false;
};

}  // namespace drydock::scenarios

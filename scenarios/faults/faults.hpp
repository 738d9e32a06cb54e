// The kinds of faults that a scenario can name: one file each, and one line in catalog.cpp. Their keys are described by the
// schema.
#pragma once

#include "scenarios/faults/dice.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace drydock::scenarios {

struct FaultKind {
  std::string_view type;     // as in scenarios: "worker-crash"
  std::string_view summary;  // one line
  std::string_view details;  // what happens, to whom, and what it is a model of
  std::string_view source;   // paper or system
  ObjectKeys keys;
  Fault (*read)(const ObjectReader& fault, const Scenario& scenario);
  // One at random, without its "type", that heals; null where it would change nothing. nullptr: it is never drawn.
  Json (*draw)(FaultDice& dice) = nullptr;
};

[[nodiscard]] std::span<const FaultKind> fault_kinds();

[[nodiscard]] FaultKind worker_crash_kind();
[[nodiscard]] FaultKind worker_pause_kind();
[[nodiscard]] FaultKind worker_slow_kind();
[[nodiscard]] FaultKind worker_stop_kind();
[[nodiscard]] FaultKind worker_cut_kind();
[[nodiscard]] FaultKind message_loss_kind();
[[nodiscard]] FaultKind message_delay_kind();
[[nodiscard]] FaultKind message_repeat_kind();
[[nodiscard]] FaultKind clock_skew_kind();
[[nodiscard]] FaultKind redis_outage_kind();
[[nodiscard]] FaultKind redis_slow_kind();
[[nodiscard]] FaultKind redis_flush_kind();
[[nodiscard]] FaultKind redis_restart_kind();
[[nodiscard]] FaultKind redis_failover_kind();
[[nodiscard]] FaultKind counter_eviction_kind();
[[nodiscard]] FaultKind worker_key_eviction_kind();
[[nodiscard]] FaultKind database_outage_kind();
[[nodiscard]] FaultKind database_slow_kind();
[[nodiscard]] FaultKind counter_update_loss_kind();
[[nodiscard]] FaultKind counter_update_repeat_kind();
[[nodiscard]] FaultKind commit_abort_kind();
[[nodiscard]] FaultKind commit_in_doubt_kind();

// "at" (with "for") or "mtbf" (with "mttr"), as for worker-crash. must_end: one that begins also says when it
// ends; nothing: it is over at once, and neither "for" nor "mttr" is known.
enum class Lasting : std::uint8_t { may_end, must_end, nothing };
using FaultTimes = std::variant<WorkerCrash::Once, WorkerCrash::Repeated>;
[[nodiscard]] FaultTimes read_times(const ObjectReader& fault, Lasting lasting);

inline constexpr double kMostSlowness = 1e6;  // of a store
inline constexpr double kLeastSpeed = 1e-6;   // of a slow host, as part of its normal one

// "probability", "at" and "for" of a fault that may happen to each order.
[[nodiscard]] OrderFault read_order_fault(const ObjectReader& fault, OrderFault::Kind kind);
[[nodiscard]] Json draw_order_fault(FaultDice& dice);
[[nodiscard]] FaultKind poison_job_kind();
[[nodiscard]] FaultKind beat_down_kind();
[[nodiscard]] FaultKind scheduler_crash_kind();
[[nodiscard]] FaultKind scheduler_pause_kind();
[[nodiscard]] FaultKind scheduler_cut_kind();

// The key "target" of a fault of a scheduler: "leader", "any", "all" or a number.
void read_scheduler_target(const ObjectReader& fault, const Scenario& scenario, SchedulerFault& result);

// The keys "between" and "kinds" of a fault of messages between workers and Redis.
void check_ends(const ObjectReader& fault);
[[nodiscard]] MessageKinds read_message_kinds(const ObjectReader& fault, MessageKinds fallback);

// A duration that may be negative: "-90s".
[[nodiscard]] Duration read_offset(const Node& node);

// The key "target", a host or host group of the scenario; empty when there is none.
[[nodiscard]] std::string read_target(const ObjectReader& fault, const Scenario& scenario);

}  // namespace drydock::scenarios

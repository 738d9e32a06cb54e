#include "scenarios/faults/faults.hpp"

#include <array>

namespace drydock::scenarios {

std::span<const FaultKind> fault_kinds() {
  static const std::array kKinds{
      worker_crash_kind(),        worker_stop_kind(),         worker_pause_kind(),          worker_slow_kind(),
      worker_cut_kind(),          poison_job_kind(),          message_loss_kind(),          message_delay_kind(),
      message_repeat_kind(),      clock_skew_kind(),          redis_outage_kind(),          redis_slow_kind(),
      redis_flush_kind(),         redis_restart_kind(),       redis_failover_kind(),        counter_eviction_kind(),
      worker_key_eviction_kind(), counter_update_loss_kind(), counter_update_repeat_kind(), database_outage_kind(),
      database_slow_kind(),       commit_abort_kind(),        commit_in_doubt_kind(),       beat_down_kind(),
      scheduler_crash_kind(),     scheduler_pause_kind(),     scheduler_cut_kind()};
  return kKinds;
}

}  // namespace drydock::scenarios

// How an installation does just now, for people who watch it.
#pragma once

#include "policies/core/shadow_report.hpp"
#include "real-runtime/cluster_view.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// Of the last kRateSeconds.
struct EndRates {
  double completed_per_s = 0;
  double failed_per_s = 0;  // attempts, also such as are tried again
  bool complete = true;     // else these are the attempts of the newest jobs alone: at least so many
};
struct OldestWaiting {
  JobId job;
  double age_s = 0;  // since it was submitted
};

struct StatusView {
  postgres::Lease leader;  // `left` is 0 where nobody leads
  ClusterView cluster;
  JobTally tally;
  EndRates rates;
  std::optional<ShadowReport> shadow{};   // of the leader, if it has one
  std::optional<OldestWaiting> oldest{};  // of the kMostLookedAt jobs longest in the system; none: none of them waits

  [[nodiscard]] std::int64_t waiting() const;
  [[nodiscard]] std::int64_t running() const;

  static constexpr int kRateSeconds = 10;
  static constexpr int kMostLookedAt = 20'000;
};

// Costs tens of milliseconds, whatever the history.
[[nodiscard]] Result<StatusView> read_status(ApiStores& stores);

[[nodiscard]] nlohmann::json to_json(const StatusView& view, const std::vector<std::string>& pools);

}  // namespace drydock::runtime

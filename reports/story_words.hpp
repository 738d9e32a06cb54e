// The words of stories.
#pragma once

#include "policies/core/commands.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>

namespace drydock::reports {

inline std::string say_attempt(AttemptId id) { return fmt::format("{}.{}", id.job.value, id.number); }

inline std::string say_span(Duration span) { return fmt::format("{:.6g} s", seconds(span)); }

inline std::string say_placements(std::span<const Placement> placements) {
  std::string text;
  for (const Placement& p : placements) {
    text += fmt::format("{}worker {}", text.empty() ? "" : ", ", p.worker.value);
    if (p.tasks != 1) text += fmt::format(" ({} tasks)", p.tasks);
  }
  return text.empty() ? "nowhere" : text;
}

inline std::string_view say_reason(ReleaseReason reason) {
  switch (reason) {
    case ReleaseReason::succeeded: return "succeeded";
    case ReleaseReason::failed: return "failed, and the job is given up";
    case ReleaseReason::preempted: return "preempted";
    case ReleaseReason::drained: return "not begun or not finished: its worker was about to leave";
    case ReleaseReason::worker_lost: return "lost with its worker";
    case ReleaseReason::cancelled: return "cancelled";
    case ReleaseReason::retried: return "failed, and to be repeated";
    case ReleaseReason::quarantined: return "lost with its worker once too often: the job is given up as poison";
  }
  return "";
}

inline std::string_view say_rejection(RejectReason reason) {
  switch (reason) {
    case RejectReason::queue_full: return "its queue was full";
    case RejectReason::unknown_queue: return "there is no such queue";
    case RejectReason::duplicate_id: return "another live job had its id";
  }
  return "";
}

inline std::string_view say_step_down(StepDownReason reason) {
  switch (reason) {
    case StepDownReason::lease_over: return "its lease was not prolonged in time";
    case StepDownReason::outranked: return "another leads";
    case StepDownReason::shutdown: return "it was asked to";
  }
  return "";
}

inline bool is_on(std::span<const Placement> placements, WorkerId worker) {
  return std::ranges::any_of(placements, [worker](const Placement& p) { return p.worker == worker; });
}

// What of a demand is there at all: "1 cpu, 4096 bytes of memory".
inline std::string say_resources(const Resources& amounts) {
  const auto cpus = static_cast<double>(amounts.cpus()) / 1000;
  std::string text = amounts.cpus() >= kUnlimited ? "unlimited cpus" : fmt::format("{:g} cpu{}", cpus, cpus == 1 ? "" : "s");
  if (amounts.memory() > 0 && amounts.memory() < kUnlimited) text += fmt::format(", {} bytes of memory", amounts.memory());
  if (amounts.gpus() > 0) text += fmt::format(", {} gpu{}", amounts.gpus(), amounts.gpus() == 1 ? "" : "s");
  return text;
}

}  // namespace drydock::reports

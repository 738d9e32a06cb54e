// The kinds of faults that a scenario can name: one file each, and one line in catalog.cpp. Their keys are described by the
// schema.
#pragma once

#include "scenarios/reader.hpp"
#include "scenarios/scenario.hpp"

#include <span>
#include <string>
#include <string_view>

namespace drydock::scenarios {

struct FaultKind {
  std::string_view type;     // as in scenarios: "worker-crash"
  std::string_view summary;  // one line
  std::string_view details;  // what happens, to whom, and what it is a model of
  std::string_view source;   // paper or system
  ObjectKeys keys;
  Fault (*read)(const ObjectReader& fault, const Scenario& scenario);
};

[[nodiscard]] std::span<const FaultKind> fault_kinds();

[[nodiscard]] FaultKind worker_crash_kind();
[[nodiscard]] FaultKind message_loss_kind();
[[nodiscard]] FaultKind beat_down_kind();

// The key "target", a host or host group of the scenario; empty when there is none.
[[nodiscard]] std::string read_target(const ObjectReader& fault, const Scenario& scenario);

}  // namespace drydock::scenarios

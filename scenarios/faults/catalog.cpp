#include "scenarios/faults/faults.hpp"

#include <array>

namespace drydock::scenarios {

std::span<const FaultKind> fault_kinds() {
  static const std::array kKinds{worker_crash_kind(), message_loss_kind(), beat_down_kind()};
  return kKinds;
}

}  // namespace drydock::scenarios

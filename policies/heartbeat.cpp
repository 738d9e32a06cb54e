// What the heartbeat policies have in common.
#include "policies/built_in.hpp"

namespace drydock {

ParameterInfo heartbeat_parameter() {
  return {.name = "heartbeat",
          .default_value = Duration{std::chrono::seconds{30}},
          .help = "time between two heartbeats of a worker",
          .minimum = 1e-3};
}

}  // namespace drydock

#include "real-runtime/attempt_outcome.hpp"

#include <cstring>
#include <fmt/format.h>

namespace drydock::runtime {

std::string_view name_of(AttemptOutcome::Kind kind) { return kOutcomeNames.at(static_cast<std::size_t>(kind)); }

std::string name_of_signal(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

}  // namespace drydock::runtime

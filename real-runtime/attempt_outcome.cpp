#include "real-runtime/attempt_outcome.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sstream>

namespace drydock::runtime {

namespace {

constexpr std::size_t kMostReason = kMostOutcome - 64;
constexpr int kNone = -1;

}  // namespace

std::string_view name_of(AttemptOutcome::Kind kind) { return kOutcomeNames.at(static_cast<std::size_t>(kind)); }

std::string name_of_signal(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

// "KIND STATUS SIGNAL REASON"
std::string encode_outcome(const AttemptOutcome& outcome) {
  return fmt::format("{} {} {} {}", name_of(outcome.kind), outcome.exit_status.value_or(kNone),
                     outcome.signal.value_or(kNone), std::string_view(outcome.reason).substr(0, kMostReason));
}

std::optional<AttemptOutcome> decode_outcome(std::string_view message) {
  std::istringstream stream{std::string(message)};
  std::string kind;
  int status = kNone;
  int signal = kNone;
  if (!(stream >> kind >> status >> signal) || stream.get() != ' ') return std::nullopt;
  const auto known = std::ranges::find(kOutcomeNames, kind);
  if (known == kOutcomeNames.end()) return std::nullopt;
  AttemptOutcome outcome{.kind = static_cast<AttemptOutcome::Kind>(known - kOutcomeNames.begin())};
  std::getline(stream, outcome.reason, '\0');
  if (status != kNone) outcome.exit_status = status;
  if (signal != kNone) outcome.signal = signal;
  return outcome;
}

}  // namespace drydock::runtime

// What a worker and the keepers of its attempts (job_keeper.hpp) say to each other: one message each.
#pragma once

#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/job_keeper.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::runtime {

// None: it is longer than kMostAttemptMessage.
[[nodiscard]] std::optional<std::string> encode_attempt(const KeptAttempt& attempt);
// None: it is no attempt.
[[nodiscard]] std::optional<KeptAttempt> decode_attempt(std::string_view message);
inline constexpr std::size_t kMostAttemptMessage = 1U << 16U;  // a socket takes at least twice that as it is

struct AttemptEnd {
  AttemptOutcome outcome;
  bool takes_another = false;  // the keeper, from now on
};
// Of at most kMostEndMessage bytes: long reasons are cut.
[[nodiscard]] std::string encode_end(const AttemptEnd& end);
[[nodiscard]] std::optional<AttemptEnd> decode_end(std::string_view message);
inline constexpr std::size_t kMostEndMessage = 4096;

}  // namespace drydock::runtime

#include "policies/core/check.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace drydock {

std::string_view invariant_text(int invariant) {
  static constexpr std::array<std::string_view, 8> kTexts{
      "Nothing lost: each accepted job is queued, running or ended, and at the end all have ended.",
      "One accepted result per job: only current attempts are dispatched, once and after their commit; stale facts are "
      "refused.",
      "No worker holds more than its capacity; gangs are whole; attempts run only on live workers.",
      "Truth is consistent: the allocations of ended attempts, and no others, are released, once.",
      "Drift is 0 after a resync at rest, and within the policy's stated bound before.",
      "Shares never exceed the limit where the policy promises it.",
      "At most one leader's writes are accepted per epoch.",
      "Time never goes back; each request is new and gets one answer; replay reproduces every command.",
  };
  return invariant >= 1 && invariant <= static_cast<int>(kTexts.size()) ? kTexts[static_cast<std::size_t>(invariant - 1)]
                                                                        : std::string_view("unknown invariant");
}

}  // namespace drydock

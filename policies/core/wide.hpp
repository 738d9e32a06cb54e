// Products of two 64-bit numbers without loss, for exact rates and proportions.
#pragma once

#include "policies/core/assert.hpp"

#include <cstdint>
#include <limits>

namespace drydock {

__extension__ typedef __int128 Wide;  // NOLINT(modernize-use-using): __extension__ takes no alias

struct WideQuotient {
  std::int64_t quotient = 0;   // rounded towards zero; the largest 64-bit number if it is larger
  std::int64_t remainder = 0;  // 0 if the quotient was cut
};

// a x b / c, exactly; a, b >= 0, c > 0.
[[nodiscard]] inline WideQuotient multiply_divide(std::int64_t a, std::int64_t b, std::int64_t c) {
  DRYDOCK_CHECK(a >= 0 && b >= 0 && c > 0, "factors are at least 0, the divisor above");
  const Wide product = Wide{a} * b;
  if (product / c > std::numeric_limits<std::int64_t>::max()) return {std::numeric_limits<std::int64_t>::max(), 0};
  return {static_cast<std::int64_t>(product / c), static_cast<std::int64_t>(product % c)};
}

}  // namespace drydock

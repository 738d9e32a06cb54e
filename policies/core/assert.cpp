#include "policies/core/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace drydock {

void check_failed(const char* expression, const char* file, int line, const char* why) {
  std::fprintf(stderr, "drydock: internal error at %s:%d: %s (expected %s)\n", file, line, why, expression);
  std::abort();
}

}  // namespace drydock

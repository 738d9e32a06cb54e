// Programmer errors stop the process in every build; operating errors are values (result.hpp).
#pragma once

namespace drydock {

// Prints the broken expectation with its place and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line, const char* why);

}  // namespace drydock

// The macro (not a function) so that the message names the expression and the place.
#define DRYDOCK_CHECK(expression, why) \
  ((expression) ? static_cast<void>(0) : ::drydock::check_failed(#expression, __FILE__, __LINE__, why))

// Text that nobody guesses.
#pragma once

#include <cstddef>
#include <string>

namespace drydock::runtime {

// So many random bytes from the system, as hexadecimal digits.
[[nodiscard]] std::string random_text(std::size_t bytes);

// Whether both are the same, in a time that says nothing of where they differ.
[[nodiscard]] bool equal_in_constant_time(const std::string& secret, const std::string& given);

}  // namespace drydock::runtime

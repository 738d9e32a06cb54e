#include "cli/command.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace drydock::cli {

int bad_input(std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "drydock: {}\n", message);
  return kBadInput;
}

}  // namespace drydock::cli

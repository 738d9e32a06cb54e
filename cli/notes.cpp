#include "cli/notes.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <set>
#include <string>

namespace drydock::cli {

void print_notes(std::span<const scenarios::Scenario> variants) {
  std::set<std::string> told;
  for (const scenarios::Scenario& scenario : variants) {
    for (const std::string& note : scenario.notes) {
      if (told.insert(note).second) fmt::print(stderr, "drydock: note: {}\n", note);
    }
  }
}

}  // namespace drydock::cli

#include "cli/notes.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <set>
#include <string>

namespace drydock::cli {

void print_notes(std::span<const scenarios::Scenario> variants, std::size_t most) {
  std::set<std::string> told;
  for (const scenarios::Scenario& scenario : variants) {
    for (const std::string& note : scenario.notes) {
      if (told.insert(note).second && told.size() <= most) fmt::print(stderr, "drydock: note: {}\n", note);
    }
  }
  if (told.size() > most) fmt::print(stderr, "drydock: and {} more notes\n", told.size() - most);
}

}  // namespace drydock::cli

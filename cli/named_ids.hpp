// Which jobs and workers a sentence of the checker is about.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace drydock::cli {

struct NamedIds {
  std::vector<std::uint64_t> jobs{};
  std::vector<std::uint32_t> workers{};
};

// "attempt 8.1 needs ... on worker 1" names job 8 and worker 1; each once, in the order of the text.
[[nodiscard]] NamedIds ids_named_in(std::string_view text);

}  // namespace drydock::cli

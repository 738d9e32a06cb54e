// A journal made into what a report shows of it, or into a trace.
#pragma once

#include "policies/core/result.hpp"
#include "reports/report.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace drydock::cli {

// Reads it twice. A journal that breaks off is shown as far as it goes, and the doubts say so.
[[nodiscard]] Result<reports::JournalCourse> read_course(const std::string& path);

struct TraceWritten {
  std::uint64_t events = 0;
  std::uint64_t left_out = 0;  // that there was no room for
  std::optional<Time> full_since{};
  std::optional<std::string> doubt{};  // why the journal is not whole
};
// Chrome's trace format, to the file `out`, whole or not at all.
[[nodiscard]] Result<TraceWritten> write_trace(const std::string& path, const std::string& out, std::uint64_t most_events);

}  // namespace drydock::cli

// Steps as JSON text. The lines of a journal of JSON Lines:
//
//   {"drydock_journal":1,"version":"...","scenario":"...","variant":"...","seed":1}
//   {"t_ns":0,"events":[{"type":"JobSubmitted",...},...],"commands":[{"type":"Commit",...},...],"hash":"0123456789abcdef"}
//   {"end":"all_ended","steps":1}
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace drydock::journal_detail {

// Each appends one JSON value on one line.
void append_json(std::string& out, const Event& event);
void append_json(std::string& out, const Command& command);
void append_json_step(std::string& out, Time now, std::span<const Event> events, std::span<const Command> commands,
                      std::uint64_t hash);
void append_json_text(std::string& out, std::string_view text);  // quoted

struct JsonEnd {
  JournalEnd end = JournalEnd::missing;
  std::uint64_t steps = 0;
};
// One line that is neither the first nor empty. Fills `step`, or returns the end record. Errors name the field.
[[nodiscard]] Result<std::optional<JsonEnd>> parse_json_line(const std::string& line, JournalStep& step);
[[nodiscard]] Result<JournalHeader> parse_json_header(const std::string& line);

inline constexpr std::uint64_t kJsonVersion = 2;

}  // namespace drydock::journal_detail

// What a journal format provides to JournalWriter and JournalReader. Internal.
#pragma once

#include "policies/core/journal.hpp"

#include <iosfwd>
#include <memory>

namespace drydock::journal_detail {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void step(Time now, std::span<const Event> events, std::span<const Command> commands, std::uint64_t hash) = 0;
  // Hands all steps so far to the stream, and that to whoever is behind it.
  virtual void flush() = 0;
  // Called once, last.
  virtual void close(JournalEnd end) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual Result<JournalHeader> read_header() = 0;  // called once, first
  virtual Result<bool> next(JournalStep& step) = 0;
  [[nodiscard]] virtual JournalEnd end() const = 0;
};

[[nodiscard]] std::unique_ptr<Sink> make_binary_sink(std::ostream& out, const JournalHeader& header);
[[nodiscard]] std::unique_ptr<Sink> make_json_sink(std::ostream& out, const JournalHeader& header);
[[nodiscard]] std::unique_ptr<Source> make_binary_source(std::istream& in);
[[nodiscard]] std::unique_ptr<Source> make_json_source(std::istream& in);

// Bytes are gathered up to this many before they go to the stream.
inline constexpr std::size_t kFlushBytes = std::size_t{1} << 16U;

}  // namespace drydock::journal_detail

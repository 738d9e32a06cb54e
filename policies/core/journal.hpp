// The journal: one record per step of the scheduler, enough to repeat every decision. Binary (compact, little-endian
// varints), and the same as JSON Lines for people and scripts.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/result.hpp"

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace drydock {

struct JournalHeader {
  std::string version;   // of the program that wrote it
  std::string scenario;  // the scenario with its variant applied, as JSON text: the scheduler's configuration comes from it
  std::string variant;
  std::uint64_t seed = 0;
  friend bool operator==(const JournalHeader&, const JournalHeader&) = default;
};

// A step as read back; cheap to use again for the next one. Moving it keeps the spans right, a copy would not.
struct JournalStep {
  Time now{};
  std::vector<Event> events;
  std::vector<Command> commands;  // their spans and texts point into the arrays below
  std::uint64_t hash = 0;         // Scheduler::journal_hash() after the step
  std::vector<Placement> placements;
  std::vector<Assignment> assignments;
  std::vector<Release> releases;
  std::deque<std::string> texts;

  JournalStep() = default;
  JournalStep(JournalStep&&) = default;
  JournalStep& operator=(JournalStep&&) = default;
  JournalStep(const JournalStep&) = delete;
  JournalStep& operator=(const JournalStep&) = delete;

  // Empties everything but the memory, and makes room for this many elements: the spans hold only until the arrays grow.
  void reset(std::size_t placement_count, std::size_t assignment_count, std::size_t release_count);
};

enum class JournalFormat : std::uint8_t { binary, json_lines };

// How the recorded run ended.
enum class JournalEnd : std::uint8_t {
  missing,    // not known: the journal has no end record, its writer died
  stopped,    // at a time limit, by the user or by an error: jobs may be left over
  all_ended,  // the run went on until every job had ended: none may be left over
};

// Writes to a stream that the caller owns and keeps open. Writes are buffered until flush() or close(); check the stream's state after.
class JournalWriter {
 public:
  JournalWriter(std::ostream& out, JournalFormat format, const JournalHeader& header);
  // Closes with JournalEnd::stopped, unless it was closed before.
  ~JournalWriter();
  void step(Time now, std::span<const Event> events, std::span<const Command> commands, std::uint64_t hash);
  // Writes everything buffered through the stream, so that whoever reads it now finds whole records, and so does who reads it when this
  // process was killed.
  void flush();
  // Writes the end record (none for JournalEnd::missing) and everything buffered. No step may follow.
  void close(JournalEnd end);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads either format (told apart by the first bytes). Errors name the byte offset (binary) or line (JSON Lines) and what
// was expected; a record cut off at the end of a file is such an error. After an error the reader is of no more use.
class JournalReader {
 public:
  [[nodiscard]] static Result<std::unique_ptr<JournalReader>> open(std::istream& in);
  ~JournalReader();
  [[nodiscard]] const JournalHeader& header() const;
  // Fills `step` and returns true; false at the end.
  [[nodiscard]] Result<bool> next(JournalStep& step);
  // Known after next() returned false.
  [[nodiscard]] JournalEnd end() const;

 private:
  struct Impl;
  explicit JournalReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock

// How the talk between a scheduler and its workers lies in Redis: mail and reports as JSON in lists, a worker as a hash of fields.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/result.hpp"
#include "policies/core/worker_messages.hpp"
#include "policies/ports/redis.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock {

// {"epoch":1,"incarnation":1,"run":{"job":7,"attempt":1,"tasks":1,"cpus_milli":1000,"memory_bytes":0,"gpus":0,"slots":1,
// "progress_ns":0,"payload":"..."}},
// or "stop", "taken" {job, attempt}, or "superseded" {}, or "held?" {}. Bytes of a payload that are no UTF-8 are written as U+FFFD.
[[nodiscard]] std::string to_json(const WorkerMail& mail);
// {"worker":0,"incarnation":1,"job":7,"attempt":1,"report":"succeeded","progress_ns":0}
[[nodiscard]] std::string to_json(const AttemptReport& report);
// {"worker":0,"incarnation":1,"epoch":2,"held":[{"job":7,"attempt":1,"report":"accepted","progress_ns":0,"age_ns":0}]}
[[nodiscard]] std::string to_json(const HeldReport& report);

// Errors say what is wrong, not where it came from.
[[nodiscard]] Result<WorkerMail> parse_mail(std::string_view text);
[[nodiscard]] Result<AnyReport> parse_report(std::string_view text);

// Messages that go to one reader at the same time are one payload, each on a line of its own; none has a line break within. One that says
// of another job what the message above it says is that job's number alone: most is said of many jobs at once, and what Redis does for a
// payload costs by the byte. It is read and acknowledged as a whole.
class Bundle {
 public:
  // Of a payload, about: what comes is put into it while it has less.
  static constexpr std::size_t kFull = std::size_t{128} << 10U;

  void add(const WorkerMail& mail);
  void add(const AttemptReport& report);
  void add(const HeldReport& report);
  [[nodiscard]] bool full() const { return text_.size() >= kFull; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  // It is empty then.
  [[nodiscard]] std::string take();

 private:
  template <class Message>
  void add_or_repeat(const Message& message);
  void add_line(std::string_view line);

  std::string text_;
  std::variant<std::monostate, WorkerMail, AttemptReport> last_;  // what a number alone would repeat
};
// They point into the payload.
[[nodiscard]] std::vector<std::string_view> messages_of(std::string_view payload);

// Read the messages of one payload, in their order. Errors as of parse_mail() and parse_report().
class MailReader {
 public:
  [[nodiscard]] Result<WorkerMail> read(std::string_view message);

 private:
  std::optional<WorkerMail> last_;
};
class ReportReader {
 public:
  [[nodiscard]] Result<AnyReport> read(std::string_view message);

 private:
  std::optional<AnyReport> last_;
};

// The queue of a worker's mail, and of all reports.
[[nodiscard]] std::string mail_queue(WorkerId worker);
inline constexpr std::string_view kReportQueue = "reports";

// The name of a worker in the registry: its number.
[[nodiscard]] std::string worker_name(WorkerId worker);

// What a worker says of itself. `cpus` in cores, as the source systems have it.
struct WorkerEntryView {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  WorkerSpec spec;
  bool draining = false;
};
// For redis::BeatWorker: what never changes of a worker, and what each beat says anew.
struct BeatFields {
  redis::Fields fields;
  redis::Fields touched;
};
[[nodiscard]] BeatFields beat_fields(WorkerId worker, const WorkerSpec& spec, const SendBeat& beat, std::string_view host);
// A key without incarnation or cpus, as a source system's heartbeat leaves it, is an error, as is one that is none of ours.
[[nodiscard]] Result<WorkerEntryView> parse_worker(const redis::WorkerEntry& entry);

}  // namespace drydock

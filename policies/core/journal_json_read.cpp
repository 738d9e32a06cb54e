#include "policies/core/journal_backend.hpp"
#include "policies/core/journal_json.hpp"
#include "policies/core/journal_names.hpp"

#include <array>
#include <charconv>
#include <concepts>
#include <fmt/format.h>
#include <istream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::journal_detail {

namespace {

using nlohmann::json;

// Where in the line the first problem was. Once there is one, reading goes on with zeros and its result is thrown away.
class Problem {
 public:
  void set(std::string where, std::string what) {
    if (!found_) found_ = std::move(where) + ": " + std::move(what);
  }
  [[nodiscard]] const std::optional<std::string>& found() const { return found_; }

 private:
  std::optional<std::string> found_;
};

// A JSON value that should be an object, with its JSON pointer.
class Fields {
 public:
  Fields(const json& value, std::string pointer, Problem& problem)
      : value_(value), pointer_(std::move(pointer)), problem_(problem) {
    if (!value_.is_object()) problem_.set(pointer_.empty() ? "/" : pointer_, "expected an object");
  }

  void number(const char* name, double& out) const {
    const json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_number()) return expected(name, "a number");
    out = found->get<double>();
  }
  template <std::integral Integer>
  void number(const char* name, Integer& out) const {
    const json* found = find(name);
    if (found == nullptr) return;
    if (found->is_number_unsigned()) {
      const std::uint64_t x = found->get<std::uint64_t>();
      if (std::in_range<Integer>(x)) return void(out = static_cast<Integer>(x));
    } else if (found->is_number_integer()) {
      const std::int64_t x = found->get<std::int64_t>();
      if (std::in_range<Integer>(x)) return void(out = static_cast<Integer>(x));
    }
    expected(name, fmt::format("a whole number from {} to {}", std::numeric_limits<Integer>::min(),
                               std::numeric_limits<Integer>::max()));
  }
  [[nodiscard]] std::int64_t number(const char* name) const {
    std::int64_t out = 0;
    number(name, out);
    return out;
  }
  [[nodiscard]] bool has(const char* name) const { return value_.is_object() && value_.contains(name); }
  void flag(const char* name, bool& out) const {
    const json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return expected(name, "true or false");
    out = found->get<bool>();
  }
  [[nodiscard]] std::string text(const char* name) const {
    const json* found = find(name);
    if (found == nullptr) return {};
    if (found->is_string()) return found->get<std::string>();
    expected(name, "a text");
    return {};
  }
  template <class Enum, std::size_t kCount>
  void word(const char* name, Enum& out, const std::array<std::string_view, kCount>& words) const {
    const std::string found = text(name);
    for (std::size_t i = 0; i < kCount; ++i) {
      if (words[i] == found) return void(out = static_cast<Enum>(i));
    }
    expected(name, fmt::format("one of {}", fmt::join(words, ", ")));
  }
  [[nodiscard]] Fields object(const char* name) const {
    const json* found = find(name);
    return Fields(found == nullptr ? value_ : *found, pointer_ + "/" + name, problem_);
  }
  template <class Each>
  void list(const char* name, Each&& each) const {
    const json* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array()) return expected(name, "a list");
    std::size_t i = 0;
    for (const json& element : *found) each(Fields(element, fmt::format("{}/{}/{}", pointer_, name, i++), problem_));
  }
  [[nodiscard]] std::size_t list_size(const char* name) const {
    const json* found = find(name);
    return found != nullptr && found->is_array() ? found->size() : 0;
  }
  [[nodiscard]] AttemptId attempt() const {
    AttemptId id;
    number("job", id.job.value);
    number("attempt", id.number);
    return id;
  }
  [[nodiscard]] Resources amounts(const char* name) const {
    const Fields in = object(name);
    return make_resources({in.number("cpus_milli"), in.number("memory_bytes"), in.number("gpus"), in.number("slots")});
  }
  void expected(const char* name, const std::string& what) const { problem_.set(pointer_ + "/" + name, "expected " + what); }

 private:
  [[nodiscard]] const json* find(const char* name) const {
    if (!value_.is_object()) return nullptr;
    const auto found = value_.find(name);
    if (found != value_.end()) return &*found;
    problem_.set(pointer_ + "/" + name, "is missing");
    return nullptr;
  }

  const json& value_;
  std::string pointer_;
  Problem& problem_;
};

std::span<const Placement> read_placements(const Fields& in, JournalStep& step) {
  const std::size_t begin = step.placements.size();
  in.list("placements", [&step](const Fields& element) {
    Placement p;
    element.number("worker", p.worker.value);
    element.number("tasks", p.tasks);
    step.placements.push_back(p);
  });
  return std::span<const Placement>(step.placements).subspan(begin);
}

template <class T>
void read_answer(const Fields& in, T& e) {
  in.number("request", e.request.value);
  in.word("answer", e.answer, kAnswers);
}

void read(const Fields& in, CommitAnswered& e, JournalStep&) {
  read_answer(in, e);
  in.number("version", e.version);
}
void read(const Fields& in, BatchRead& e, JournalStep&) {
  read_answer(in, e);
  in.flag("found", e.found);
  in.number("version", e.version);
}
void read(const Fields& in, RegistryRead& e, JournalStep&) {
  read_answer(in, e);
  in.number("server", e.server);
  in.number("sentinel", e.sentinel);
  in.number("entries", e.entries);
  in.number("gone", e.gone);
}
void read(const Fields& in, CounterAnswered& e, JournalStep&) {
  read_answer(in, e);
  in.word("verdict", e.verdict, kCounterVerdicts);
  e.value = in.number("cpus_milli");
}
void read(const Fields& in, AllocationsSummed& e, JournalStep&) {
  read_answer(in, e);
  e.cpus_milli = in.number("cpus_milli");
  in.number("version", e.version);
}
void read(const Fields& in, AttemptFinished& e, JournalStep&) {
  e.attempt = in.attempt();
  in.word("ending", e.ending, kEndings);
}
void read(const Fields& in, AttemptStopped& e, JournalStep&) {
  e.attempt = in.attempt();
  e.progress = Duration{in.number("progress_ns")};
}
void read(const Fields& in, WorkerLeft& e, JournalStep&) {
  in.number("worker", e.worker.value);
  in.number("incarnation", e.incarnation);
}
void read(const Fields& in, WorkerDraining& e, JournalStep&) {
  in.number("worker", e.worker.value);
  in.number("incarnation", e.incarnation);
}
void read(const Fields& in, LeaseExpired& e, JournalStep&) {
  in.number("worker", e.worker.value);
  in.number("incarnation", e.incarnation);
  in.flag("early", e.early);
}
void read(const Fields& in, WorkerRegistered& e, JournalStep&) {
  in.number("worker", e.worker.value);
  in.number("incarnation", e.incarnation);
  in.number("pool", e.spec.pool.value);
  e.spec.capacity = in.amounts("capacity");
  in.number("speed", e.spec.speed);
  if (!in.has("until_ns")) return;
  std::int64_t until = 0;
  in.number("until_ns", until);
  e.spec.until = time_at(until);
}
void read(const Fields& in, JobCancelled& e, JournalStep&) { in.number("job", e.job.value); }
void read_spec(const Fields& in, JobSpec& job) {
  in.number("job", job.id.value);
  in.number("queue", job.queue.value);
  in.number("priority", job.priority);
  in.number("tasks", job.tasks);
  job.per_task = in.amounts("per_task");
  job.estimate = Duration{in.number("estimate_ns")};
  in.number("input_bytes", job.input_bytes);
  in.number("output_bytes", job.output_bytes);
  in.word("on_failure", job.on_failure, kOnInterrupts);
  in.word("on_preemption", job.on_preemption, kOnInterrupts);
}
void read(const Fields& in, JobSubmitted& e, JournalStep&) { read_spec(in, e.job); }
void read(const Fields& in, LeaseAnswered& e, JournalStep&) {
  read_answer(in, e);
  in.flag("held", e.held);
  in.number("epoch", e.epoch);
  e.left = Duration{in.number("left_ns")};
}
void read(const Fields& in, StateLoaded& e, JournalStep&) { read_answer(in, e); }
void read(const Fields& in, JobLoaded& e, JournalStep&) {
  read_spec(in, e.job);
  e.submitted = time_at(in.number("submitted_ns"));
  in.number("attempts", e.attempts);
  in.number("failures", e.failures);
  in.number("losses", e.losses);
  e.progress = Duration{in.number("progress_ns")};
}
void read(const Fields& in, AllocationLoaded& e, JournalStep&) {
  e.attempt = in.attempt();
  in.number("worker", e.worker.value);
  in.number("tasks", e.tasks);
}
void read(const Fields& in, WorkersAsked& e, JournalStep&) { read_answer(in, e); }
void read(const Fields& in, WorkerReported& e, JournalStep&) {
  in.number("worker", e.worker.value);
  in.number("incarnation", e.incarnation);
}
void read(const Fields& in, AttemptHeld& e, JournalStep&) {
  e.attempt = in.attempt();
  in.number("worker", e.worker.value);
  e.age = Duration{in.number("age_ns")};
}
void read(const Fields&, ShutdownRequested&, JournalStep&) {}
QueuePlace read_place(const Fields& in) {
  QueuePlace place;
  in.number("priority", place.priority);
  in.number("job", place.job.value);
  return place;
}
void read(const Fields& in, WaitingLoaded& e, JournalStep&) {
  read_answer(in, e);
  in.flag("whole", e.whole);
  e.last = read_place(in.object("last"));
}

void read(const Fields& in, Commit& c, JournalStep& step) {
  in.number("request", c.request.value);
  const std::size_t first_release = step.releases.size();
  in.list("releases", [&step](const Fields& element) {
    Release r{element.attempt()};
    element.word("reason", r.reason, kReleaseReasons);
    step.releases.push_back(r);
  });
  const std::size_t first_assignment = step.assignments.size();
  in.list("assignments", [&step](const Fields& element) {
    const AttemptId id = element.attempt();
    step.assignments.push_back({id, read_placements(element, step)});
  });
  c.releases = std::span<const Release>(step.releases).subspan(first_release);
  c.assignments = std::span<const Assignment>(step.assignments).subspan(first_assignment);
}
void read(const Fields& in, ReadBatch& c, JournalStep&) {
  in.number("request", c.request.value);
  in.number("commit", c.commit.value);
}
void read(const Fields& in, Dispatch& c, JournalStep& step) {
  c.attempt = in.attempt();
  c.placements = read_placements(in, step);
}
void read(const Fields& in, StopAttempt& c, JournalStep&) {
  c.attempt = in.attempt();
  in.word("reason", c.reason, kReleaseReasons);
}
void read(const Fields& in, RejectJob& c, JournalStep&) {
  in.number("job", c.job.value);
  in.word("reason", c.reason, kRejectReasons);
}
void read(const Fields& in, Halt& c, JournalStep& step) {
  step.texts.push_back(in.text("why"));
  c.why = step.texts.back();
}

void read(const Fields& in, ReadRegistry& c, JournalStep&) { in.number("request", c.request.value); }
void read(const Fields& in, AskCounter& c, JournalStep&) {
  in.number("request", c.request.value);
  in.word("op", c.op, kCounterOps);
  c.amount = in.number("cpus_milli");
  c.limit = in.number("limit_cpus_milli");
  in.number("version", c.version);
  in.number("batch", c.batch);
  c.lease = Duration{in.number("lease_ns")};
}
void read(const Fields& in, SumAllocations& c, JournalStep&) { in.number("request", c.request.value); }
void read(const Fields& in, DeclareDead& c, JournalStep&) {
  in.number("worker", c.worker.value);
  in.number("incarnation", c.incarnation);
}
void read(const Fields& in, AskLease& c, JournalStep&) {
  in.number("request", c.request.value);
  in.word("op", c.op, kLeaseOps);
  c.ttl = Duration{in.number("ttl_ns")};
}
void read(const Fields& in, AskState& c, JournalStep&) { in.number("request", c.request.value); }
void read(const Fields& in, AskWorkers& c, JournalStep&) { in.number("request", c.request.value); }
void read(const Fields& in, AskWaiting& c, JournalStep&) {
  in.number("request", c.request.value);
  in.number("queue", c.queue.value);
  in.number("limit", c.limit);
  if (in.has("after")) c.after = read_place(in.object("after"));
}
void read(const Fields& in, NoteStatistics& c, JournalStep&) {
  in.number("workers", c.workers);
  c.cpus = in.number("cpus_milli");
  c.allocated = in.number("allocated_cpus_milli");
  if (in.has("counted_cpus_milli")) c.counted = in.number("counted_cpus_milli");
  in.number("waiting", c.waiting);
  in.number("delayed", c.delayed);
  in.number("active", c.active);
}
void read(const Fields& in, StepDown& c, JournalStep&) { in.word("reason", c.reason, kStepDownReasons); }

// A table over all alternatives of Event or Command: the type's name, and a function that reads it.
template <class Variant>
struct Readers;
template <class... T>
struct Readers<std::variant<T...>> {
  using Variant = std::variant<T...>;
  struct Entry {
    std::string_view name;
    Variant (*read_as)(const Fields&, JournalStep&);
  };
  static constexpr std::array<Entry, sizeof...(T)> kTable{Entry{KindOf<T>::kName, [](const Fields& in, JournalStep& step) {
                                                                  T value{};
                                                                  read(in, value, step);
                                                                  return Variant(value);
                                                                }}...};
};

template <class Variant>
void read_one(const Fields& in, std::vector<Variant>& out, JournalStep& step) {
  const std::string type = in.text("type");
  std::string known;
  for (const auto& entry : Readers<Variant>::kTable) {
    if (entry.name == type) return out.push_back(entry.read_as(in, step));
    (known += known.empty() ? "" : ", ") += entry.name;
  }
  in.expected("type", "one of " + known);
}

// The commands' lists go to the step's arrays, which must not move meanwhile: count first.
void make_room(const Fields& line, JournalStep& step) {
  std::size_t placements = 0;
  std::size_t assignments = 0;
  std::size_t releases = 0;
  line.list("commands", [&](const Fields& in) {
    placements += in.list_size("placements");
    assignments += in.list_size("assignments");
    releases += in.list_size("releases");
    if (in.list_size("assignments") > 0) {
      in.list("assignments", [&](const Fields& assignment) { placements += assignment.list_size("placements"); });
    }
  });
  step.reset(placements, assignments, releases);
}

std::uint64_t read_hash(const Fields& in) {
  const std::string text = in.text("hash");
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    in.expected("hash", "a text of up to 16 hexadecimal digits");
  }
  return hash;
}

Result<json> parse(const std::string& line) {
  try {
    return json::parse(line);
  } catch (const json::parse_error& e) {
    return Error{fmt::format("not valid JSON at byte {}", e.byte)};
  } catch (const json::exception&) {
    return Error{"not valid JSON"};
  }
}

class JsonSource final : public Source {
 public:
  explicit JsonSource(std::istream& in) : in_(in) {}

  Result<JournalHeader> read_header() override {
    std::getline(in_, line_);
    ++number_;
    Result<JournalHeader> header = parse_json_header(line_);
    if (!header) return at_line(header.error().message);
    return header;
  }

  Result<bool> next(JournalStep& step) override {
    do {
      if (!std::getline(in_, line_)) return false;
      ++number_;
    } while (line_.empty());
    if (end_ != JournalEnd::missing) return at_line("there is more after the end record");
    const bool cut_off = in_.eof();  // our lines end with a line end, also the last
    Result<std::optional<JsonEnd>> parsed = parse_json_line(line_, step);
    if (!parsed) {
      return at_line(parsed.error().message +
                     (cut_off ? "; the line is the last and has no end: the file was truncated" : ""));
    }
    if (!parsed.value()) {
      ++steps_;
      return true;
    }
    if (parsed.value()->steps != steps_) {
      return at_line(fmt::format("the end record counts {} steps, but there are {}", parsed.value()->steps, steps_));
    }
    end_ = parsed.value()->end;
    return next(step);  // to see that nothing follows
  }

  [[nodiscard]] JournalEnd end() const override { return end_; }

 private:
  [[nodiscard]] Error at_line(const std::string& what) const { return {fmt::format("line {}: {}", number_, what)}; }

  std::istream& in_;
  std::string line_;
  std::uint64_t number_ = 0;
  std::uint64_t steps_ = 0;
  JournalEnd end_ = JournalEnd::missing;
};

}  // namespace

Result<JournalHeader> parse_json_header(const std::string& line) {
  const Result<json> parsed = parse(line);
  if (!parsed) return Error{"not a journal: each line of one is a JSON object of its own, and the first is not"};
  Problem problem;
  const Fields in(parsed.value(), "", problem);
  std::uint64_t version = 0;
  in.number("drydock_journal", version);
  if (!problem.found() && version != kJsonVersion) {
    return Error{fmt::format("the journal has format version {}; this program reads version {}", version, kJsonVersion)};
  }
  JournalHeader header{in.text("version"), in.text("scenario"), in.text("variant"), 0};
  in.number("seed", header.seed);
  if (problem.found()) return Error{"not the header of a journal: " + *problem.found()};
  return header;
}

Result<std::optional<JsonEnd>> parse_json_line(const std::string& line, JournalStep& step) {
  const Result<json> parsed = parse(line);
  if (!parsed) return parsed.error();
  Problem problem;
  const Fields in(parsed.value(), "", problem);
  std::optional<JsonEnd> end;
  if (parsed.value().is_object() && parsed.value().contains("end")) {
    end.emplace();
    in.word("end", end->end, kEnds);
    in.number("steps", end->steps);
    if (end->end == JournalEnd::missing) in.expected("end", "stopped or all_ended");
  } else {
    Problem ignored;
    make_room(Fields(parsed.value(), "", ignored), step);
    step.now = time_at(in.number("t_ns"));
    in.list("events", [&step](const Fields& e) { read_one<Event>(e, step.events, step); });
    in.list("commands", [&step](const Fields& c) { read_one<Command>(c, step.commands, step); });
    step.hash = read_hash(in);
  }
  if (problem.found()) return Error{*problem.found()};
  return end;
}

std::unique_ptr<Source> make_json_source(std::istream& in) { return std::make_unique<JsonSource>(in); }

}  // namespace drydock::journal_detail

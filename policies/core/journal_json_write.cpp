#include "policies/core/journal_backend.hpp"
#include "policies/core/journal_json.hpp"
#include "policies/core/journal_names.hpp"

#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <variant>

namespace drydock::journal_detail {

namespace {

// Appends "name":value pairs. The names are ours and need no escapes.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  template <class Integer>
    requires std::is_integral_v<Integer>
  JsonObject& number(std::string_view name, Integer value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "{}", value);
    return *this;
  }
  // Shortest text that reads back as the same double; JSON has no infinities: null.
  JsonObject& number(std::string_view name, double value) {
    key(name);
    if (std::isfinite(value)) {
      fmt::format_to(std::back_inserter(out_), "{}", value);
    } else {
      out_ += "null";
    }
    return *this;
  }
  JsonObject& flag(std::string_view name, bool value) {
    key(name) += value ? "true" : "false";
    return *this;
  }
  JsonObject& word(std::string_view name, std::string_view value) {
    key(name) += '"';
    (out_ += value) += '"';
    return *this;
  }
  JsonObject& attempt(AttemptId id) { return number("job", id.job.value).number("attempt", id.number); }
  std::string& key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    ((out_ += '"') += name) += "\":";
    return out_;
  }

 private:
  std::string& out_;
};

template <class List, class Each>
void append_list(std::string& out, const List& list, Each&& each) {
  out += '[';
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    each(element);
  }
  out += ']';
}

void append(std::string& out, std::span<const Placement> placements) {
  append_list(out, placements,
              [&out](const Placement& p) { JsonObject(out).number("worker", p.worker.value).number("tasks", p.tasks); });
}

void append(std::string& out, const Resources& amounts) {
  JsonObject(out)
      .number("cpus_milli", amounts.cpus())
      .number("memory_bytes", amounts.memory())
      .number("gpus", amounts.gpus())
      .number("slots", amounts.slots());
}

// One overload per event and command: a new kind does not compile until it is here.
class Renderer {
 public:
  explicit Renderer(std::string& out) : out_(out) {}

  void operator()(const CommitAnswered& e) const {
    JsonObject object(out_);
    answered(object, e).number("version", e.version);
  }
  void operator()(const BatchRead& e) const {
    JsonObject object(out_);
    answered(object, e).flag("found", e.found).number("version", e.version);
  }
  void operator()(const RegistryRead& e) const {
    JsonObject object(out_);
    answered(object, e)
        .number("server", e.server)
        .number("sentinel", e.sentinel)
        .number("entries", e.entries)
        .number("gone", e.gone);
  }
  void operator()(const CounterAnswered& e) const {
    JsonObject object(out_);
    answered(object, e).word("verdict", name_of(e.verdict)).number("cpus_milli", e.value);
  }
  void operator()(const AllocationsSummed& e) const {
    JsonObject object(out_);
    answered(object, e).number("cpus_milli", e.cpus_milli).number("version", e.version);
  }
  void operator()(const AttemptFinished& e) const {
    JsonObject object(out_);
    begin(object, e).attempt(e.attempt).word("ending", name_of(e.ending));
  }
  void operator()(const AttemptStopped& e) const {
    JsonObject object(out_);
    begin(object, e).attempt(e.attempt).number("progress_ns", nanos(e.progress));
  }
  void operator()(const WorkerLeft& e) const {
    JsonObject object(out_);
    begin(object, e).number("worker", e.worker.value).number("incarnation", e.incarnation);
  }
  void operator()(const WorkerDraining& e) const {
    JsonObject object(out_);
    begin(object, e).number("worker", e.worker.value).number("incarnation", e.incarnation);
  }
  void operator()(const LeaseExpired& e) const {
    JsonObject object(out_);
    begin(object, e).number("worker", e.worker.value).number("incarnation", e.incarnation).flag("early", e.early);
  }
  void operator()(const WorkerRegistered& e) const {
    JsonObject object(out_);
    begin(object, e).number("worker", e.worker.value).number("incarnation", e.incarnation).number("pool", e.spec.pool.value);
    append(object.key("capacity"), e.spec.capacity);
    object.number("speed", e.spec.speed);
    if (e.spec.until != kNever) object.number("until_ns", nanos(e.spec.until));
  }
  void operator()(const JobCancelled& e) const {
    JsonObject object(out_);
    begin(object, e).number("job", e.job.value);
  }
  void operator()(const JobSubmitted& e) const {
    JsonObject object(out_);
    job_spec(begin(object, e), e.job);
  }
  void operator()(const LeaseAnswered& e) const {
    JsonObject object(out_);
    answered(object, e).flag("held", e.held).number("epoch", e.epoch).number("left_ns", nanos(e.left));
  }
  void operator()(const StateLoaded& e) const {
    JsonObject object(out_);
    answered(object, e);
  }
  void operator()(const JobLoaded& e) const {
    JsonObject object(out_);
    job_spec(begin(object, e), e.job);
    object.number("submitted_ns", nanos(e.submitted))
        .number("attempts", e.attempts)
        .number("failures", e.failures)
        .number("losses", e.losses)
        .number("progress_ns", nanos(e.progress));
  }
  void operator()(const AllocationLoaded& e) const {
    JsonObject object(out_);
    begin(object, e).attempt(e.attempt).number("worker", e.worker.value).number("tasks", e.tasks);
  }
  void operator()(const WorkersAsked& e) const {
    JsonObject object(out_);
    answered(object, e);
  }
  void operator()(const WorkerReported& e) const {
    JsonObject object(out_);
    begin(object, e).number("worker", e.worker.value).number("incarnation", e.incarnation);
  }
  void operator()(const AttemptHeld& e) const {
    JsonObject object(out_);
    begin(object, e).attempt(e.attempt).number("worker", e.worker.value).number("age_ns", nanos(e.age));
  }
  void operator()(const ShutdownRequested& e) const {
    JsonObject object(out_);
    begin(object, e);
  }
  void operator()(const WaitingLoaded& e) const {
    JsonObject object(out_);
    place(answered(object, e).flag("whole", e.whole).key("last"), e.last);
  }

  void operator()(const Commit& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value);
    append_list(object.key("releases"), c.releases,
                [this](const Release& r) { JsonObject(out_).attempt(r.attempt).word("reason", name_of(r.reason)); });
    append_list(object.key("assignments"), c.assignments, [this](const Assignment& a) {
      JsonObject assignment(out_);
      append(assignment.attempt(a.attempt).key("placements"), a.placements);
    });
  }
  void operator()(const ReadBatch& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value).number("commit", c.commit.value);
  }
  void operator()(const Dispatch& c) const {
    JsonObject object(out_);
    append(begin(object, c).attempt(c.attempt).key("placements"), c.placements);
  }
  void operator()(const StopAttempt& c) const {
    JsonObject object(out_);
    begin(object, c).attempt(c.attempt).word("reason", name_of(c.reason));
  }
  void operator()(const RejectJob& c) const {
    JsonObject object(out_);
    begin(object, c).number("job", c.job.value).word("reason", name_of(c.reason));
  }
  void operator()(const Halt& c) const {
    JsonObject object(out_);
    append_json_text(begin(object, c).key("why"), c.why);
  }
  void operator()(const ReadRegistry& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value);
  }
  void operator()(const AskCounter& c) const {
    JsonObject object(out_);
    begin(object, c)
        .number("request", c.request.value)
        .word("op", name_of(c.op))
        .number("cpus_milli", c.amount)
        .number("limit_cpus_milli", c.limit)
        .number("version", c.version)
        .number("batch", c.batch)
        .number("lease_ns", nanos(c.lease));
  }
  void operator()(const SumAllocations& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value);
  }
  void operator()(const DeclareDead& c) const {
    JsonObject object(out_);
    begin(object, c).number("worker", c.worker.value).number("incarnation", c.incarnation);
  }
  void operator()(const AskLease& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value).word("op", name_of(c.op)).number("ttl_ns", nanos(c.ttl));
  }
  void operator()(const AskState& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value);
  }
  void operator()(const AskWorkers& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value);
  }
  void operator()(const StepDown& c) const {
    JsonObject object(out_);
    begin(object, c).word("reason", name_of(c.reason));
  }
  void operator()(const AskWaiting& c) const {
    JsonObject object(out_);
    begin(object, c).number("request", c.request.value).number("queue", c.queue.value).number("limit", c.limit);
    if (c.after) place(object.key("after"), *c.after);
  }
  void operator()(const NoteStatistics& c) const {
    JsonObject object(out_);
    begin(object, c)
        .number("workers", c.workers)
        .number("cpus_milli", c.cpus)
        .number("allocated_cpus_milli", c.allocated)
        .number("waiting", c.waiting)
        .number("delayed", c.delayed)
        .number("active", c.active);
    if (c.counted) object.number("counted_cpus_milli", *c.counted);
  }

 private:
  static void place(std::string& out, const QueuePlace& at) {
    JsonObject(out).number("priority", at.priority).number("job", at.job.value);
  }
  void job_spec(JsonObject& object, const JobSpec& job) const {
    object.number("job", job.id.value)
        .number("queue", job.queue.value)
        .number("priority", job.priority)
        .number("tasks", job.tasks);
    append(object.key("per_task"), job.per_task);
    object.number("estimate_ns", nanos(job.estimate))
        .number("input_bytes", job.input_bytes)
        .number("output_bytes", job.output_bytes)
        .word("on_failure", name_of(job.on_failure))
        .word("on_preemption", name_of(job.on_preemption));
  }
  template <class T>
  static JsonObject& answered(JsonObject& object, const T& e) {
    return begin(object, e).number("request", e.request.value).word("answer", name_of(e.answer));
  }
  template <class T>
  static JsonObject& begin(JsonObject& object, const T&) {
    return object.word("type", KindOf<T>::kName);
  }
  std::string& out_;
};

class JsonSink final : public Sink {
 public:
  JsonSink(std::ostream& out, const JournalHeader& header) : out_(out) {
    {
      JsonObject object(text_);
      object.number("drydock_journal", kJsonVersion);
      append_json_text(object.key("version"), header.version);
      append_json_text(object.key("scenario"), header.scenario);
      append_json_text(object.key("variant"), header.variant);
      object.number("seed", header.seed);
    }
    end_line();
    hand_over();
  }

  void step(Time now, std::span<const Event> events, std::span<const Command> commands, std::uint64_t hash) override {
    append_json_step(text_, now, events, commands, hash);
    end_line();
    ++steps_;
  }

  void flush() override {
    hand_over();
    out_.flush();
  }

  void close(JournalEnd end) override {
    if (end != JournalEnd::missing) {
      JsonObject(text_).word("end", kEnds[static_cast<std::size_t>(end)]).number("steps", steps_);
      text_ += '\n';
    }
    hand_over();
    out_.flush();
  }

 private:
  void end_line() {
    text_ += '\n';
    if (text_.size() >= kFlushBytes) hand_over();
  }
  void hand_over() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }

  std::ostream& out_;
  std::string text_;
  std::uint64_t steps_ = 0;
};

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  // Bytes that are not UTF-8 become U+FFFD, so that each line stays valid JSON.
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json(std::string& out, const Event& event) { std::visit(Renderer(out), event); }
void append_json(std::string& out, const Command& command) { std::visit(Renderer(out), command); }

void append_json_step(std::string& out, Time now, std::span<const Event> events, std::span<const Command> commands,
                      std::uint64_t hash) {
  JsonObject object(out);
  object.number("t_ns", nanos(now));
  append_list(object.key("events"), events, [&out](const Event& e) { append_json(out, e); });
  append_list(object.key("commands"), commands, [&out](const Command& c) { append_json(out, c); });
  object.word("hash", fmt::format("{:016x}", hash));
}

std::unique_ptr<Sink> make_json_sink(std::ostream& out, const JournalHeader& header) {
  return std::make_unique<JsonSink>(out, header);
}

}  // namespace drydock::journal_detail

#include "tests/scripted/script_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <sstream>
#include <variant>

namespace drydock::scripted {

namespace {

double parse_decimal(const std::string& text, std::size_t& used) {
  try {
    return std::stod(text, &used);
  } catch (const std::exception&) {
    throw ScriptError("'" + text + "' is not a number");
  }
}

// A number with one of these units behind it.
double parse_with_unit(const std::string& text, const std::map<std::string, double>& units) {
  std::size_t used = 0;
  const double number = parse_decimal(text, used);
  const auto unit = units.find(text.substr(used));
  if (unit == units.end()) throw ScriptError("'" + text + "' has no unit that is known here");
  return number * unit->second;
}

std::uint32_t parse_small(const std::string& text) { return static_cast<std::uint32_t>(parse_number(text)); }

WorkerId parse_worker(const std::string& text) {
  if (!text.starts_with("w")) throw ScriptError("'" + text + "' is not a worker such as w0");
  return WorkerId{parse_small(text.substr(1))};
}

std::uint32_t place_in(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw ScriptError("there is no queue or pool '" + name + "'");
  return static_cast<std::uint32_t>(found - names.begin());
}

template <class Enum>
Enum pick(const std::string& text, std::initializer_list<std::pair<std::string_view, Enum>> words) {
  for (const auto& [word, value] : words) {
    if (word == text) return value;
  }
  throw ScriptError("'" + text + "' is not one of the words allowed here");
}

OnInterrupt parse_interrupt(const std::string& text) {
  return pick<OnInterrupt>(
      text, {{"restart", OnInterrupt::restart}, {"resume", OnInterrupt::resume}, {"checkpoint", OnInterrupt::checkpoint}});
}

void parse_registered(Line& line, const Names& names, const Tell& tell) {
  const std::string which = line.word("a worker");
  const std::size_t dots = which.find("..");
  const WorkerId first = parse_worker(which.substr(0, dots));
  const WorkerId last = dots == std::string::npos ? first : parse_worker(which.substr(dots + 2));
  WorkerSpec spec;
  spec.pool = PoolId{line.has("pool") ? place_in(names.pools, line.value("pool", "")) : 0};
  spec.capacity = make_resources(parse_amounts(line, kUnlimited));
  std::size_t used = 0;
  spec.speed = parse_decimal(line.value("speed", "1"), used);
  const std::uint32_t incarnation = parse_small(line.value("incarnation", "1"));
  for (std::uint32_t id = first.value; id <= last.value; ++id) tell(WorkerRegistered{WorkerId{id}, incarnation, spec});
}

Answer parse_answer(const std::string& word) {
  return pick<Answer>(
      word,
      {{"done", Answer::done}, {"failed", Answer::failed}, {"unknown", Answer::unknown}, {"refused", Answer::refused}});
}

std::int64_t parse_cpus(Line& line, const char* name) {
  std::size_t used = 0;
  return std::llround(1000 * parse_decimal(line.value(name, "0"), used));
}

// Answers of the registry, the counter and the store's sum.
void parse_reading(const std::string& kind, Line& line, const Tell& tell) {
  const RequestId id = parse_request(line.word("a request"));
  const std::string how = line.word("done, failed or unknown (of the counter also missing)");
  if (kind == "registry") {
    RegistryRead event{.request = id, .answer = parse_answer(how)};
    event.server = parse_number(line.value("server", "1"));
    event.sentinel = parse_number(line.value("sentinel", "1"));
    event.entries = parse_small(line.value("entries", "0"));
    event.gone = parse_small(line.value("gone", "0"));
    tell(event);
  } else if (kind == "counter") {
    CounterAnswered event{.request = id};
    if (how == "missing") event.verdict = CounterVerdict::missing;
    else event.answer = parse_answer(how);
    event.value = parse_cpus(line, "cpus");
    tell(event);
  } else {
    AllocationsSummed event{.request = id, .answer = parse_answer(how), .cpus_milli = parse_cpus(line, "cpus")};
    event.version = parse_number(line.value("version", "0"));
    tell(event);
  }
}

// What a scheduler among several learns. False: `kind` is none of it.
bool parse_leadership(const std::string& kind, Line& line, const Names& names, const Tell& tell) {
  if (kind == "lease") {
    LeaseAnswered event{.request = parse_request(line.word("a request"))};
    const std::string how = line.word("held, taken, failed or unknown");
    event.held = how == "held";
    event.answer = how == "held" || how == "taken" ? Answer::done : parse_answer(how);
    event.epoch = static_cast<std::int64_t>(parse_number(line.value("epoch", "1")));
    event.left = parse_duration(line.value("left", "15s"));
    tell(event);
  } else if (kind == "state") {
    const RequestId id = parse_request(line.word("a request"));
    tell(StateLoaded{id, parse_answer(line.word("done, failed, unknown or refused"))});
  } else if (kind == "workers") {
    const RequestId id = parse_request(line.word("a request"));
    tell(WorkersAsked{id, parse_answer(line.word("done, failed, unknown or refused"))});
  } else if (kind == "load") {
    JobLoaded event{.job = parse_job(line, names)};
    event.submitted = Time{parse_duration(line.value("submitted", "0s"))};
    event.attempts = parse_small(line.value("attempts", "0"));
    event.failures = parse_small(line.value("failures", "0"));
    event.losses = parse_small(line.value("losses", "0"));
    event.progress = parse_duration(line.value("progress", "0s"));
    tell(event);
  } else if (kind == "allocation") {
    const AttemptId id = parse_attempt(line.word("an attempt"));
    tell(AllocationLoaded{id, parse_worker(line.word("a worker")), parse_small(line.value("tasks", "1"))});
  } else if (kind == "report") {
    tell(WorkerReported{parse_worker(line.word("a worker")), parse_small(line.value("incarnation", "1"))});
  } else if (kind == "held") {
    const AttemptId id = parse_attempt(line.word("an attempt"));
    tell(AttemptHeld{id, parse_worker(line.word("a worker")), parse_duration(line.value("age", "0s"))});
  } else if (kind == "shutdown") {
    tell(ShutdownRequested{});
  } else if (kind == "waiting") {
    WaitingLoaded event{.request = parse_request(line.word("a request"))};
    event.answer = parse_answer(line.word("done, failed, unknown or refused"));
    event.whole = line.value("whole", "no") == "yes";
    event.last = {.priority = static_cast<std::int32_t>(parse_number(line.value("priority", "0"))),
                  .job = JobId{parse_number(line.value("last", "0"))}};
    tell(event);
  } else {
    return false;
  }
  return true;
}

// Facts of a word and an id.
void parse_short_fact(const std::string& kind, Line& line, const Tell& tell) {
  if (kind == "cancel") {
    tell(JobCancelled{JobId{parse_number(line.word("a job id"))}});
  } else if (kind == "done" || kind == "failed" || kind == "unknown" || kind == "refused") {
    const RequestId id = parse_request(line.word("a request"));
    tell(CommitAnswered{id, parse_answer(kind), parse_number(line.value("version", "0"))});
  } else if (kind == "succeeded" || kind == "broken") {
    const Ending ending = kind == "succeeded" ? Ending::succeeded : Ending::failed;
    tell(AttemptFinished{parse_attempt(line.word("an attempt")), ending});
  } else if (kind == "stopped") {
    const AttemptId id = parse_attempt(line.word("an attempt"));
    tell(AttemptStopped{id, parse_duration(line.value("progress", "0s"))});
  } else if (kind == "read") {
    const RequestId id = parse_request(line.word("a request"));
    const std::string how = line.word("found, not-found, failed, unknown or refused");
    const Answer answer = how == "found" || how == "not-found" ? Answer::done : parse_answer(how);
    tell(BatchRead{id, answer, how == "found", parse_number(line.value("version", "0"))});
  } else if (kind == "registry" || kind == "counter" || kind == "sum") {
    parse_reading(kind, line, tell);
  } else {
    throw ScriptError("'" + kind + "' is no fact");
  }
}

}  // namespace

Line::Line(std::string_view text) {
  std::istringstream in{std::string(text.substr(0, text.find('#')))};
  for (std::string token; in >> token;) {
    const std::size_t equals = token.find('=');
    if (equals == std::string::npos) {
      words_.push_back(token);
    } else if (!values_.emplace(token.substr(0, equals), token.substr(equals + 1)).second) {
      throw ScriptError("'" + token.substr(0, equals) + "' is given twice");
    }
  }
}

std::string Line::word(const char* what) {
  if (next_ == words_.size()) throw ScriptError(std::string("expected ") + what);
  return words_[next_++];
}

std::string Line::value(const std::string& name, const std::string& otherwise) {
  const auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  std::string result = found->second;
  values_.erase(found);
  return result;
}

void Line::done() const {
  if (next_ < words_.size()) throw ScriptError("'" + words_[next_] + "' is not understood");
  if (!values_.empty()) throw ScriptError("'" + values_.begin()->first + "=' is not understood");
}

Duration parse_duration(const std::string& text) {
  const double ns = parse_with_unit(text, {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}});
  return Duration{std::llround(ns)};
}

std::uint64_t parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) throw ScriptError("'" + text + "' is not a whole number");
  return number;
}

AttemptId parse_attempt(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) throw ScriptError("'" + text + "' is not an attempt such as 7.1");
  return {JobId{parse_number(text.substr(0, dot))}, parse_small(text.substr(dot + 1))};
}

RequestId parse_request(const std::string& text) {
  if (!text.starts_with("r")) throw ScriptError("'" + text + "' is not a request such as r1");
  return RequestId{parse_number(text.substr(1))};
}

ResourceAmounts parse_amounts(Line& line, std::int64_t slots) {
  std::size_t used = 0;
  ResourceAmounts amounts{.slots = slots};
  amounts.cpus_milli = std::llround(1000 * parse_decimal(line.value("cpus", "0"), used));
  amounts.memory_bytes =
      std::llround(parse_with_unit(line.value("memory", "0B"), {{"B", 1}, {"MiB", 0x1p20}, {"GiB", 0x1p30}}));
  amounts.gpus = static_cast<std::int64_t>(parse_number(line.value("gpus", "0")));
  if (line.has("slots")) amounts.slots = static_cast<std::int64_t>(parse_number(line.value("slots", "")));
  return amounts;
}

JobSpec parse_job(Line& line, const Names& names) {
  JobSpec job{.id = JobId{parse_number(line.word("a job id"))}, .queue = {}, .per_task = {}};
  if (line.has("queue")) {
    const std::string queue = line.value("queue", "");
    job.queue = QueueId{queue == "nowhere" ? 99 : place_in(names.queues, queue)};
  }
  job.priority = static_cast<std::int32_t>(parse_number(line.value("priority", "0")));
  job.tasks = parse_small(line.value("tasks", "1"));
  job.per_task = make_resources(parse_amounts(line, 1));
  job.estimate = parse_duration(line.value("estimate", "1s"));
  job.on_failure = parse_interrupt(line.value("on_failure", "restart"));
  job.on_preemption = parse_interrupt(line.value("on_preemption", "resume"));
  return job;
}

void parse_facts(Line& line, const Names& names, const Tell& tell) {
  const std::string kind = line.word("a fact");
  if (kind == "register") {
    parse_registered(line, names, tell);
  } else if (kind == "submit") {
    tell(JobSubmitted{parse_job(line, names)});
  } else if (kind == "expire" || kind == "leave" || kind == "drain") {
    const WorkerId worker = parse_worker(line.word("a worker"));
    const std::uint32_t incarnation = parse_small(line.value("incarnation", "1"));
    if (kind == "leave") tell(WorkerLeft{worker, incarnation});
    else if (kind == "drain") tell(WorkerDraining{worker, incarnation});
    else tell(LeaseExpired{worker, incarnation, line.value("early", "no") == "yes"});
  } else if (!parse_leadership(kind, line, names, tell)) {
    parse_short_fact(kind, line, tell);
  }
}

std::string text_of(Duration duration) {
  std::string text = fmt::format("{}.{:09}", nanos(duration) / 1'000'000'000, nanos(duration) % 1'000'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + "s";
}

namespace {

std::string text_of(AttemptId id) { return fmt::format("{}.{}", id.job.value, id.number); }

// Workers in a row with equal counts are written as one: w0..w3x1.
std::string text_of(std::span<const Placement> placements) {
  std::string text;
  for (std::size_t i = 0; i < placements.size();) {
    std::size_t end = i + 1;
    while (end < placements.size() && placements[end].tasks == placements[i].tasks &&
           placements[end].worker.value == placements[end - 1].worker.value + 1) {
      ++end;
    }
    text += fmt::format(" w{}", placements[i].worker.value);
    if (end - i > 1) text += fmt::format("..w{}", placements[end - 1].worker.value);
    text += fmt::format("x{}", placements[i].tasks);
    i = end;
  }
  return text;
}

constexpr std::array<std::string_view, 8> kReasons{"succeeded", "failed",  "preempted",   "worker_lost",
                                                   "cancelled", "retried", "quarantined", "drained"};
constexpr std::array<std::string_view, 3> kRejections{"queue_full", "unknown_queue", "duplicate_id"};
std::string_view text_of(ReleaseReason reason) { return kReasons.at(static_cast<std::size_t>(reason)); }

struct Writer {
  std::string operator()(const Commit& c) const {
    std::string text = fmt::format("commit r{}", c.request.value);
    for (const Release& r : c.releases) text += fmt::format(" release {} {};", text_of(r.attempt), text_of(r.reason));
    for (const Assignment& a : c.assignments)
      text += fmt::format(" assign {}{};", text_of(a.attempt), text_of(a.placements));
    if (text.back() == ';') text.pop_back();
    return text;
  }
  std::string operator()(const ReadBatch& c) const {
    return fmt::format("read r{} of r{}", c.request.value, c.commit.value);
  }
  std::string operator()(const Dispatch& c) const {
    return fmt::format("dispatch {}{}", text_of(c.attempt), text_of(c.placements));
  }
  std::string operator()(const StopAttempt& c) const {
    return fmt::format("stop {} {}", text_of(c.attempt), text_of(c.reason));
  }
  std::string operator()(const RejectJob& c) const {
    return fmt::format("reject {} {}", c.job.value, kRejections.at(static_cast<std::size_t>(c.reason)));
  }
  std::string operator()(const Halt& c) const { return fmt::format("halt: {}", c.why); }
  std::string operator()(const ReadRegistry& c) const { return fmt::format("registry r{}", c.request.value); }
  std::string operator()(const SumAllocations& c) const { return fmt::format("sum r{}", c.request.value); }
  std::string operator()(const DeclareDead& c) const {
    return fmt::format("dead w{} incarnation={}", c.worker.value, c.incarnation);
  }
  std::string operator()(const AskLease& c) const {
    if (c.op == LeaseOp::release) return "give back the lease";
    return fmt::format("lease r{} for {}", c.request.value, scripted::text_of(c.ttl));
  }
  std::string operator()(const AskState& c) const { return fmt::format("load r{}", c.request.value); }
  std::string operator()(const AskWorkers& c) const { return fmt::format("ask workers r{}", c.request.value); }
  std::string operator()(const StepDown& c) const {
    constexpr std::array<std::string_view, 3> kWhy{"lease_over", "outranked", "shutdown"};
    return fmt::format("step down: {}", kWhy.at(static_cast<std::size_t>(c.reason)));
  }
  std::string operator()(const AskWaiting& c) const {
    const std::string after = c.after ? fmt::format(" after={} priority={}", c.after->job.value, c.after->priority) : "";
    return fmt::format("waiting r{} q{}{} limit={}", c.request.value, c.queue.value, after, c.limit);
  }
  std::string operator()(const NoteStatistics& c) const {
    const std::string counted = c.counted ? fmt::format(" counted={}", static_cast<double>(*c.counted) / 1000) : "";
    return fmt::format("statistics workers={} cpus={} allocated={}{} waiting={} delayed={} active={}", c.workers,
                       static_cast<double>(c.cpus) / 1000, static_cast<double>(c.allocated) / 1000, counted, c.waiting,
                       c.delayed, c.active);
  }
  std::string operator()(const AskCounter& c) const {
    constexpr std::array<std::string_view, 8> kOps{"get",        "add",     "set",     "checked_add",
                                                   "fenced_set", "reserve", "confirm", "cancel"};
    std::string text = fmt::format("counter r{} {}", c.request.value, kOps.at(static_cast<std::size_t>(c.op)));
    if (c.amount != 0) text += fmt::format(" cpus={}", static_cast<double>(c.amount) / 1000);
    if (c.version != 0) text += fmt::format(" version={}", c.version);
    if (c.batch != 0) text += fmt::format(" batch={}", c.batch);
    return text;
  }
};

}  // namespace

std::string text_of(const Command& command) { return std::visit(Writer{}, command); }

}  // namespace drydock::scripted

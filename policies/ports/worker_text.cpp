#include "policies/ports/worker_text.hpp"

#include "policies/core/assert.hpp"
#include "policies/ports/worker_text_quick.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace drydock {

namespace {

using nlohmann::json;

std::string written(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace); }

json written_id(AttemptId attempt) { return {{"job", attempt.job.value}, {"attempt", attempt.number}}; }

struct BodyWriter {
  json& out;
  void operator()(const RunAttempt& run) const {
    json body = written_id(run.attempt);
    body["tasks"] = run.tasks;
    body["cpus_milli"] = run.held.cpus();
    body["memory_bytes"] = run.held.memory();
    body["gpus"] = run.held.gpus();
    body["slots"] = run.held.slots();
    body["progress_ns"] = nanos(run.progress);
    body["payload"] = run.payload;
    out["run"] = std::move(body);
  }
  void operator()(const StopRun& stop) const { out["stop"] = written_id(stop.attempt); }
  void operator()(const ReportTaken& taken) const { out["taken"] = written_id(taken.attempt); }
  void operator()(const Superseded& /*body*/) const { out["superseded"] = json::object(); }
  void operator()(const AskHeld& /*body*/) const { out["held?"] = json::object(); }
  void operator()(const DrainNoted& /*body*/) const { out["drain_noted"] = json::object(); }
};

// Reads an object's members; the first that is missing or wrong is noted.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {
    if (!object.is_object()) problem_ = "not a JSON object";
  }
  template <class Number>
  Number number(const char* key, std::int64_t least) {
    const auto at = problem_.empty() ? object_.find(key) : object_.end();
    if (at == object_.end() || !at->is_number_integer() ||
        (at->is_number_unsigned() && at->template get<std::uint64_t>() > most<Number>()) ||
        (!at->is_number_unsigned() && at->template get<std::int64_t>() < least)) {
      if (problem_.empty()) problem_ = fmt::format("\"{}\" is not a whole number from {} to {}", key, least, most<Number>());
      return {};
    }
    return at->template get<Number>();
  }
  std::string text(const char* key) {
    const auto at = problem_.empty() ? object_.find(key) : object_.end();
    if (at == object_.end() || !at->is_string()) {
      if (problem_.empty()) problem_ = fmt::format("\"{}\" is not a text", key);
      return {};
    }
    return at->get<std::string>();
  }
  AttemptId attempt() { return {JobId{number<std::uint64_t>("job", 0)}, number<std::uint32_t>("attempt", 1)}; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  template <class Number>
  static constexpr std::uint64_t most() {
    return std::min<std::uint64_t>(std::numeric_limits<Number>::max(), std::numeric_limits<std::int64_t>::max());
  }
  const json& object_;
  std::string problem_;
};

RunAttempt read_run(Members& members) {
  RunAttempt run;
  run.attempt = members.attempt();
  run.tasks = members.number<std::uint32_t>("tasks", 1);
  run.held = make_resources({.cpus_milli = members.number<std::int64_t>("cpus_milli", 0),
                             .memory_bytes = members.number<std::int64_t>("memory_bytes", 0),
                             .gpus = members.number<std::int64_t>("gpus", 0),
                             .slots = members.number<std::int64_t>("slots", 1)});
  run.progress = Duration{members.number<std::int64_t>("progress_ns", 0)};
  run.payload = members.text("payload");
  return run;
}

// The first problem is noted in `problem`.
ReportKind read_kind(Members& members, std::string& problem) {
  const std::string kind = members.text("report");
  for (std::size_t i = 0; i < kReportKinds.size(); ++i) {
    if (kReportKinds[i] == kind) return static_cast<ReportKind>(i);
  }
  if (problem.empty()) problem = members.problem();
  if (problem.empty()) {
    problem = fmt::format("there is no report \"{}\"; reports are accepted, succeeded, failed, stopped and declined", kind);
  }
  return {};
}

Result<AnyReport> read_held(const json& object) {
  Members members(object);
  HeldReport report{.worker = WorkerId{members.number<std::uint32_t>("worker", 0)},
                    .incarnation = members.number<std::uint32_t>("incarnation", 1),
                    .epoch = members.number<std::int64_t>("epoch", 0)};
  std::string problem = members.problem();
  const json& rows = object["held"];
  if (!rows.is_array() && problem.empty()) problem = "\"held\" is not a list";
  for (const json& row : problem.empty() ? rows : json::array()) {
    Members held(row);
    report.attempts.push_back({.attempt = held.attempt(),
                               .kind = read_kind(held, problem),
                               .progress = Duration{held.number<std::int64_t>("progress_ns", 0)},
                               .age = Duration{held.number<std::int64_t>("age_ns", 0)}});
    if (problem.empty()) problem = held.problem();
  }
  if (!problem.empty()) return Error{problem};
  return AnyReport{std::move(report)};
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "4" or "0.5": at most three digits behind the point.
std::optional<std::int64_t> thousandths(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto cores = whole(text.substr(0, point));
  if (!cores || *cores > std::numeric_limits<std::int64_t>::max() / 1000 - 1) return std::nullopt;
  if (point == std::string_view::npos) return *cores * 1000;
  std::string rest(text.substr(point + 1));
  if (rest.empty() || rest.size() > 3) return std::nullopt;
  rest.resize(3, '0');
  const auto fraction = whole(rest);
  if (!fraction) return std::nullopt;
  return *cores * 1000 + *fraction;
}

// The attempt that a message is about, if it is about one.
template <class Body>
auto* attempt_in_body(Body& body) {
  if constexpr (requires { body.attempt; }) return &body.attempt;
  else return static_cast<std::conditional_t<std::is_const_v<Body>, const AttemptId*, AttemptId*>>(nullptr);
}
template <class Message>
auto* attempt_in(Message& message) {
  const auto find = [](auto& body) { return attempt_in_body(body); };
  if constexpr (requires { message.body; }) return std::visit(find, message.body);
  else if constexpr (requires { message.attempt; }) return attempt_in_body(message);
  else return std::visit(find, message);
}

// A number alone is the message before it once more, of that job.
template <class Message>
Result<Message> read_or_repeat(std::string_view text, std::optional<Message>& last,
                               Result<Message> (*parse)(std::string_view)) {
  if (const auto job = whole(text)) {
    AttemptId* repeated = last ? attempt_in(*last) : nullptr;
    if (repeated == nullptr) return Error{fmt::format("{} alone, behind no message about a job", *job)};
    repeated->job = JobId{static_cast<std::uint64_t>(*job)};
    return *last;
  }
  auto message = parse(text);
  last = message.ok() ? std::optional(message.value()) : std::nullopt;
  return message;
}

std::string cores(std::int64_t milli) {
  if (milli % 1000 == 0) return std::to_string(milli / 1000);
  return fmt::format("{}.{:03}", milli / 1000, milli % 1000);
}

}  // namespace

std::string to_json(const WorkerMail& mail) {
  if (auto quick = quick_json(mail)) return std::move(*quick);
  json out{{"epoch", mail.epoch}, {"incarnation", mail.incarnation}};
  std::visit(BodyWriter{out}, mail.body);
  return written(out);
}

std::string to_json(const AttemptReport& report) { return quick_json(report); }

std::string to_json(const HeldReport& report) {
  json rows = json::array();
  for (const HeldAttempt& held : report.attempts) {
    json row = written_id(held.attempt);
    row["report"] = kReportKinds[static_cast<std::size_t>(held.kind)];
    row["progress_ns"] = nanos(held.progress);
    row["age_ns"] = nanos(held.age);
    rows.push_back(std::move(row));
  }
  return written({{"worker", report.worker.value},
                  {"incarnation", report.incarnation},
                  {"epoch", report.epoch},
                  {"held", std::move(rows)}});
}

Result<WorkerMail> parse_mail(std::string_view text) {
  if (auto quick = quick_mail(text)) return std::move(*quick);
  const json object = json::parse(text, nullptr, false);
  Members members(object);
  WorkerMail mail{.epoch = members.number<std::int64_t>("epoch", 0),
                  .incarnation = members.number<std::uint32_t>("incarnation", 0),
                  .body = {}};
  if (!members.problem().empty()) return Error{members.problem()};
  if (object.contains("superseded")) {
    mail.body = Superseded{};
    return mail;
  }
  if (object.contains("held?")) {
    mail.body = AskHeld{};
    return mail;
  }
  if (object.contains("drain_noted")) {
    mail.body = DrainNoted{};
    return mail;
  }
  for (const char* kind : {"run", "stop", "taken"}) {
    const auto at = object.find(kind);
    if (at == object.end()) continue;
    Members body(*at);
    if (kind == std::string_view("run")) mail.body = read_run(body);
    else if (kind == std::string_view("stop")) mail.body = StopRun{body.attempt()};
    else mail.body = ReportTaken{body.attempt()};
    if (!body.problem().empty()) return Error{fmt::format("in \"{}\": {}", kind, body.problem())};
    return mail;
  }
  return Error{"none of \"run\", \"stop\", \"taken\", \"superseded\", \"held?\" and \"drain_noted\" is there"};
}

Result<AnyReport> parse_report(std::string_view text) {
  if (const auto quick = quick_report(text)) return AnyReport{*quick};
  const json object = json::parse(text, nullptr, false);
  if (object.is_object() && object.contains("held")) return read_held(object);
  Members members(object);
  AttemptReport report{.worker = WorkerId{members.number<std::uint32_t>("worker", 0)},
                       .incarnation = members.number<std::uint32_t>("incarnation", 1),
                       .attempt = members.attempt(),
                       .kind = {},
                       .progress = Duration{members.number<std::int64_t>("progress_ns", 0)}};
  std::string problem = members.problem();
  report.kind = read_kind(members, problem);
  if (!problem.empty()) return Error{problem};
  return AnyReport{report};
}

template <class Message>
void Bundle::add_or_repeat(const Message& message) {
  auto* last = std::get_if<Message>(&last_);
  AttemptId* repeated = last == nullptr ? nullptr : attempt_in(*last);
  const AttemptId* attempt = attempt_in(message);
  if (repeated != nullptr && attempt != nullptr) {
    repeated->job = attempt->job;
    if (*last == message) return add_line(std::to_string(attempt->job.value));
  }
  last_ = message;
  add_line(to_json(message));
}

void Bundle::add(const WorkerMail& mail) { add_or_repeat(mail); }
void Bundle::add(const AttemptReport& report) { add_or_repeat(report); }
void Bundle::add(const HeldReport& report) {
  last_ = std::monostate{};
  add_line(to_json(report));
}

void Bundle::add_line(std::string_view line) {
  DRYDOCK_CHECK(line.find('\n') == std::string_view::npos, "a message is one line");
  if (!text_.empty()) text_ += '\n';
  text_ += line;
}

std::string Bundle::take() {
  last_ = std::monostate{};
  return std::exchange(text_, {});
}

Result<WorkerMail> MailReader::read(std::string_view message) { return read_or_repeat(message, last_, parse_mail); }
Result<AnyReport> ReportReader::read(std::string_view message) { return read_or_repeat(message, last_, parse_report); }

std::vector<std::string_view> messages_of(std::string_view payload) {
  std::vector<std::string_view> messages;
  for (std::size_t from = 0; from <= payload.size();) {
    const std::size_t end = std::min(payload.find('\n', from), payload.size());
    messages.push_back(payload.substr(from, end - from));
    from = end + 1;
  }
  return messages;
}

std::string mail_queue(WorkerId worker) { return fmt::format("worker-{}", worker.value); }
std::string worker_name(WorkerId worker) { return std::to_string(worker.value); }

BeatFields beat_fields(WorkerId worker, const WorkerSpec& spec, const SendBeat& beat, std::string_view host) {
  BeatFields result;
  result.fields = {{"worker_id", worker_name(worker)},
                   {"hostname", std::string(host)},
                   {"pool", std::to_string(spec.pool.value)},
                   {"cpus", cores(spec.capacity.cpus())},
                   {"memory_bytes", std::to_string(spec.capacity.memory())},
                   {"gpus", std::to_string(spec.capacity.gpus())},
                   {"slots", std::to_string(spec.capacity.slots())},
                   {"speed", fmt::format("{}", spec.speed)},
                   {"status", "ready"}};
  result.touched = {{"incarnation", std::to_string(beat.incarnation)}};
  if (beat.draining) result.touched.emplace("status", "draining");
  return result;
}

Result<WorkerEntryView> parse_worker(const redis::WorkerEntry& entry) {
  const auto field = [&](const char* name) {
    const auto at = entry.fields.find(name);
    return at == entry.fields.end() ? std::string_view{} : std::string_view(at->second);
  };
  constexpr std::int64_t kIdMost = std::numeric_limits<std::uint32_t>::max();
  const auto wrong = [&](const char* name) {
    return Error{fmt::format("worker:{} has {} \"{}\"", entry.worker, name, field(name))};
  };
  const auto id = whole(entry.worker);
  if (!id || *id > kIdMost) return Error{fmt::format("worker:{} is not called by a number", entry.worker)};
  const auto incarnation = whole(field("incarnation"));
  if (!incarnation || *incarnation < 1 || *incarnation > kIdMost) return wrong("incarnation");
  const auto pool = whole(field("pool"));
  if (!pool || *pool > kIdMost) return wrong("pool");
  const auto cpus = thousandths(field("cpus"));
  if (!cpus) return wrong("cpus");
  ResourceAmounts amounts{.cpus_milli = *cpus};
  for (const auto& [name, amount] : {std::pair{"memory_bytes", &amounts.memory_bytes}, std::pair{"gpus", &amounts.gpus},
                                     std::pair{"slots", &amounts.slots}}) {
    const auto value = whole(field(name));
    if (!value) return wrong(name);
    *amount = *value;
  }
  WorkerEntryView view{.worker = WorkerId{static_cast<std::uint32_t>(*id)},
                       .incarnation = static_cast<std::uint32_t>(*incarnation),
                       .spec = {.pool = PoolId{static_cast<std::uint32_t>(*pool)}, .capacity = make_resources(amounts)},
                       .draining = field("status") == "draining"};
  const std::string_view speed = field("speed");
  const auto [end, error] = std::from_chars(speed.data(), speed.data() + speed.size(), view.spec.speed);
  if (error != std::errc{} || end != speed.data() + speed.size() || !(view.spec.speed > 0) || std::isinf(view.spec.speed)) {
    return wrong("speed");
  }
  return view;
}

}  // namespace drydock

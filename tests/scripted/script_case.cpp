#include "tests/scripted/script_case.hpp"

#include "policies/catalog.hpp"
#include "policies/core/replay.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <utility>
#include <variant>

namespace drydock::scripted {

namespace {

ParameterValue parse_parameter(const ParameterInfo& info, const std::string& text) {
  if (std::holds_alternative<Duration>(info.default_value)) return parse_duration(text);
  if (std::holds_alternative<double>(info.default_value)) return std::stod(text);
  if (std::holds_alternative<std::int64_t>(info.default_value)) return static_cast<std::int64_t>(parse_number(text));
  if (std::holds_alternative<bool>(info.default_value)) return text == "true";
  return text;
}

PolicyConfig parse_policy(const std::string& type, const std::map<std::string, std::string>& values) {
  const PolicyInfo* info = find_policy(PolicyFamily::placement, type);
  if (info == nullptr) throw ScriptError("there is no placement policy '" + type + "'");
  std::map<std::string, ParameterValue, std::less<>> parameters;
  for (const auto& [name, text] : values) {
    const auto parameter = std::ranges::find(info->parameters, name, &ParameterInfo::name);
    if (parameter == info->parameters.end()) throw ScriptError(fmt::format("policy '{}' has no parameter '{}'", type, name));
    parameters.emplace(name, parse_parameter(*parameter, text));
  }
  return configure(*info, parameters);
}

PolicyConfig configure_accounting(const std::string& type) {
  const PolicyInfo* info = find_policy(PolicyFamily::accounting, type);
  if (info == nullptr) throw ScriptError("'" + type + "' is no accounting policy");
  return configure(*info);
}

}  // namespace

Case::Case() { config_.placement = parse_policy("fcfs", {}); }
Case::~Case() = default;

void Case::configure(const std::string& word, Line& line) {
  if (scheduler_) throw ScriptError("'" + word + "' must come before the first step of the case");
  if (word == "policy") {
    const std::string type = line.word("a policy");
    config_.placement = parse_policy(type, line.take_values());
  } else if (word == "queue") {
    QueueConfig queue{.name = line.word("a name"), .capacity = {}};
    queue.priority = static_cast<std::int32_t>(parse_number(line.value("priority", "0")));
    if (line.has("capacity")) queue.capacity = parse_number(line.value("capacity", ""));
    names_.queues.push_back(queue.name);
    config_.queues.push_back(std::move(queue));
  } else if (word == "pool") {
    PoolConfig pool{.name = line.word("a name"), .queues = {}};
    while (line.has_word()) {
      const auto queue = std::ranges::find(names_.queues, line.word("a queue"));
      if (queue == names_.queues.end()) throw ScriptError("a pool serves a queue that is not there");
      pool.queues.push_back(QueueId{static_cast<std::uint32_t>(queue - names_.queues.begin())});
    }
    names_.pools.push_back(pool.name);
    config_.pools.push_back(std::move(pool));
  } else if (word == "control") {
    const std::string mode = line.word("ideal, cycle or event");
    config_.control_plane.trigger = mode == "cycle"   ? PassTrigger::cycle
                                    : mode == "event" ? PassTrigger::event
                                                      : PassTrigger::ideal;
    if (mode != "ideal") config_.control_plane.period = parse_duration(line.word("a period"));
  } else if (word == "reading") {
    config_.control_plane.registry.reading = parse_duration(line.word("a period"));
    config_.control_plane.registry.hold = parse_duration(line.value("hold", "60s"));
    config_.control_plane.registry.guard = line.value("guard", "on") == "on";
  } else if (word == "leadership") {
    LeadershipConfig& leadership = config_.control_plane.leadership;
    leadership.lease = parse_duration(line.value("lease", "15s"));
    leadership.renew = parse_duration(line.value("renew", "5s"));
    leadership.margin = parse_duration(line.value("margin", "1s"));
  } else if (word == "lookahead") {
    config_.control_plane.lookahead = static_cast<std::uint32_t>(parse_number(line.word("a number")));
  } else if (word == "statistics") {
    config_.control_plane.statistics = parse_duration(line.word("a period"));
  } else if (word == "accounting") {
    config_.accounting = configure_accounting(line.word("a policy"));
  } else if (word == "max_in_flight") {
    config_.max_in_flight = static_cast<std::uint32_t>(parse_number(line.word("a number")));
  } else if (word == "store_retry") {
    config_.store_retry = parse_duration(line.word("a duration"));
  } else {
    throw ScriptError("'" + word + "' is not understood");
  }
}

void Case::start() {
  if (scheduler_) return;
  if (config_.queues.empty()) {
    names_.queues = {"default"};
    config_.queues.push_back({.name = "default", .capacity = {}});
  }
  if (config_.pools.empty()) {
    names_.pools = {"main"};
    PoolConfig pool{.name = "main", .queues = {}};
    for (std::uint32_t q = 0; q < config_.queues.size(); ++q) pool.queues.push_back(QueueId{q});
    config_.pools.push_back(std::move(pool));
  }
  scheduler_ = std::make_unique<Scheduler>(config_, make_policies(config_));
  const JournalHeader header{"test", "{}", "", config_.seed};
  binary_writer_ = std::make_unique<JournalWriter>(binary_, JournalFormat::binary, header);
  json_writer_ = std::make_unique<JournalWriter>(json_, JournalFormat::json_lines, header);
}

std::span<const Command> Case::tell(Time now, std::vector<Event>& events) {
  start();
  order_canonically(events);
  const std::span<const Command> commands = scheduler_->step(now, events);
  checker_.step(now, events, commands);
  scheduler_->cluster().sanity_check();
  binary_writer_->step(now, events, commands, scheduler_->journal_hash());
  json_writer_->step(now, events, commands, scheduler_->journal_hash());
  return commands;
}

std::vector<std::string> Case::step(Time now, std::vector<Event> events) {
  std::vector<std::string> lines;
  for (const Command& command : tell(now, events)) lines.push_back(text_of(command));
  const Time wakeup = scheduler_->next_wakeup();
  if (wakeup != kNever) lines.push_back("wakeup " + text_of(wakeup.time_since_epoch()));
  if (lines.empty()) lines.emplace_back("nothing");
  return lines;
}

std::vector<std::string> Case::play(std::vector<PlayedJob> jobs) {
  std::multimap<Time, Event> due;
  std::map<JobId, PlayedJob*> by_id;
  for (PlayedJob& job : jobs) {
    due.emplace(job.submitted, JobSubmitted{job.spec});
    by_id[job.spec.id] = &job;
  }
  Time now{};
  while (true) {
    Time next = due.empty() ? kNever : due.begin()->first;
    if (scheduler_) next = std::min(next, std::max(now, scheduler_->next_wakeup()));
    if (next == kNever) break;
    now = next;
    std::vector<Event> events;
    for (const auto& [at, event] : std::vector(due.begin(), due.upper_bound(now))) events.push_back(event);
    due.erase(due.begin(), due.upper_bound(now));
    for (const Command& command : tell(now, events)) {
      if (const auto* commit = std::get_if<Commit>(&command)) {
        due.emplace(now, CommitAnswered{commit->request, Answer::done});
      } else if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
        PlayedJob& job = *by_id.at(dispatch->attempt.job);
        job.started = now;
        due.emplace(now + job.work, AttemptFinished{dispatch->attempt, Ending::succeeded});
      } else {
        throw ScriptError("a played schedule cannot answer: " + text_of(command));
      }
    }
  }
  std::vector<std::string> lines;
  for (const PlayedJob& job : jobs) {
    const std::string start = job.started == kNever ? "never" : text_of(job.started.time_since_epoch());
    lines.push_back(fmt::format("job {} starts at {}", job.spec.id.value, start));
  }
  return lines;
}

std::string Case::replay_difference(JournalFormat format, const std::string& journal) const {
  const char* name = format == JournalFormat::binary ? "binary" : "JSON Lines";
  std::istringstream in(journal);
  auto reader = JournalReader::open(in);
  if (!reader) return fmt::format("the {} journal cannot be read: {}\n", name, reader.error().message);
  Scheduler fresh(config_, make_policies(config_));
  const Result<ReplayReport> report = replay(*reader.value(), fresh);
  if (!report) return fmt::format("the {} journal cannot be replayed: {}\n", name, report.error().message);
  if (report.value().difference) return fmt::format("replay of the {} journal: {}\n", name, *report.value().difference);
  return report.value().hash == scheduler_->journal_hash() ? "" : "the replay ends with another hash\n";
}

std::string Case::verdict() {
  if (!scheduler_) return {};
  std::string text;
  checker_.finish(scheduler_->idle());
  for (const Violation& v : checker_.violations()) {
    text += fmt::format("invariant {} broken at {}: {}\n", v.invariant, text_of(v.at.time_since_epoch()), v.what);
  }
  binary_writer_->close(JournalEnd::stopped);
  json_writer_->close(JournalEnd::stopped);
  text += replay_difference(JournalFormat::binary, binary_.str());
  return text + replay_difference(JournalFormat::json_lines, json_.str());
}

}  // namespace drydock::scripted

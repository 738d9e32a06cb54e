#include "real-runtime/event_log.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

namespace {

using nlohmann::json;

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string time_now() {
  const auto now = std::chrono::system_clock::now();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), us);
}

}  // namespace

EventLog::~EventLog() {
  if (file_ >= 0) ::close(file_);
}

std::optional<Error> EventLog::open(const std::filesystem::path& file) {
  file_ = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file_ >= 0) return std::nullopt;
  return Error{fmt::format("cannot write {}: {}", file.string(), std::system_category().message(errno))};
}

void EventLog::worker_started(const ExecutorFacts& facts) {
  if (file_ < 0) return;
  json details{{"jobs_folder", facts.folder.string()}, {"limits", in_words(facts.limits)}};
  details["container_engine"] = facts.engine ? json(facts.engine->program) : json(nullptr);
  details["jobs_user"] = facts.user ? json(facts.user->uid) : json(nullptr);
  write("worker_started", "null", dumped(details));
}

void EventLog::attempt_started(AttemptId attempt) {
  if (file_ < 0) return;
  write("attempt_started", dumped(attempt_folder_name(attempt)), "{}");
}

void EventLog::attempt_ended(AttemptId attempt, const AttemptOutcome& outcome) {
  if (file_ < 0) return;
  json details{{"outcome", name_of(outcome.kind)}, {"reason", outcome.reason}};
  if (outcome.exit_status) details["exit_status"] = *outcome.exit_status;
  if (outcome.signal) details["signal"] = name_of_signal(*outcome.signal);
  write("attempt_ended", dumped(attempt_folder_name(attempt)), dumped(details));
}

// In one write, so that lines of several workers do not mix. What cannot be written is lost: jobs are more important.
void EventLog::write(const char* event, const std::string& task, const std::string& details) {
  const std::string line = fmt::format(R"({{"time":"{}","event":"{}","node":{},"worker":{},"task":{},"details":{}}})",
                                       time_now(), event, dumped(node_), worker_.value, task, details) +
                           "\n";
  (void)!::write(file_, line.data(), line.size());
}

}  // namespace drydock::runtime

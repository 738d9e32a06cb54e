#include "real-runtime/kept_output.hpp"

#include "real-runtime/output_log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace drydock::runtime {

namespace {

using nlohmann::json;

std::string kept_output_key(AttemptId attempt, WorkerId worker) {
  return fmt::format("output:{}:{}:{}", attempt.job.value, attempt.number, worker.value);
}

// "stdout" and "stdout-7", but not "stdout.tail".
bool is_output(std::string_view name) {
  if (!name.starts_with("stdout") && !name.starts_with("stderr")) return false;
  const std::string_view rest = name.substr(6);
  return rest.empty() || (rest.size() > 1 && rest[0] == '-' && rest.find_first_not_of("0123456789", 1) == rest.npos);
}

std::uint64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

json optional_json(const std::optional<int>& value) { return value ? json(*value) : json(); }
std::optional<int> optional_int(const json& value) {
  return value.is_number_integer() ? std::optional(value.get<int>()) : std::nullopt;
}

KeptOutput kept_output_of(const json& kept) {
  KeptOutput result;
  const auto kind = std::ranges::find(kOutcomeNames, kept.at("outcome").get<std::string>());
  if (kind != kOutcomeNames.end()) result.outcome.kind = static_cast<AttemptOutcome::Kind>(kind - kOutcomeNames.begin());
  result.outcome.reason = kept.at("reason").get<std::string>();
  result.outcome.exit_status = optional_int(kept.at("exit_status"));
  result.outcome.signal = optional_int(kept.at("signal"));
  for (const auto& [name, stream] : kept.at("streams").items()) {
    result.streams[name] = {stream.at("end").get<std::string>(), stream.at("bytes").get<std::uint64_t>()};
  }
  result.left_out = kept.at("left_out").get<std::uint32_t>();
  return result;
}

}  // namespace

std::vector<std::string> output_files(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (std::string name = at->path().filename().string(); is_output(name)) names.push_back(std::move(name));
  }
  // Task 2 before task 10.
  std::ranges::sort(names, {}, [](const std::string& name) { return std::pair(name.size(), name); });
  return names;
}

OutputKeeper::OutputKeeper(AsyncRedis& redis, std::string key_prefix, WorkerId worker, KeepOutputOptions options)
    : redis_(redis), key_prefix_(std::move(key_prefix)), worker_(worker), options_(options) {}

void OutputKeeper::attempt_ended(AttemptId attempt, const AttemptOutcome& outcome, const std::filesystem::path& folder) {
  if (options_.most_of_stream == 0) return;
  json streams = json::object();
  std::uint64_t bytes = 0;
  std::uint32_t left_out = 0;
  for (const std::string& name : output_files(folder)) {
    const std::uint64_t size = size_of(folder / name);
    if (size == 0) continue;
    std::string end = end_of_log(folder / name, options_.most_of_stream);
    if (bytes + end.size() > options_.most_of_attempt()) {
      ++left_out;
      continue;
    }
    bytes += end.size();
    streams[name] = {{"end", std::move(end)}, {"bytes", size}};
  }
  if (streams.empty() && (outcome.kind == AttemptOutcome::Kind::succeeded || outcome.kind == AttemptOutcome::Kind::stopped))
    return;
  const json kept{{"outcome", name_of(outcome.kind)},
                  {"reason", outcome.reason},
                  {"exit_status", optional_json(outcome.exit_status)},
                  {"signal", optional_json(outcome.signal)},
                  {"streams", std::move(streams)},
                  {"left_out", left_out}};
  std::string text = kept.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string key = key_prefix_ + kept_output_key(attempt, worker_);
  bytes_ += text.size();
  sent_.push_back({key, text.size()});
  while (bytes_ > options_.most_of_worker && sent_.size() > 1) {
    bytes_ -= sent_.front().bytes;
    redis_.run({"DEL", std::move(sent_.front().key)}, {});
    sent_.pop_front();
  }
  redis_.run({"SET", std::move(key), std::move(text), "PX", std::to_string(redis::ttl_ms(options_.for_how_long))}, {});
}

Result<std::optional<KeptOutput>> read_kept_output(RedisClient& redis, AttemptId attempt, WorkerId worker) {
  const std::string key = kept_output_key(attempt, worker);
  const auto texts = redis.run({"GET", redis.key(key)});
  if (!texts) return texts.error();
  if (texts.value().empty()) return std::optional<KeptOutput>{};
  try {
    return std::optional(kept_output_of(json::parse(texts.value().front())));
  } catch (const json::exception&) {
    return Error{fmt::format("what Redis has under {} was not written by a worker of this version", key)};
  }
}

}  // namespace drydock::runtime

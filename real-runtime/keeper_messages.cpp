#include "real-runtime/keeper_messages.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::size_t kMostReason = kMostEndMessage - 64;
constexpr int kNone = -1;

}  // namespace

// CBOR, since names of folders need not be UTF-8.
std::optional<std::string> encode_attempt(const KeptAttempt& attempt) {
  const Resources::Amounts& held = attempt.held.amounts;
  std::string message;
  json::to_cbor({{"job", attempt.attempt.job.value},
                 {"number", attempt.attempt.number},
                 {"tasks", attempt.tasks},
                 {"held", std::vector<std::int64_t>(held.begin(), held.end())},
                 {"progress_ns", attempt.progress.count()},
                 {"payload", to_json(attempt.payload)},
                 {"gpus", attempt.gpus},
                 {"cores", attempt.cores},
                 {"folder", attempt.folder.string()},
                 {"results", attempt.results.string()},
                 {"limiter", attempt.limiter}},
                message);
  if (message.size() > kMostAttemptMessage) return std::nullopt;
  return message;
}

std::optional<KeptAttempt> decode_attempt(std::string_view message) {
  const json object = json::from_cbor(message.begin(), message.end(), true, false);
  if (!object.is_object()) return std::nullopt;
  try {
    auto payload = parse_payload(object.at("payload").get<std::string>());
    const auto held = object.at("held").get<std::vector<std::int64_t>>();
    KeptAttempt attempt{.attempt = {}, .held = {}, .payload = SleepPayload{}};
    if (!payload || held.size() != static_cast<std::size_t>(attempt.held.amounts.size())) return std::nullopt;
    attempt.payload = std::move(payload.value());
    std::ranges::copy(held, attempt.held.amounts.begin());
    object.at("job").get_to(attempt.attempt.job.value);
    object.at("number").get_to(attempt.attempt.number);
    object.at("tasks").get_to(attempt.tasks);
    attempt.progress = Duration{object.at("progress_ns").get<std::int64_t>()};
    object.at("gpus").get_to(attempt.gpus);
    object.at("cores").get_to(attempt.cores);
    attempt.folder = object.at("folder").get<std::string>();
    attempt.results = object.at("results").get<std::string>();
    object.at("limiter").get_to(attempt.limiter);
    return attempt;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// "KIND STATUS SIGNAL TAKES_ANOTHER REASON"
std::string encode_end(const AttemptEnd& end) {
  const AttemptOutcome& outcome = end.outcome;
  return fmt::format("{} {} {} {:d} {}", name_of(outcome.kind), outcome.exit_status.value_or(kNone),
                     outcome.signal.value_or(kNone), end.takes_another,
                     std::string_view(outcome.reason).substr(0, kMostReason));
}

std::optional<AttemptEnd> decode_end(std::string_view message) {
  std::istringstream stream{std::string(message)};
  std::string kind;
  int status = kNone;
  int signal = kNone;
  AttemptEnd end;
  if (!(stream >> kind >> status >> signal >> end.takes_another) || stream.get() != ' ') return std::nullopt;
  const auto known = std::ranges::find(kOutcomeNames, kind);
  if (known == kOutcomeNames.end()) return std::nullopt;
  end.outcome.kind = static_cast<AttemptOutcome::Kind>(known - kOutcomeNames.begin());
  std::getline(stream, end.outcome.reason, '\0');
  if (status != kNone) end.outcome.exit_status = status;
  if (signal != kNone) end.outcome.signal = signal;
  return end;
}

}  // namespace drydock::runtime

#include "real-runtime/job_payload.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using nlohmann::json;

struct Writer {
  json operator()(const SleepPayload& sleep) const { return {{"sleep_ns", nanos(sleep.work)}, {"keeps", sleep.keeps}}; }
  json operator()(const CommandPayload& command) const { return {{"command", command.words}}; }
};

}  // namespace

std::string to_json(const JobPayload& payload) {
  return std::visit(Writer{}, payload).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<JobPayload> parse_payload(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return Error{"the payload of the job is not a JSON object"};
  if (const auto sleep = object.find("sleep_ns"); sleep != object.end()) {
    if (!sleep->is_number_integer() || sleep->get<std::int64_t>() < 0) return Error{"\"sleep_ns\" is not a number of ns"};
    const auto keeps = object.find("keeps");
    return JobPayload{SleepPayload{Duration{sleep->get<std::int64_t>()},
                                   keeps != object.end() && keeps->is_boolean() && keeps->get<bool>()}};
  }
  const auto command = object.find("command");
  const auto is_text = [](const json& word) { return word.is_string(); };
  if (command == object.end() || !command->is_array() || command->empty() || !std::ranges::all_of(*command, is_text)) {
    return Error{"the payload of the job has neither \"sleep_ns\" nor a \"command\" of texts"};
  }
  return JobPayload{CommandPayload{command->get<std::vector<std::string>>()}};
}

}  // namespace drydock::runtime

#include "real-runtime/chaos/worker_trouble.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/draw.hpp"

#include <nlohmann/json.hpp>

namespace drydock::runtime::chaos {
namespace {

using TroubleJson = nlohmann::json;

TroubleJson json_of(const MessageRule& rule) {
  TroubleJson json{{"fault", rule.fault},           {"beats", rule.kinds.beats},       {"dispatches", rule.kinds.dispatches},
                   {"reports", rule.kinds.reports}, {"probability", rule.probability}, {"loses", rule.loses},
                   {"repeats", rule.repeats}};
  if (rule.burst) json["burst"] = {rule.burst->enter, rule.burst->leave, rule.burst->lost};
  for (const Duration delay : rule.delays) json["delays_ns"].push_back(nanos(delay));
  return json;
}

MessageRule rule_of(const TroubleJson& json) {
  MessageRule rule{.fault = json.at("fault"),
                   .kinds = {.beats = json.at("beats"),
                             .dispatches = json.at("dispatches"),
                             .reports = json.at("reports"),
                             .shares = false},
                   .probability = json.at("probability"),
                   .loses = json.at("loses"),
                   .repeats = json.at("repeats")};
  if (json.contains("burst")) {
    const TroubleJson& burst = json.at("burst");
    rule.burst = {.enter = burst.at(0), .leave = burst.at(1), .lost = burst.at(2)};
  }
  if (json.contains("delays_ns")) {
    for (const TroubleJson& delay : json.at("delays_ns")) rule.delays.emplace_back(delay.get<std::int64_t>());
  }
  return rule;
}

bool is_meant(const MessageRule& rule, MessageFates::Kind kind) {
  switch (kind) {
    case MessageFates::Kind::beat: return rule.kinds.beats;
    case MessageFates::Kind::dispatch: return rule.kinds.dispatches;
    case MessageFates::Kind::report: return rule.kinds.reports;
  }
  return false;
}

}  // namespace

std::string to_json(const WorkerTrouble& trouble) {
  TroubleJson json{{"seed", trouble.seed}, {"speed", trouble.speed}, {"rules", TroubleJson::array()}};
  for (const MessageRule& rule : trouble.rules) json["rules"].push_back(json_of(rule));
  return json.dump();
}

Result<WorkerTrouble> parse_trouble(std::string_view line) {
  try {
    const TroubleJson json = TroubleJson::parse(line);
    WorkerTrouble trouble{.seed = json.at("seed"), .speed = json.at("speed"), .rules = {}};
    for (const TroubleJson& rule : json.at("rules")) trouble.rules.push_back(rule_of(rule));
    return trouble;
  } catch (const TroubleJson::exception& wrong) {
    return Error{wrong.what()};
  }
}

MessageFates::Fate MessageFates::next(Kind kind) {
  const std::uint64_t number = numbers_[static_cast<std::size_t>(kind)]++;
  Fate fate;
  for (const MessageRule& rule : trouble_.rules) {
    if (!is_meant(rule, kind)) continue;
    const std::uint64_t stream = mix64(mix64(stream_of("message-for-real") + rule.fault) ^ static_cast<std::uint64_t>(kind));
    scenarios::Draws draws = scenarios::DrawStream(trouble_.seed, stream).at(number);
    if (rule.loses) {
      double probability = rule.probability;
      if (rule.burst) {
        bool& bad = bad_[rule.fault];
        bad = draws.uniform() < (bad ? 1 - rule.burst->leave : rule.burst->enter);
        if (bad) probability = rule.burst->lost;
      }
      fate.lost = draws.uniform() < probability || fate.lost;
      continue;
    }
    if (draws.uniform() >= rule.probability) continue;
    const Duration delay = rule.delays.empty() ? Duration{0} : rule.delays[number % rule.delays.size()];
    if (!rule.repeats) fate.late += delay;
    else if (!fate.again) fate.again = delay;
  }
  return fate;
}

}  // namespace drydock::runtime::chaos

#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

constexpr std::string_view kAtOnce = "at-once";
constexpr std::string_view kNextAdjustment = "next-adjustment";
constexpr std::string_view kAtCheck = "check";
constexpr std::string_view kAtAdjustment = "adjustment";

}  // namespace

std::vector<ParameterInfo> idle_parameters() {
  return {{.name = "idle_after",
           .default_value = Duration{std::chrono::seconds{30}},
           .help = "time without a running or waiting request after which a worker is idle",
           .minimum = 0},
          {.name = "idle_share",
           .default_value = std::string(kNothing),
           .help = "what an idle worker holds while others are active: nothing, or its base share",
           .choices = {kNothing, kBase}}};
}

std::vector<ParameterInfo> announced_parameters() {
  std::vector<ParameterInfo> parameters = idle_parameters();
  const std::vector<ParameterInfo> more = {
      {.name = "check",
       .default_value = Duration{std::chrono::seconds{5}},
       .help = "time between two looks of a worker at the state of all",
       .minimum = 1e-3},
      {.name = "adjust",
       .default_value = Duration{std::chrono::seconds{10}},
       .help = "time between two adjustments of a worker's share to what it last saw",
       .minimum = 1e-3},
      {.name = "silence",
       .default_value = Duration{std::chrono::seconds{30}},
       .help = "time after which a worker that announces nothing does not count any more; above check",
       .minimum = 1e-3},
      {.name = "newcomer",
       .default_value = std::string(kAtOnce),
       .help = "when a worker that becomes active takes its share: at-once, or at its next-adjustment",
       .choices = {kAtOnce, kNextAdjustment}},
      {.name = "shrink_at",
       .default_value = std::string(kAtAdjustment),
       .help = "when a worker gives up what others get: at its next adjustment, or as soon as a check shows it",
       .choices = {kAtAdjustment, kAtCheck}}};
  parameters.insert(parameters.end(), more.begin(), more.end());
  return parameters;
}

ShareRules idle_rules(const PolicyConfig& config) {
  ShareRules rules;
  rules.idle_after = config.get<Duration>("idle_after");
  rules.idle_holds = config.get<std::string>("idle_share") == kBase ? IdleHolds::base : IdleHolds::nothing;
  return rules;
}

ShareRules announced_rules(const PolicyConfig& config) {
  ShareRules rules = idle_rules(config);
  rules.protocol = AnnouncedShares{
      .check = config.get<Duration>("check"),
      .adjust = config.get<Duration>("adjust"),
      .silence = config.get<Duration>("silence"),
      .newcomer = config.get<std::string>("newcomer") == kAtOnce ? NewcomerStarts::at_once : NewcomerStarts::next_adjustment,
      .holder = config.get<std::string>("shrink_at") == kAtCheck ? HolderShrinks::at_check : HolderShrinks::at_adjustment};
  return rules;
}

}  // namespace drydock

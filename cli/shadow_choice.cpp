#include "cli/shadow_choice.hpp"

#include "cli/suggest.hpp"
#include "policies/catalog.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/wording.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>

namespace drydock::cli {

namespace {

using scenarios::Scenario;

bool is_placement(std::string_view policy) {
  return policy.starts_with('{') || find_policy(PolicyFamily::placement, policy) != nullptr;
}

std::string no_such_shadow(const std::string& path, const std::string& policy, const std::vector<Scenario>& variants) {
  std::vector<std::string_view> words;
  for (const Scenario& scenario : variants) {
    if (!scenario.variant.empty()) words.push_back(scenario.variant);
  }
  const std::string named = words.empty() ? "which has none" : "which has: " + scenarios::listed(words);
  const std::string variant = path.empty() ? "" : fmt::format("a variant of {} ({}), or ", path, named);
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family == PolicyFamily::placement) words.push_back(info.type);
  }
  return fmt::format("--shadow {}: expected {}a placement policy (`drydock policies`) by its name or as a JSON object{}",
                     scenarios::printable(policy), variant, did_you_mean(policy, words));
}

// The shadow's scenario differs in what no shadow decides by.
std::optional<std::string> note_of_variant(const Scenario& real, const Scenario& shadow) {
  std::vector<std::string_view> others;
  const auto differ = [](const PolicyConfig& a, const PolicyConfig& b) {
    return a.type != b.type || a.parameters != b.parameters;
  };
  if (differ(real.liveness, shadow.liveness)) others.emplace_back("liveness");
  if (differ(real.scheduler.accounting, shadow.scheduler.accounting)) others.emplace_back("accounting");
  if (differ(real.scheduler.retry, shadow.scheduler.retry)) others.emplace_back("retry");
  const ControlPlaneConfig& control = real.scheduler.control_plane;
  const ControlPlaneConfig& other = shadow.scheduler.control_plane;
  if (control.trigger != other.trigger || control.period != other.period) others.emplace_back("control_plane");
  if (others.empty()) return std::nullopt;
  return fmt::format("the shadow decides by its placement, isolation and queues alone: of variant \"{}\", {} {} no effect",
                     shadow.variant, fmt::join(others, ", "), others.size() == 1 ? "has" : "have");
}

Result<ShadowChoice> as_shadow(const std::string& name, const SchedulerConfig& real, const SchedulerConfig& shadow) {
  if (const auto why = why_no_shadow(real, shadow)) {
    return Error{fmt::format("--shadow {}: {} than the one that runs, so that it cannot decide on the same state",
                             scenarios::printable(name), *why)};
  }
  return ShadowChoice{.name = name, .config = shadow};
}

}  // namespace

void declare_shadow(CLI::App& app, std::optional<std::string>& policy) {
  app.add_option("--shadow", policy,
                 "A second policy that decides at the same moments on the same state, without acting: where it differs is "
                 "counted and told. Another variant of the scenario, or a placement such as easy or '{\"type\": \"easy\", "
                 "\"order\": \"sjf\"}'")
      ->type_name("POLICY");
}

Result<ShadowChoice> choose_shadow(const std::string& path, const std::vector<std::string>& sets, const Scenario& real,
                                   const std::string& policy, std::vector<std::string>& notes) {
  const auto variants = scenarios::load(path, {.sets = sets, .read_traces = false, .read_platform = sim::read_platform});
  if (!variants) return variants.error();
  const auto variant = std::ranges::find(variants.value(), policy, &Scenario::variant);
  const bool is_variant = !policy.empty() && variant != variants.value().end();
  if (!is_variant && !is_placement(policy)) return Error{no_such_shadow(path, policy, variants.value())};
  auto choice = is_variant ? as_shadow(policy, real.scheduler, variant->scheduler)
                           : choose_shadow_placement(real.json, real.scheduler, policy);
  if (!choice) return choice;
  if (is_variant) {
    const auto own = std::ranges::find(variants.value(), real.variant, &Scenario::variant);
    const auto note = own == variants.value().end() ? std::nullopt : note_of_variant(*own, *variant);
    if (note) notes.push_back(*note);
  }
  if (real.scheduler.control_plane.lookahead > 0) {
    notes.push_back(
        fmt::format("the shadow sees the jobs that the scheduler holds in memory: {} of each queue that wait, the "
                    "first ones by their priority (control_plane.lookahead)",
                    real.scheduler.control_plane.lookahead));
  }
  return choice;
}

Result<ShadowChoice> choose_shadow_placement(const std::string& json, const SchedulerConfig& real,
                                             const std::string& policy) {
  if (!is_placement(policy)) return Error{no_such_shadow("", policy, {})};
  const std::string value = policy.starts_with('{') ? policy : fmt::format(R"({{"type":"{}"}})", policy);
  const auto placed = scenarios::load_text(json, fmt::format("--shadow {}", scenarios::printable(policy)), ".",
                                           {.sets = {"/policies/placement=" + value}, .read_traces = false});
  if (!placed) return placed.error();
  return as_shadow(policy, real, placed.value().front().scheduler);
}

std::string shadow_text(const ShadowReport& report, std::string_view indent) {
  std::string text = fmt::format("{}\n", summary_of(report));
  for (const ShadowDifference& one : report.first) text += fmt::format("{}{}\n", indent, to_text(one));
  if (report.differences() > report.first.size()) {
    text += fmt::format("{}and {} more, each counted once\n", indent, report.differences() - report.first.size());
  }
  return text;
}

std::vector<std::string> ShadowLines::next(const ShadowReport& report, Time now) {
  std::vector<std::string> lines;
  if (now - minute_at_ >= std::chrono::minutes{1}) {
    if (untold_ > 0)
      lines.push_back(fmt::format("shadow {} more differences in a minute; {}\n", untold_, summary_of(report)));
    minute_at_ = now;
    told_ = untold_ = 0;
  }
  const std::uint64_t fresh = report.differences() - std::min(seen_, report.differences());
  seen_ = report.differences();
  const std::vector<ShadowDifference> newest = report.newest(std::min(fresh, kMostInAMinute - told_));
  for (const ShadowDifference& one : newest) lines.push_back(fmt::format("shadow {}: {}\n", report.name, to_text(one)));
  told_ += newest.size();
  untold_ += fresh - newest.size();
  if (report.off && !off_) {
    lines.push_back(fmt::format("shadow {} was switched off, and the scheduler goes on: {}\n", report.name, *report.off));
  }
  off_ = report.off.has_value();
  return lines;
}

}  // namespace drydock::cli

#include "scenarios/faults/dice.hpp"

#include "scenarios/units.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace drydock::scenarios {
namespace {

constexpr Duration kGrain = std::chrono::milliseconds{1};

// What comes again and again by itself.
std::vector<Duration> periods_of(const Scenario& scenario) {
  std::vector<Duration> periods;
  const auto add = [&](const PolicyConfig& policy, std::string_view name) {
    const auto found = policy.parameters.find(name);
    if (found == policy.parameters.end() || !std::holds_alternative<Duration>(found->second)) return;
    if (std::get<Duration>(found->second) > Duration{0}) periods.push_back(std::get<Duration>(found->second));
  };
  if (scenario.scheduler.control_plane.period > Duration{0}) periods.push_back(scenario.scheduler.control_plane.period);
  add(scenario.liveness, "heartbeat");
  add(scenario.liveness, "ttl");
  add(scenario.scheduler.accounting, "resync");
  return periods;
}

}  // namespace

double rounded(double value) {
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(value)));
  return std::round(value * scale) / scale;
}

std::string FaultDice::moment() {
  const std::vector<Duration> periods = periods_of(scenario_);
  if (!periods.empty() && chance(0.25)) {
    const Duration period = periods[below(periods.size())];
    return format_duration(period * static_cast<std::int64_t>(below(static_cast<std::uint64_t>(course_ / period) + 1)));
  }
  const auto grains = static_cast<std::uint64_t>(course_ / kGrain);
  return format_duration(kGrain * static_cast<std::int64_t>(below(grains + 1)));
}

std::string FaultDice::span() {
  const double most = std::max(1.0, static_cast<double>(course_ / kGrain));
  const bool evenly = chance(0.5);
  const double part = draws_.uniform();
  const double grains = std::max(1.0, evenly ? part * most : std::pow(most, part));
  return format_duration(kGrain * std::llround(rounded(grains)));
}

double FaultDice::probability() { return rounded(std::pow(100.0, draws_.uniform() - 1)); }

std::string FaultDice::pause() {
  return format_duration(kGrain * std::llround(rounded(std::pow(60'000.0, draws_.uniform()))));
}

Json FaultDice::message_kinds(bool with_shares) {
  constexpr std::array<const char*, 4> kKinds{"beats", "dispatches", "reports", "shares"};
  const std::size_t most = with_shares ? kKinds.size() : kKinds.size() - 1;
  Json kinds = Json::array({kKinds[below(most)]});
  if (const char* const another = kKinds[below(most)]; another != kinds[0]) kinds.push_back(another);
  return kinds;
}

double FaultDice::slowness() { return rounded(std::pow(100.0, draws_.uniform())); }

Json FaultDice::scheduler() {
  const std::uint64_t which = below(scenario_.schedulers + std::uint64_t{4});
  if (which < 2) return "leader";
  if (which == 2) return "any";
  if (which == 3) return "all";
  return which - 4;
}

std::string FaultDice::host() {
  const HostGroup& group = scenario_.hosts[below(scenario_.hosts.size())];
  if (chance(0.2)) return group.name;
  return host_name(group, static_cast<std::uint32_t>(below(group.count)));
}

bool FaultDice::has_beats() const { return scenario_.liveness.type != "oracle"; }

bool FaultDice::has_counter() const {
  const std::string& type = scenario_.scheduler.accounting.type;
  return !type.empty() && type != "database";
}

bool FaultDice::uses_redis() const { return has_beats() || has_counter() || scenario_.limits.has_value(); }

double FaultDice::slowest_safe_clock() const {
  if (!scenario_.self_fencing || scenario_.liveness.type != "ttl") return 1;
  const Duration lease = scenario_.liveness.get<Duration>("ttl");
  return 1 - seconds(scenario_.fencing_margin) / seconds(lease);
}

bool FaultDice::minds_offsets() const {
  if (scenario_.liveness.type == "nfd-s") return true;
  return scenario_.liveness.type == "ttl" && scenario_.liveness.get<std::string>("expiry") == "wall-clock";
}

bool FaultDice::gives_up_poison() const {
  const auto& parameters = scenario_.scheduler.retry.parameters;
  const auto after = parameters.find("quarantine_after");
  return after != parameters.end() && std::get<std::int64_t>(after->second) > 0;
}

}  // namespace drydock::scenarios

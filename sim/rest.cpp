#include "sim/rest.hpp"

#include <algorithm>
#include <optional>
#include <variant>

namespace drydock::sim {
namespace {

// For what is under way when all else is quiet, and for latencies.
constexpr Duration kSlack = std::chrono::minutes{1};

// When a fault is over: nothing if that is never. What happens to single jobs ends with them.
std::optional<Duration> end_of(const scenarios::Fault& fault) {
  const auto once = [](const auto& when) -> std::optional<Duration> {
    const auto* single = std::get_if<scenarios::WorkerCrash::Once>(&when);
    if (single == nullptr || !single->lasting) return std::nullopt;
    return single->at + *single->lasting;
  };
  return std::visit(
      [&](const auto& f) -> std::optional<Duration> {
        if constexpr (requires { f.when; }) return once(f.when);
        else if constexpr (requires { f.lasting; }) return f.lasting ? std::optional(f.at + *f.lasting) : std::nullopt;
        else return Duration{0};
      },
      fault);
}

Duration parameter(const PolicyConfig& policy, std::string_view name) {
  const auto found = policy.parameters.find(name);
  return found == policy.parameters.end() ? Duration{0} : std::get<Duration>(found->second);
}

}  // namespace

Rest::Rest(const scenarios::Scenario& scenario) : must_end_by_(later(kTimeZero, *scenario.must_end_by)) {
  for (const scenarios::Fault& fault : scenario.faults) {
    const std::optional<Duration> end = end_of(fault);
    heals_ = heals_ && end;
    healed_ = std::max(healed_, later(kTimeZero, end.value_or(Duration{0})));
  }
  const PolicyConfig& accounting = scenario.scheduler.accounting;
  const Duration resync = parameter(accounting, "resync");
  resyncs_ = resync > Duration{0};
  if (resyncs_) quiet_ = 2 * resync + parameter(accounting, "gap") + kSlack;
  latest_ = later(std::max(must_end_by_, healed_), 2 * quiet_ + kSlack);
}

}  // namespace drydock::sim

#include "cli/seeds.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <set>
#include <variant>

namespace drydock::cli {
namespace {

using namespace scenarios;

constexpr std::uint64_t kSeedsMost = 100'000;
constexpr std::uint64_t kDefaultReplications = 10;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Error refuse(std::string_view text, std::string_view why) {
  return Error{
      fmt::format("--seeds {}: {}; allowed are whole numbers, ranges and lists of them: 7, 1..20, 1,2,5", text, why)};
}

bool varies(const Distribution& distribution) {
  if (const auto* uniform = std::get_if<Uniform>(&distribution)) return uniform->low < uniform->high;
  if (const auto* empirical = std::get_if<Empirical>(&distribution)) return empirical->values.size() > 1;
  return !std::holds_alternative<Deterministic>(distribution);
}

bool varies(const std::optional<Distribution>& distribution) { return distribution && varies(*distribution); }

bool varies(const Arrivals& arrivals) {
  if (const auto* renewal = std::get_if<RenewalArrivals>(&arrivals)) return varies(renewal->gap);
  return !std::holds_alternative<RegularArrivals>(arrivals) && !std::holds_alternative<AtOnce>(arrivals);
}

bool varies(const Source& source) {
  // Also when it fails is.
  if (std::visit([](const auto& s) { return s.hazards.failure_probability > 0; }, source)) return true;
  const auto* synthetic = std::get_if<SyntheticSource>(&source);
  if (synthetic == nullptr) return false;
  return varies(synthetic->arrivals) || varies(synthetic->duration) || varies(synthetic->tasks) ||
         varies(synthetic->estimate_factor) ||
         (synthetic->requests && (varies(synthetic->requests->count) || varies(synthetic->requests->duration)));
}

template <class When>
bool comes_at_random(const When& when) {
  const auto* repeated = std::get_if<scenarios::WorkerCrash::Repeated>(&when);
  return repeated != nullptr && (varies(repeated->up) || varies(repeated->down));
}

bool varies(const scenarios::WorkerCrash& crash) { return comes_at_random(crash.when); }

bool varies(const scenarios::WorkerStop& stop) { return comes_at_random(stop.when); }
bool varies(const scenarios::WorkerCut& cut) { return comes_at_random(cut.when); }

bool varies(const scenarios::MessageDelay& delay) {
  return delay.probability > 0 && (delay.probability < 1 || varies(delay.delay));
}

bool varies(const scenarios::ClockSkew& /*skew*/) { return false; }

bool varies(const scenarios::MessageLoss& loss) { return loss.burst || (loss.probability > 0 && loss.probability < 1); }

bool varies(const scenarios::StoreFault& fault) { return comes_at_random(fault.when); }
bool varies(const scenarios::HostTrouble& trouble) { return comes_at_random(trouble.when); }

bool varies(const scenarios::SchedulerFault& fault) {
  return fault.whom == scenarios::SchedulerFault::Whom::any || comes_at_random(fault.when);
}

bool varies(const scenarios::OrderFault& fault) { return fault.probability > 0; }

bool varies(const scenarios::PoisonJob& poison) {
  return poison.probability > 0 && (poison.probability < 1 || !poison.after);
}

bool varies(const scenarios::BeatDown& /*down*/) { return false; }

}  // namespace

Result<std::vector<std::uint64_t>> parse_seeds(std::string_view text) {
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> seen;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    const std::size_t dots = part.find("..");
    const auto first = parse_number(part.substr(0, dots));
    const auto last = dots == std::string_view::npos ? first : parse_number(part.substr(dots + 2));
    if (!first || !last) return refuse(text, fmt::format("\"{}\" is no seed", part));
    if (*last < *first) return refuse(text, fmt::format("the range {} is empty", part));
    if (*last - *first >= kSeedsMost) return refuse(text, fmt::format("more than {} seeds", kSeedsMost));
    for (std::uint64_t i = 0; i <= *last - *first; ++i) {
      if (!seen.insert(*first + i).second) return refuse(text, fmt::format("seed {} is given twice", *first + i));
      seeds.push_back(*first + i);
    }
    if (seeds.size() > kSeedsMost) return refuse(text, fmt::format("more than {} seeds", kSeedsMost));
    if (comma == std::string_view::npos) return seeds;
    rest.remove_prefix(comma + 1);
  }
}

bool is_random(const Scenario& scenario) {
  if (scenario.scheduler.placement.type == "jsq" || varies(scenario.registry_latency) || varies(scenario.commit_latency) ||
      varies(scenario.query_latency) || varies(scenario.redis_service) || varies(scenario.database_latency)) {
    return true;
  }
  const scenarios::Overheads& overheads = scenario.overheads;
  if (varies(overheads.dispatch) || varies(overheads.report) || varies(overheads.process_start) || varies(overheads.timer))
    return true;
  if (scenario.limits) return true;  // when workers look at the state of all
  for (const auto& fault : scenario.faults) {
    if (std::visit([](const auto& kind) { return varies(kind); }, fault)) return true;
  }
  for (const scenarios::PeriodicSource& periodic : scenario.periodic) {
    if (varies(Source(periodic.jobs))) return true;
  }
  return std::any_of(scenario.workload.begin(), scenario.workload.end(),
                     [](const Source& source) { return varies(source); });
}

std::vector<std::uint64_t> default_seeds(std::span<const Scenario> variants) {
  const std::uint64_t first = variants.empty() ? 1 : variants.front().seed;
  // A run that is judged is a case by itself, mostly one that was hunted down.
  const bool judged =
      std::any_of(variants.begin(), variants.end(), [](const Scenario& s) { return s.must_end_by.has_value(); });
  const bool random =
      !judged && std::any_of(variants.begin(), variants.end(), [](const Scenario& s) { return is_random(s); });
  std::vector<std::uint64_t> seeds{first};
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - first;
  for (std::uint64_t i = 1; random && i < kDefaultReplications && i <= room; ++i) seeds.push_back(first + i);
  return seeds;
}

}  // namespace drydock::cli

#include "scenarios/faults/hazards.hpp"

#include "policies/core/rng.hpp"

#include <algorithm>
#include <variant>

namespace drydock::scenarios {
namespace {

double uniform_of(std::uint64_t seed, std::uint64_t stream, AttemptId attempt) {
  return unit_interval(counted(seed, mix64(stream ^ mix64(attempt.job.value)), attempt.number));
}

}  // namespace

Hazards::Hazards(const Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  std::vector<std::string> names;
  for (const Source& source : scenario.workload) {
    std::visit(
        [&](const auto& s) {
          names.push_back(s.name);
          sources_.push_back(s.hazards);
        },
        source);
    any_ = any_ || sources_.back().failure_probability > 0;
  }
  for (const PeriodicSource& source : scenario.periodic) {
    names.push_back(source.jobs.name);
    sources_.push_back(source.jobs.hazards);
    any_ = any_ || sources_.back().failure_probability > 0;
  }
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<PoisonJob>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    Poison poison{.fault = *fault, .stream = mix64(stream_of("poison-job") + i), .sources = {}};
    for (const std::string& name : names) poison.sources.push_back(fault->jobs.empty() || fault->jobs == name);
    poisons_.push_back(std::move(poison));
    any_ = true;
  }
}

// A random moment, at least 1 ns and before the end.
Duration Hazards::part_of(const Subject& subject, std::uint64_t stream) const {
  const double ns = uniform_of(seed_, stream, subject.attempt) * static_cast<double>(nanos(subject.service));
  return std::max(Duration{1}, Duration{static_cast<std::int64_t>(ns)});
}

std::optional<Hazards::Mishap> Hazards::mishap(const Subject& subject) const {
  std::optional<Mishap> first;
  const auto take = [&](const Mishap& mishap) {
    if (mishap.after < subject.service && (!first || mishap.after < first->after)) first = mishap;
  };
  const double probability = sources_[subject.source].failure_probability;
  if (probability > 0 && uniform_of(seed_, stream_of("attempt-fails"), subject.attempt) < probability) {
    take({.after = part_of(subject, stream_of("attempt-fails-at")), .kills_worker = {}});
  }
  for (const Poison& poison : poisons_) {
    if (!poison.sources[subject.source]) continue;
    if (uniform_of(seed_, poison.stream, {subject.attempt.job, 0}) >= poison.fault.probability) continue;
    const Duration after = poison.fault.after.value_or(part_of(subject, mix64(poison.stream)));
    take({.after = std::max(Duration{1}, after), .kills_worker = poison.fault.restart});
  }
  return first;
}

}  // namespace drydock::scenarios

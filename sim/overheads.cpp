#include "sim/overheads.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/sampling.hpp"

#include <variant>

namespace drydock::sim {
namespace {

std::uint64_t number_of(const Overheads::Message& message) {
  return mix64(mix64(static_cast<std::uint64_t>(message.sent.time_since_epoch().count()) + 1) ^ mix64(message.worker.value));
}

std::uint64_t number_of_process(const Overheads::Message& message) {
  return mix64(mix64(message.attempt.job.value + 1) ^ (std::uint64_t{message.attempt.number} << 32U) ^
               mix64(message.worker.value));
}

// Facts, orders and rows of commits are what a driver has to read or write.
std::size_t weight_of(std::span<const Command> orders) {
  std::size_t weight = orders.size();
  for (const Command& order : orders) {
    if (const auto* commit = std::get_if<Commit>(&order)) weight += commit->releases.size() + commit->assignments.size();
  }
  return weight;
}

}  // namespace

Overheads::Overheads(const scenarios::Scenario& scenario, std::uint64_t seed) : costs_(scenario.overheads), seed_(seed) {
  const auto note = [this](const scenarios::SyntheticSource* source) {
    runs_.push_back(source != nullptr && source->runs);
    sleeps_.push_back(source == nullptr || (!source->runs && !source->requests));
  };
  for (const scenarios::Source& source : scenario.workload) note(std::get_if<scenarios::SyntheticSource>(&source));
  for (const scenarios::PeriodicSource& periodic : scenario.periodic) note(&periodic.jobs);
}

bool Overheads::any() const { return costs_.dispatch || costs_.report || costs_.process_start || costs_.timer; }

Duration Overheads::draw(const std::optional<scenarios::Distribution>& what, std::uint64_t stream,
                         std::uint64_t number) const {
  if (!what) return Duration{0};
  const scenarios::DrawStream draws(seed_, mix64(stream));
  return std::max(Duration{0}, duration_of_seconds(scenarios::sample_with(*what, draws.at(number))));
}

Duration Overheads::to_run(const Message& message) const {
  const Duration way = draw(costs_.dispatch, stream_of("overhead-dispatch"), number_of(message));
  if (!runs_[message.source]) return way;
  return way + draw(costs_.process_start, stream_of("overhead-process"), number_of_process(message));
}

Duration Overheads::to_stop(const Message& message) const {
  return draw(costs_.dispatch, stream_of("overhead-stop"), number_of(message));
}

Duration Overheads::to_tell(const Message& message, bool by_a_timer) const {
  const Duration way = draw(costs_.report, stream_of("overhead-report"), number_of(message));
  if (!by_a_timer || !sleeps_[message.source]) return way;
  return way + draw(costs_.timer, stream_of("overhead-timer"), number_of(message));
}

void Thinking::begin(Time now, std::size_t facts, std::span<const Command> orders) {
  const auto weight = static_cast<std::int64_t>(facts + weight_of(orders));
  until_ = later(now, step_ + event_ * weight);
  orders_ = orders;
}

}  // namespace drydock::sim

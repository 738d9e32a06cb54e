#include "scenarios/faults/course.hpp"

#include "scenarios/workload.hpp"

#include <algorithm>
#include <iterator>

namespace drydock::scenarios {
namespace {

Duration draw_span(const Distribution& distribution, std::uint64_t seed, std::uint64_t stream, std::uint64_t number) {
  const Duration drawn = duration_of_seconds(sample(distribution, seed, stream, number));
  return std::max(Duration{0}, drawn);
}

}  // namespace

void Course::extend() const {
  const std::size_t number = spans_.size();
  if (const auto* once = std::get_if<WorkerCrash::Once>(&times_)) {
    const Time from = later(kTimeZero, once->at);
    spans_.push_back({from, once->lasting ? later(from, *once->lasting) : kNever});
    over_ = true;
    return;
  }
  const auto& repeated = std::get<WorkerCrash::Repeated>(times_);
  const Time last = number == 0 ? kTimeZero : spans_.back().until;
  const Duration up = std::max(Duration{1}, draw_span(repeated.up, seed_, stream_, 2 * number));
  const Time from = later(last, up);
  spans_.push_back({from, later(from, draw_span(repeated.down, seed_, stream_, 2 * number + 1))});
  over_ = spans_.back().until >= kEndOfTime;
}

void Course::extend_beyond(Time now) const {
  while (!over_ && (spans_.empty() || spans_.back().until <= now)) extend();
}

const Course::Span* Course::span(std::size_t number) const {
  while (spans_.size() <= number && !over_) extend();
  return number < spans_.size() ? &spans_[number] : nullptr;
}

const Course::Span* Course::at(Time now) const {
  extend_beyond(now);
  const auto after = std::ranges::upper_bound(spans_, now, {}, &Span::from);
  if (after == spans_.begin()) return nullptr;
  const Span& last = *std::prev(after);
  return now < last.until ? &last : nullptr;
}

Time Course::next_change(Time now) const {
  if (const Span* present = at(now)) return present->until;
  const auto next = std::ranges::upper_bound(spans_, now, {}, &Span::from);
  return next == spans_.end() ? kNever : next->from;
}

}  // namespace drydock::scenarios

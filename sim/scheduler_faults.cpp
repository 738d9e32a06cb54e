#include "sim/scheduler_faults.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <variant>

namespace drydock::sim {

SchedulerFaults::SchedulerFaults(const scenarios::Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<scenarios::SchedulerFault>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    courses_.push_back({.fault = *fault, .stream = mix64(stream_of("scheduler-fault") + i)});
    plan(courses_.back());
  }
}

// Even turns begin a span, odd ones end it.
void SchedulerFaults::plan(Course& course) const {
  const bool begins = course.turns % 2 == 0;
  if (const auto* once = std::get_if<scenarios::WorkerCrash::Once>(&course.fault.when)) {
    if (course.turns == 0) course.next = later(kTimeZero, once->at);
    else course.next = begins || !once->lasting ? kNever : later(course.next, *once->lasting);
    return;
  }
  const auto& repeated = std::get<scenarios::WorkerCrash::Repeated>(course.fault.when);
  const double drawn = scenarios::sample(begins ? repeated.up : repeated.down, seed_, course.stream, course.turns);
  course.next = later(course.next, std::max(Duration{1}, duration_of_seconds(drawn)));
}

Time SchedulerFaults::next() const {
  Time next = kNever;
  for (const Course& course : courses_) next = std::min(next, course.next);
  return next;
}

SchedulerFaults::Turn SchedulerFaults::take() {
  const auto course = std::ranges::min_element(courses_, {}, &Course::next);
  DRYDOCK_CHECK(course != courses_.end() && course->next != kNever, "no fault of a scheduler is due");
  const Turn turn{.fault = &course->fault,
                  .course = static_cast<std::size_t>(course - courses_.begin()),
                  .span = course->turns / 2,
                  .begins = course->turns % 2 == 0};
  ++course->turns;
  plan(*course);
  return turn;
}

std::uint64_t SchedulerFaults::draw(const Turn& turn, std::uint64_t count) const {
  return counted(seed_, mix64(courses_[turn.course].stream), turn.span) % count;
}

}  // namespace drydock::sim

#include "scenarios/faults/scheduler_faults.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <variant>

namespace drydock::scenarios {

SchedulerFaults::SchedulerFaults(const Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<SchedulerFault>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    courses_.push_back({.fault = *fault, .index = i, .stream = mix64(stream_of("scheduler-fault") + i)});
    plan(courses_.back());
  }
}

// Even turns begin a span, odd ones end it.
void SchedulerFaults::plan(Timetable& course) const {
  const bool begins = course.turns % 2 == 0;
  if (const auto* once = std::get_if<WorkerCrash::Once>(&course.fault.when)) {
    if (course.turns == 0) course.next = later(kTimeZero, once->at);
    else course.next = begins || !once->lasting ? kNever : later(course.next, *once->lasting);
    return;
  }
  const auto& repeated = std::get<WorkerCrash::Repeated>(course.fault.when);
  const double drawn = sample(begins ? repeated.up : repeated.down, seed_, course.stream, course.turns);
  course.next = later(course.next, std::max(Duration{1}, duration_of_seconds(drawn)));
}

Time SchedulerFaults::next() const {
  Time next = kNever;
  for (const Timetable& course : courses_) next = std::min(next, course.next);
  return next;
}

SchedulerFaults::Turn SchedulerFaults::take() {
  const auto course = std::ranges::min_element(courses_, {}, &Timetable::next);
  DRYDOCK_CHECK(course != courses_.end() && course->next != kNever, "no fault of a scheduler is due");
  const Turn turn{.fault = &course->fault,
                  .course = static_cast<std::size_t>(course - courses_.begin()),
                  .index = course->index,
                  .span = course->turns / 2,
                  .begins = course->turns % 2 == 0};
  ++course->turns;
  plan(*course);
  return turn;
}

std::uint64_t SchedulerFaults::bits(const Turn& turn) const {
  return counted(seed_, mix64(courses_[turn.course].stream), turn.span);
}

std::uint64_t SchedulerFaults::draw(const Turn& turn, std::uint64_t count) const { return bits(turn) % count; }

}  // namespace drydock::scenarios

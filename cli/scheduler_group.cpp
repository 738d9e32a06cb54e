#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/scheduler_group.hpp"

#include <algorithm>
#include <utility>

namespace drydock::cli {

using runtime::SchedulerProcess;

SchedulerGroup::SchedulerGroup(runtime::EventLoop& loop, SchedulerConfig config,
                               std::vector<runtime::SchedulerProcessOptions> options, Told told)
    : loop_(loop), config_(std::move(config)), told_(std::move(told)), seats_(options.size()) {
  for (std::size_t i = 0; i < options.size(); ++i) seats_[i].options = std::move(options[i]);
  for (Seat& seat : seats_) begin(seat);
}

void SchedulerGroup::begin(Seat& seat) {
  seat.process = std::make_unique<SchedulerProcess>(loop_, config_, seat.options);
  seat.process->on_idle(told_.idle);
  seat.process->on_error(told_.error);
  seat.process->on_statistics(told_.statistics);
  seat.process->on_first_dispatch(told_.first_dispatch);
  if (told_.dispatch) seat.process->on_dispatch(told_.dispatch);
}

void SchedulerGroup::end(Seat& seat) {
  if (seat.process == nullptr) return;
  counts_ += seat.process->counts();
  steps_ += seat.process->steps();
  seat.process.reset();
}

void SchedulerGroup::take_down(std::size_t number, bool graceful) {
  Seat& seat = seats_[number];
  ++seat.down_by;
  if (!graceful && seat.process != nullptr && seat.process->leads()) leaders_lost_.push_back(loop_.now());
  if (!graceful || seat.process == nullptr) return end(seat);
  // It may not be destroyed from within itself.
  seat.gone = std::make_unique<runtime::EventLoop::Timer>(loop_, [this, &seat] {
    end(seat);
    if (seat.down_by == 0 && seat.process == nullptr) begin(seat);
  });
  seat.process->shut_down([&seat] { seat.gone->start_soon(); });
}

void SchedulerGroup::start(std::size_t number) {
  Seat& seat = seats_[number];
  if (--seat.down_by == 0 && seat.process == nullptr) begin(seat);
}

// --- what is known ---

std::size_t SchedulerGroup::leader() const {
  const auto leads = [](const Seat& seat) { return seat.process != nullptr && seat.process->leads(); };
  const auto found = std::ranges::find_if(seats_, leads);
  return found == seats_.end() ? 0 : static_cast<std::size_t>(found - seats_.begin());
}

const SchedulerProcess* SchedulerGroup::led_by() const {
  if (const Seat& seat = seats_[leader()]; seat.process != nullptr) return seat.process.get();
  const auto any = std::ranges::find_if(seats_, [](const Seat& seat) { return seat.process != nullptr; });
  return any == seats_.end() ? nullptr : any->process.get();
}

bool SchedulerGroup::is_live(WorkerId worker) const { return led_by() != nullptr && led_by()->is_live(worker); }

bool SchedulerGroup::runs(AttemptId attempt, WorkerId worker) const {
  return led_by() != nullptr && led_by()->runs(attempt, worker);
}

std::string SchedulerGroup::problem() const { return led_by() != nullptr ? led_by()->problem() : std::string(); }

bool SchedulerGroup::is_idle_after(std::int64_t arrival) const {
  return std::ranges::any_of(seats_, [arrival](const Seat& seat) {
    return seat.process != nullptr && seat.process->idle() && seat.process->last_arrival() >= arrival;
  });
}

std::uint32_t SchedulerGroup::incarnation_of(WorkerId worker) const {
  std::uint32_t highest = 0;
  for (const Seat& seat : seats_) {
    if (seat.process != nullptr) highest = std::max(highest, seat.process->incarnation_of(worker));
  }
  return highest;
}

runtime::JobCounts SchedulerGroup::counts() const {
  runtime::JobCounts all = counts_;
  for (const Seat& seat : seats_) {
    if (seat.process != nullptr) all += seat.process->counts();
  }
  return all;
}

std::uint64_t SchedulerGroup::steps() const {
  std::uint64_t all = steps_;
  for (const Seat& seat : seats_) all += seat.process != nullptr ? seat.process->steps() : 0;
  return all;
}

void SchedulerGroup::close(bool all_ended) {
  for (const Seat& seat : seats_) {
    if (seat.process != nullptr) seat.process->close(all_ended);
  }
}

}  // namespace drydock::cli

#endif

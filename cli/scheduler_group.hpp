// The schedulers of a run for real, within its process: one leads, the others stand by. Each may die and be started again.
#pragma once

#include "real-runtime/event_loop.hpp"
#include "real-runtime/scheduler_process.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

class SchedulerGroup {
 public:
  // As of SchedulerProcess.
  struct Told {
    std::function<void()> idle;
    std::function<void(std::string)> error;
    std::function<void(const NoteStatistics&)> statistics;
    std::function<void(Duration)> first_dispatch;
    std::function<void(const Dispatch&)> dispatch;
  };
  // One for each of the options; they begin at once.
  SchedulerGroup(runtime::EventLoop& loop, SchedulerConfig config, std::vector<runtime::SchedulerProcessOptions> options,
                 Told told);

  [[nodiscard]] std::size_t size() const { return seats_.size(); }
  // Whoever leads; 0 where nobody does.
  [[nodiscard]] std::size_t leader() const;
  // It dies, or gives its lease back and ends; there is none on this seat until start(), one for each. They nest.
  void take_down(std::size_t seat, bool graceful);
  void start(std::size_t seat);

  // It leads, is idle, and has come to this arrival.
  [[nodiscard]] bool is_idle_after(std::int64_t arrival) const;
  [[nodiscard]] bool is_live(WorkerId worker) const;
  [[nodiscard]] bool runs(AttemptId attempt, WorkerId worker) const;
  // The highest that any of them knows.
  [[nodiscard]] std::uint32_t incarnation_of(WorkerId worker) const;
  [[nodiscard]] std::string problem() const;
  // Of all of them, and of those before.
  [[nodiscard]] runtime::JobCounts counts() const;
  // Of the one that leads; nothing: there is no shadow.
  [[nodiscard]] std::optional<ShadowReport> shadow() const {
    return led_by() != nullptr ? led_by()->shadow() : std::nullopt;
  }
  [[nodiscard]] std::uint64_t steps() const;
  // When one that led was killed, by the loop's clock.
  [[nodiscard]] const std::vector<Time>& leaders_lost() const { return leaders_lost_; }

  // Ends the journals. No step follows.
  void close(bool all_ended);

 private:
  struct Seat {
    runtime::SchedulerProcessOptions options;
    std::unique_ptr<runtime::SchedulerProcess> process;
    std::unique_ptr<runtime::EventLoop::Timer> gone;  // it has ended as it was asked to
    int down_by = 0;
  };
  void begin(Seat& seat);
  void end(Seat& seat);
  // The process that leads, or else any; nullptr: there is none.
  [[nodiscard]] const runtime::SchedulerProcess* led_by() const;

  runtime::EventLoop& loop_;
  SchedulerConfig config_;
  Told told_;
  runtime::JobCounts counts_;  // of those that are gone, likewise below
  std::uint64_t steps_ = 0;
  std::vector<Time> leaders_lost_;
  std::vector<Seat> seats_;
};

}  // namespace drydock::cli

// What happened to one job or worker, in sentences, from the steps of a journal: when, what, and why as far as the facts say.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/scheduler.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace drydock::reports {

struct StoryLine {
  Time at{};
  std::string what;
};

// Who holds what, as far as a journal tells: for the reasons of a wait. Room is taken when an assignment is sent and given back when its
// release is, or with its worker.
class RoomBook {
 public:
  void take(std::span<const Event> events, std::span<const Command> commands);
  // Tasks like those of the job for which there is room in its best pool, and workers that live at all.
  struct Room {
    std::uint64_t places = 0;
    std::uint32_t workers = 0;
  };
  [[nodiscard]] Room room_for(const JobSpec& job, const SchedulerConfig& config) const;

 private:
  struct WorkerRoom {
    std::uint32_t incarnation = 0;
    bool live = false;
    PoolId pool;
    Resources room;
    std::map<AttemptId, Resources> holds{};
  };
  void lose(WorkerId worker, std::uint32_t incarnation);
  void give_back(AttemptId attempt);

  std::map<WorkerId, WorkerRoom> workers_;
  std::map<JobId, Resources> per_task_;
  std::map<AttemptId, std::vector<WorkerId>> where_;
  bool reading_ = false;  // of this step: leases that have expired are suspicions
};

// Fed with every step in order; the configuration must be the recorded one.
class JobStory {
 public:
  JobStory(JobId job, const SchedulerConfig& config) : job_(job), config_(config) {}
  void step(Time now, std::span<const Event> events, std::span<const Command> commands);
  [[nodiscard]] const std::vector<StoryLine>& lines() const { return lines_; }
  // How it ended, in one sentence; also for a job of which there is nothing.
  [[nodiscard]] std::string summary() const;

 private:
  enum class State : std::uint8_t { unknown, waiting, assigned, running, ended };
  enum class Reason : std::uint8_t { none, no_worker, no_room, others };
  struct Attempt {
    std::uint32_t number = 0;
    RequestId commit{};
    std::vector<Placement> placements{};
    std::optional<Time> sent{};  // to its workers
    bool lost = false;
  };

  void hear(const Event& event);
  void obey(const Command& command);
  void hear_answer(const CommitAnswered& answer);
  void hear_loaded(const JobLoaded& event);
  void hear_loss(WorkerId worker, const std::string& why);
  void release(const Release& row, RequestId commit);
  void explain_wait();
  void say(std::string what) { lines_.push_back({now_, std::move(what)}); }
  void wait_again();

  JobId job_;
  const SchedulerConfig& config_;
  RoomBook rooms_;
  Time now_{};
  State state_ = State::unknown;
  Reason reason_ = Reason::none;
  std::optional<JobSpec> spec_;
  Time submitted_{};
  Time waiting_since_{};
  std::optional<Attempt> attempt_;                  // the current one
  std::map<WorkerId, Time> expired_;                // since when a lease is over
  std::map<WorkerId, std::uint32_t> known_;         // the highest incarnation that registered
  std::optional<RequestId> releasing_;              // the commit with the row that ends it
  std::optional<ReleaseReason> end_;                // as written
  std::map<std::uint64_t, std::uint64_t> reading_;  // commit in doubt, by the request that reads it
  bool store_failed_ = false;                       // at the last answer to anybody
  std::vector<StoryLine> lines_;
};

class WorkerStory {
 public:
  WorkerStory(WorkerId worker, const SchedulerConfig& config) : worker_(worker), config_(config) {}
  void step(Time now, std::span<const Event> events, std::span<const Command> commands);
  [[nodiscard]] const std::vector<StoryLine>& lines() const { return lines_; }
  [[nodiscard]] std::string summary() const;

 private:
  void hear(const Event& event);
  void obey(const Command& command);
  void hear_registration(const WorkerRegistered& event);
  [[nodiscard]] std::string lose_all();
  void say(std::string what) { lines_.push_back({now_, std::move(what)}); }

  WorkerId worker_;
  const SchedulerConfig& config_;
  Time now_{};
  std::uint32_t incarnation_ = 0;  // the highest that registered
  std::uint64_t processes_ = 0;    // that did
  bool live_ = false;
  bool reading_ = false;
  bool expired_now_ = false;   // in this step
  bool declared_now_ = false;  // likewise
  std::map<AttemptId, Time> runs_;
  std::uint64_t finished_ = 0;
  std::uint64_t lost_ = 0;
  std::vector<StoryLine> lines_;
};

}  // namespace drydock::reports

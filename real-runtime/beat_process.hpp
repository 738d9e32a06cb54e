// A beat's process: a standby that leads when it gets a lease of its own in PostgreSQL, drives the core's BeatRole by that server's clock,
// and stands by again when it loses the lease. Any number of them may run on the same store: each due time fires once, since the store
// takes each name of a firing once, and refuses who leads no more. Decides nothing.
#pragma once

#include "policies/core/beat.hpp"
#include "policies/core/leadership.hpp"
#include "policies/ports/postgres.hpp"
#include "real-runtime/async_postgres.hpp"
#include "real-runtime/beat_record.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/queue_numbers.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct BeatProcessOptions {
  PostgresClientOptions postgres;
  std::string name = "beat";    // differs from that of every other process
  LeadershipConfig leadership;  // with a lease
  std::vector<PeriodicJob> jobs;
  std::vector<std::string> queues;  // of the scenario, in its order
  // The job that is due for the n-th time (from 0) since time zero: without id, its queue by its place in the scenario.
  std::function<postgres::Job(PeriodicId job, std::uint64_t n)> job_for;
  // Time zero of the schedules, by the loop's clock; every due time counts. Nothing: time zero is the beginning of 1970 by the store's
  // clock, and due times count from when a beat that leads first had the job.
  std::optional<Time> zero{};
  // Ids for jobs, which nobody else gives. Nothing: the store does.
  std::function<JobId()> next_id{};
  Duration restart = std::chrono::seconds{1};  // from losing the lease to standing by again
};

// What the store took.
struct Fired {
  std::string name;
  Time due{};  // since time zero
  JobId job;
};

class BeatProcess {
 public:
  // The name of its lease in PostgreSQL.
  static constexpr std::string_view kLease = "beat";

  // Begins at once.
  BeatProcess(EventLoop& loop, BeatProcessOptions options);
  BeatProcess(const BeatProcess&) = delete;
  BeatProcess& operator=(const BeatProcess&) = delete;

  // Gives the lease back if it has it, and calls `ended`.
  void shut_down(std::function<void()> ended);

  // Called when it begins or ceases to lead.
  void on_turn(std::function<void()> callback) { on_turn_ = std::move(callback); }
  // Called with each firing that is in the store by an order of this process.
  void on_fired(std::function<void(const Fired&)> callback) { on_fired_ = std::move(callback); }

  // Called after each of its steps.
  void on_step(std::function<void()> callback) { on_step_ = std::move(callback); }

  [[nodiscard]] bool leads() const { return role_.has_value(); }
  [[nodiscard]] std::int64_t epoch() const { return leadership_.epoch(); }
  // So many firings.
  [[nodiscard]] std::uint64_t fired() const { return fired_; }
  // Of the jobs of these.
  [[nodiscard]] std::int64_t last_arrival() const { return last_arrival_; }
  // It leads, all that is due before `end` is in the store, and no due time waits for a firing to be started.
  [[nodiscard]] bool done_until(Time end) const;
  // Why it does not get on at the moment, for people; empty if it does, or stands by.
  [[nodiscard]] std::string problem() const { return postgres_.connected() ? problem_ : postgres_.problem(); }

 private:
  // A firing that is in the store, and was not started when it was last looked at.
  struct Waiting {
    Firing firing;
    JobId job;
  };

  void step();
  void plan();
  [[nodiscard]] Time schedule_time();
  [[nodiscard]] postgres::Fence fence() const { return {.lease = std::string(kLease), .epoch = epoch()}; }

  // The lease.
  void stand_by();
  void ask_lease();
  void lease_answered(RequestId request, const postgres::Reply& reply);
  void load();
  void take(const BeatRecord& record);
  void ask_clock();
  void lose();
  void release(std::int64_t epoch);
  void end();

  // Orders.
  void carry_out(const Fire& order);
  void send(const Fire& order, JobId id);
  void fire_answered(const Fire& order, const postgres::Reply& reply);
  void reserve_ids();
  void push(BeatEvent event);

  // Firings that others wait for.
  void watch(Firing firing, JobId job);
  void look_at_waiting();

  EventLoop& loop_;
  BeatProcessOptions options_;
  std::string life_;  // tells the reigns of this process from all others of its name
  std::uint64_t reign_ = 0;
  std::string holder_;
  Leadership leadership_;
  bool asking_ = false;  // for the lease
  bool loading_ = false;
  Time load_at_{};
  std::int64_t epoch_min_ = 1;
  std::uint64_t requests_ = 0;
  Duration ahead_{};  // of the schedule's time before the loop's
  Time schedule_{};   // the last that the role was told; it never falls
  std::optional<BeatRole> role_;
  QueueNumbers queues_;
  std::vector<BeatEvent> facts_;
  std::map<RequestId, JobId> sent_;  // orders without an answer; a repetition has the same id
  std::vector<Fire> without_id_;     // wait for ids
  bool reserving_ = false;
  std::uint64_t ids_ = 0;  // the next one
  std::uint64_t ids_end_ = 0;
  std::map<PeriodicId, Waiting> waiting_;

  std::uint64_t fired_ = 0;
  std::int64_t last_arrival_ = 0;
  std::string problem_;
  bool over_ = false;  // it is shutting down
  std::function<void()> ended_;
  std::function<void()> on_turn_;
  std::function<void()> on_step_;
  std::function<void(const Fired&)> on_fired_;

  EventLoop::Timer step_timer_;
  EventLoop::Timer stand_by_timer_;
  EventLoop::Timer look_timer_;
  EventLoop::Timer end_timer_;
  AsyncPostgres postgres_;  // last: it ends first
};

}  // namespace drydock::runtime

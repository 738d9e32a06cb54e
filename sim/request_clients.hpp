// Tasks that make requests to a service instead of computing, the workers that hold them back to their shares, and the
// service that refuses what is beyond its limits. Every request is an event of its own, at its exact time.
#pragma once

#include "policies/core/rate_limit.hpp"
#include "policies/core/share.hpp"
#include "policies/core/share_excess.hpp"
#include "reports/share_metrics.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/workload.hpp"
#include "sim/event_queue.hpp"
#include "sim/minute_window.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace drydock::sim {

// Rules:
// - A task that is ready for its next request queues at its worker, first come first served. The worker lets the first begin
//   when fewer requests run than its share allows and its two token buckets hold what the request needs.
// - Buckets hold what the share brings in ServiceLimits::burst. Those of a worker that starts are empty, the service's are
//   full: workers whose shares never sum to more than the limits are never refused.
// - A refusal takes no time; the request is tried again after Requests::retry_delay, and keeps its place among those that run
//   until then. What the worker's buckets gave is spent.
// - A share that shrinks lets the requests that run end; one that is over stops them, and they are made again.
class RequestClients {
 public:
  // All tasks of one job on one worker.
  struct Group {
    std::uint32_t key = 0;  // names the group until it leaves or has ended; small numbers, reused
    std::uint32_t worker = 0;
    std::uint32_t tasks = 1;
    std::uint32_t first = 0;  // the request to begin with
    scenarios::JobRequests requests;
    std::uint32_t owner = 0;       // whatever the caller wants to find again,
    std::uint32_t generation = 0;  // likewise
  };
  struct Ended {
    std::uint32_t owner = 0;
    std::uint32_t generation = 0;
    bool succeeded = true;
  };

  // Without limits in the scenario nobody waits.
  RequestClients(const scenarios::Scenario& scenario, std::uint64_t seed, std::size_t workers);

  // --- orders ---
  void begin(Time now, const Group& group);
  // Takes a group away. Returns how many requests its slowest task had finished; all, if it has ended or never began.
  std::uint32_t leave(Time now, std::uint32_t key, std::uint32_t all);
  // The share that the worker may use from now on, until a time. If that has come, what runs is stopped too.
  void use(Time now, std::uint32_t worker, const Share& share, Time valid_until);
  // Stops what runs if the time of the share has come.
  void expire(Time now, std::uint32_t worker);
  // The same share, for longer.
  void extend(std::uint32_t worker, Time valid_until) { desks_[worker].valid_until = valid_until; }
  // Its process ended, with all that it ran: its tasks have left.
  void reset(Time now, std::uint32_t worker);

  // --- events ---
  // Nanoseconds of the next thing to happen; EventQueue::kNone if there is none.
  [[nodiscard]] std::int64_t next() const { return queue_.top_time(); }
  // Lets happen what is due at `now`.
  void happen(Time now);
  // Groups that have ended since the last call, in order.
  [[nodiscard]] std::vector<Ended> take_ended();
  // Workers whose load changed, whose running requests fell to their share, or which were refused something; each once.
  [[nodiscard]] bool has_touched() const { return !touched_.empty(); }
  [[nodiscard]] std::vector<std::uint32_t> take_touched();

  // --- facts ---
  [[nodiscard]] std::int64_t running(std::uint32_t worker) const { return desks_[worker].running; }
  // What it would use if it were alone.
  [[nodiscard]] Share load(std::uint32_t worker) const;
  // Whether the service refused it something since the last call.
  [[nodiscard]] bool take_refusal(std::uint32_t worker);
  [[nodiscard]] reports::ShareFigures figures(Time now) const;
  // Requests that began so far: whether anything goes on.
  [[nodiscard]] std::uint64_t made() const { return made_; }
  // A worker with a request that waits for a share while none runs anywhere; nothing if there is none.
  [[nodiscard]] std::optional<std::uint32_t> waiting_worker() const;

 private:
  enum class State : std::uint8_t { none, waiting, running, pausing, retrying };
  struct Client {
    std::uint32_t group = 0;
    std::uint32_t worker = 0;
    std::uint32_t request = 0;     // the next one, or the one that runs
    std::uint32_t generation = 0;  // of its events and its place in the queue
    std::uint32_t refusals = 0;    // of this request
    State state = State::none;
    Time ready{};  // since when it waits: for its share, or for the next try
  };
  struct GroupState {
    Group facts;
    std::vector<std::uint32_t> clients;
    std::uint32_t open = 0;  // tasks that have not ended
    Time began{};
    bool live = false;
  };
  struct Place {
    std::uint32_t client = 0;
    std::uint32_t generation = 0;
  };
  // A worker as its tasks see it.
  struct Desk {
    Share share;
    Time valid_until = kNever;  // of the share: looked at whenever a request is to begin
    TokenBucket requests;
    TokenBucket tokens;
    std::deque<Place> queue;
    std::int64_t running = 0;
    std::int64_t retrying = 0;  // refused requests that keep their place until the next try
    std::int64_t tasks = 0;     // that make requests
    // Of the load: in thousandths.
    std::int64_t milli_requests = 0;
    std::int64_t milli_tokens = 0;
    std::int64_t largest_tokens = 0;  // of one request; while there are tasks
    Share counted;                    // in in_use_
    Time wake_at = kNever;
    std::uint32_t generation = 0;  // of its event
    bool touched = false;
    bool refused = false;
  };
  enum class Kind : std::uint8_t { answer, ready, desk };
  struct Pending {
    std::uint32_t index : 30 = 0;  // client, or worker
    std::uint32_t kind : 2 = 0;
    std::uint32_t generation = 0;
  };

  [[nodiscard]] const scenarios::Requests& kind_of(const GroupState& group) const;
  [[nodiscard]] std::int64_t burst_of_worker(std::int64_t Share::*part, const Share& share) const;
  void push(Time at, Kind kind, std::uint32_t index, std::uint32_t generation);
  std::uint32_t new_client();
  void free_client(std::uint32_t client);
  void add_load(Desk& desk, const GroupState& group, std::int64_t tasks);
  void touch(std::uint32_t worker);
  void queue_up(std::uint32_t client);
  void try_again(std::uint32_t client);
  void serve(std::uint32_t worker);
  [[nodiscard]] bool may_begin(const Desk& desk, std::int64_t tokens, Time& possible) const;
  void start(std::uint32_t client);
  [[nodiscard]] bool service_takes(std::int64_t tokens);
  void refuse(std::uint32_t client);
  void answered(std::uint32_t client);
  void stop_running(std::uint32_t client);
  void stop_all(std::uint32_t worker);
  void set_running(std::uint32_t worker, std::int64_t change);
  void end_group(std::uint32_t key, bool succeeded);
  void drop_group(GroupState& group);
  void count(std::uint32_t worker);
  void note_waited(Client& client);

  const scenarios::Scenario& scenario_;
  std::uint64_t seed_;
  Share total_{kNoLimit, kNoLimit, kNoLimit};
  Duration burst_{};
  bool enforced_ = false;
  Time now_{};
  EventQueue<Pending> queue_;

  std::vector<Client> clients_;
  std::vector<std::uint32_t> free_clients_;
  std::vector<GroupState> groups_;  // by key
  std::vector<Desk> desks_;         // by worker
  std::vector<std::uint32_t> touched_;
  std::vector<Ended> ended_;

  // The service.
  TokenBucket service_requests_;
  TokenBucket service_tokens_;
  std::int64_t in_flight_ = 0;

  // What is measured.
  Share in_use_;
  ShareExcess excess_;
  std::array<ShareExcess, 3> excess_of_;  // by limit
  std::uint64_t made_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t stopped_ = 0;
  double tokens_used_ = 0;
  std::int64_t most_in_flight_ = 0;
  double in_flight_ns_ = 0;
  Time in_flight_since_{};
  std::int64_t throttled_ns_ = 0;
  double task_ns_ = 0;
  MinuteWindow minute_of_requests_;
  MinuteWindow minute_of_tokens_;
};

}  // namespace drydock::sim

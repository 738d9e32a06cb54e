// Nodes that are there for a while only (notebook services, spot machines): when a session may begin and when it has to end.
#pragma once

#include "policies/core/time.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace drydock {

struct SessionRules {
  std::optional<Duration> longest{};  // of one session; nothing: as long as the rest allows
  // So much session time in each period, of which the first begins at time zero. At least the period's length: no limit.
  struct Quota {
    Duration time{};
    Duration period{};
  };
  std::optional<Quota> quota{};
  // Parts of the week in which sessions are allowed, as time since Monday 00:00, which is time zero; one that goes beyond the
  // end of the week goes on at its beginning. None: always. A session ends with its window.
  struct Window {
    Duration from{};    // 0 <= from < a week
    Duration length{};  // 0 < length <= a week
  };
  std::vector<Window> windows{};
  Duration week = std::chrono::hours{24 * 7};  // how long that takes; less where time runs faster
  std::optional<Time> available_until{};       // no session goes on for longer
  Duration startup{};                          // from the beginning of a session until its node works
  Duration restart{};                          // from the end of a session to the next, at least
  std::optional<Duration> idle_stop{};         // a node without work for so long ends its session; nothing: never
};

// The sessions of one node. `now` never falls.
class SessionClock {
 public:
  explicit SessionClock(SessionRules rules) : rules_(std::move(rules)) {}
  [[nodiscard]] const SessionRules& rules() const { return rules_; }

  // The first time from `now` on at which a session can begin that outlasts its startup; kNever when there is none. A restart
  // takes time, which is in it.
  [[nodiscard]] Time next_start(Time now) const;
  // A session begins, at a time that next_start() gave. Returns when it ends at the latest.
  Time begin(Time now);
  // It ends, then or earlier.
  void end(Time now);
  // The first time after `now` at which a window opens or the quota is renewed; kNever without either.
  [[nodiscard]] Time next_renewal(Time now) const;

 private:
  [[nodiscard]] Time latest_end(Time start) const;
  [[nodiscard]] Duration quota_left(Time now) const;
  [[nodiscard]] Time window_open(Time now) const;  // the first time from now on
  [[nodiscard]] Time window_end(Time now) const;   // of the window that is open

  SessionRules rules_;
  Time began_{};
  std::optional<Time> ended_;  // the last one
  std::int64_t period_ = 0;    // of used_
  Duration used_{};
};

// What one node decides about its sessions: when it begins them, and when it ends them because it has nothing to do. Whoever
// drives it calls wake() at next(), tells it what it has to do, and carries out the turns that come of it.
class SessionKeeper {
 public:
  enum class Turn : std::uint8_t {
    none,
    ready,  // the node works from now on
    ended,  // it is gone
  };

  // No session before `now`.
  SessionKeeper(const SessionRules& rules, Time now) : clock_(rules) { plan(now); }

  // When wake() must be called; kNever when there will be no other session.
  [[nodiscard]] Time next() const { return next_; }
  [[nodiscard]] Turn wake(Time now);
  // Told while it is ready, when nothing more happens at this instant: whether anything runs there.
  [[nodiscard]] Turn tell_work(Time now, bool busy);
  // After a session in which nothing ran the next one waits for this, or for a window or a quota.
  void tell_arrival(Time now);

  [[nodiscard]] bool is_ready() const { return phase_ == Phase::ready; }
  // When the present session ends at the latest.
  [[nodiscard]] Time until() const { return until_; }
  // Session time so far.
  [[nodiscard]] Duration used(Time now) const;

 private:
  enum class Phase : std::uint8_t { waiting, starting, ready };
  void plan(Time from);
  [[nodiscard]] Turn begin(Time now);
  [[nodiscard]] Turn be_ready();
  [[nodiscard]] Turn end(Time now);
  [[nodiscard]] bool has_idled(Time now) const;

  SessionClock clock_;
  Phase phase_ = Phase::waiting;
  Time next_ = kNever;
  Time began_{};
  Time until_ = kNever;
  std::optional<Time> idle_since_;
  bool useful_ = false;     // something ran in it
  bool on_demand_ = false;  // the next one waits for a job
  Duration total_{};        // of sessions that have ended
};

}  // namespace drydock

// Nodes that are there for a while only (notebook services, spot machines): when a session may begin and when it has to end.
#pragma once

#include "policies/core/time.hpp"

#include <optional>
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
  std::optional<Time> available_until{};  // no session goes on for longer
  Duration startup{};                     // from the beginning of a session until its node works
  Duration restart{};                     // from the end of a session to the next, at least
  std::optional<Duration> idle_stop{};    // a node without work for so long ends its session; nothing: never
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

}  // namespace drydock

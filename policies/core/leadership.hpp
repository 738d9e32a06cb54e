// Which of several schedulers decides: the one that holds a lease row in the store. The store's clock judges who may take it; the
// holder's own clock says when it can no longer be sure of it, and that is earlier: it counts from when it sent the last asking that
// was answered, and stops a margin before the end. So two never decide at once, unless one stands still between deciding and sending;
// what it sends then carries an epoch that the store, the scripts of Redis and the workers refuse.
// (Gray, Cheriton: Leases, SOSP 1989; the epoch is the fencing token of Burrows: Chubby, OSDI 2006.)
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstdint>

namespace drydock {

struct LeadershipConfig {
  Duration lease{};                           // 0: there is one scheduler, which always leads
  Duration renew = std::chrono::seconds{5};   // between two askings, of the leader and of standbys
  Duration margin = std::chrono::seconds{1};  // a leader stops by itself so long before its lease ends
  Duration retry = std::chrono::seconds{1};   // until the next asking after one without an answer
};

class Leadership {
 public:
  explicit Leadership(const LeadershipConfig& config) : config_(config) {}

  // Whether to ask for the lease now. Then asked() follows.
  [[nodiscard]] bool due(Time now) const { return request_.value == 0 && now >= next_; }
  void asked(RequestId request, Time now);

  enum class Turn : std::uint8_t {
    none,
    gained,     // it holds the lease now, and did not before
    outranked,  // it held it, and somebody else has or had it since
  };
  [[nodiscard]] Turn take(const LeaseAnswered& event, Time now);

  // Whether it is sure to hold the lease: then it may decide.
  [[nodiscard]] bool holds(Time now) const { return epoch_ > 0 && now < safe_until_; }
  // It held the lease, and is no longer sure of it.
  [[nodiscard]] bool over(Time now) const { return epoch_ > 0 && now >= safe_until_; }
  // Of its lease; 0: it never held it.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  [[nodiscard]] Duration lease() const { return config_.lease; }
  // The latest time at which it must be looked at again.
  [[nodiscard]] Time next_wakeup() const;

 private:
  LeadershipConfig config_;
  Time next_{};        // asking
  RequestId request_;  // on its way; 0: none
  Time asked_at_{};    // that request
  std::int64_t epoch_ = 0;
  Time safe_until_{};  // rises with each answer
};

}  // namespace drydock

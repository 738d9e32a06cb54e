// How a worker holds what runs on it to its share: who may make requests now, who waits for that, and what is held. A function of
// the orders of a ShareAgent, of what is asked, and of the time, which is the agent's clock.
#pragma once

#include "policies/core/rate_limit.hpp"
#include "policies/core/share.hpp"
#include "policies/core/share_messages.hpp"
#include "policies/core/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace drydock {

using PermitId = Id<struct PermitTag, std::uint64_t>;  // given by the limiter, rising from 1
using HolderId = Id<struct HolderTag, std::uint64_t>;  // given by the caller: what permits are held by

// Permission to make some requests.
struct PermitRequest {
  std::int64_t requests = 1;     // taken from the requests per minute, at once
  std::int64_t tokens = 0;       // likewise from the tokens per minute
  std::int64_t concurrency = 1;  // of the requests at a time; held until it is given back. 0: nothing is held
  HolderId holder{};
  Duration hold = std::chrono::minutes{5};  // it is given back by itself after this time
};

struct ShareLimiterConfig {
  Share total;  // kNoLimit: that part is not limited
  // What the buckets of all workers hold together, of requests and of tokens: see burst_of().
  Share burst;
  std::size_t waiting_max = 1000;
  std::size_t permits_max = 10'000;
};

class ShareLimiter {
 public:
  enum class Verdict : std::uint8_t {
    granted,
    not_now,   // or it waits, if that was asked for
    never,     // more than all workers together may take
    too_many,  // of those that wait or hold permits
  };
  // Why not now.
  enum class Shortage : std::uint8_t {
    none,
    turn,   // others came before
    share,  // the worker's share must grow
    concurrency,
    requests,
    tokens,
  };
  struct Reply {
    Verdict verdict = Verdict::granted;
    PermitId permit{};  // granted, or waiting; 0 where there is none, or nothing to give back
    Shortage shortage = Shortage::none;
    Time ready = kNever;  // when it could be granted if nobody takes anything before; kNever: that is not known
  };

  // It holds nothing until use(), and its buckets start empty: those that limiters before it filled may have been used.
  ShareLimiter(const ShareLimiterConfig& config, Time now);

  // --- orders of the agent ---
  void use(Time now, const Share& share, Time valid_until);
  void extend(Time now, Time valid_until);

  // --- what is asked ---
  // First come, first served, except that who must wait for a larger share lets others pass. With `wait` it waits for serve().
  [[nodiscard]] Reply acquire(Time now, const PermitRequest& request, bool wait);
  // Those that waited and are granted now, in order; each keeps the number that it waited with. Gives back what was held too long.
  [[nodiscard]] std::vector<PermitId> serve(Time now);
  // When serve() or load() may give something new.
  [[nodiscard]] Time next_wakeup(Time now) const;
  // Gives back what is held, or does not wait any more. False: it was neither.
  bool release(Time now, PermitId permit);
  // Likewise all of one holder. Returns how many.
  std::size_t release_all(Time now, HolderId holder);
  // Why the first that waits with this number does not get it yet.
  [[nodiscard]] Reply look(Time now, PermitId waiting) const;

  // --- facts ---
  // Who holds it; nothing: nobody.
  [[nodiscard]] std::optional<HolderId> holder_of(PermitId permit) const;
  // For the agent: what runs, and what it would use if it were alone: what runs and waits, at the rates of the last minute. Nothing
  // of it where nothing runs or waits, and nothing was refused in the last seconds.
  [[nodiscard]] LoadChanged load(Time now) const;
  [[nodiscard]] const Share& share() const { return share_; }
  [[nodiscard]] Time valid_until() const { return valid_until_; }
  [[nodiscard]] const ShareLimiterConfig& config() const { return config_; }
  [[nodiscard]] std::int64_t running() const { return running_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t permits() const { return permits_.size(); }
  [[nodiscard]] std::uint64_t granted() const { return granted_; }  // so far
  [[nodiscard]] std::uint64_t lapsed() const { return lapsed_; }    // held too long, so far
  // Stops the process if what is held does not sum up.
  void check() const;

 private:
  struct Held {
    HolderId holder;
    std::int64_t concurrency = 0;
    Time until = kNever;
  };
  struct Waiting {
    PermitId permit;
    PermitRequest request;
  };
  struct Need {
    Shortage shortage = Shortage::none;
    Time ready = kNever;
  };
  struct Second {
    std::int64_t number = -1;  // since the origin of the clock
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
  };

  void lapse(Time now);
  void change(Time now, const Share& share);
  [[nodiscard]] bool limits(std::int64_t Share::*part) const { return config_.total.*part != kNoLimit; }
  [[nodiscard]] Need need_of(Time now, const PermitRequest& request) const;
  [[nodiscard]] bool possible(const PermitRequest& request) const;
  void grant(Time now, PermitId permit, const PermitRequest& request);
  void note_refusal(Time now, const PermitRequest& request);
  [[nodiscard]] Share last_minute(Time now) const;

  ShareLimiterConfig config_;
  Share share_;
  Time valid_until_ = kNever;
  TokenBucket requests_;
  TokenBucket tokens_;
  std::uint64_t last_permit_ = 0;
  std::deque<Waiting> waiting_;       // the first in front
  std::map<PermitId, Held> permits_;  // those that hold something
  std::int64_t running_ = 0;          // the sum of what they hold
  std::uint64_t granted_ = 0;
  std::uint64_t lapsed_ = 0;
  std::optional<PermitRequest> refused_;  // the largest of those that did not wait, of late
  Time refused_at_{};
  std::array<Second, 60> seconds_{};  // by number modulo 60: what was granted
};

}  // namespace drydock

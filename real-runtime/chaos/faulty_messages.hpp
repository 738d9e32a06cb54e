// Around a worker's connection to Redis: what it says and hears is lost, comes late, or twice.
#pragma once

#include "policies/core/worker_agent.hpp"
#include "real-runtime/chaos/late_answers.hpp"
#include "real-runtime/chaos/worker_trouble.hpp"
#include "real-runtime/store_port.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>

namespace drydock::runtime::chaos {

// Heartbeats, reports of ends, and mail: what is fetched from a queue. All else passes. Messages may overtake one another.
class FaultyMessages final : public RedisPort {
 public:
  struct Patience {
    Duration beat = std::chrono::seconds{1};           // nobody answers one that is lost: that is known after this
    Duration report = std::chrono::milliseconds{500};  // likewise
  };
  // A heartbeat that is lost is noticed as such by nobody before the next ones: it is not sent again for that.
  [[nodiscard]] static Patience patience_of(const WorkerAgentConfig& agent) {
    constexpr int kMostUnanswered = WorkerAgent::kMostBeats / 2;
    return {.beat = std::min(agent.lease, agent.interval * kMostUnanswered)};
  }
  // `fates` outlives it; several connections may share it.
  FaultyMessages(EventLoop& loop, MessageFates& fates, RedisPort& port, Patience patience)
      : loop_(loop), fates_(fates), port_(port), patience_(patience), later_(loop) {}

  void submit(redis::Op op, Callback callback) override;
  // One at a time.
  void pop(const redis::Pop& op, Duration longest, Callback callback) override;

 private:
  void popped(const redis::Pop& op, const redis::Reply& reply);
  void deliver(const redis::Reply& reply);

  EventLoop& loop_;
  MessageFates& fates_;
  RedisPort& port_;
  Patience patience_;
  LateAnswers later_;
  Callback waiting_;                // of the pop() that has no answer
  bool asked_ = false;              // the connection was, and has not answered
  std::deque<redis::Reply> ready_;  // that came while nobody waited
};

}  // namespace drydock::runtime::chaos

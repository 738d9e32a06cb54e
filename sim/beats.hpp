// Heartbeats on their way from workers to the registry: when each is sent, how long it takes, whether it is lost, and from
// when to when the registry trusts a worker because of them.
#pragma once

#include "policies/liveness.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"
#include "sim/host_troubles.hpp"
#include "sim/platform.hpp"
#include "sim/store_faults.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace drydock::sim {

// What happens to messages between workers and the registry. Every draw is numbered by (worker, process, beat), so that it
// does not matter when, or how often, it is looked at.
class BeatChannel {
 public:
  // `faults` and `hosts` must outlive it, where there are any: beats sent while nobody reaches Redis are lost.
  // A paused host sends the beat that was due when it is awake again.
  BeatChannel(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed,
              const StoreFaults* faults = nullptr, const HostTroubles* hosts = nullptr);

  // All beats take this time and none is lost; nothing where that is not so.
  [[nodiscard]] std::optional<Duration> steady() const { return steady_; }

  // One process of one worker as the sender of beats.
  struct Sender {
    std::uint32_t worker = 0;
    std::uint32_t process = 0;  // how often the worker was started before
    HostIndex host = 0;
  };
  [[nodiscard]] Duration delay(const Sender& sender, std::uint64_t sequence, Time sent) const;
  // When a beat that is due then is sent.
  [[nodiscard]] Time send_time(const Sender& sender, Time due) const {
    return pauses_ == nullptr ? due : pauses_->paused_until(sender.host, due);
  }
  // `bad`: which burst processes are in their bad state, one bit each; carried on from beat to beat.
  [[nodiscard]] bool loses(const Sender& sender, std::uint64_t sequence, Time sent, std::uint32_t& bad) const;

 private:
  struct Loss {
    scenarios::MessageLoss fault;
    Time from{};
    Time until{};
    std::vector<bool> hosts;  // by host: concerned
    std::uint64_t stream = 0;
  };
  std::uint64_t seed_;
  std::optional<scenarios::Distribution> latency_;
  std::optional<Duration> steady_;
  std::vector<Loss> losses_;
  const StoreFaults* outages_ = nullptr;  // of Redis, and when it is slow; nullptr where there are none
  const HostTroubles* pauses_ = nullptr;  // likewise
};

// One process of a worker as the registry sees it.
class BeatTrack {
 public:
  // What changes in what the registry thinks of a worker that lives.
  enum class Turn : std::uint8_t { suspected, trusted_again };

  // Beat 0, the registration, arrives at once. `in_loop`: hold() and release() will be called.
  void start(const LivenessPolicy& policy, const BeatChannel& channel, const BeatChannel::Sender& sender, bool in_loop,
             Time now);

  // Whoever sends the beats is busy with something else from now on: the next one waits until release(). After either, what next()
  // gave no longer holds.
  void hold(Time now);
  void release(Time now);

  // When advance() is to be called next; kNever if there is no need. Lazily that is the next turn, or where the look ahead
  // ended; `eager`, or with a policy that observes every beat, whatever happens to a beat next.
  [[nodiscard]] Time next(bool eager);
  // The time that next() gave has come. Returns the turn that it brought, if any.
  [[nodiscard]] std::optional<Turn> advance();

  // The process stopped at `now`, while trusted: until when the registry goes on trusting it. Beats that are under way still
  // arrive; one that was due at `now` has been sent.
  [[nodiscard]] Time trusted_after_stop(Time now);

  // When the next beat after `now` arrives, if the process lives on; kNever when none does.
  [[nodiscard]] Time next_arrival(Time now) const;

 private:
  // After the beats sent and arrived so far.
  struct Position {
    std::uint64_t next_sequence = 1;
    Time next_send{};
    Duration interval{};
    Time trusted_until{};
    bool trusted = true;
    std::uint32_t bad = 0;        // for BeatChannel::loses
    std::vector<Beat> under_way;  // the first to arrive is at the back
  };

  [[nodiscard]] static Time next_point(const Position& position);
  [[nodiscard]] static Time next_change(const Position& position);
  [[nodiscard]] std::optional<Turn> pass(Position& position) const;
  void send(Position& position) const;
  [[nodiscard]] std::optional<Turn> arrive(Position& position) const;
  [[nodiscard]] bool is_regular() const;
  void catch_up(Time now);

  const LivenessPolicy* policy_ = nullptr;
  const BeatChannel* channel_ = nullptr;
  BeatChannel::Sender sender_;
  std::unique_ptr<BeatObserver> observer_;
  Time started_{};
  Time held_ = kNever;    // when the beat that waits was due
  bool regular_ = false;  // steady beats that always come in time: never suspected while it lives
  bool looked_ahead_ = false;
  Position here_;
  Position ahead_;            // where next() led
  std::optional<Turn> turn_;  // there
};

}  // namespace drydock::sim

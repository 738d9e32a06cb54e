// Heartbeats on their way from workers to the registry: when each is sent, how long it takes, whether it is lost, and from
// when to when the registry trusts a worker because of them.
#pragma once

#include "policies/liveness.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"
#include "sim/clocks.hpp"
#include "sim/faults.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace drydock::sim {

// What happens to messages between workers and the registry. Every draw is numbered by (worker, process, beat), so that it
// does not matter when, or how often, it is looked at.
class BeatChannel {
 public:
  // Those of the kind `shares` are questions to the store of shares and its answers, by each worker's number.
  enum class Kind : std::uint8_t { beats, shares };
  // What matters to it, where there is any; must outlive it. Beats sent while nobody reaches Redis are lost. A paused host sends the beat
  // that was due when it is awake again; one that was cut off, as soon as it is not.
  struct Parts {
    const StoreFaults* faults = nullptr;
    const HostTroubles* hosts = nullptr;
    const Links* links = nullptr;
    const Clocks* clocks = nullptr;
    Kind kind = Kind::beats;
  };
  BeatChannel(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed)
      : BeatChannel(scenario, platform, seed, Parts{}) {}
  BeatChannel(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed, const Parts& parts);

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
  // When the beat after one that was sent then is.
  [[nodiscard]] Time next_send_time(const Sender& sender, Time sent, Duration interval) const;
  // `bad`: which burst processes are in their bad state, one bit each; carried on from beat to beat.
  [[nodiscard]] bool loses(const Sender& sender, std::uint64_t sequence, Time sent, std::uint32_t& bad,
                           Way way = Way::to_redis) const;
  // From its arrival to its repetition; nothing where it does not come again.
  [[nodiscard]] std::optional<Duration> repetition(const Sender& sender, std::uint64_t sequence, Time sent) const;

  // Of a beat that arrives then: whether its worker learns of it, and when a fail-over of Redis forgets it; kNever where none does.
  [[nodiscard]] bool is_acknowledged(const Sender& sender, Time arrived) const;
  [[nodiscard]] Time forgotten_at(Time arrived) const {
    return outages_ == nullptr ? kNever : outages_->forgotten_at(arrived);
  }

  // What differs in time by the worker's clock: what a beat carries, beyond the schedulers' time; how long something takes.
  [[nodiscard]] Duration ahead(const Sender& sender, Time now) const {
    return clocks_ == nullptr ? Duration{0} : clocks_->ahead(sender.host, now);
  }
  [[nodiscard]] Duration true_time(const Sender& sender, Duration counted) const {
    return clocks_ == nullptr ? counted : clocks_->true_time(sender.host, counted);
  }
  // Whether a worker may end what it runs at another time than that at which the registry gives it up.
  [[nodiscard]] bool fences_apart(const Sender& sender) const;
  [[nodiscard]] Duration fencing_margin() const { return fencing_margin_; }

 private:
  struct Loss {
    scenarios::MessageLoss fault;
    Time from{};
    Time until{};
    std::vector<bool> hosts;  // by host: concerned
    std::uint64_t stream = 0;
  };
  struct Delay {
    scenarios::MessageDelay fault;
    Time from{};
    Time until{};
    std::vector<bool> hosts;  // by host: concerned
    std::uint64_t stream = 0;
  };
  [[nodiscard]] std::optional<Duration> drawn(const Delay& delay, const Sender& sender, std::uint64_t sequence,
                                              Time sent) const;

  std::uint64_t seed_;
  std::optional<scenarios::Distribution> latency_;
  std::optional<Duration> steady_;
  std::vector<Loss> losses_;
  std::vector<Delay> delays_;             // and repetitions
  const StoreFaults* outages_ = nullptr;  // of Redis, and when it is slow; nullptr where there are none
  const HostTroubles* pauses_ = nullptr;  // likewise
  const Links* links_ = nullptr;          // likewise
  const Clocks* clocks_ = nullptr;
  bool self_fencing_ = true;
  Duration fencing_margin_{};
};

// One process of a worker as the registry sees it, and what it knows of that itself.
//
// A worker that fences itself ends what it runs when its lease may be over: `lease - margin` after it sent the last beat that was
// acknowledged, by its own clock (see WorkerAgent). Mostly that is when the registry gives it up, and is not told apart. Where the two
// differ (fences_apart()), it has turns of its own: it then comes back as another incarnation at once, and may run something again
// when a beat of that one has been acknowledged.
class BeatTrack {
 public:
  // What changes in what the registry thinks of a worker that lives, or in what that one knows.
  enum class Turn : std::uint8_t {
    suspected,
    trusted_again,
    fenced,   // the worker ends what it runs
    learned,  // one of: the registry, of another incarnation; the worker, that it is known as this one
  };

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

  [[nodiscard]] bool fences_apart() const { return apart_; }
  // As of the last turn: how often it has fenced itself, of how many of these the registry knows, and whether a beat of the present
  // incarnation was acknowledged.
  [[nodiscard]] std::uint32_t fences() const { return here_.fences; }
  [[nodiscard]] std::uint32_t announced() const { return here_.announced; }
  [[nodiscard]] bool is_registered() const { return here_.fence_at != kNever; }

 private:
  // After the beats sent and arrived so far.
  struct Position {
    std::uint64_t next_sequence = 1;
    Time next_send{};
    Duration interval{};
    Time trusted_until{};
    Time kept_until{};  // what trusted_until is again at reverts_at: by beats that no fail-over forgets
    Time reverts_at = kNever;
    bool trusted = true;
    std::uint32_t fences = 0;
    std::uint32_t announced = 0;
    std::uint64_t first_of_incarnation = 0;  // its first beat
    Duration lease{};                        // that a beat brings, by the worker's clock
    Time fence_at = kNever;                  // if apart_: unless a beat is acknowledged; kNever while it is not registered
    std::uint32_t bad = 0;                   // for BeatChannel::loses
    std::vector<Beat> under_way;             // the first to arrive is at the back
  };

  [[nodiscard]] static Time next_point(const Position& position);
  [[nodiscard]] static Time next_change(const Position& position);
  [[nodiscard]] std::optional<Turn> pass(Position& position) const;
  void send(Position& position) const;
  void dispatch(Position& position, const Beat& beat) const;
  [[nodiscard]] std::optional<Turn> arrive(Position& position) const;
  void fence(Position& position) const;
  static void revert(Position& position);
  [[nodiscard]] bool acknowledge(Position& position, const Beat& beat) const;
  [[nodiscard]] Duration lease_of(const Beat& beat, Time trusted_until) const;
  void extend(Position& position, const Beat& beat) const;
  [[nodiscard]] Beat as_written(const Beat& beat) const;
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
  bool apart_ = false;  // see fences_apart()
  Position here_;
  Position ahead_;            // where next() led
  std::optional<Turn> turn_;  // there
};

}  // namespace drydock::sim

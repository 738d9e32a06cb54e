// The scheduler's side of the talk with its workers: sees to it that what it ordered arrives, and makes facts of what they report.
// Orders, reports and the time go in, mail and facts come out.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/worker_messages.hpp"

#include <cstdint>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace drydock {

struct DispatcherConfig {
  std::int64_t epoch = 0;                              // of this leader
  Duration resend = std::chrono::milliseconds{500};    // an order that is not acknowledged; doubles up to the next
  Duration resend_longest = std::chrono::seconds{60};  // one lease: then its worker is taken for dead anyway
};

struct OutgoingMail {
  WorkerId worker;
  WorkerMail mail;
};

// Mail may be lost, late or repeated, and whoever carries it may forget all of it. An order is sent again until the worker has
// acknowledged it or was given up. A report is acknowledged when the release of its attempt is in the store, not earlier: until then
// the worker repeats it. What is reported of an attempt that is not known (any more) is acknowledged at once, and is no fact.
class Dispatcher {
 public:
  explicit Dispatcher(const DispatcherConfig& config) : config_(config) {}

  // A part of an attempt: its tasks on one worker.
  struct Part {
    WorkerId worker;
    std::uint32_t incarnation = 0;
    std::uint32_t tasks = 1;
    Resources held;
  };
  struct Work {
    Duration progress{};  // as in RunAttempt
    std::string payload{};
  };
  // What was not released when this leader took over, ordered by one before: its workers may have it or not, at any incarnation. Those
  // of its parts are 0.
  void load(AttemptId attempt, std::vector<Part> parts);
  // Asks every worker what it has, also those that are seen later, until it has answered.
  void ask_workers(Time now);
  // The scheduler ordered to run it. Not the same attempt twice.
  void run(Time now, AttemptId attempt, std::vector<Part> parts, Work work);
  // It ordered to stop it. Nothing happens where it is not known: nobody answers.
  void stop(Time now, AttemptId attempt);
  // It took this incarnation for dead, with all that it held.
  void declared_dead(Time now, WorkerId worker, std::uint32_t incarnation);
  // The release of the attempt is in the store.
  void released(Time now, AttemptId attempt);

  void take(Time now, const AttemptReport& report);
  // A loaded attempt that is not in it is not there, and what is in it and not known here is to be stopped. An answer to another leader is
  // ignored.
  void take(Time now, const HeldReport& report);
  // The registry holds the worker as this incarnation. If it was taken for dead, or is lower than one that was there before, the worker is
  // told to come back as a higher one. If it is known to drain, it is told so.
  void seen(Time now, WorkerId worker, std::uint32_t incarnation, bool draining = false);
  // Whoever carries the mail lost it.
  void mail_lost(Time now);

  // What is to be sent now, in order; each once.
  [[nodiscard]] std::vector<OutgoingMail> take_mail(Time now);
  // AttemptFinished and AttemptStopped; WorkerReported and AttemptHeld; WorkerDraining of a worker that declined an attempt.
  [[nodiscard]] std::vector<Event> take_facts();
  // When take_mail() has something to say again if nothing happens; kNever if there is no need.
  [[nodiscard]] Time next_wakeup() const { return outbox_.empty() ? next_resend() : Time{}; }

  // Attempts that are not over and done with.
  [[nodiscard]] std::size_t attempts() const { return attempts_.size(); }

 private:
  enum class State : std::uint8_t {
    sent,      // the worker has not acknowledged the order to run it
    accepted,  //
    ended,     // the worker said how
    lost,      // with its worker
  };
  struct PartState {
    Part part;
    State state = State::sent;
    ReportKind kind = ReportKind::accepted;  // in state ended
    Duration progress{};
    Time due = kNever;  // when its order is sent again
    Duration delay{};
  };
  struct Attempt {
    std::vector<PartState> parts;
    Work work;
    bool loaded = false;    // a leader before ordered it
    bool stop = false;      // its parts are to end
    bool told = false;      // the scheduler was told how it ended
    bool released = false;  // and that is in the store
  };
  struct Past {
    std::uint32_t dead = 0;      // the highest incarnation that was taken for dead
    std::uint32_t highest = 0;   // that was seen
    Time say_again{};            // that one of these is over
    Time note_again{};           // that it drains
    std::uint32_t answered = 0;  // the incarnation that said what it has, since the workers were asked
    Time ask_at{};               // again
    Duration ask_delay{};
  };
  using Attempts = std::map<AttemptId, Attempt>;
  struct PartKey {
    AttemptId attempt;
    std::size_t part = 0;
  };

  [[nodiscard]] static bool is_over(const PartState& part) {
    return part.state == State::ended || part.state == State::lost;
  }
  [[nodiscard]] static bool is_open(const Attempt& attempt, const PartState& part) {
    return part.state == State::sent || (part.state == State::accepted && attempt.stop);
  }
  [[nodiscard]] Time next_resend() const { return due_.empty() ? kNever : due_.top().at; }
  void order(Time now, AttemptId id, std::size_t part);
  void note_due(Time at, PartKey key);
  void ask(Time now, WorkerId worker, Past& past);
  void note_missing(const HeldReport& report);
  void note_held(Time now, const HeldReport& report, const HeldAttempt& held);
  void post(WorkerId worker, std::uint32_t incarnation, decltype(WorkerMail::body) body);
  void stop_parts(Time now, AttemptId id, Attempt& attempt);
  void conclude(Time now, AttemptId id, Attempt& attempt);
  void forget_if_over(Attempts::iterator at);

  DispatcherConfig config_;
  Attempts attempts_;
  struct Due {
    Time at;
    std::uint64_t number = 0;  // of those of one time, the first comes first
    PartKey key;
  };
  struct IsLater {
    bool operator()(const Due& a, const Due& b) const { return std::pair(a.at, a.number) > std::pair(b.at, b.number); }
  };
  // Orders that may have to be sent again; void where PartState::due is another time.
  std::priority_queue<Due, std::vector<Due>, IsLater> due_;
  std::uint64_t dues_ = 0;  // so far
  std::map<WorkerId, Past> pasts_;
  bool asking_ = false;                                     // the workers what they have
  std::map<WorkerId, std::vector<AttemptId>> loaded_on_{};  // loaded attempts, until the worker has answered
  std::vector<OutgoingMail> outbox_;
  std::vector<Event> facts_;
};

}  // namespace drydock

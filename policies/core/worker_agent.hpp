// What decides in each worker: when to beat, what to run, when to stop by itself, what to report. Facts and the time go in, orders
// and the next wakeup come out; the time is the worker's own clock, of which only differences count.
#pragma once

#include "policies/core/worker_messages.hpp"

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace drydock {

struct WorkerAgentConfig {
  // Enough for a scheduler that reads the registry this often.
  [[nodiscard]] static constexpr Duration linger_for(Duration reading) {
    return std::max<Duration>(std::chrono::seconds{10}, 2 * reading);
  }

  WorkerId worker;
  // Such that no attempt was ever given to another process of this worker under it. Where it is lower than one that the scheduler has seen,
  // the scheduler says so (Superseded), and the agent takes a higher one.
  std::uint32_t incarnation = 1;
  Resources capacity;
  Duration interval = std::chrono::seconds{30};  // between two beats
  Duration lease = std::chrono::seconds{60};     // the TTL of its key
  // It ends what it runs this long before its key can be gone: the time that this takes, and what clocks may differ in a lease.
  Duration margin = std::chrono::seconds{6};
  // A worker that drains leaves when the scheduler knows it, or this long after it has nothing more to run: what was on its way to it is
  // declined until then.
  Duration linger = linger_for(Duration{0});
  Duration report_again = std::chrono::seconds{1};  // a report that is not acknowledged; doubles up to one lease
};

// The agent fences itself: `lease - margin` after it sent the last beat that was acknowledged, it ends all that it runs, and registers as a
// higher incarnation only when nothing of that is left. So no attempt of it outlives its key in the registry, whatever happens to the
// messages. An order to run an attempt is taken when its number is higher than any that is known of the job; it starts when what it holds
// fits, first come first served.
class WorkerAgent {
 public:
  explicit WorkerAgent(const WorkerAgentConfig& config);

  // Returns orders, which hold until the next step. `now` never falls. An answer that is not awaited is ignored.
  // Costs O(attempts that it holds).
  [[nodiscard]] std::span<const WorkerOrder> step(Time now, std::span<const WorkerFact> facts);
  // The latest time at which step() must be called again even if nothing happens; kNever if there is no need.
  [[nodiscard]] Time next_wakeup() const;

  [[nodiscard]] std::uint32_t incarnation() const { return incarnation_; }
  // Another process of this worker has its key: it ends all that it runs, says nothing more to anybody, and ends itself.
  [[nodiscard]] bool ousted() const { return ousted_; }
  // A beat of this incarnation was acknowledged, and its lease runs.
  [[nodiscard]] bool registered() const { return fence_at_ != kNever; }
  // When it will end what it runs, unless a beat is acknowledged; kNever while it is not registered.
  [[nodiscard]] Time fence_at() const { return fence_at_; }
  [[nodiscard]] const Resources& used() const { return used_; }
  // Attempts that wait, run, are being ended, or whose end is not acknowledged.
  [[nodiscard]] std::size_t attempts() const { return tickets_.size(); }

  // Re-derives every count; stops the process if one is wrong. For tests, after every step.
  void sanity_check() const;

  // Beats without an answer are at most this many.
  static constexpr std::size_t kMostBeats = 8;
  // Jobs whose numbers are remembered after their attempts are forgotten.
  static constexpr std::size_t kMostNumbers = 10'000;

 private:
  enum class State : std::uint8_t {
    held,      // waits for room
    running,   //
    stopping,  // KillRun was ordered; its end will be reported
    killing,   // likewise, and nobody wants to know
    ended,     // holds nothing; its report is not acknowledged
  };
  struct Ticket {
    State state = State::held;
    std::uint32_t tasks = 1;
    Resources held{};
    std::string payload{};
    ReportKind kind = ReportKind::accepted;  // in state ended
    Duration progress{};                     // that it began with, then that it ended with
    std::uint32_t incarnation = 0;           // under which it was taken
    Time taken{};
    RequestId request{};  // of the report on its way; 0: none
    bool sent = false;    // it was: it is where the scheduler will find it
    Time report_at{};
    Duration report_delay{};
  };
  using Tickets = std::map<AttemptId, Ticket>;
  struct SentBeat {
    RequestId request;
    Time at;
    std::uint32_t incarnation = 0;
  };

  void on(const BeatAnswered& fact);
  void on(const MailFetched& fact);
  void on(const ReportSent& fact);
  void on(const RegistryLeft& fact);
  void on(const RunEnded& fact);
  void on(const RunKilled& fact);
  void on(const LinkRestored& fact);
  void on(const DrainAsked& fact);
  void take(const WorkerMail& mail, const RunAttempt& order);
  void take(const WorkerMail& mail, const StopRun& order);
  void take(const WorkerMail& mail, const ReportTaken& order);
  void take(const WorkerMail& mail, const Superseded& order);
  void take(const WorkerMail& mail, const AskHeld& order);
  void take(const WorkerMail& mail, const DrainNoted& order);

  [[nodiscard]] bool is_mine(const WorkerMail& mail) const { return mail.incarnation == incarnation_ && !fencing(); }
  [[nodiscard]] bool fencing() const { return next_incarnation_ != 0; }
  [[nodiscard]] static bool occupies(State state) {
    return state == State::running || state == State::stopping || state == State::killing;
  }
  // The highest number known of the job's attempts; 0: none.
  [[nodiscard]] std::uint32_t number_of(JobId job) const;
  void note_number(AttemptId attempt);
  void drop_older(AttemptId attempt);
  void fence(std::uint32_t next_incarnation);
  void kill(Tickets::iterator at, State state);
  void end(Ticket& ticket, ReportKind kind, Duration progress);
  void free_room(const Ticket& ticket) { used_ -= ticket.held; }
  void accept(AttemptId attempt);

  void oust();
  void come_back();
  void beat();
  void admit();
  void report();
  void want_report(Ticket& ticket, Time at);
  void want_all_reports();
  void fetch();
  void leave();
  [[nodiscard]] RequestId next_request() { return RequestId{++last_request_}; }

  WorkerAgentConfig config_;
  Time now_{};
  std::uint64_t last_request_ = 0;

  std::uint32_t incarnation_;
  std::uint32_t next_incarnation_ = 0;  // to come back as when nothing is left of this one; 0: it is not being ended
  std::int64_t epoch_ = 0;              // the highest seen

  std::deque<SentBeat> beats_;  // without an answer, by time
  Time beat_at_{};              // when the next is due
  Duration beat_delay_{};       // after one that failed
  bool beat_failed_ = false;    // the last one that was answered
  Time fence_at_ = kNever;

  Tickets tickets_;
  std::map<RequestId, AttemptId> sending_;  // reports of how attempts ended that are on their way
  Time report_at_ = kNever;                 // no report is due earlier, unless it is on its way
  std::deque<AttemptId> waiting_;           // tickets in state held, in order of arrival; also such as are not any more
  Resources used_;                          // by running, stopping and killing ones
  std::map<JobId, std::uint32_t> numbers_;
  std::deque<JobId> numbered_;  // keys of numbers_, the oldest first

  RequestId fetching_{};  // 0: none
  Time fetch_at_{};
  Duration fetch_delay_{};

  bool draining_ = false;
  Time linger_until_{};  // while draining: until the scheduler has noted it, or this
  Time quiet_until_{};   // likewise, for ends that it does not acknowledge
  RequestId leaving_{};  // 0: not asked
  Time leave_until_ = kNever;
  bool ousted_ = false;
  bool gone_ = false;

  std::vector<WorkerOrder> orders_;
};

}  // namespace drydock

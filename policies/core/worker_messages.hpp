// What a scheduler and its workers say to each other, and what a worker is told and orders.
//
// Anything between them may be lost, late or repeated. So each says a thing again until the other has acknowledged it, and the
// numbers of attempts and incarnations make repetitions harmless.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock {

// --- from the scheduler to a worker ------------------------------------------------------------------------------------------------

// Acknowledged by ReportKind::accepted, or by how the attempt ended.
struct RunAttempt {
  AttemptId attempt;
  std::uint32_t tasks = 1;  // of it, on this worker
  Resources held;           // by all of these
  Duration progress{};      // work that need not be repeated, on a worker of speed 1
  std::string payload{};    // what to run, as whoever runs it understands it
  friend bool operator==(const RunAttempt&, const RunAttempt&) = default;
};
// Acknowledged by how the attempt ended: ReportKind::stopped, unless it ended first.
struct StopRun {
  AttemptId attempt;
  friend bool operator==(const StopRun&, const StopRun&) = default;
};
// The end of the attempt is in the store: the worker need not report it again.
struct ReportTaken {
  AttemptId attempt;
  friend bool operator==(const ReportTaken&, const ReportTaken&) = default;
};
// This incarnation was taken for dead: the worker ends all that it runs, and comes back as a higher one.
struct Superseded {
  friend bool operator==(const Superseded&, const Superseded&) = default;
};

// The scheduler knows that this worker drains: it orders nothing new after this.
struct DrainNoted {
  friend bool operator==(const DrainNoted&, const DrainNoted&) = default;
};

// A new leader took over: say what you have. Acknowledged by HeldReport.
struct AskHeld {
  friend bool operator==(const AskHeld&, const AskHeld&) = default;
};

struct WorkerMail {
  std::int64_t epoch = 0;         // of the leader: workers refuse lower ones than they have seen
  std::uint32_t incarnation = 0;  // that it is meant for
  std::variant<RunAttempt, StopRun, ReportTaken, Superseded, AskHeld, DrainNoted> body;
  friend bool operator==(const WorkerMail&, const WorkerMail&) = default;
};

// --- from a worker to the scheduler ------------------------------------------------------------------------------------------------

enum class ReportKind : std::uint8_t {
  accepted,   // the order to run it has arrived
  succeeded,  // its tasks here have ended
  failed,     // likewise; or it can never run here
  stopped,    // as ordered; it holds nothing any more
  declined,   // it was not begun: the worker drains
};
struct AttemptReport {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  AttemptId attempt;
  ReportKind kind = ReportKind::accepted;
  Duration progress{};  // with stopped and declined: work that a next attempt need not repeat, on a worker of speed 1
  friend bool operator==(const AttemptReport&, const AttemptReport&) = default;
};

// An attempt that a worker has: it waits or runs there, or has ended, and that is not acknowledged.
struct HeldAttempt {
  AttemptId attempt;
  ReportKind kind = ReportKind::accepted;  // accepted: it has not ended
  Duration progress{};                     // as in AttemptReport
  Duration age{};                          // since the order to run it arrived
  friend bool operator==(const HeldAttempt&, const HeldAttempt&) = default;
};
// Answer to AskHeld: all that it has. What is not here it does not have, and takes no order of an earlier leader to run it any more.
struct HeldReport {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  std::int64_t epoch = 0;  // of the leader that asked
  std::vector<HeldAttempt> attempts{};
  friend bool operator==(const HeldReport&, const HeldReport&) = default;
};

using AnyReport = std::variant<AttemptReport, HeldReport>;

// --- what a worker is told ---------------------------------------------------------------------------------------------------------
// Each request is answered exactly once: done, failed (it had no effect) or unknown.

// Answer to SendBeat.
struct BeatAnswered {
  RequestId request;
  Answer answer = Answer::done;  // refused: the key is that of another process of this worker
  bool was_there = true;         // with Answer::done: the registry still had this worker's key
};
// Answer to FetchMail, with mail as soon as there is some, or without after a while.
struct MailFetched {
  RequestId request;
  Answer answer = Answer::done;
  std::vector<WorkerMail> mails{};
};
// Answer to SendReport and SendHeld: it is on its way. That a report was taken is told by ReportTaken.
struct ReportSent {
  RequestId request;
  Answer answer = Answer::done;
};
// Answer to LeaveRegistry.
struct RegistryLeft {
  RequestId request;
  Answer answer = Answer::done;
};
// What was started has ended by itself, or could not be started (failed).
struct RunEnded {
  AttemptId attempt;
  Ending ending = Ending::succeeded;
};
// Answer to KillRun: it and all that it started are gone. RunEnded instead, if it ended first.
struct RunKilled {
  AttemptId attempt;
  Duration progress{};  // as AttemptReport::progress
};
// Whoever could not be reached can be reached again: what failed may be tried now.
struct LinkRestored {};
// Take no more attempts, and leave when the last has ended and the scheduler knows of it, or has had time to.
struct DrainAsked {};

using WorkerFact =
    std::variant<BeatAnswered, MailFetched, ReportSent, RegistryLeft, RunEnded, RunKilled, LinkRestored, DrainAsked>;

// --- what a worker orders ----------------------------------------------------------------------------------------------------------

// One script that refreshes the worker's key, or makes it again where it is gone (redis::BeatWorker).
struct SendBeat {
  RequestId request;
  std::uint32_t incarnation = 0;
  bool draining = false;
};
struct FetchMail {
  RequestId request;
};
// Run this, now. Texts point into the worker and hold until its next step.
struct StartRun {
  AttemptId attempt;
  std::uint32_t tasks = 1;
  Duration progress{};  // as in RunAttempt
  std::string_view payload{};
  Resources held{};  // by all of its tasks here
};
struct KillRun {
  AttemptId attempt;
};
struct SendReport {
  RequestId request;
  AttemptReport report;
};
struct SendHeld {
  RequestId request;
  HeldReport report;
};
// Delete the worker's key: it goes by itself, holding nothing.
struct LeaveRegistry {
  RequestId request;
};
// There is nothing more to do, ever.
struct EndProcess {};

using WorkerOrder = std::variant<SendBeat, FetchMail, StartRun, KillRun, SendReport, SendHeld, LeaveRegistry, EndProcess>;

}  // namespace drydock

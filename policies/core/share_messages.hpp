// What agents, their drivers and the ledger of shares say to each other.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/share.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace drydock {

// ---- Operations of the ledger, each atomic: one script of Redis, or one turn of the owner of a locked file ----

// Puts the worker's state where all can read it.
struct PublishReport {
  WorkerReport report;
};
// Asks for the published states.
struct ReadReports {};
// Asks for a grant, or for more time, or gives up a part of a grant.
struct RenewGrant {
  std::uint32_t incarnation = 0;  // of the worker's process, rising: as in WorkerRegistered
  RequestId number;               // rising within the incarnation: the fencing token
  WorkerReport report;
  Share holding;  // the process uses no more than this from the moment of sending until it is answered
};
using LedgerOperation = std::variant<PublishReport, ReadReports, RenewGrant>;

struct ReportPublished {};
struct ReportsRead {
  std::vector<WorkerReport> reports;  // by worker, ascending
};
enum class GrantVerdict : std::uint8_t {
  granted,
  refused_stale,  // there was a later request of this worker, or of a later process of it
  refused_loss,   // the ledger lost its state less than a lease ago
};
struct GrantReply {
  GrantVerdict verdict = GrantVerdict::granted;
  Share amount{};                     // use no more than this
  Share target{};                     // what it would be if the others had shrunk already
  Duration lease{};                   // from some time after the request was sent
  std::vector<WorkerReport> known{};  // of all that hold or ask, by worker, ascending
};
using LedgerReply = std::variant<ReportPublished, ReportsRead, GrantReply>;

// ---- Facts for an agent ----

// Work began, ended or waits: whenever one of these figures changes.
struct LoadChanged {
  std::int64_t active_tasks = 0;  // requests that run now
  Share load;                     // what the worker would use now if it were alone
};
// The service refused a request because of a limit.
struct Throttled {};
// The one answer to an AskLedger. The reply counts only with Answer::done, and is of the operation's kind.
struct LedgerAnswered {
  RequestId request;
  Answer answer = Answer::done;
  LedgerReply reply;
};
// In the order in which the facts of one instant are handed over.
using ShareEvent = std::variant<LedgerAnswered, LoadChanged, Throttled>;

// ---- Orders of an agent ----

// Answered by exactly one LedgerAnswered.
struct AskLedger {
  RequestId request;
  LedgerOperation operation;
};
// From now on use no more than `to`: begin nothing beyond it; what runs beyond it may end by itself, and counts until then.
// Whoever uses the share looks at the clock at each use: from `valid_until` on (this worker's clock, which must go on while
// the machine sleeps) nothing may be used, and what runs is stopped, whether or not the agent came to say so.
struct ShareChanged {
  Share from;
  Share to;
  Time valid_until = kNever;
};
// The same share, for longer.
struct ShareExtended {
  Time valid_until = kNever;
};
using ShareCommand = std::variant<AskLedger, ShareChanged, ShareExtended>;

}  // namespace drydock

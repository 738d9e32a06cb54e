// The one place where grants of shares are written down. It lives in a script of Redis or in a locked file; here is what it
// does, as a function of its state, the store's clock and an operation.
#pragma once

#include "policies/core/share_messages.hpp"
#include "policies/core/share_policy.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace drydock {

// Changes whenever the store may have lost what it was told, or gone back to an older state: the run id of Redis, the inode
// of a file. 0 is not used.
using StoreIdentity = Id<struct StoreIdentityTag, std::uint64_t>;

// One process that holds a grant or asks for one.
struct ShareHolder {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  RequestId number{};  // of its latest request
  WorkerReport report{};
  Share granted{};  // by the latest reply
  Share held{};     // what it may be using, whatever of our replies it received; granted <= held
  Time until{};     // nothing any more from here on, unless it asks before
};

// As it is to be stored. Invariant: the `held` of all holders sum to at most the total, part by part (after the total was
// lowered: as soon as the holders had time to follow).
struct ShareLedgerState {
  StoreIdentity store;               // 0: new
  Time latest{};                     // the clock, which is not allowed to go back
  Time closed_until{};               // nobody's share grows before: grants that are not known here may be in use
  std::vector<ShareHolder> holders;  // by worker, then incarnation
  struct Published {
    WorkerReport report;
    Time at;
  };
  std::vector<Published> published;  // by worker
};

class ShareLedger {
 public:
  // The policy is kept by reference. An empty `state` is one that was lost, or never was: after it nobody gets a new share
  // for one lease.
  ShareLedger(ShareLimits limits, const SharePolicy& policy, ShareLedgerState state = {})
      : limits_(limits), policy_(&policy), state_(std::move(state)) {}

  // `now` is the store's clock. Repeating an operation gives the same reply as before, or a refusal, and changes nothing.
  [[nodiscard]] LedgerReply apply(Time now, StoreIdentity store, const LedgerOperation& operation);

  [[nodiscard]] const ShareLedgerState& state() const { return state_; }
  // Stops the process if the state breaks its invariants.
  void check() const;

 private:
  [[nodiscard]] LedgerReply on(const PublishReport& operation);
  [[nodiscard]] LedgerReply on(const ReadReports& operation);
  [[nodiscard]] LedgerReply on(const RenewGrant& operation);

  void note_store(StoreIdentity store);
  void forget_lapsed();
  [[nodiscard]] const LeasedShares& leased() const;
  [[nodiscard]] ShareHolder* find_holder(WorkerId worker, std::uint32_t incarnation);
  [[nodiscard]] bool superseded(const RenewGrant& operation) const;
  ShareHolder& enter(const RenewGrant& operation);
  // What the holder should have when all is at rest.
  [[nodiscard]] Share target_of(const ShareHolder& holder, std::span<const WorkerReport> reports) const;
  // The total without what others hold; never below 0.
  [[nodiscard]] Share room_for(const ShareHolder& holder) const;
  // Of each worker its latest process, by worker.
  [[nodiscard]] std::vector<WorkerReport> latest_reports() const;

  ShareLimits limits_;
  const SharePolicy* policy_;
  ShareLedgerState state_;
};

}  // namespace drydock

// How the state of a ShareLedger lies in a store, and what one turn at it is: read, apply one operation, write if nobody else has written
// since. The ledger itself is the core's, in every store.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/share_ledger.hpp"
#include "policies/ports/redis.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace drydock {

// {"version":1,"store":"7","latest_ns":0,"closed_until_ns":0,
//  "holders":[{"incarnation":1,"number":3,"granted":[40,800,40000],"held":[40,800,40000],"until_ns":0,"report":REPORT}],
//  "published":[{"at_ns":0,"report":REPORT}]},
// where REPORT is {"worker":0,"weight":1,"active":true,"active_tasks":2,"load":[2,80,4000]}; shares are [concurrency, requests a
// minute, tokens a minute].
[[nodiscard]] std::string to_json(const ShareLedgerState& state);
// Errors say what is wrong, not where it came from.
[[nodiscard]] Result<ShareLedgerState> parse_ledger(std::string_view text);

// Of the store that is called so: its run id, or whatever changes when it may have lost something. Never 0.
[[nodiscard]] StoreIdentity store_identity(std::string_view name);

struct LedgerTurn {
  LedgerReply reply;
  std::optional<std::string> state{};  // to be written before the reply counts; none: nothing has changed
};
// `text`: the state as the store has it; none: it has none.
[[nodiscard]] Result<LedgerTurn> take_turn(const ShareLimits& limits, const SharePolicy& policy,
                                           const std::optional<std::string>& text, Time now, StoreIdentity store,
                                           const LedgerOperation& operation);

}  // namespace drydock

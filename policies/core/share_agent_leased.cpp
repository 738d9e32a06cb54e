// The agent's part of leased shares: ask, use what is granted until the lease is over by its own clock, say what is given up.
#include "policies/core/share_agent.hpp"

namespace drydock {

void ShareAgent::renew() {
  renew_at_ = kNever;
  ask_again_ = false;
  // What still runs counts as held, even where the share has shrunk below it.
  Share holding = share_;
  holding.concurrency = std::max(holding.concurrency, active_tasks_);
  ask(RenewGrant{.incarnation = config_.incarnation, .number = {}, .report = report(), .holding = holding}, holding);
}

void ShareAgent::renew_now() {
  shrinking_ = false;
  renew_at_ = now_;
  ask_again_ = asked_.has_value();
}

// The lease is over. The answer on its way is given up too: it may come from a ledger that lost its state and believed what
// the request said was held, which is no longer true.
void ShareAgent::lapse() {
  if (share_ != Share{}) commands_.emplace_back(ShareChanged{share_, {}, valid_until_});
  share_ = {};
  valid_until_ = kNever;
  asked_.reset();
  renew_now();
}

void ShareAgent::take_answer(const LedgerAnswered& event, const LeasedShares& rules, const Asked& asked) {
  renew_at_ = later(now_, rules.retry);
  const auto* grant = std::get_if<GrantReply>(&event.reply);
  if (event.answer == Answer::done && grant != nullptr && grant->verdict == GrantVerdict::granted) {
    take_grant(*grant, rules, asked);
  }
  if (ask_again_) renew_at_ = now_;
}

void ShareAgent::take_grant(const GrantReply& grant, const LeasedShares& rules, const Asked& asked) {
  known_ = grant.known;
  // The lease began at the ledger after the request was sent, so it is not over there at this time.
  const Time deadline = later(asked.at, grant.lease - rules.margin);
  if (deadline <= now_) return;
  use(grant.amount, deadline);
  const bool gave_up = !fits(asked.holding, grant.amount);
  shrinking_ = gave_up && active_tasks_ > share_.concurrency;
  if (gave_up && !shrinking_) renew_at_ = now_;  // others wait for it
  else if (grant.amount == grant.target) renew_at_ = later(now_, rules.renew);
}

}  // namespace drydock

#include "policies/core/share_agent.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>

namespace drydock {

namespace {

// The first point of the grid start + k x period that is after `now`: what was slept through is not made up for.
Time next_on_grid(Time due, Duration period, Time now) {
  if (due > now) return due;
  return later(due, ((now - due) / period + 1) * period);
}

}  // namespace

ShareAgent::ShareAgent(const ShareAgentConfig& config, const SharePolicy& policy) : config_(config), policy_(&policy) {}

std::span<const ShareCommand> ShareAgent::step(Time now, std::span<const ShareEvent> events) {
  DRYDOCK_CHECK(!started_ || now >= now_, "time went back");
  now_ = now;
  commands_.clear();
  if (!started_) start();
  // Before any answer: a grant that is over is not brought back to life by what comes after.
  if (now_ >= valid_until_) lapse();
  for (const ShareEvent& event : events) {
    std::visit([this](const auto& e) { on(e); }, event);
  }
  note_activity();
  work_timers();
  return commands_;
}

Time ShareAgent::next_wakeup() const {
  const Time renewal = asked_ ? kNever : renew_at_;
  return std::min({idle_at_, check_at_, adjust_at_, renewal, valid_until_});
}

void ShareAgent::start() {
  started_ = true;
  struct Begin {
    ShareAgent& agent;
    void operator()(const AnnouncedShares&) const {
      agent.check_at_ = later(agent.now_, agent.config_.check_phase);
      agent.adjust_at_ = later(agent.now_, agent.config_.adjust_phase);
      if (agent.policy_->rules().idle_holds == IdleHolds::base) agent.use(agent.config_.limits.base, kNever);
    }
    void operator()(const LeasedShares&) const { agent.renew_at_ = agent.now_; }
    void operator()(const AdaptiveShares&) const {
      agent.adjust_at_ = later(agent.now_, agent.config_.adjust_phase);
      if (agent.policy_->rules().idle_holds == IdleHolds::base) agent.use(agent.config_.limits.base, kNever);
    }
  };
  std::visit(Begin{*this}, policy_->rules().protocol);
}

void ShareAgent::on(const LoadChanged& event) {
  const bool was_busy = active_tasks_ > 0 || load_ != Share{};
  active_tasks_ = event.active_tasks;
  load_ = event.load;
  const bool busy = active_tasks_ > 0 || load_ != Share{};
  if (busy || was_busy) idle_at_ = busy ? kNever : later(now_, policy_->rules().idle_after);
  if (shrinking_ && active_tasks_ <= share_.concurrency) renew_now();
  if (!busy || active_) return;
  active_ = true;
  struct Begin {
    ShareAgent& agent;
    void operator()(const AnnouncedShares&) const {
      agent.newcomer_ = true;
      agent.announce();
    }
    void operator()(const LeasedShares&) const { agent.renew_now(); }
    void operator()(const AdaptiveShares&) const { agent.use(agent.config_.limits.base, kNever); }
  };
  std::visit(Begin{*this}, policy_->rules().protocol);
}

void ShareAgent::note_activity() {
  if (now_ < idle_at_) return;
  idle_at_ = kNever;
  active_ = false;
  newcomer_ = false;
  if (std::holds_alternative<LeasedShares>(policy_->rules().protocol)) renew_now();
  if (std::holds_alternative<AdaptiveShares>(policy_->rules().protocol)) {
    use(policy_->rules().idle_holds == IdleHolds::base ? config_.limits.base : Share{}, kNever);
  }
}

void ShareAgent::work_timers() {
  if (now_ >= check_at_) {
    check_at_ = next_on_grid(check_at_, std::get<AnnouncedShares>(policy_->rules().protocol).check, now_);
    announce();
  }
  if (now_ >= adjust_at_) {
    if (const auto* announced = std::get_if<AnnouncedShares>(&policy_->rules().protocol)) {
      adjust_at_ = next_on_grid(adjust_at_, announced->adjust, now_);
      adjust_to_known();
    } else {
      const auto& adaptive = std::get<AdaptiveShares>(policy_->rules().protocol);
      adjust_at_ = next_on_grid(adjust_at_, adaptive.adjust, now_);
      adapt(adaptive);
    }
  }
  if (now_ >= renew_at_ && !asked_) renew();
}

void ShareAgent::on(const LedgerAnswered& event) {
  if (!asked_ || event.request != asked_->request) return;
  const Asked asked = *asked_;
  asked_.reset();
  struct Take {
    ShareAgent& agent;
    const LedgerAnswered& event;
    const Asked& asked;
    void operator()(const AnnouncedShares& rules) const { agent.take_answer(event, rules); }
    void operator()(const LeasedShares& rules) const { agent.take_answer(event, rules, asked); }
    void operator()(const AdaptiveShares&) const {}
  };
  std::visit(Take{*this, event, asked}, policy_->rules().protocol);
}

void ShareAgent::ask(LedgerOperation operation, const Share& holding) {
  DRYDOCK_CHECK(!asked_, "one request at a time");
  asked_ = Asked{RequestId{++last_request_}, now_, holding};
  if (auto* renewal = std::get_if<RenewGrant>(&operation)) renewal->number = asked_->request;
  commands_.emplace_back(AskLedger{asked_->request, operation});
}

void ShareAgent::use(const Share& to, Time valid_until) {
  const bool uses_any = to != Share{} || active_tasks_ > 0;
  if (to != share_) commands_.emplace_back(ShareChanged{share_, to, valid_until});
  else if (valid_until != valid_until_ && uses_any) commands_.emplace_back(ShareExtended{valid_until});
  share_ = to;
  valid_until_ = valid_until;
}

WorkerReport ShareAgent::report() const { return {config_.worker, config_.weight, active_, active_tasks_, load_}; }

// First its own state, then a look at that of all, so that workers which begin together see each other.
void ShareAgent::announce() {
  ask_again_ = asked_.has_value();
  if (!asked_) ask(PublishReport{report()});
}

void ShareAgent::take_answer(const LedgerAnswered& event, const AnnouncedShares& rules) {
  const auto* read = std::get_if<ReportsRead>(&event.reply);
  const bool was_read = event.answer == Answer::done && read != nullptr;
  if (was_read) {
    known_ = read->reports;
    knows_ = true;
  }
  const bool published = !awaiting_read_;
  awaiting_read_ = published && !ask_again_;
  if (ask_again_) announce();
  else if (published) ask(ReadReports{});
  else if (was_read) use_what_was_read(rules);
}

void ShareAgent::use_what_was_read(const AnnouncedShares& rules) {
  if (newcomer_ && rules.newcomer == NewcomerStarts::at_once) {
    adjust_to_known();
  } else if (rules.holder == HolderShrinks::at_check) {
    use(least(computed(), share_), kNever);
  }
}

void ShareAgent::adjust_to_known() {
  if (!knows_) return;
  newcomer_ = false;
  use(computed(), kNever);
}

Share ShareAgent::computed() {
  const auto place = std::ranges::lower_bound(known_, config_.worker, {}, &WorkerReport::worker);
  const auto at = static_cast<std::size_t>(place - known_.begin());
  if (place != known_.end() && place->worker == config_.worker) *place = report();
  else known_.insert(place, report());
  targets_.assign(known_.size(), Share{});
  policy_->divide(config_.limits, known_, targets_);
  return targets_[at];
}

void ShareAgent::on(const Throttled& /*event*/) {
  const auto* rules = std::get_if<AdaptiveShares>(&policy_->rules().protocol);
  if (rules == nullptr || cut_) return;
  cut_ = true;  // one cut a period: refusals of one overload come in many
  use(aimd_cut(rules->aimd, share_), kNever);
}

void ShareAgent::adapt(const AdaptiveShares& rules) {
  if (!cut_ && active_) use(aimd_raise(rules.aimd, config_.limits.total, share_, load_), kNever);
  cut_ = false;
}

}  // namespace drydock

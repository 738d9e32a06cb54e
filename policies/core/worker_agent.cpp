#include "policies/core/worker_agent.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

WorkerAgent::WorkerAgent(const WorkerAgentConfig& config) : config_(config), incarnation_(config.incarnation) {
  DRYDOCK_CHECK(config_.incarnation > 0, "incarnations count from 1");
  DRYDOCK_CHECK(config_.interval > Duration{0} && config_.lease > config_.interval,
                "a lease outlasts the time to the next beat");
  DRYDOCK_CHECK(config_.margin >= Duration{0} && config_.margin < config_.lease, "the margin lies within the lease");
  DRYDOCK_CHECK(config_.report_again > Duration{0}, "a report is not repeated without a pause");
  beat_delay_ = fetch_delay_ = config_.interval / 16 + Duration{1};
}

// What extends the lease comes first, then its end: a worker that was asleep past it must not believe what happened meanwhile.
std::span<const WorkerOrder> WorkerAgent::step(Time now, std::span<const WorkerFact> facts) {
  DRYDOCK_CHECK(now >= now_, "time went back");
  now_ = now;
  orders_.clear();
  if (gone_) return orders_;
  for (const WorkerFact& fact : facts) {
    if (const auto* answer = std::get_if<BeatAnswered>(&fact)) on(*answer);
  }
  if (now_ >= fence_at_) fence(incarnation_ + 1);
  for (const WorkerFact& fact : facts) {
    if (!std::holds_alternative<BeatAnswered>(fact)) std::visit([this](const auto& f) { on(f); }, fact);
  }
  come_back();
  if (ousted_) return orders_;
  leave();
  beat();
  admit();
  report();
  fetch();
  return orders_;
}

Time WorkerAgent::next_wakeup() const {
  if (gone_ || ousted_) return kNever;
  Time at = std::min(fence_at_, leave_until_);
  if (draining_ && leaving_.value == 0) {
    for (const Time until : {linger_until_, quiet_until_}) at = now_ < until ? std::min(at, until) : at;
  }
  if (leaving_.value == 0 && !fencing() && beats_.size() < kMostBeats) at = std::min(at, beat_at_);
  if (fetching_.value == 0) at = std::min(at, fetch_at_);
  return std::min(at, report_at_);
}

// --- the lease ---

void WorkerAgent::on(const BeatAnswered& fact) {
  const auto beat = std::ranges::find(beats_, fact.request, &SentBeat::request);
  if (beat == beats_.end()) return;
  const SentBeat sent = *beat;
  beats_.erase(beat);
  if (fact.answer == Answer::refused) return oust();
  beat_failed_ = fact.answer != Answer::done;
  if (beat_failed_) {
    beat_at_ = std::min(beat_at_, later(now_, beat_delay_));
    beat_delay_ = std::min(beat_delay_ * 2, config_.interval);
    return;
  }
  beat_delay_ = config_.interval / 16 + Duration{1};
  if (sent.incarnation != incarnation_ || fencing()) return;
  const bool first = fence_at_ == kNever;
  const Time until = later(sent.at, config_.lease - config_.margin);
  fence_at_ = first ? until : std::max(fence_at_, until);
  if (fact.was_there || first) return;
  // The registry forgot, and so may have whoever carries the reports.
  want_all_reports();
}

void WorkerAgent::beat() {
  if (fencing() || leaving_.value != 0 || now_ < beat_at_ || beats_.size() >= kMostBeats) return;
  const RequestId request = next_request();
  beats_.push_back({request, now_, incarnation_});
  beat_at_ = later(now_, config_.interval);
  orders_.emplace_back(SendBeat{request, incarnation_, draining_});
}

void WorkerAgent::fence(std::uint32_t next_incarnation) {
  next_incarnation_ = std::max(next_incarnation_, next_incarnation);
  fence_at_ = kNever;
  waiting_.clear();
  for (auto at = tickets_.begin(); at != tickets_.end();) {
    const auto next = std::next(at);
    if (at->second.state == State::held) tickets_.erase(at);
    else if (occupies(at->second.state)) kill(at, State::killing);
    at = next;
  }
}

// Reports and mail are the other process's.
void WorkerAgent::oust() {
  ousted_ = true;
  fence(incarnation_ + 1);
}

// As another incarnation, when nothing of the one before is left.
void WorkerAgent::come_back() {
  if (!fencing() || std::ranges::any_of(tickets_, [](const auto& t) { return occupies(t.second.state); })) return;
  if (ousted_) {
    gone_ = true;
    orders_.emplace_back(EndProcess{});
    return;
  }
  incarnation_ = std::exchange(next_incarnation_, 0);
  beat_at_ = now_;
}

// --- attempts ---

std::uint32_t WorkerAgent::number_of(JobId job) const {
  const auto found = numbers_.find(job);
  return found == numbers_.end() ? 0 : found->second;
}

void WorkerAgent::note_number(AttemptId attempt) {
  const auto [at, is_new] = numbers_.insert_or_assign(attempt.job, attempt.number);
  if (!is_new) return;
  numbered_.push_back(attempt.job);
  if (numbered_.size() <= kMostNumbers) return;
  const JobId oldest = numbered_.front();
  numbered_.pop_front();
  const auto ticket = tickets_.lower_bound({oldest, 0});
  if (ticket != tickets_.end() && ticket->first.job == oldest) numbered_.push_back(oldest);
  else numbers_.erase(oldest);
}

// That there is a later attempt implies that nobody waits for these.
void WorkerAgent::drop_older(AttemptId attempt) {
  for (auto at = tickets_.lower_bound({attempt.job, 0}); at != tickets_.end() && at->first < attempt;) {
    const auto next = std::next(at);
    if (!occupies(at->second.state)) tickets_.erase(at);
    else kill(at, State::killing);
    at = next;
  }
}

void WorkerAgent::kill(Tickets::iterator at, State state) {
  if (at->second.state == State::running) orders_.emplace_back(KillRun{at->first});
  at->second.state = state;
}

void WorkerAgent::end(Ticket& ticket, ReportKind kind, Duration progress) {
  if (occupies(ticket.state)) free_room(ticket);
  ticket.state = State::ended;
  ticket.kind = kind;
  ticket.progress = progress;
  ticket.payload.clear();
  want_report(ticket, now_);
  ticket.report_delay = config_.report_again;
  if (draining_) quiet_until_ = later(now_, config_.linger);
}

// Said once: whoever gave the order gives it again if this is lost.
void WorkerAgent::accept(AttemptId attempt) {
  orders_.emplace_back(
      SendReport{next_request(),
                 {.worker = config_.worker, .incarnation = incarnation_, .attempt = attempt, .kind = ReportKind::accepted}});
}

void WorkerAgent::on(const RunEnded& fact) {
  const auto at = tickets_.find(fact.attempt);
  if (at == tickets_.end() || !occupies(at->second.state)) return;
  if (at->second.state == State::killing) {
    free_room(at->second);
    tickets_.erase(at);
    return;
  }
  end(at->second, fact.ending == Ending::succeeded ? ReportKind::succeeded : ReportKind::failed, {});
}

void WorkerAgent::on(const RunKilled& fact) {
  const auto at = tickets_.find(fact.attempt);
  if (at == tickets_.end() || !occupies(at->second.state)) return;
  if (at->second.state == State::killing) {
    free_room(at->second);
    tickets_.erase(at);
    return;
  }
  // Nobody ordered it where it runs: then it has failed.
  const bool ordered = at->second.state == State::stopping;
  end(at->second, ordered ? ReportKind::stopped : ReportKind::failed, ordered ? fact.progress : Duration{0});
}

void WorkerAgent::admit() {
  if (!registered()) return;
  while (!waiting_.empty()) {
    const auto at = tickets_.find(waiting_.front());
    if (at != tickets_.end() && at->second.state == State::held) {
      if (!(used_ + at->second.held).fits_in(config_.capacity)) return;
      used_ += at->second.held;
      at->second.state = State::running;
      orders_.emplace_back(StartRun{at->first, at->second.tasks, at->second.progress, at->second.payload, at->second.held});
    }
    waiting_.pop_front();
  }
}

// --- mail ---

void WorkerAgent::on(const MailFetched& fact) {
  if (fact.request != fetching_ || fetching_.value == 0) return;
  fetching_ = RequestId{};
  fetch_at_ = now_;
  if (fact.answer != Answer::done) {
    fetch_at_ = later(now_, fetch_delay_);
    fetch_delay_ = std::min(fetch_delay_ * 2, config_.interval);
    return;
  }
  fetch_delay_ = config_.interval / 16 + Duration{1};
  for (const WorkerMail& mail : fact.mails) {
    if (mail.epoch < epoch_) continue;
    epoch_ = mail.epoch;
    std::visit([&](const auto& order) { take(mail, order); }, mail.body);
  }
}

void WorkerAgent::fetch() {
  if (fetching_.value != 0 || now_ < fetch_at_) return;
  fetching_ = next_request();
  orders_.emplace_back(FetchMail{fetching_});
}

void WorkerAgent::take(const WorkerMail& mail, const RunAttempt& order) {
  if (!is_mine(mail) || order.attempt.number < number_of(order.attempt.job)) return;
  const auto known = tickets_.find(order.attempt);
  if (known != tickets_.end()) {  // said again
    if (known->second.state == State::ended) want_report(known->second, std::min(known->second.report_at, now_));
    else if (known->second.state != State::killing) accept(order.attempt);
    return;
  }
  if (order.attempt.number == number_of(order.attempt.job)) return;  // it is over and done with
  note_number(order.attempt);
  drop_older(order.attempt);
  Ticket& ticket = tickets_[order.attempt];
  ticket = {.tasks = order.tasks,
            .held = order.held,
            .payload = order.payload,
            .progress = order.progress,
            .incarnation = incarnation_,
            .taken = now_};
  if (draining_) return end(ticket, ReportKind::declined, order.progress);
  if (!order.held.fits_in(config_.capacity)) return end(ticket, ReportKind::failed, {});
  waiting_.push_back(order.attempt);
  accept(order.attempt);
}

void WorkerAgent::take(const WorkerMail& mail, const StopRun& order) {
  if (!is_mine(mail) || order.attempt.number < number_of(order.attempt.job)) return;
  const auto known = tickets_.find(order.attempt);
  if (known == tickets_.end()) {  // the order to run it has not arrived: it will not be taken any more
    note_number(order.attempt);
    drop_older(order.attempt);
    Ticket& ticket = tickets_[order.attempt];
    ticket.incarnation = incarnation_;
    ticket.taken = now_;
    return end(ticket, ReportKind::stopped, {});
  }
  switch (known->second.state) {
    case State::held: end(known->second, ReportKind::stopped, {}); break;
    case State::running: kill(known, State::stopping); break;
    case State::ended: want_report(known->second, std::min(known->second.report_at, now_)); break;
    case State::stopping:
    case State::killing: break;
  }
}

void WorkerAgent::take(const WorkerMail& /*mail*/, const ReportTaken& order) {
  const auto known = tickets_.find(order.attempt);
  if (known != tickets_.end() && known->second.state == State::ended) tickets_.erase(known);
}

void WorkerAgent::take(const WorkerMail& mail, const Superseded& /*order*/) {
  const std::uint32_t mine = fencing() ? next_incarnation_ : incarnation_;
  if (mail.incarnation >= mine) fence(mail.incarnation + 1);
}

// Said once: whoever asked asks again if this is lost.
void WorkerAgent::take(const WorkerMail& mail, const AskHeld& /*order*/) {
  if (!is_mine(mail)) return;
  HeldReport report{.worker = config_.worker, .incarnation = incarnation_, .epoch = mail.epoch};
  for (const auto& [attempt, ticket] : tickets_) {
    if (ticket.state == State::killing) continue;
    const bool ended = ticket.state == State::ended;
    report.attempts.push_back({.attempt = attempt,
                               .kind = ended ? ticket.kind : ReportKind::accepted,
                               .progress = ended ? ticket.progress : Duration{0},
                               .age = now_ - ticket.taken});
  }
  orders_.emplace_back(SendHeld{next_request(), std::move(report)});
}

void WorkerAgent::take(const WorkerMail& mail, const DrainNoted& /*order*/) {
  if (draining_ && is_mine(mail)) linger_until_ = now_;
}

// --- reports ---

void WorkerAgent::on(const ReportSent& fact) {
  const auto sent = sending_.extract(fact.request);
  const auto at = sent.empty() ? tickets_.end() : tickets_.find(sent.mapped());
  if (at == tickets_.end() || at->second.request != fact.request) return;
  at->second.request = RequestId{};
  at->second.sent = at->second.sent || fact.answer == Answer::done;
  want_report(at->second, at->second.report_at);
}

void WorkerAgent::want_report(Ticket& ticket, Time at) {
  ticket.report_at = at;
  report_at_ = std::min(report_at_, at);
}

void WorkerAgent::want_all_reports() {
  for (auto& [attempt, ticket] : tickets_) ticket.report_at = std::min(ticket.report_at, now_);
  report_at_ = std::min(report_at_, now_);
}

// Looks at all tickets only when one may be due: most steps are about other things.
void WorkerAgent::report() {
  if (now_ < report_at_) return;
  report_at_ = kNever;
  for (auto& [attempt, ticket] : tickets_) {
    if (ticket.state != State::ended || ticket.request.value != 0) continue;
    if (now_ < ticket.report_at) {
      report_at_ = std::min(report_at_, ticket.report_at);
      continue;
    }
    ticket.request = next_request();
    sending_.emplace(ticket.request, attempt);
    ticket.report_at = later(now_, ticket.report_delay);
    ticket.report_delay = std::min(ticket.report_delay * 2, config_.lease);
    orders_.emplace_back(SendReport{ticket.request,
                                    {.worker = config_.worker,
                                     .incarnation = ticket.incarnation,
                                     .attempt = attempt,
                                     .kind = ticket.kind,
                                     .progress = ticket.progress}});
  }
}

void WorkerAgent::on(const LinkRestored& /*fact*/) {
  if (beat_failed_) beat_at_ = std::min(beat_at_, now_);
  beat_delay_ = fetch_delay_ = config_.interval / 16 + Duration{1};
  fetch_at_ = std::min(fetch_at_, now_);
  want_all_reports();
}

// --- the end ---

void WorkerAgent::on(const DrainAsked& /*fact*/) {
  if (draining_) return;
  draining_ = true;
  linger_until_ = quiet_until_ = later(now_, config_.linger);
  beat_at_ = now_;  // others are to know
}

void WorkerAgent::on(const RegistryLeft& fact) {
  if (leaving_.value == 0 || fact.request != leaving_) return;
  if (fact.answer == Answer::done || now_ >= leave_until_) {
    gone_ = true;
    orders_.emplace_back(EndProcess{});
    return;
  }
  leaving_ = next_request();
  orders_.emplace_back(LeaveRegistry{leaving_});
}

// It does not beat any more once it has asked to be forgotten. Where nobody answers, its key lapses by itself.
void WorkerAgent::leave() {
  if (gone_ || !draining_) return;
  if (leaving_.value == 0) {
    const auto is_kept = [](const auto& t) { return t.second.state == State::ended && t.second.sent; };
    if (now_ < linger_until_ || !std::ranges::all_of(tickets_, is_kept)) return;
    if (!tickets_.empty() && now_ < quiet_until_) return;
    leaving_ = next_request();
    leave_until_ = later(now_, config_.lease);
    orders_.emplace_back(LeaveRegistry{leaving_});
  } else if (now_ >= leave_until_) {
    gone_ = true;
    orders_.emplace_back(EndProcess{});
  }
}

void WorkerAgent::sanity_check() const {
  Resources used;
  for (const auto& [attempt, ticket] : tickets_) {
    if (occupies(ticket.state)) used += ticket.held;
    DRYDOCK_CHECK(number_of(attempt.job) >= attempt.number, "an attempt is held whose number is not known");
    if (ticket.state == State::held) {
      DRYDOCK_CHECK(std::ranges::find(waiting_, attempt) != waiting_.end(), "an attempt waits that nobody will start");
    }
  }
  for (const auto& [attempt, ticket] : tickets_) {
    const bool is_wanted = ticket.state == State::ended && ticket.request.value == 0;
    DRYDOCK_CHECK(!is_wanted || report_at_ <= ticket.report_at, "a report is due that nobody will send");
  }
  DRYDOCK_CHECK(used == used_, "what is used is not the sum of what runs");
  DRYDOCK_CHECK(used_.fits_in(config_.capacity), "more runs than there is room for");
  DRYDOCK_CHECK(numbers_.size() == numbered_.size(), "the numbers of jobs and their order do not match");
  DRYDOCK_CHECK(!fencing() || fence_at_ == kNever, "a worker whose incarnation ends has no lease");
}

}  // namespace drydock

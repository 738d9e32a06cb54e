#include "tests/toy/share_world.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::toy {

Time ToyClock::at(Time t) const {
  const std::int64_t ns = nanos(t);
  // In two parts, so that nothing overflows.
  return time_at(ns + ns / 1'000'000 * drift_ppm + ns % 1'000'000 * drift_ppm / 1'000'000) + offset;
}

Time ToyClock::when(Time local) const {
  if (local == kNever) return kNever;
  if (drift_ppm == 0) return local - offset;
  auto guess = time_at(
      static_cast<std::int64_t>(static_cast<double>(nanos(local - offset)) / (1 + static_cast<double>(drift_ppm) / 1e6)));
  while (at(guess) >= local && guess > kTimeZero) guess -= Duration{1};
  while (at(guess) < local) guess += Duration{1};
  return guess;
}

LedgerReply LedgerInUse::apply(Time now, Time /*sender*/, StoreIdentity store, const LedgerOperation& operation) {
  LedgerReply reply = plain(now, store, operation);
  ledger_.check();
  return reply;
}

ShareWorld::ShareWorld(ShareWorldConfig config, std::unique_ptr<LedgerInUse> ledger)
    : config_(std::move(config)),
      ledger_(std::move(ledger)),
      rng_(config_.seed, "share world"),
      processes_(config_.workers.size()) {
  for (std::uint64_t i = 0; i < config_.happenings.size(); ++i) at(config_.happenings[i].at, Kind::happening, 0, i);
}

ShareWorldResult ShareWorld::run() {
  for (std::uint32_t w = 0; w < processes_.size(); ++w) at(kTimeZero, Kind::start, w);
  while (!due_.empty() && due_.top().at <= config_.end) {
    const Due due = due_.top();
    due_.pop();
    now_ = due.at;
    work(due);
    measure();
  }
  now_ = config_.end;
  measure();
  result_.max_ratio = excess_.max_ratio(now_);
  result_.excess_s = excess_.seconds(now_);
  result_.max_ratio_active = excess_active_.max_ratio(now_);
  result_.excess_active_s = excess_active_.seconds(now_);
  result_.granted = in_hands_s_ / seconds(now_) / static_cast<double>(config_.limits.total.concurrency);
  for (const Process& process : processes_) result_.shares.push_back(process.share);
  return result_;
}

void ShareWorld::at(Time time, Kind kind, std::uint32_t worker, std::uint64_t number) {
  due_.push({time, sequence_++, kind, worker, number, processes_.empty() ? 0 : processes_[worker].incarnation});
}

void ShareWorld::work(const Due& due) {
  Process& process = processes_[due.worker];
  const bool of_this_process = process.agent && due.incarnation == process.incarnation;
  switch (due.kind) {
    case Kind::happening: return happen(config_.happenings[due.number]);
    case Kind::start: return start(due.worker);
    case Kind::arrival: return arrive(due);
    case Kind::orphan_end: process.orphans -= static_cast<std::int64_t>(due.number); return;
    case Kind::wake:
      if (of_this_process && due.number == process.wake && !paused(process)) step(due.worker, {});
      return;
    case Kind::expiry:
      if (of_this_process) expire(due.worker);
      return;
    case Kind::answer:
      if (of_this_process && process.unanswered.erase(mails_[due.number].request.value) > 0) {
        tell(due.worker, LedgerAnswered{mails_[due.number].request, Answer::done, *mails_[due.number].reply});
      }
      return;
    case Kind::time_out:
      if (of_this_process && process.unanswered.erase(due.number) > 0) {
        tell(due.worker, LedgerAnswered{RequestId{due.number}, Answer::unknown, {}});
      }
      return;
    case Kind::drain:
      if (!of_this_process) return;
      process.running = std::min({process.running, process.share.concurrency, process.load.concurrency});
      return tell_load(due.worker);
    case Kind::stranded_end:
      if (of_this_process && config_.workers[due.worker].clock.at(now_) >= process.valid_until) process.running = 0;
      return;
    case Kind::report:
      if (of_this_process) tell_load(due.worker);
      return;
    case Kind::resume:
      if (!of_this_process || paused(process)) return;
      expire(due.worker);
      run_requests(due.worker);
      return tell_load(due.worker);
  }
}

void ShareWorld::happen(const ShareHappening& happening) {
  using What = ShareHappening::What;
  Process& process = processes_[happening.worker];
  switch (happening.what) {
    case What::load:
      process.load = happening.load;
      run_requests(happening.worker);
      return tell_load(happening.worker);
    case What::pause:
      process.paused_until = std::max(process.paused_until, now_ + happening.lasting);
      return at(process.paused_until, Kind::resume, happening.worker);
    case What::restart: return kill(happening.worker, happening.lasting);
    case What::cut: process.cut_until = std::max(process.cut_until, now_ + happening.lasting); return;
    case What::flush: return ledger_->set({});
    case What::swap: ++store_.value; return ledger_->set({});
    case What::snapshot: snapshot_ = ledger_->state(); return;
    case What::restore: ++store_.value; return ledger_->set(snapshot_);
    case What::clock_back: config_.store_clock.offset -= happening.lasting; return;
    case What::refuse:
      for (std::uint32_t w = 0; w < processes_.size(); ++w) tell(w, Throttled{});
      return;
  }
}

void ShareWorld::start(std::uint32_t worker) {
  Process& process = processes_[worker];
  if (process.agent) return;
  const ShareWorker& model = config_.workers[worker];
  ++process.incarnation;
  process.agent.emplace(ShareAgentConfig{.worker = {worker},
                                         .incarnation = process.incarnation,
                                         .weight = model.weight,
                                         .limits = config_.limits,
                                         .check_phase = model.check_phase,
                                         .adjust_phase = model.adjust_phase},
                        *config_.policy);
  process.share = {};
  process.valid_until = kNever;
  step(worker, {LoadChanged{0, process.load}});
}

void ShareWorld::kill(std::uint32_t worker, Duration pause) {
  Process& process = processes_[worker];
  if (!process.agent) return;
  if (config_.requests_outlive_pauses && process.running > 0) {
    process.orphans += process.running;
    // They were begun before the grant was over.
    const Time latest = later(config_.workers[worker].clock.when(process.valid_until), config_.longest_request);
    const Time end = std::max(now_, std::min(now_ + up_to(config_.longest_request), latest));
    at(end, Kind::orphan_end, worker, static_cast<std::uint64_t>(process.running));
  }
  process.agent.reset();
  process.share = {};
  process.running = 0;
  process.inbox.clear();
  process.unanswered.clear();
  process.paused_until = {};
  at(now_ + pause, Kind::start, worker);
}

void ShareWorld::tell(std::uint32_t worker, ShareEvent event) {
  Process& process = processes_[worker];
  if (!process.agent) return;
  if (paused(process)) process.inbox.push_back(std::move(event));
  else step(worker, {std::move(event)});
}

void ShareWorld::step(std::uint32_t worker, std::vector<ShareEvent> events) {
  Process& process = processes_[worker];
  if (!process.inbox.empty()) {
    events.insert(events.begin(), process.inbox.begin(), process.inbox.end());
    process.inbox.clear();
  }
  ++result_.steps;
  const Time local = config_.workers[worker].clock.at(now_);
  const auto orders = process.agent->step(local, events);
  const std::vector<ShareCommand> commands(orders.begin(), orders.end());
  for (const ShareCommand& command : commands) obey(worker, command);
  const Time wakeup = config_.workers[worker].clock.when(process.agent->next_wakeup());
  ++process.wake;
  if (wakeup != kNever) at(std::max(wakeup, now_), Kind::wake, worker, process.wake);
}

void ShareWorld::obey(std::uint32_t worker, const ShareCommand& command) {
  Process& process = processes_[worker];
  result_.hash =
      mix64(result_.hash ^ command.index() ^ (std::uint64_t{worker} << 8U) ^ static_cast<std::uint64_t>(nanos(now_)));
  if (const auto* ask = std::get_if<AskLedger>(&command)) return send(worker, *ask);
  if (const auto* changed = std::get_if<ShareChanged>(&command)) {
    process.share = changed->to;
    process.valid_until = changed->valid_until;
    result_.hash = mix64(result_.hash ^ static_cast<std::uint64_t>(changed->to.concurrency));
    if (on_change) on_change(now_, worker, changed->to);
    run_requests(worker);
  } else {
    process.valid_until = std::get<ShareExtended>(command).valid_until;
  }
  const Time expiry = config_.workers[worker].clock.when(process.valid_until);
  if (expiry != kNever) at(std::max(expiry, now_), Kind::expiry, worker);
}

// Begins what the share allows; what is beyond it ends by itself, later.
void ShareWorld::run_requests(std::uint32_t worker) {
  Process& process = processes_[worker];
  if (!process.agent || paused(process)) return;
  const std::int64_t before = process.running;
  const std::int64_t wanted = std::min(process.load.concurrency, usable(worker).concurrency);
  if (process.running < wanted) process.running = wanted;
  else if (process.running > wanted) at(now_ + up_to(config_.longest_request), Kind::drain, worker);
  // Not from within the step that ordered it.
  if (process.running != before) at(now_, Kind::report, worker);
}

// The driver's own look at the clock: from valid_until on nothing is used.
void ShareWorld::expire(std::uint32_t worker) {
  Process& process = processes_[worker];
  if (config_.workers[worker].clock.at(now_) < process.valid_until) return;
  if (!config_.driver_looks_at_clock) return;
  if (paused(process)) {
    // Nobody stops what it began in time: either that goes with its connection, or it goes on to its end.
    if (!config_.requests_outlive_pauses) process.running = 0;
    else at(now_ + up_to(config_.longest_request), Kind::stranded_end, worker);
    return;
  }
  process.running = 0;
  tell_load(worker);
}

void ShareWorld::tell_load(std::uint32_t worker) {
  tell(worker, LoadChanged{config_.reports_running ? processes_[worker].running : 0, processes_[worker].load});
}

void ShareWorld::send(std::uint32_t worker, const AskLedger& ask) {
  Process& process = processes_[worker];
  process.unanswered.insert(ask.request.value);
  at(now_ + config_.answer_time_out, Kind::time_out, worker, ask.request.value);
  if (chance(config_.messages.lost) || process.cut_until > now_) return;
  const auto mail = static_cast<std::uint64_t>(mails_.size());
  mails_.push_back({ask.request, ask.operation, {}});
  at(now_ + delay(), Kind::arrival, worker, mail);
  if (!chance(config_.messages.repeated)) return;
  mails_.push_back({ask.request, ask.operation, {}});
  at(now_ + up_to(config_.messages.straggler), Kind::arrival, worker, mail + 1);
}

void ShareWorld::arrive(const Due& due) {
  Mail& mail = mails_[due.number];
  const Time sender = config_.workers[due.worker].clock.at(now_);
  mail.reply = ledger_->apply(config_.store_clock.at(now_), sender, store_, mail.operation);
  if (chance(config_.messages.lost) || processes_[due.worker].cut_until > now_) return;
  due_.push({now_ + delay(), sequence_++, Kind::answer, due.worker, due.number, due.incarnation});
}

Duration ShareWorld::delay() {
  if (chance(config_.messages.stragglers)) return up_to(config_.messages.straggler);
  return config_.messages.delay_min + up_to(config_.messages.delay_max - config_.messages.delay_min);
}

Duration ShareWorld::up_to(Duration most) {
  return Duration{static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(nanos(most)) + 1))};
}

// What the driver lets through.
Share ShareWorld::usable(std::uint32_t worker) const {
  const Process& process = processes_[worker];
  const bool valid = config_.workers[worker].clock.at(now_) < process.valid_until;
  return process.agent && (valid || !config_.driver_looks_at_clock) ? process.share : Share{};
}

Share ShareWorld::in_use(std::uint32_t worker) const {
  const Process& process = processes_[worker];
  Share use = usable(worker);
  use.concurrency = std::max(use.concurrency, process.running) + process.orphans;
  return use;
}

void ShareWorld::measure() {
  in_hands_s_ += seconds(now_ - measured_at_) * static_cast<double>(in_hands_);
  measured_at_ = now_;
  Share all;
  Share of_active;
  for (std::uint32_t w = 0; w < processes_.size(); ++w) {
    const Share use = in_use(w);
    all = all + use;
    if (processes_[w].load != Share{}) of_active = of_active + use;
  }
  in_hands_ = all.concurrency;
  excess_.set(now_, all, config_.limits.total);
  excess_active_.set(now_, of_active, config_.limits.total);
  if (fits(all, config_.limits.total) || !result_.excess.empty()) return;
  result_.excess = fmt::format("at {:.6f} s", seconds(now_));
  for (std::uint32_t w = 0; w < processes_.size(); ++w) {
    const Share use = in_use(w);
    result_.excess += fmt::format(", {}: {}/{}/{}", w, use.concurrency, use.requests_per_minute, use.tokens_per_minute);
  }
}

}  // namespace drydock::toy

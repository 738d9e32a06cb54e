#include "policies/core/dispatcher.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

// --- orders ---

void Dispatcher::run(Time now, AttemptId attempt, std::vector<Part> parts, Work work) {
  DRYDOCK_CHECK(!parts.empty(), "an attempt runs somewhere");
  const auto [at, is_new] = attempts_.try_emplace(attempt);
  DRYDOCK_CHECK(is_new, "an attempt is dispatched once");
  at->second.work = std::move(work);
  at->second.parts.reserve(parts.size());
  for (Part& part : parts) at->second.parts.push_back({.part = std::move(part), .delay = config_.resend});
  for (std::size_t part = 0; part < at->second.parts.size(); ++part) order(now, attempt, part);
}

void Dispatcher::stop(Time now, AttemptId attempt) {
  const auto at = attempts_.find(attempt);
  if (at == attempts_.end()) return;
  stop_parts(now, attempt, at->second);
}

void Dispatcher::stop_parts(Time now, AttemptId id, Attempt& attempt) {
  if (attempt.stop) return;
  attempt.stop = true;
  for (std::size_t part = 0; part < attempt.parts.size(); ++part) {
    PartState& state = attempt.parts[part];
    if (is_over(state)) continue;
    if (state.part.incarnation == 0) {  // its worker has not answered yet
      state.part.incarnation = pasts_[state.part.worker].highest;
    }
    if (state.part.incarnation == 0) {  // nor was it ever seen: if it comes, it hears then that nobody wants it
      state.state = State::lost;
      continue;
    }
    state.delay = config_.resend;
    order(now, id, part);
  }
}

// Says what the worker has to do about it, and plans to say it again.
void Dispatcher::order(Time now, AttemptId id, std::size_t number) {
  Attempt& attempt = attempts_.find(id)->second;
  PartState& part = attempt.parts[number];
  if (attempt.stop) {
    post(part.part.worker, part.part.incarnation, StopRun{id});
  } else {
    post(part.part.worker, part.part.incarnation,
         RunAttempt{id, part.part.tasks, part.part.held, attempt.work.progress, attempt.work.payload});
  }
  part.due = later(now, part.delay);
  part.delay = std::min(part.delay * 2, config_.resend_longest);
  note_due(part.due, {id, number});
}

void Dispatcher::note_due(Time at, PartKey key) { due_.push({.at = at, .number = ++dues_, .key = key}); }

void Dispatcher::post(WorkerId worker, std::uint32_t incarnation, decltype(WorkerMail::body) body) {
  outbox_.push_back({worker, {.epoch = config_.epoch, .incarnation = incarnation, .body = std::move(body)}});
}

void Dispatcher::declared_dead(Time now, WorkerId worker, std::uint32_t incarnation) {
  Past& past = pasts_[worker];
  past.dead = std::max(past.dead, incarnation);
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    const auto next = std::next(at);
    bool lost = false;
    for (PartState& part : at->second.parts) {
      if (part.part.worker != worker || part.part.incarnation > incarnation || is_over(part)) continue;
      part.state = State::lost;
      part.due = kNever;
      lost = true;
    }
    if (lost) {
      stop_parts(now, at->first, at->second);
      forget_if_over(at);
    }
    at = next;
  }
  past.say_again = later(now, config_.resend);
  post(worker, incarnation, Superseded{});  // it may only have been cut off
}

void Dispatcher::released(Time now, AttemptId attempt) {
  const auto at = attempts_.find(attempt);
  if (at == attempts_.end()) return;
  at->second.released = true;
  for (const PartState& part : at->second.parts) {
    if (part.state == State::ended) post(part.part.worker, part.part.incarnation, ReportTaken{attempt});
  }
  stop_parts(now, attempt, at->second);  // what was lost in part goes on elsewhere
  forget_if_over(at);
}

void Dispatcher::forget_if_over(Attempts::iterator at) {
  if (at->second.released && std::ranges::all_of(at->second.parts, is_over)) attempts_.erase(at);
}

// --- taking over ---

void Dispatcher::load(AttemptId attempt, std::vector<Part> parts) {
  DRYDOCK_CHECK(!parts.empty(), "an attempt runs somewhere");
  const auto [at, is_new] = attempts_.try_emplace(attempt);
  DRYDOCK_CHECK(is_new, "an attempt is loaded once");
  at->second.loaded = true;
  for (Part& part : parts) {
    loaded_on_[part.worker].push_back(attempt);
    at->second.parts.push_back({.part = std::move(part), .state = State::accepted});
  }
}

void Dispatcher::ask_workers(Time now) {
  asking_ = true;
  for (auto& [worker, past] : pasts_) {
    past.answered = 0;
    past.ask_delay = config_.resend;
    if (past.highest > past.dead) ask(now, worker, past);
  }
}

void Dispatcher::ask(Time now, WorkerId worker, Past& past) {
  post(worker, past.highest, AskHeld{});
  past.ask_at = later(now, past.ask_delay);
  past.ask_delay = std::min(past.ask_delay * 2, config_.resend_longest);
}

void Dispatcher::take(Time now, const HeldReport& report) {
  if (report.epoch != config_.epoch) return;
  Past& past = pasts_[report.worker];
  if (report.incarnation <= past.dead || report.incarnation < past.highest) return;
  past.highest = past.answered = report.incarnation;
  facts_.emplace_back(WorkerReported{report.worker, report.incarnation});
  note_missing(report);
  for (const HeldAttempt& held : report.attempts) note_held(now, report, held);
}

void Dispatcher::note_missing(const HeldReport& report) {
  const auto loaded = loaded_on_.extract(report.worker);
  if (loaded.empty()) return;
  for (const AttemptId id : loaded.mapped()) {
    const auto at = attempts_.find(id);
    if (at == attempts_.end() || std::ranges::find(report.attempts, id, &HeldAttempt::attempt) != report.attempts.end())
      continue;
    for (PartState& part : at->second.parts) {
      if (part.part.worker != report.worker || is_over(part)) continue;
      part.state = State::lost;
      part.due = kNever;
    }
    forget_if_over(at);
  }
}

void Dispatcher::note_held(Time now, const HeldReport& report, const HeldAttempt& held) {
  const auto at = attempts_.find(held.attempt);
  const auto on_it = [&](const PartState& p) { return p.part.worker == report.worker && p.state != State::lost; };
  const bool known = at != attempts_.end() && std::ranges::any_of(at->second.parts, on_it);
  if (!known && held.kind == ReportKind::accepted) return post(report.worker, report.incarnation, StopRun{held.attempt});
  if (known && at->second.loaded) {
    std::ranges::find_if(at->second.parts, on_it)->part.incarnation = report.incarnation;
    if (!at->second.told) facts_.emplace_back(AttemptHeld{held.attempt, report.worker, held.age});
  }
  take(now, AttemptReport{.worker = report.worker,
                          .incarnation = report.incarnation,
                          .attempt = held.attempt,
                          .kind = held.kind,
                          .progress = held.progress});
}

// --- reports ---

void Dispatcher::take(Time now, const AttemptReport& report) {
  const auto at = attempts_.find(report.attempt);
  if (at == attempts_.end()) {
    if (report.kind != ReportKind::accepted) post(report.worker, report.incarnation, ReportTaken{report.attempt});
    return;
  }
  auto& parts = at->second.parts;
  const auto part = std::ranges::find(parts, report.worker, [](const PartState& p) { return p.part.worker; });
  if (part == parts.end() || part->state == State::lost) {
    if (report.kind != ReportKind::accepted) post(report.worker, report.incarnation, ReportTaken{report.attempt});
    return;
  }
  if (report.kind == ReportKind::accepted) {
    if (part->state != State::sent) return;
    part->state = State::accepted;
    if (!at->second.stop) part->due = kNever;
    return;
  }
  if (part->state != State::ended) {
    part->state = State::ended;
    part->kind = report.kind;
    part->progress = report.progress;
    part->due = kNever;
    if (report.kind == ReportKind::declined) facts_.emplace_back(WorkerDraining{report.worker, report.incarnation});
    conclude(now, at->first, at->second);
  }
  if (at->second.released) post(report.worker, report.incarnation, ReportTaken{report.attempt});
  forget_if_over(at);
}

void Dispatcher::conclude(Time now, AttemptId id, Attempt& attempt) {
  if (attempt.told || attempt.released) return;
  const auto has = [&](ReportKind kind) {
    return std::ranges::any_of(attempt.parts, [&](const PartState& p) { return p.state == State::ended && p.kind == kind; });
  };
  if (has(ReportKind::failed)) {
    attempt.told = true;
    facts_.emplace_back(AttemptFinished{id, Ending::failed});
    stop_parts(now, id, attempt);
    return;
  }
  const bool declined = has(ReportKind::declined);
  if (declined) stop_parts(now, id, attempt);
  if (!std::ranges::all_of(attempt.parts, [](const PartState& p) { return p.state == State::ended; })) return;
  attempt.told = true;
  if (!declined && !has(ReportKind::stopped)) {
    facts_.emplace_back(AttemptFinished{id, Ending::succeeded});
    return;
  }
  // What is left of all is what each has; of a part that had ended, all is left.
  Duration progress = Duration::max();
  for (const PartState& part : attempt.parts) {
    const bool early = part.kind == ReportKind::stopped || part.kind == ReportKind::declined;
    if (early) progress = std::min(progress, part.progress);
  }
  facts_.emplace_back(AttemptStopped{id, progress});
}

// --- what was lost ---

void Dispatcher::seen(Time now, WorkerId worker, std::uint32_t incarnation, bool draining) {
  Past& past = pasts_[worker];
  if (incarnation > past.highest) {
    past.highest = incarnation;
    past.note_again = Time{};
    past.ask_at = now;
    past.ask_delay = config_.resend;
  }
  if (incarnation > past.dead && incarnation == past.highest) {
    if (asking_ && past.answered != incarnation && now >= past.ask_at) ask(now, worker, past);
    if (draining && now >= past.note_again) {
      past.note_again = later(now, config_.resend_longest);
      post(worker, incarnation, DrainNoted{});
    }
    return;
  }
  if (now < past.say_again) return;
  past.say_again = later(now, config_.resend_longest);
  post(worker, std::max(past.dead, past.highest), Superseded{});
}

void Dispatcher::mail_lost(Time now) {
  for (auto& [id, attempt] : attempts_) {
    for (std::size_t number = 0; number < attempt.parts.size(); ++number) {
      PartState& part = attempt.parts[number];
      if (!is_open(attempt, part)) continue;
      part.due = now;
      part.delay = config_.resend;
      note_due(now, {id, number});
    }
  }
  for (auto& [worker, past] : pasts_) past.say_again = past.note_again = now;
}

std::vector<OutgoingMail> Dispatcher::take_mail(Time now) {
  while (!due_.empty() && due_.top().at <= now) {
    const Due due = due_.top();
    due_.pop();
    const auto attempt = attempts_.find(due.key.attempt);
    if (attempt == attempts_.end()) continue;
    const PartState& part = attempt->second.parts[due.key.part];
    if (part.due == due.at && is_open(attempt->second, part)) order(now, due.key.attempt, due.key.part);
  }
  return std::exchange(outbox_, {});
}

std::vector<Event> Dispatcher::take_facts() { return std::exchange(facts_, {}); }

}  // namespace drydock

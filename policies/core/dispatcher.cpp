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
    if (is_over(attempt.parts[part])) continue;
    attempt.parts[part].delay = config_.resend;
    order(now, id, part);
  }
}

// Says what the worker has to do about it, and plans to say it again.
void Dispatcher::order(Time now, AttemptId id, std::size_t number) {
  const Attempt& attempt = attempts_.find(id)->second;
  PartState& part = attempts_.find(id)->second.parts[number];
  if (attempt.stop) {
    post(part.part.worker, part.part.incarnation, StopRun{id});
  } else {
    post(part.part.worker, part.part.incarnation,
         RunAttempt{id, part.part.tasks, part.part.held, attempt.work.progress, attempt.work.payload});
  }
  part.due = later(now, part.delay);
  part.delay = std::min(part.delay * 2, config_.resend_longest);
  due_.emplace(part.due, PartKey{id, number});
}

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
  if (!std::ranges::all_of(attempt.parts, [](const PartState& p) { return p.state == State::ended; })) return;
  attempt.told = true;
  if (!has(ReportKind::stopped)) {
    facts_.emplace_back(AttemptFinished{id, Ending::succeeded});
    return;
  }
  // What is left of all is what each has; of a part that had ended, all is left.
  Duration progress = Duration::max();
  for (const PartState& part : attempt.parts) {
    if (part.kind == ReportKind::stopped) progress = std::min(progress, part.progress);
  }
  facts_.emplace_back(AttemptStopped{id, progress});
}

// --- what was lost ---

void Dispatcher::seen(Time now, WorkerId worker, std::uint32_t incarnation) {
  Past& past = pasts_[worker];
  past.highest = std::max(past.highest, incarnation);
  if (incarnation > past.dead && incarnation == past.highest) return;
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
      due_.emplace(now, PartKey{id, number});
    }
  }
  for (auto& [worker, past] : pasts_) past.say_again = now;
}

std::vector<OutgoingMail> Dispatcher::take_mail(Time now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto [at, key] = *due_.begin();
    due_.erase(due_.begin());
    const auto attempt = attempts_.find(key.attempt);
    if (attempt == attempts_.end()) continue;
    const PartState& part = attempt->second.parts[key.part];
    if (part.due == at && is_open(attempt->second, part)) order(now, key.attempt, key.part);
  }
  return std::exchange(outbox_, {});
}

std::vector<Event> Dispatcher::take_facts() { return std::exchange(facts_, {}); }

}  // namespace drydock

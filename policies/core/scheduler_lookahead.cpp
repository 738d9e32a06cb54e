// The scheduler where not all that waits is held in memory (lookahead.hpp), and what it tells of itself now and then.
#include "policies/core/scheduler.hpp"

#include <algorithm>
#include <iterator>

namespace drydock {

Lookahead::Here Scheduler::held_of(QueueId id) const {
  const Queue& queue = cluster_.queue(id);
  Lookahead::Here here{.waiting = queue.waiting.size() + queue.bound, .droppable = queue.as_stored.size() + queue.bound};
  if (!queue.as_stored.empty()) here.last = std::prev(queue.as_stored.end())->first;
  return here;
}

bool Scheduler::may_wait_here(const JobSpec& job) {
  switch (lookahead_->arrived(job, now_, held_of(job.queue))) {
    case Lookahead::Keep::here: return true;
    case Lookahead::Keep::aside:
    case Lookahead::Keep::in_store: return false;
    case Lookahead::Keep::duplicate: break;
  }
  commands_.emplace_back(RejectJob{job.id, RejectReason::duplicate_id});
  return false;
}

// When others come. What has run and waits again may be one too many: if that made another one drop, it could be the one for which the
// first was stopped, again and again.
void Scheduler::drop_excess(QueueId id) {
  while (lookahead_->is_too_long(id, held_of(id))) {
    const auto [place, ref] = *std::prev(cluster_.queue(id).as_stored.end());
    cluster_.dequeue(ref);
    cluster_.remove_job(ref);
    lookahead_->dropped(id, place, held_of(id).last);
  }
}

// What was on its way to a worker waits again.
void Scheduler::drop_all_excess() {
  for (std::uint32_t q = 0; lookahead_ && q < config_.queues.size(); ++q) drop_excess(QueueId{q});
}

void Scheduler::on(const WaitingLoaded& event) {
  const std::optional<QueueId> queue = lookahead_ ? lookahead_->asked(event.request) : std::nullopt;
  if (!queue) return;
  if (event.answer == Answer::refused && leadership_) return step_down(StepDownReason::outranked);
  if (event.answer != Answer::done) {
    lookahead_->failed(*queue);
    store_ready_at_ = later(now_, config_.store_retry);
    return;
  }
  for (const JobLoaded& row : lookahead_->loaded(*queue, event, rows_)) {
    if (!cluster_.find(row.job.id)) wait_again(load_job(row));
  }
  drop_excess(*queue);
}

// What waits here now is what was loaded.
void Scheduler::note_taken_over() {
  for (std::uint32_t q = 0; q < config_.queues.size(); ++q) {
    const auto& waiting = cluster_.queue(QueueId{q}).as_stored;
    if (!waiting.empty()) lookahead_->took_over(QueueId{q}, waiting.size(), std::prev(waiting.end())->first);
  }
}

bool Scheduler::wants_load(QueueId queue) const { return lookahead_->should_load(queue, held_of(queue)); }

void Scheduler::send_loads() {
  if (halted_ || now_ < store_ready_at_) return;
  for (std::uint32_t q = 0; q < config_.queues.size(); ++q) {
    const QueueId queue{q};
    if (!wants_load(queue)) continue;
    const RequestId request = next_request();
    const Lookahead::Load load = lookahead_->loading(queue, request, held_of(queue));
    commands_.emplace_back(AskWaiting{.request = request, .queue = queue, .after = load.after, .limit = load.limit});
  }
}

std::int64_t Scheduler::cpus_allocated() const {
  std::int64_t cpus = 0;
  for (const Pool& pool : cluster_.pools()) cpus += pool.capacity.cpus() - pool.free.cpus();
  return cpus;
}

void Scheduler::ask_total() {
  booked_ = cpus_allocated();
  Asker ask = asker();
  accounting_->before_pass(ask);
}

void Scheduler::note_statistics() {
  statistics_at_ = later(now_, config_.control_plane.statistics);
  if (halted_) return;
  NoteStatistics note{.cpus = cpus_open_ + cpus_draining()};
  for (const Pool& pool : cluster_.pools()) {
    for (const WorkerKind& kind : pool.kinds) note.workers += static_cast<std::uint32_t>(kind.workers.size());
  }
  note.allocated = cpus_allocated();
  // As it was read last, with what has been done since.
  const auto read = accounting_ && accounting_->is_known() ? accounting_->allocated() : std::nullopt;
  if (read) note.counted = *read + note.allocated - booked_;
  for (const Queue& queue : cluster_.queues()) note.waiting += queue.waiting.size() + queue.bound;
  note.delayed = retries_.delayed();
  note.active = cluster_.live_jobs() - note.waiting - note.delayed;
  commands_.emplace_back(note);
}

}  // namespace drydock

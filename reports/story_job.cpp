#include "reports/story.hpp"
#include "reports/story_words.hpp"

#include <algorithm>
#include <utility>

namespace drydock::reports {

void JobStory::step(Time now, std::span<const Event> events, std::span<const Command> commands) {
  now_ = now;
  for (const Event& event : events) hear(event);
  for (const Command& command : commands) obey(command);
  rooms_.take(events, commands);
  explain_wait();
}

// --- facts ---

void JobStory::hear(const Event& event) {
  struct Visitor {
    JobStory& story;
    void operator()(const JobSubmitted& e) const {
      if (e.job.id != story.job_ || story.state_ != State::unknown) return;
      story.spec_ = e.job;
      story.submitted_ = story.waiting_since_ = story.now_;
      story.state_ = State::waiting;
      const std::size_t queue = index(e.job.queue);
      story.say(fmt::format("is submitted to queue {}: {} task{} of {}, estimated to take {}",
                            queue < story.config_.queues.size() ? story.config_.queues[queue].name : std::to_string(queue),
                            e.job.tasks, e.job.tasks == 1 ? "" : "s", say_resources(e.job.per_task),
                            say_span(e.job.estimate)));
    }
    void operator()(const JobCancelled& e) const {
      if (e.job == story.job_) story.say("is cancelled");
    }
    void operator()(const CommitAnswered& e) const { story.hear_answer(e); }
    void operator()(const BatchRead& e) const {
      const auto asked = story.reading_.find(e.request.value);
      if (asked == story.reading_.end()) return;
      if (e.answer != Answer::done) return story.say(fmt::format("commit {} cannot be read back yet", asked->second));
      story.hear_answer({RequestId{asked->second}, e.found ? Answer::done : Answer::failed, e.version});
    }
    void operator()(const AttemptFinished& e) const {
      if (e.attempt.job != story.job_) return;
      const bool good = e.ending == Ending::succeeded;
      const bool current = story.attempt_ && story.attempt_->number == e.attempt.number && !story.attempt_->lost;
      if (!current || story.state_ != State::running) {
        return story.say(fmt::format("attempt {} reports {}, and is refused: it is not the current one any more",
                                     e.attempt.number, good ? "success" : "failure"));
      }
      story.say(fmt::format("attempt {} {} after {}", e.attempt.number, good ? "succeeds" : "fails",
                            say_span(story.now_ - *story.attempt_->sent)));
    }
    void operator()(const AttemptStopped& e) const {
      if (e.attempt.job == story.job_)
        story.say(fmt::format("attempt {} has stopped, with {} of its work kept", e.attempt.number, say_span(e.progress)));
    }
    void operator()(const WorkerLeft& e) const { story.hear_loss(e.worker, fmt::format("worker {} left", e.worker.value)); }
    void operator()(const LeaseExpired& e) const {
      story.expired_[e.worker] = story.now_;
      if (story.state_ == State::ended || !story.attempt_ || !is_on(story.attempt_->placements, e.worker) ||
          story.attempt_->lost)
        return;
      story.say(fmt::format("the {} of worker {} {}", e.early ? "key" : "lease", e.worker.value,
                            e.early ? "is gone before its time: it is suspected" : "has expired"));
    }
    void operator()(const WorkerRegistered& e) const {
      std::uint32_t& known = story.known_[e.worker];
      if (known > 0 && e.incarnation > known && story.attempt_ && story.attempt_->sent)
        story.hear_loss(e.worker,
                        fmt::format("worker {} is another process now, incarnation {}", e.worker.value, e.incarnation));
      known = std::max(known, e.incarnation);
      story.expired_.erase(e.worker);
    }
    void operator()(const RegistryRead&) const {}
    void operator()(const CounterAnswered&) const {}
    void operator()(const AllocationsSummed&) const {}
    // What a scheduler that takes over finds.
    void operator()(const JobLoaded& e) const { story.hear_loaded(e); }
    void operator()(const AllocationLoaded& e) const {
      if (e.attempt.job != story.job_) return;
      story.say(fmt::format("attempt {} stands in the store, with {} of its tasks on worker {}", e.attempt.number, e.tasks,
                            e.worker.value));
      if (!story.attempt_) story.attempt_ = Attempt{e.attempt.number, RequestId{}, {}};
      story.attempt_->placements.push_back({e.worker, e.tasks});
      story.attempt_->sent = story.now_;
      story.state_ = State::running;
    }
    void operator()(const AttemptHeld& e) const {
      if (e.attempt.job != story.job_) return;
      story.say(
          fmt::format("worker {} says that it runs attempt {}, for {}", e.worker.value, e.attempt.number, say_span(e.age)));
    }
    void operator()(const LeaseAnswered&) const {}
    void operator()(const StateLoaded&) const {}
    void operator()(const WorkersAsked&) const {}
    void operator()(const WorkerReported&) const {}
    void operator()(const ShutdownRequested&) const {}
    void operator()(const WaitingLoaded&) const {}
    void operator()(const WorkerDraining& e) const {
      if (story.state_ != State::ended && story.attempt_ && !story.attempt_->lost &&
          is_on(story.attempt_->placements, e.worker))
        story.say(fmt::format("worker {} is about to leave", e.worker.value));
    }
  };
  std::visit(Visitor{*this}, event);
}

void JobStory::hear_loaded(const JobLoaded& e) {
  if (e.job.id != job_) return;
  if (spec_ && state_ == State::waiting)
    say("is loaded from the store, where it waited behind those that are held in memory");
  if (spec_) return;
  spec_ = e.job;
  say(fmt::format("is found in the store: submitted at {:.6f} s, {} attempt{} so far", seconds(e.submitted), e.attempts,
                  e.attempts == 1 ? "" : "s"));
  wait_again();
  submitted_ = waiting_since_ = e.submitted;
}

void JobStory::hear_answer(const CommitAnswered& e) {
  store_failed_ = e.answer == Answer::failed || e.answer == Answer::refused;
  const bool assigns = attempt_ && state_ == State::assigned && attempt_->commit == e.request;
  const bool releases = releasing_ == e.request;
  if (!assigns && !releases) return;
  switch (e.answer) {
    case Answer::done:
      say(fmt::format("commit {} is done{}", e.request.value, releases ? ": its end is written" : ""));
      break;
    case Answer::failed: say(fmt::format("commit {} failed: it had no effect", e.request.value)); break;
    case Answer::unknown: say(fmt::format("the answer to commit {} is lost: it will be read back", e.request.value)); break;
    case Answer::refused: say(fmt::format("commit {} is refused: another scheduler leads", e.request.value)); break;
  }
  if (e.answer == Answer::unknown) return;
  if (releases) {
    releasing_.reset();
    if (e.answer == Answer::done && end_) state_ = State::ended;
  }
  if (assigns && e.answer != Answer::done) wait_again();
}

void JobStory::hear_loss(WorkerId worker, const std::string& why) {
  const bool holds = attempt_ && !attempt_->lost && is_on(attempt_->placements, worker);
  if (!holds || (state_ != State::running && state_ != State::assigned)) return;
  attempt_->lost = true;
  say(fmt::format("attempt {} is lost: {}", attempt_->number, why));
}

void JobStory::wait_again() {
  state_ = State::waiting;
  reason_ = Reason::none;
  waiting_since_ = now_;
  attempt_.reset();
}

// --- orders ---

void JobStory::obey(const Command& command) {
  struct Visitor {
    JobStory& story;
    void operator()(const Commit& c) const {
      for (const Release& row : c.releases) {
        if (row.attempt.job == story.job_) story.release(row, c.request);
      }
      for (const Assignment& a : c.assignments) {
        if (a.attempt.job != story.job_) continue;
        story.say(fmt::format("attempt {} is assigned to {} after a wait of {}: commit {} is sent", a.attempt.number,
                              say_placements(a.placements), say_span(story.now_ - story.waiting_since_), c.request.value));
        story.attempt_ = Attempt{a.attempt.number, c.request, {a.placements.begin(), a.placements.end()}};
        story.state_ = State::assigned;
      }
    }
    void operator()(const ReadBatch& c) const {
      const bool ours = (story.attempt_ && story.attempt_->commit == c.commit) || story.releasing_ == c.commit;
      if (!ours) return;
      story.reading_[c.request.value] = c.commit.value;
      story.say(fmt::format("commit {} is read back", c.commit.value));
    }
    void operator()(const Dispatch& c) const {
      if (c.attempt.job != story.job_) return;
      story.say(fmt::format("attempt {} is sent to {}", c.attempt.number, say_placements(c.placements)));
      story.state_ = State::running;
      if (story.attempt_) story.attempt_->sent = story.now_;
    }
    void operator()(const StopAttempt& c) const {
      if (c.attempt.job == story.job_)
        story.say(fmt::format("attempt {} is told to stop: {}", c.attempt.number,
                              c.reason == ReleaseReason::preempted ? "others go first" : say_reason(c.reason)));
    }
    void operator()(const RejectJob& c) const {
      if (c.job != story.job_ || story.state_ != State::waiting) return;
      story.say(fmt::format("is rejected: {}", say_rejection(c.reason)));
      story.state_ = State::ended;
    }
    void operator()(const DeclareDead& c) const {
      const auto expired = story.expired_.find(c.worker);
      story.hear_loss(c.worker, expired == story.expired_.end()
                                    ? fmt::format("worker {} is declared dead", c.worker.value)
                                    : fmt::format("worker {} is declared dead, whose lease was found expired at {:.6f} s",
                                                  c.worker.value, seconds(expired->second)));
    }
    void operator()(const Halt& c) const { story.say(fmt::format("the scheduler stops: {}", c.why)); }
    void operator()(const ReadRegistry&) const {}
    void operator()(const AskCounter&) const {}
    void operator()(const SumAllocations&) const {}
    void operator()(const AskLease&) const {}
    void operator()(const AskState&) const {}
    void operator()(const AskWorkers&) const {}
    void operator()(const AskWaiting&) const {}
    void operator()(const NoteStatistics&) const {}
    void operator()(const StepDown& c) const {
      story.say(fmt::format("this scheduler steps down: {}; another goes on with the job", say_step_down(c.reason)));
    }
  };
  std::visit(Visitor{*this}, command);
}

void JobStory::release(const Release& row, RequestId commit) {
  say(fmt::format("the end of attempt {} is to be written as {}: commit {} is sent", row.attempt.number,
                  say_reason(row.reason), commit.value));
  releasing_ = commit;
  const bool over = row.reason == ReleaseReason::succeeded || row.reason == ReleaseReason::failed ||
                    row.reason == ReleaseReason::cancelled || row.reason == ReleaseReason::quarantined;
  if (over) end_ = row.reason;
  else if (attempt_ && attempt_->number == row.attempt.number) wait_again();
}

// --- why it waits ---

void JobStory::explain_wait() {
  if (state_ != State::waiting || !spec_) return;
  const RoomBook::Room room = rooms_.room_for(*spec_, config_);
  const Reason now = room.workers == 0 ? Reason::no_worker : room.places < spec_->tasks ? Reason::no_room : Reason::others;
  if (now == reason_) return;
  reason_ = now;
  switch (now) {
    case Reason::no_worker: say("waits: no worker that serves its queue is known to live"); break;
    case Reason::no_room:
      say(fmt::format("waits: it has {} task{}, and the {} worker{} that may run it have room for {}", spec_->tasks,
                      spec_->tasks == 1 ? "" : "s", room.workers, room.workers == 1 ? "" : "s", room.places));
      break;
    case Reason::others:
      say(store_failed_ ? "waits though there is room: the store takes no commit"
                        : "waits though there is room: for the next decision, or for those that go first");
      break;
    case Reason::none: break;
  }
}

std::string JobStory::summary() const {
  if (!spec_) return fmt::format("job {} is not in this journal", job_.value);
  const std::string how = end_ ? fmt::format(": {}", say_reason(*end_)) : "";
  switch (state_) {
    case State::waiting: return fmt::format("job {} still waits where the journal ends", job_.value);
    case State::assigned:
    case State::running: return fmt::format("job {} has not ended where the journal ends", job_.value);
    case State::ended:
      return fmt::format("job {} has ended {} after its submission{}", job_.value,
                         say_span((lines_.empty() ? now_ : lines_.back().at) - submitted_), how);
    case State::unknown: break;
  }
  return "";
}

}  // namespace drydock::reports

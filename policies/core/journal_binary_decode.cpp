#include "policies/core/journal_binary.hpp"
#include "policies/core/journal_names.hpp"

#include <bit>
#include <fmt/format.h>
#include <limits>
#include <utility>

namespace drydock::journal_detail {

namespace {

class Decoder {
 public:
  Decoder(std::span<const std::uint8_t> payload, Deltas& deltas, JournalStep& step)
      : in_(payload), deltas_(deltas), step_(step) {}

  std::optional<std::string> run(std::size_t payload_bytes);

 private:
  Event event(std::uint8_t tag);
  Command command(std::uint8_t tag);
  Command commit();
  Command ask_counter(bool plain);
  JobSpec job_spec();
  Event job_loaded(bool fresh);
  Event of_leadership(std::uint8_t tag);
  Event worker_registered();
  Event registry_read(unsigned small);
  Event waiting_loaded(unsigned small);
  Command ask_waiting(bool from_a_place);
  Command note_statistics(bool counted);

  AttemptId attempt(bool first) {
    const JobId job{in_.difference(deltas_.job)};
    return {job, first ? 1U : in_.varint32()};
  }
  std::int64_t amount() { return static_cast<std::int64_t>(in_.difference(deltas_.amount)); }
  RequestId request() { return {in_.difference(deltas_.request)}; }
  WorkerId worker() {
    const std::uint64_t id = in_.difference(deltas_.worker);
    if (id >> 32U != 0) in_.fail();
    return {static_cast<std::uint32_t>(id)};
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(unzigzag(in_.varint())); }
  QueuePlace place() {
    const std::int32_t priority = priority_number();
    return {priority, JobId{in_.difference(deltas_.job)}};
  }
  std::int32_t priority_number() {
    const std::int64_t priority = signed_number();
    if (priority != static_cast<std::int32_t>(priority)) in_.fail();
    return static_cast<std::int32_t>(priority);
  }
  std::span<const Placement> placements(std::size_t count);

  // An enumerator, if it is one.
  template <class Enum>
  Enum word(std::size_t value, std::size_t count) {
    if (value >= count) in_.fail();
    return static_cast<Enum>(value < count ? value : 0);
  }

  ByteReader in_;
  Deltas& deltas_;
  JournalStep& step_;
};

std::span<const Placement> Decoder::placements(std::size_t count) {
  std::vector<Placement>& all = step_.placements;
  const std::size_t begin = all.size();
  std::uint32_t tasks = 1;
  // Each takes a byte, and reset() made room for as many as there are bytes: the array does not move.
  for (std::size_t i = 0; i < count && in_.ok(); ++i) {
    const std::uint64_t code = in_.varint();
    const std::uint64_t id = deltas_.worker + 1 + unzigzag(code >> 1U);
    if ((code & 1U) != 0) tasks = in_.varint32();
    if (id >> 32U != 0) in_.fail();
    deltas_.worker = id;
    if (in_.ok()) all.push_back({WorkerId{static_cast<std::uint32_t>(id)}, tasks});
  }
  return std::span<const Placement>(all).subspan(begin);
}

JobSpec Decoder::job_spec() {
  JobSpec job = deltas_.spec;
  job.id = JobId{in_.difference(deltas_.submitted)};
  const std::uint32_t mask = in_.varint32();
  if (mask > kSpecAll) in_.fail();
  if ((mask & kSpecEstimate) != 0) {
    const std::int64_t amount = signed_number();
    const auto unit = static_cast<std::int64_t>((mask & kSpecWholeSeconds) != 0 ? kNanosPerSecond : 1);
    if (amount > std::numeric_limits<std::int64_t>::max() / unit ||
        amount < std::numeric_limits<std::int64_t>::min() / unit) {
      in_.fail();
    } else {
      job.estimate = Duration{amount * unit};
    }
  }
  if ((mask & kSpecTasks) != 0) job.tasks = in_.varint32();
  if ((mask & kSpecPriority) != 0) job.priority = priority_number();
  if ((mask & kSpecQueue) != 0) job.queue = QueueId{in_.varint32()};
  if ((mask & kSpecCpus) != 0) job.per_task.amounts[Resources::kCpus] = signed_number();
  if ((mask & kSpecMemory) != 0) job.per_task.amounts[Resources::kMemory] = signed_number();
  if ((mask & kSpecGpus) != 0) job.per_task.amounts[Resources::kGpus] = signed_number();
  if ((mask & kSpecSlots) != 0) job.per_task.amounts[Resources::kSlots] = signed_number();
  if ((mask & kSpecInput) != 0) job.input_bytes = signed_number();
  if ((mask & kSpecOutput) != 0) job.output_bytes = signed_number();
  if ((mask & kSpecInterrupts) != 0) {
    const std::uint8_t both = in_.byte();
    job.on_failure = word<OnInterrupt>(both >> 4U, kOnInterrupts.size());
    job.on_preemption = word<OnInterrupt>(both & 15U, kOnInterrupts.size());
  }
  deltas_.spec = job;
  return job;
}

Event Decoder::job_loaded(bool fresh) {
  JobLoaded event{.job = job_spec()};
  event.submitted = time_at(signed_number());
  if (fresh) return event;
  event.attempts = in_.varint32();
  event.failures = in_.varint32();
  event.losses = in_.varint32();
  event.progress = Duration{signed_number()};
  return event;
}

Event Decoder::worker_registered() {
  const WorkerId id = worker();
  const std::uint32_t incarnation = in_.varint32();
  WorkerSpec spec = deltas_.worker_spec;
  const std::uint8_t mask = in_.byte();
  if (mask > kWorkerAll) in_.fail();
  if ((mask & kWorkerPool) != 0) spec.pool = PoolId{in_.varint32()};
  if ((mask & kWorkerCpus) != 0) spec.capacity.amounts[Resources::kCpus] = signed_number();
  if ((mask & kWorkerMemory) != 0) spec.capacity.amounts[Resources::kMemory] = signed_number();
  if ((mask & kWorkerGpus) != 0) spec.capacity.amounts[Resources::kGpus] = signed_number();
  if ((mask & kWorkerSlots) != 0) spec.capacity.amounts[Resources::kSlots] = signed_number();
  if ((mask & kWorkerSpeed) != 0) spec.speed = std::bit_cast<double>(in_.fixed64());
  if ((mask & kWorkerUntil) != 0) spec.until = time_at(signed_number());
  deltas_.worker_spec = spec;
  return WorkerRegistered{id, incarnation, spec};
}

Event Decoder::registry_read(unsigned small) {
  RegistryRead event{.request = request(), .answer = word<Answer>(small >> 1U, kAnswers.size())};
  if ((small & 1U) == 0) {
    deltas_.server = in_.fixed64();
    deltas_.sentinel = in_.fixed64();
  }
  event.server = deltas_.server;
  event.sentinel = deltas_.sentinel;
  event.entries = in_.varint32();
  event.gone = in_.varint32();
  return event;
}

Event Decoder::event(std::uint8_t tag) {
  const unsigned small = tag >> kTagBits;
  switch (static_cast<EventCode>(tag & kTagMask)) {
    case EventCode::commit_answered: {
      const RequestId id = request();
      return CommitAnswered{id, word<Answer>(small, kAnswers.size()), in_.difference(deltas_.version)};
    }
    case EventCode::batch_read: {
      const RequestId id = request();
      return BatchRead{id, word<Answer>(small >> 1U, kAnswers.size()), (small & 1U) != 0, in_.difference(deltas_.version)};
    }
    case EventCode::registry_read: return registry_read(small);
    case EventCode::counter_answered: {
      const RequestId id = request();
      const auto verdict = word<CounterVerdict>(in_.byte(), kCounterVerdicts.size());
      return CounterAnswered{id, word<Answer>(small, kAnswers.size()), verdict, amount()};
    }
    case EventCode::allocations_summed: {
      const RequestId id = request();
      const std::int64_t sum = amount();
      return AllocationsSummed{id, word<Answer>(small, kAnswers.size()), sum, in_.difference(deltas_.version)};
    }
    case EventCode::attempt_finished:
      return AttemptFinished{attempt((small & 1U) != 0), word<Ending>(small >> 1U, kEndings.size())};
    case EventCode::attempt_stopped: {
      const AttemptId id = attempt((small & 1U) != 0);
      return AttemptStopped{id, Duration{signed_number()}};
    }
    case EventCode::worker_left: {
      const WorkerId id = worker();
      return WorkerLeft{id, in_.varint32()};
    }
    case EventCode::worker_draining: {
      const WorkerId id = worker();
      return WorkerDraining{id, in_.varint32()};
    }
    case EventCode::lease_expired: {
      const WorkerId id = worker();
      return LeaseExpired{id, in_.varint32(), (small & 1U) != 0};
    }
    case EventCode::worker_registered: return worker_registered();
    case EventCode::job_cancelled: return JobCancelled{JobId{in_.difference(deltas_.job)}};
    case EventCode::job_submitted: return JobSubmitted{job_spec()};
    case EventCode::lease_answered:
    case EventCode::state_loaded:
    case EventCode::job_loaded:
    case EventCode::allocation_loaded:
    case EventCode::workers_asked:
    case EventCode::worker_reported:
    case EventCode::attempt_held:
    case EventCode::shutdown_requested: return of_leadership(tag);
    case EventCode::waiting_loaded: return waiting_loaded(small);
  }
  in_.fail();
  return {};
}

Event Decoder::waiting_loaded(unsigned small) {
  const RequestId id = request();
  return WaitingLoaded{id, word<Answer>(small >> 1U, kAnswers.size()), (small & 1U) != 0, place()};
}

Event Decoder::of_leadership(std::uint8_t tag) {
  const unsigned small = tag >> kTagBits;
  const auto code = static_cast<EventCode>(tag & kTagMask);
  if (code == EventCode::lease_answered) {
    LeaseAnswered event{
        .request = request(), .answer = word<Answer>(small >> 1U, kAnswers.size()), .held = (small & 1U) != 0};
    event.epoch = signed_number();
    event.left = Duration{signed_number()};
    return event;
  }
  if (code == EventCode::state_loaded) return StateLoaded{request(), word<Answer>(small, kAnswers.size())};
  if (code == EventCode::workers_asked) return WorkersAsked{request(), word<Answer>(small, kAnswers.size())};
  if (code == EventCode::job_loaded) return job_loaded((small & 1U) != 0);
  if (code == EventCode::shutdown_requested) return ShutdownRequested{};
  if (code == EventCode::worker_reported) {
    const WorkerId id = worker();
    return WorkerReported{id, in_.varint32()};
  }
  const AttemptId id = attempt((small & 1U) != 0);
  const WorkerId where = worker();
  if (code == EventCode::allocation_loaded) return AllocationLoaded{id, where, in_.varint32()};
  return AttemptHeld{id, where, Duration{signed_number()}};
}

Command Decoder::commit() {
  const RequestId id = request();
  const std::size_t release_count = in_.count();
  const std::size_t assignment_count = in_.count();
  const std::size_t first_release = step_.releases.size();
  for (std::size_t i = 0; i < release_count && in_.ok(); ++i) {
    const unsigned head = in_.byte();
    const auto reason = word<ReleaseReason>(head >> 1U, kReleaseReasons.size());
    const AttemptId released = attempt((head & 1U) != 0);
    if (in_.ok()) step_.releases.push_back({released, reason});
  }
  const std::size_t first_assignment = step_.assignments.size();
  for (std::size_t i = 0; i < assignment_count && in_.ok(); ++i) {
    const std::size_t head = static_cast<std::size_t>(in_.varint());
    const AttemptId assigned = attempt((head & 1U) != 0);
    const std::span<const Placement> where = placements(head >> 1U);
    if (in_.ok()) step_.assignments.push_back({assigned, where});
  }
  return Commit{id, std::span<const Release>(step_.releases).subspan(first_release),
                std::span<const Assignment>(step_.assignments).subspan(first_assignment)};
}

Command Decoder::ask_counter(bool plain) {
  AskCounter command{.request = request(), .op = word<CounterOp>(in_.byte(), kCounterOps.size())};
  command.amount = amount();
  if (plain) return command;
  command.limit = signed_number();
  command.version = in_.difference(deltas_.version);
  command.batch = in_.varint();
  command.lease = Duration{signed_number()};
  return command;
}

Command Decoder::ask_waiting(bool from_a_place) {
  AskWaiting command{.request = request(), .queue = QueueId{in_.varint32()}};
  command.limit = in_.varint32();
  if (from_a_place) command.after = place();
  return command;
}

Command Decoder::note_statistics(bool counted) {
  NoteStatistics command{.workers = in_.varint32()};
  command.cpus = signed_number();
  command.allocated = signed_number();
  if (counted) command.counted = signed_number();
  command.waiting = in_.varint();
  command.delayed = in_.varint();
  command.active = in_.varint();
  return command;
}

Command Decoder::command(std::uint8_t tag) {
  const unsigned small = tag >> kTagBits;
  switch (static_cast<CommandCode>(tag & kTagMask)) {
    case CommandCode::commit: return commit();
    case CommandCode::read_batch: {
      const RequestId id = request();
      std::uint64_t base = id.value;
      return ReadBatch{id, RequestId{in_.difference(base)}};
    }
    case CommandCode::dispatch: {
      const AttemptId id = attempt((small & 1U) != 0);
      return Dispatch{id, placements(in_.count())};
    }
    case CommandCode::stop_attempt: {
      const AttemptId id = attempt((small & 1U) != 0);
      return StopAttempt{id, word<ReleaseReason>(in_.byte(), kReleaseReasons.size())};
    }
    case CommandCode::reject_job: {
      const auto reason = word<RejectReason>(small, kRejectReasons.size());
      return RejectJob{JobId{in_.difference(deltas_.job)}, reason};
    }
    case CommandCode::halt: step_.texts.push_back(in_.text()); return Halt{step_.texts.back()};
    case CommandCode::read_registry: return ReadRegistry{request()};
    case CommandCode::ask_counter: return ask_counter((small & 1U) != 0);
    case CommandCode::sum_allocations: return SumAllocations{request()};
    case CommandCode::declare_dead: {
      const WorkerId id = worker();
      return DeclareDead{id, in_.varint32()};
    }
    case CommandCode::ask_lease: {
      const RequestId id = request();
      return AskLease{id, word<LeaseOp>(small, kLeaseOps.size()), Duration{signed_number()}};
    }
    case CommandCode::ask_state: return AskState{request()};
    case CommandCode::ask_workers: return AskWorkers{request()};
    case CommandCode::ask_waiting: return ask_waiting((small & 1U) != 0);
    case CommandCode::note_statistics: return note_statistics((small & 1U) != 0);
    case CommandCode::step_down: return StepDown{word<StepDownReason>(small, kStepDownReasons.size())};
  }
  in_.fail();
  return Halt{};
}

std::optional<std::string> Decoder::run(std::size_t payload_bytes) {
  // An element takes at least: a placement 1 byte, an assignment or a release 2.
  step_.reset(payload_bytes, payload_bytes / 2, payload_bytes / 2);
  const auto bad = [&](std::string_view what) { return fmt::format("{} at byte {} of the record", what, in_.position()); };
  const unsigned head = in_.byte();
  const std::uint64_t time = in_.varint();
  if ((head & 0x80U) != 0) return bad("unknown flag in the first byte");
  deltas_.time += (head & kHeadSeconds) != 0 ? time * kNanosPerSecond : unzigzag(time);
  step_.now = time_at(static_cast<std::int64_t>(deltas_.time));
  std::size_t event_count = head >> 1U & 7U;
  std::size_t command_count = head >> 4U & 7U;
  if (event_count == kHeadMany) event_count = in_.count();
  if (command_count == kHeadMany) command_count = in_.count();
  if (!in_.ok()) return bad("unreadable time or counts");
  for (std::size_t i = 0; i < event_count; ++i) {
    step_.events.push_back(event(in_.byte()));
    if (!in_.ok()) return bad(fmt::format("event {} of {} is not readable", i + 1, event_count));
  }
  for (std::size_t i = 0; i < command_count; ++i) {
    step_.commands.push_back(command(in_.byte()));
    if (!in_.ok()) return bad(fmt::format("command {} of {} is not readable", i + 1, command_count));
  }
  step_.hash = in_.fixed64();
  if (!in_.ok()) return bad("the hash is missing");
  if (in_.left() > 0) return bad(fmt::format("{} bytes too many", in_.left()));
  return std::nullopt;
}

}  // namespace

std::optional<std::string> decode_step(std::span<const std::uint8_t> payload, Deltas& deltas, JournalStep& step) {
  return Decoder(payload, deltas, step).run(payload.size());
}

}  // namespace drydock::journal_detail

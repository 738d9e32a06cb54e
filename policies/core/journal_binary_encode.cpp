#include "policies/core/journal_binary.hpp"
#include "policies/core/journal_names.hpp"

#include <bit>
#include <variant>

namespace drydock::journal_detail {

namespace {

constexpr std::size_t kMaxFixedPart = 192;  // more than any event, or command without its lists, takes

class Encoder {
 public:
  Encoder(ByteWriter& out, Deltas& deltas) : out_(out), deltas_(deltas) {}

  void operator()(const CommitAnswered& e) {
    tag(e, static_cast<unsigned>(e.answer));
    out_.difference(e.request.value, deltas_.request);
    out_.difference(e.version, deltas_.version);
  }
  void operator()(const BatchRead& e) {
    tag(e, static_cast<unsigned>(e.answer) << 1U | (e.found ? 1U : 0U));
    out_.difference(e.request.value, deltas_.request);
    out_.difference(e.version, deltas_.version);
  }
  void operator()(const RegistryRead& e) {
    const bool known = e.server == deltas_.server && e.sentinel == deltas_.sentinel;
    tag(e, static_cast<unsigned>(e.answer) << 1U | (known ? 1U : 0U));
    out_.difference(e.request.value, deltas_.request);
    if (!known) {
      out_.fixed64(deltas_.server = e.server);
      out_.fixed64(deltas_.sentinel = e.sentinel);
    }
    out_.varint(e.entries);
    out_.varint(e.gone);
  }
  void operator()(const CounterAnswered& e) {
    tag(e, static_cast<unsigned>(e.answer));
    out_.difference(e.request.value, deltas_.request);
    out_.byte(static_cast<std::uint8_t>(e.verdict));
    amount(e.value);
  }
  void operator()(const AllocationsSummed& e) {
    tag(e, static_cast<unsigned>(e.answer));
    out_.difference(e.request.value, deltas_.request);
    amount(e.cpus_milli);
    out_.difference(e.version, deltas_.version);
  }
  void operator()(const AttemptFinished& e) {
    tag(e, static_cast<unsigned>(e.ending) << 1U | first_bit(e.attempt));
    attempt(e.attempt);
  }
  void operator()(const AttemptStopped& e) {
    tag(e, first_bit(e.attempt));
    attempt(e.attempt);
    out_.varint(zigzag(static_cast<std::uint64_t>(nanos(e.progress))));
  }
  void operator()(const WorkerLeft& e) {
    tag(e, 0);
    worker(e.worker, e.incarnation);
  }
  void operator()(const WorkerDraining& e) {
    tag(e, 0);
    worker(e.worker, e.incarnation);
  }
  void operator()(const LeaseExpired& e) {
    tag(e, e.early ? 1U : 0U);
    worker(e.worker, e.incarnation);
  }
  void operator()(const WorkerRegistered& e);
  void operator()(const JobCancelled& e) {
    tag(e, 0);
    out_.difference(e.job.value, deltas_.job);
  }
  void operator()(const JobSubmitted& e) {
    tag(e, 0);
    job_spec(e.job);
  }
  void operator()(const LeaseAnswered& e) {
    tag(e, static_cast<unsigned>(e.answer) << 1U | (e.held ? 1U : 0U));
    out_.difference(e.request.value, deltas_.request);
    signed_number(e.epoch);
    signed_number(nanos(e.left));
  }
  void operator()(const StateLoaded& e) { answered(e); }
  void operator()(const JobLoaded& e) {
    const bool fresh = e.attempts == 0 && e.progress == Duration{0};
    tag(e, fresh ? 1U : 0U);
    job_spec(e.job);
    signed_number(nanos(e.submitted));
    if (fresh) return;
    out_.varint(e.attempts);
    out_.varint(e.failures);
    out_.varint(e.losses);
    signed_number(nanos(e.progress));
  }
  void operator()(const AllocationLoaded& e) {
    tag(e, first_bit(e.attempt));
    attempt(e.attempt);
    worker(e.worker, e.tasks);
  }
  void operator()(const WorkersAsked& e) { answered(e); }
  void operator()(const WorkerReported& e) {
    tag(e, 0);
    worker(e.worker, e.incarnation);
  }
  void operator()(const AttemptHeld& e) {
    tag(e, first_bit(e.attempt));
    attempt(e.attempt);
    out_.difference(e.worker.value, deltas_.worker);
    signed_number(nanos(e.age));
  }
  void operator()(const ShutdownRequested& e) { tag(e, 0); }
  void operator()(const WaitingLoaded& e) {
    tag(e, static_cast<unsigned>(e.answer) << 1U | (e.whole ? 1U : 0U));
    out_.difference(e.request.value, deltas_.request);
    place(e.last);
  }

  void operator()(const Commit& c);
  void operator()(const ReadBatch& c) {
    tag(c, 0);
    out_.difference(c.request.value, deltas_.request);
    std::uint64_t base = c.request.value;
    out_.difference(c.commit.value, base);
  }
  void operator()(const Dispatch& c) {
    tag(c, first_bit(c.attempt));
    attempt(c.attempt);
    out_.varint(c.placements.size());
    placements(c.placements);
  }
  void operator()(const StopAttempt& c) {
    tag(c, first_bit(c.attempt));
    attempt(c.attempt);
    out_.byte(static_cast<std::uint8_t>(c.reason));
  }
  void operator()(const RejectJob& c) {
    tag(c, static_cast<unsigned>(c.reason));
    out_.difference(c.job.value, deltas_.job);
  }
  void operator()(const Halt& c) {
    tag(c, 0);
    out_.text(c.why);
  }
  void operator()(const ReadRegistry& c) {
    tag(c, 0);
    out_.difference(c.request.value, deltas_.request);
  }
  void operator()(const AskCounter& c) {
    const bool plain = c.limit == 0 && c.version == 0 && c.batch == 0 && c.lease == Duration{0};
    tag(c, plain ? 1U : 0U);
    out_.difference(c.request.value, deltas_.request);
    out_.byte(static_cast<std::uint8_t>(c.op));
    amount(c.amount);
    if (plain) return;
    signed_number(c.limit);
    out_.difference(c.version, deltas_.version);
    out_.varint(c.batch);
    signed_number(nanos(c.lease));
  }
  void operator()(const SumAllocations& c) {
    tag(c, 0);
    out_.difference(c.request.value, deltas_.request);
  }
  void operator()(const DeclareDead& c) {
    tag(c, 0);
    worker(c.worker, c.incarnation);
  }
  void operator()(const AskLease& c) {
    tag(c, static_cast<unsigned>(c.op));
    out_.difference(c.request.value, deltas_.request);
    signed_number(nanos(c.ttl));
  }
  void operator()(const AskState& c) {
    tag(c, 0);
    out_.difference(c.request.value, deltas_.request);
  }
  void operator()(const AskWorkers& c) {
    tag(c, 0);
    out_.difference(c.request.value, deltas_.request);
  }
  void operator()(const StepDown& c) { tag(c, static_cast<unsigned>(c.reason)); }
  void operator()(const AskWaiting& c) {
    tag(c, c.after ? 1U : 0U);
    out_.difference(c.request.value, deltas_.request);
    out_.varint(c.queue.value);
    out_.varint(c.limit);
    if (c.after) place(*c.after);
  }
  void operator()(const NoteStatistics& c) {
    tag(c, c.counted ? 1U : 0U);
    out_.varint(c.workers);
    signed_number(c.cpus);
    signed_number(c.allocated);
    if (c.counted) signed_number(*c.counted);
    out_.varint(c.waiting);
    out_.varint(c.delayed);
    out_.varint(c.active);
  }

 private:
  template <class T>
  void answered(const T& e) {
    tag(e, static_cast<unsigned>(e.answer));
    out_.difference(e.request.value, deltas_.request);
  }
  void job_spec(const JobSpec& job);
  template <class T>
  void tag(const T&, unsigned small) {
    out_.byte(static_cast<std::uint8_t>(static_cast<unsigned>(KindOf<T>::kCode) | small << kTagBits));
  }
  // 1 when it is a job's first attempt; then its number is left out.
  [[nodiscard]] static unsigned first_bit(AttemptId id) { return id.number == 1 ? 1U : 0U; }
  void attempt(AttemptId id) {
    out_.difference(id.job.value, deltas_.job);
    if (id.number != 1) out_.varint(id.number);
  }
  void worker(WorkerId id, std::uint32_t incarnation) {
    out_.difference(id.value, deltas_.worker);
    out_.varint(incarnation);
  }
  void place(const QueuePlace& at) {
    signed_number(at.priority);
    out_.difference(at.job.value, deltas_.job);
  }
  // Workers next to each other with equal counts take one byte each.
  void placements(std::span<const Placement> list) {
    out_.demand(2 * kMaxVarint * list.size() + kMaxFixedPart);
    std::uint32_t tasks = 1;
    for (const Placement& p : list) {
      const std::uint64_t step = std::uint64_t{p.worker.value} - deltas_.worker - 1;
      out_.varint(zigzag(step) << 1U | (p.tasks == tasks ? 0U : 1U));
      if (p.tasks != tasks) out_.varint(tasks = p.tasks);
      deltas_.worker = p.worker.value;
    }
  }
  void amount(std::int64_t cpus_milli) { out_.difference(static_cast<std::uint64_t>(cpus_milli), deltas_.amount); }
  void signed_number(std::int64_t x) { out_.varint(zigzag(static_cast<std::uint64_t>(x))); }

  ByteWriter& out_;
  Deltas& deltas_;
};

std::uint32_t changed_fields(const JobSpec& now, const JobSpec& last) {
  const auto bit = [](bool differs, std::uint32_t value) { return differs ? value : 0U; };
  std::uint32_t mask = bit(now.estimate != last.estimate, kSpecEstimate) | bit(now.tasks != last.tasks, kSpecTasks) |
                       bit(now.priority != last.priority, kSpecPriority) | bit(now.queue != last.queue, kSpecQueue) |
                       bit(now.per_task.cpus() != last.per_task.cpus(), kSpecCpus) |
                       bit(now.per_task.memory() != last.per_task.memory(), kSpecMemory) |
                       bit(now.per_task.gpus() != last.per_task.gpus(), kSpecGpus) |
                       bit(now.per_task.slots() != last.per_task.slots(), kSpecSlots) |
                       bit(now.input_bytes != last.input_bytes, kSpecInput) |
                       bit(now.output_bytes != last.output_bytes, kSpecOutput) |
                       bit(now.on_failure != last.on_failure || now.on_preemption != last.on_preemption, kSpecInterrupts);
  const bool whole = nanos(now.estimate) % static_cast<std::int64_t>(kNanosPerSecond) == 0;
  if ((mask & kSpecEstimate) != 0 && whole) mask |= kSpecWholeSeconds;
  return mask;
}

void Encoder::job_spec(const JobSpec& job) {
  out_.difference(job.id.value, deltas_.submitted);
  const std::uint32_t mask = changed_fields(job, deltas_.spec);
  out_.varint(mask);
  if ((mask & kSpecEstimate) != 0) {
    const bool whole = (mask & kSpecWholeSeconds) != 0;
    signed_number(whole ? nanos(job.estimate) / static_cast<std::int64_t>(kNanosPerSecond) : nanos(job.estimate));
  }
  if ((mask & kSpecTasks) != 0) out_.varint(job.tasks);
  if ((mask & kSpecPriority) != 0) signed_number(job.priority);
  if ((mask & kSpecQueue) != 0) out_.varint(job.queue.value);
  if ((mask & kSpecCpus) != 0) signed_number(job.per_task.cpus());
  if ((mask & kSpecMemory) != 0) signed_number(job.per_task.memory());
  if ((mask & kSpecGpus) != 0) signed_number(job.per_task.gpus());
  if ((mask & kSpecSlots) != 0) signed_number(job.per_task.slots());
  if ((mask & kSpecInput) != 0) signed_number(job.input_bytes);
  if ((mask & kSpecOutput) != 0) signed_number(job.output_bytes);
  if ((mask & kSpecInterrupts) != 0) {
    out_.byte(
        static_cast<std::uint8_t>(static_cast<unsigned>(job.on_failure) << 4U | static_cast<unsigned>(job.on_preemption)));
  }
  deltas_.spec = job;
}

void Encoder::operator()(const WorkerRegistered& e) {
  tag(e, 0);
  worker(e.worker, e.incarnation);
  const Resources& now = e.spec.capacity;
  const Resources& last = deltas_.worker_spec.capacity;
  const auto speed = std::bit_cast<std::uint64_t>(e.spec.speed);
  const auto bit = [](bool differs, unsigned value) { return differs ? value : 0U; };
  const unsigned mask = bit(e.spec.pool != deltas_.worker_spec.pool, kWorkerPool) |
                        bit(now.cpus() != last.cpus(), kWorkerCpus) | bit(now.memory() != last.memory(), kWorkerMemory) |
                        bit(now.gpus() != last.gpus(), kWorkerGpus) | bit(now.slots() != last.slots(), kWorkerSlots) |
                        bit(speed != std::bit_cast<std::uint64_t>(deltas_.worker_spec.speed), kWorkerSpeed) |
                        bit(e.spec.until != deltas_.worker_spec.until, kWorkerUntil);
  out_.byte(static_cast<std::uint8_t>(mask));
  if ((mask & kWorkerPool) != 0) out_.varint(e.spec.pool.value);
  if ((mask & kWorkerCpus) != 0) signed_number(now.cpus());
  if ((mask & kWorkerMemory) != 0) signed_number(now.memory());
  if ((mask & kWorkerGpus) != 0) signed_number(now.gpus());
  if ((mask & kWorkerSlots) != 0) signed_number(now.slots());
  if ((mask & kWorkerSpeed) != 0) out_.fixed64(speed);
  if ((mask & kWorkerUntil) != 0) signed_number(nanos(e.spec.until));
  deltas_.worker_spec = e.spec;
}

void Encoder::operator()(const Commit& c) {
  tag(c, 0);
  out_.difference(c.request.value, deltas_.request);
  out_.varint(c.releases.size());
  out_.varint(c.assignments.size());
  out_.demand(3 * kMaxVarint * c.releases.size() + kMaxFixedPart);
  for (const Release& r : c.releases) {
    out_.byte(static_cast<std::uint8_t>(static_cast<unsigned>(r.reason) << 1U | first_bit(r.attempt)));
    attempt(r.attempt);
  }
  for (const Assignment& a : c.assignments) {
    out_.demand(kMaxFixedPart);
    out_.varint(a.placements.size() << 1U | first_bit(a.attempt));
    attempt(a.attempt);
    placements(a.placements);
  }
}

}  // namespace

void encode_step(ByteWriter& out, Deltas& deltas, Time now, std::span<const Event> events, std::span<const Command> commands,
                 std::uint64_t hash) {
  out.demand(kMaxFixedPart);
  const std::uint64_t difference = static_cast<std::uint64_t>(nanos(now)) - deltas.time;
  deltas.time = static_cast<std::uint64_t>(nanos(now));
  const bool whole = difference >> 63U == 0 && difference % kNanosPerSecond == 0;
  const std::size_t few_events = events.size() < kHeadMany ? events.size() : kHeadMany;
  const std::size_t few_commands = commands.size() < kHeadMany ? commands.size() : kHeadMany;
  out.byte(static_cast<std::uint8_t>((whole ? kHeadSeconds : 0U) | few_events << 1U | few_commands << 4U));
  out.varint(whole ? difference / kNanosPerSecond : zigzag(difference));
  if (few_events == kHeadMany) out.varint(events.size());
  if (few_commands == kHeadMany) out.varint(commands.size());
  Encoder encoder(out, deltas);
  for (const Event& event : events) {
    out.demand(kMaxFixedPart);
    std::visit(encoder, event);
  }
  for (const Command& command : commands) {
    out.demand(kMaxFixedPart);
    std::visit(encoder, command);
  }
  out.demand(sizeof hash);
  out.fixed64(hash);
}

}  // namespace drydock::journal_detail

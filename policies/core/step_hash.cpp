#include "policies/core/step_hash.hpp"

#include "policies/core/rng.hpp"

#include <bit>

namespace drydock {

namespace {

class Hasher {
 public:
  explicit Hasher(std::uint64_t start) : state_(start) {}
  [[nodiscard]] std::uint64_t state() const { return state_; }

  void add(std::uint64_t x) { state_ = (std::rotl(state_, 23) ^ x) * 0x9e3779b97f4a7c15U; }
  void add(std::int64_t x) { add(static_cast<std::uint64_t>(x)); }
  void add(Duration d) { add(nanos(d)); }
  void add(double x) { add(std::bit_cast<std::uint64_t>(x)); }
  void add(AttemptId id) {
    add(id.job.value);
    add(std::uint64_t{id.number});
  }
  void add(const Resources& r) {
    for (const std::int64_t amount : r.amounts) add(amount);
  }
  void add(const QueuePlace& place) {
    add(std::int64_t{place.priority});
    add(place.job.value);
  }
  void add(std::span<const Placement> placements) {
    add(std::uint64_t{placements.size()});
    for (const Placement& p : placements) add(std::uint64_t{p.worker.value} << 32U | p.tasks);
  }
  void add(const JobSpec& j) {
    add(j.id.value);
    add(std::uint64_t{j.queue.value});
    add(std::int64_t{j.priority});
    add(std::uint64_t{j.tasks});
    add(j.per_task);
    add(j.estimate);
    add(j.input_bytes);
    add(j.output_bytes);
    add_enum(j.on_failure);
    add_enum(j.on_preemption);
  }
  template <class Enum>
  void add_enum(Enum e) {
    add(static_cast<std::uint64_t>(e));
  }

  void operator()(const CommitAnswered& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(e.version);
  }
  void operator()(const BatchRead& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(std::uint64_t{e.found});
    add(e.version);
  }
  void operator()(const RegistryRead& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(e.server);
    add(e.sentinel);
    add(std::uint64_t{e.entries});
    add(std::uint64_t{e.gone});
  }
  void operator()(const CounterAnswered& e) {
    add(e.request.value);
    add_enum(e.answer);
    add_enum(e.verdict);
    add(e.value);
  }
  void operator()(const AllocationsSummed& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(e.cpus_milli);
    add(e.version);
  }
  void operator()(const AttemptFinished& e) {
    add(e.attempt);
    add_enum(e.ending);
  }
  void operator()(const AttemptStopped& e) {
    add(e.attempt);
    add(e.progress);
  }
  void operator()(const WorkerLeft& e) {
    add(std::uint64_t{e.worker.value});
    add(std::uint64_t{e.incarnation});
  }
  void operator()(const WorkerDraining& e) {
    add(std::uint64_t{e.worker.value});
    add(std::uint64_t{e.incarnation});
  }
  void operator()(const LeaseExpired& e) {
    add(std::uint64_t{e.worker.value});
    add(std::uint64_t{e.incarnation} << 1U | (e.early ? 1U : 0U));
  }
  void operator()(const WorkerRegistered& e) {
    add(std::uint64_t{e.worker.value});
    add(std::uint64_t{e.incarnation});
    add(std::uint64_t{e.spec.pool.value});
    add(e.spec.capacity);
    add(e.spec.speed);
    if (e.spec.until != kNever) add(nanos(e.spec.until));  // or else hashes are as before there were sessions
  }
  void operator()(const JobCancelled& e) { add(e.job.value); }
  void operator()(const JobSubmitted& e) { add(e.job); }
  void operator()(const LeaseAnswered& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(std::uint64_t{e.held});
    add(e.epoch);
    add(e.left);
  }
  void operator()(const StateLoaded& e) {
    add(e.request.value);
    add_enum(e.answer);
  }
  void operator()(const JobLoaded& e) {
    add(e.job);
    add(nanos(e.submitted));
    add(std::uint64_t{e.attempts});
    add(std::uint64_t{e.failures} << 32U | e.losses);
    add(e.progress);
  }
  void operator()(const AllocationLoaded& e) {
    add(e.attempt);
    add(std::uint64_t{e.worker.value} << 32U | e.tasks);
  }
  void operator()(const WorkersAsked& e) {
    add(e.request.value);
    add_enum(e.answer);
  }
  void operator()(const WorkerReported& e) {
    add(std::uint64_t{e.worker.value});
    add(std::uint64_t{e.incarnation});
  }
  void operator()(const AttemptHeld& e) {
    add(e.attempt);
    add(std::uint64_t{e.worker.value});
    add(e.age);
  }
  void operator()(const ShutdownRequested&) {}
  void operator()(const WaitingLoaded& e) {
    add(e.request.value);
    add_enum(e.answer);
    add(std::uint64_t{e.whole});
    add(e.last);
  }
  void operator()(const Commit& c) {
    add(c.request.value);
    add(std::uint64_t{c.releases.size()});
    for (const Release& r : c.releases) {
      add(r.attempt);
      add_enum(r.reason);
    }
    add(std::uint64_t{c.assignments.size()});
    for (const Assignment& a : c.assignments) {
      add(a.attempt);
      add(a.placements);
    }
  }
  void operator()(const ReadBatch& c) {
    add(c.request.value);
    add(c.commit.value);
  }
  void operator()(const Dispatch& c) {
    add(c.attempt);
    add(c.placements);
  }
  void operator()(const StopAttempt& c) {
    add(c.attempt);
    add_enum(c.reason);
  }
  void operator()(const RejectJob& c) {
    add(c.job.value);
    add_enum(c.reason);
  }
  void operator()(const Halt& c) { add(stream_of(c.why)); }
  void operator()(const ReadRegistry& c) { add(c.request.value); }
  void operator()(const AskCounter& c) {
    add(c.request.value);
    add_enum(c.op);
    add(c.amount);
    add(c.limit);
    add(c.version);
    add(c.batch);
    add(c.lease);
  }
  void operator()(const SumAllocations& c) { add(c.request.value); }
  void operator()(const DeclareDead& c) {
    add(std::uint64_t{c.worker.value});
    add(std::uint64_t{c.incarnation});
  }
  void operator()(const AskLease& c) {
    add(c.request.value);
    add_enum(c.op);
    add(c.ttl);
  }
  void operator()(const AskState& c) { add(c.request.value); }
  void operator()(const AskWorkers& c) { add(c.request.value); }
  void operator()(const StepDown& c) { add_enum(c.reason); }
  void operator()(const AskWaiting& c) {
    add(c.request.value);
    add(std::uint64_t{c.queue.value} << 32U | c.limit);
    add(std::uint64_t{c.after.has_value()});
    if (c.after) add(*c.after);
  }
  void operator()(const NoteStatistics& c) {
    add(std::uint64_t{c.workers});
    add(c.cpus);
    add(c.allocated);
    add(std::uint64_t{c.counted.has_value()});
    add(c.counted.value_or(0));
    add(c.waiting);
    add(c.delayed);
    add(c.active);
  }

 private:
  std::uint64_t state_;
};

}  // namespace

std::uint64_t hash_step(std::uint64_t previous, Time now, std::span<const Event> events, std::span<const Command> commands) {
  Hasher hasher(previous);
  hasher.add(nanos(now));
  for (const Event& event : events) {
    hasher.add(std::uint64_t{event.index()});
    std::visit(hasher, event);
  }
  for (const Command& command : commands) {
    hasher.add(std::uint64_t{command.index()} + 64);
    std::visit(hasher, command);
  }
  return mix64(hasher.state());
}

}  // namespace drydock

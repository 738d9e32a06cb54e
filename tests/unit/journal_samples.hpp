// Steps for tests of the journal: random ones with every kind of fact and order and with extreme values, and typical ones.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/journal_binary.hpp"
#include "policies/core/journal_json.hpp"
#include "policies/core/rng.hpp"

#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::journal_samples {

class RandomSteps {
 public:
  explicit RandomSteps(std::uint64_t seed) : rng_(seed, "steps") {}

  void fill(JournalStep& step) {
    step.reset(1024, 64, 64);
    step.now = time_at(static_cast<std::int64_t>(number()));
    step.hash = rng_.bits();
    for (std::uint64_t n = rng_.below(10); n > 0; --n) step.events.push_back(event());
    for (std::uint64_t n = rng_.below(10); n > 0; --n) step.commands.push_back(command(step));
  }

 private:
  // Small, neighbouring, or any at all.
  std::uint64_t number() {
    switch (rng_.below(5)) {
      case 0: return rng_.bits();
      case 1: return std::numeric_limits<std::uint64_t>::max() - rng_.below(3);
      case 2: return last_ = last_ + 1;
      case 3: return rng_.below(1000) * 1'000'000'000;
      default: return rng_.below(4);
    }
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
  std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
  AttemptId attempt() { return {JobId{number()}, rng_.below(2) == 0 ? 1 : small()}; }
  template <class Enum>
  Enum pick(std::uint64_t count) {
    return static_cast<Enum>(rng_.below(count));
  }
  Resources amounts() { return make_resources({signed_number(), signed_number(), signed_number(), signed_number()}); }

  JobSpec job() {
    JobSpec spec{.id = JobId{number()}, .queue = {}, .per_task = {}};
    if (rng_.below(2) == 0) return spec;  // little but defaults
    spec.queue = QueueId{small()};
    spec.priority = static_cast<std::int32_t>(small());
    spec.tasks = small();
    spec.per_task = amounts();
    spec.estimate = Duration{signed_number()};
    spec.input_bytes = signed_number();
    spec.output_bytes = signed_number();
    spec.on_failure = pick<OnInterrupt>(3);
    spec.on_preemption = pick<OnInterrupt>(3);
    return spec;
  }

  Event event() {
    switch (rng_.below(14)) {
      case 0: return CommitAnswered{RequestId{number()}, pick<Answer>(3), number()};
      case 1: return BatchRead{RequestId{number()}, pick<Answer>(3), rng_.below(2) == 0, number()};
      case 8: return RegistryRead{RequestId{number()}, pick<Answer>(3), rng_.below(2), rng_.below(2), small(), small()};
      case 9: return CounterAnswered{RequestId{number()}, pick<Answer>(3), pick<CounterVerdict>(5), signed_number()};
      case 10: return AllocationsSummed{RequestId{number()}, pick<Answer>(3), signed_number(), number()};
      case 2: return AttemptFinished{attempt(), pick<Ending>(2)};
      case 3: return AttemptStopped{attempt(), Duration{signed_number()}};
      case 4: return WorkerLeft{WorkerId{small()}, small()};
      case 13: return WorkerDraining{WorkerId{small()}, small()};
      case 5: return LeaseExpired{WorkerId{small()}, small(), rng_.below(2) == 0};
      case 6: {
        WorkerSpec spec{.pool = PoolId{small()}, .capacity = amounts(), .speed = rng_.uniform() * 1e3};
        if (rng_.below(2) == 0) spec.until = time_at(signed_number());
        return WorkerRegistered{WorkerId{small()}, small(), spec};
      }
      case 7: return JobCancelled{JobId{number()}};
      case 11: return of_leadership();
      default: return JobSubmitted{job()};
    }
  }

  // Facts of one scheduler of several.
  Event of_leadership() {
    switch (rng_.below(9)) {
      case 7: return WaitingLoaded{RequestId{number()}, pick<Answer>(4), rng_.below(2) == 0, place()};
      case 0: {
        LeaseAnswered event{.request = RequestId{number()}, .answer = pick<Answer>(4), .held = rng_.below(2) == 0};
        event.epoch = signed_number();
        event.left = Duration{signed_number()};
        return event;
      }
      case 1: return StateLoaded{RequestId{number()}, pick<Answer>(4)};
      case 2: {
        JobLoaded event{.job = job(), .submitted = time_at(signed_number())};
        if (rng_.below(2) == 0) return event;
        event.attempts = small();
        event.failures = small();
        event.losses = small();
        event.progress = Duration{signed_number()};
        return event;
      }
      case 3: return AllocationLoaded{attempt(), WorkerId{small()}, small()};
      case 4: return WorkersAsked{RequestId{number()}, pick<Answer>(4)};
      case 5: return WorkerReported{WorkerId{small()}, small()};
      case 6: return AttemptHeld{attempt(), WorkerId{small()}, Duration{signed_number()}};
      default: return ShutdownRequested{};
    }
  }

  std::span<const Placement> placements(JournalStep& step) {
    const std::size_t begin = step.placements.size();
    for (std::uint64_t n = rng_.below(6); n > 0; --n) step.placements.push_back({WorkerId{small()}, small()});
    return std::span<const Placement>(step.placements).subspan(begin);
  }

  Command commit(JournalStep& step) {
    const std::size_t first_release = step.releases.size();
    const std::size_t first_assignment = step.assignments.size();
    for (std::uint64_t n = rng_.below(4); n > 0; --n) step.releases.push_back({attempt(), pick<ReleaseReason>(8)});
    for (std::uint64_t n = rng_.below(4); n > 0; --n) step.assignments.push_back({attempt(), placements(step)});
    return Commit{RequestId{number()}, std::span<const Release>(step.releases).subspan(first_release),
                  std::span<const Assignment>(step.assignments).subspan(first_assignment)};
  }

  AskCounter ask() {
    AskCounter order{.request = RequestId{number()}, .op = pick<CounterOp>(8), .amount = signed_number()};
    if (rng_.below(2) == 0) return order;
    order.limit = signed_number();
    order.version = number();
    order.batch = number();
    order.lease = Duration{signed_number()};
    return order;
  }

  QueuePlace place() { return {static_cast<std::int32_t>(small()), JobId{number()}}; }

  AskWaiting load() {
    AskWaiting order{.request = RequestId{number()}, .queue = QueueId{small()}, .limit = small()};
    if (rng_.below(2) == 0) order.after = place();
    return order;
  }

  NoteStatistics statistics() {
    NoteStatistics note{.workers = small(), .cpus = signed_number(), .allocated = signed_number()};
    if (rng_.below(2) == 0) note.counted = signed_number();
    note.waiting = number();
    note.delayed = number();
    note.active = number();
    return note;
  }

  Command command(JournalStep& step) {
    switch (rng_.below(16)) {
      case 14: return load();
      case 15: return statistics();
      case 0: return commit(step);
      case 10: return AskLease{RequestId{number()}, pick<LeaseOp>(2), Duration{signed_number()}};
      case 11: return AskState{RequestId{number()}};
      case 12: return AskWorkers{RequestId{number()}};
      case 13: return StepDown{pick<StepDownReason>(3)};
      case 5: return ReadRegistry{RequestId{number()}};
      case 6: return ask();
      case 7: return SumAllocations{RequestId{number()}};
      case 8: return DeclareDead{WorkerId{small()}, small()};
      case 1: return ReadBatch{RequestId{number()}, RequestId{number()}};
      case 2: return Dispatch{attempt(), placements(step)};
      case 3: return StopAttempt{attempt(), pick<ReleaseReason>(8)};
      case 4: return RejectJob{JobId{number()}, pick<RejectReason>(3)};
      default:
        step.texts.push_back("policy \"x\"\n broke a rule: \xc3\xa4 " + std::to_string(number()));
        return Halt{step.texts.back()};
    }
  }

  Rng rng_;
  std::uint64_t last_ = 0;
};

// Calls write(now, events, commands) for the steps of jobs that pass one after the other through a small cluster.
template <class Write>
void write_typical(std::uint64_t jobs, Write&& write) {
  Rng rng(1, "typical");
  std::int64_t now = 0;
  for (std::uint64_t j = 1; j <= jobs; ++j) {
    now += static_cast<std::int64_t>(rng.below(2'000'000'000));
    const std::vector<Placement> where{{WorkerId{static_cast<std::uint32_t>(rng.below(1000))}, 1}};
    const AttemptId id{JobId{j}, 1};
    const std::vector<Release> released{{AttemptId{JobId{j > 40 ? j - 40 : 1}, 1}, ReleaseReason::succeeded}};
    const std::vector<Assignment> assigned{{id, where}};
    JobSpec spec{.id = JobId{j}, .queue = {}, .per_task = make_resources({.cpus_milli = 1000})};
    spec.estimate = Duration{static_cast<std::int64_t>(rng.below(1'000'000'000'000))};
    write(time_at(now), std::vector<Event>{JobSubmitted{spec}},
          std::vector<Command>{Commit{RequestId{2 * j}, {}, assigned}});
    write(time_at(now), std::vector<Event>{CommitAnswered{RequestId{2 * j}}}, std::vector<Command>{Dispatch{id, where}});
    now += static_cast<std::int64_t>(rng.below(2'000'000'000));
    write(time_at(now), std::vector<Event>{AttemptFinished{released[0].attempt}},
          std::vector<Command>{Commit{RequestId{2 * j + 1}, released, {}}});
    write(time_at(now), std::vector<Event>{CommitAnswered{RequestId{2 * j + 1}}}, std::vector<Command>{});
  }
}

inline std::string json_of(const JournalStep& step) {
  std::string text;
  journal_detail::append_json_step(text, step.now, step.events, step.commands, step.hash);
  return text;
}

inline std::string bytes_of(const JournalStep& step) {
  journal_detail::ByteWriter out;
  journal_detail::Deltas deltas;
  journal_detail::encode_step(out, deltas, step.now, step.events, step.commands, step.hash);
  return {out.view().begin(), out.view().end()};
}

inline const JournalHeader kHeader{"0.1.0", "{\"name\": \"x\",\n \"d\": \"\xc3\xa4 \\\\ \"}", "easy", ~std::uint64_t{0}};

inline std::string journal_of(JournalFormat format, std::uint64_t seed, int steps, JournalEnd end = JournalEnd::all_ended) {
  std::ostringstream out;
  JournalWriter writer(out, format, kHeader);
  RandomSteps random(seed);
  JournalStep step;
  for (int i = 0; i < steps; ++i) {
    random.fill(step);
    writer.step(step.now, step.events, step.commands, step.hash);
  }
  writer.close(end);
  return out.str();
}

struct ReadBack {
  std::vector<std::string> steps;  // as JSON
  std::optional<std::string> error;
  JournalEnd end = JournalEnd::missing;
};

inline ReadBack read_back(const std::string& journal) {
  std::istringstream in(journal);
  ReadBack result;
  Result<std::unique_ptr<JournalReader>> reader = JournalReader::open(in);
  if (!reader) {
    result.error = reader.error().message;
    return result;
  }
  JournalStep step;
  while (true) {
    const Result<bool> more = reader.value()->next(step);
    if (!more) {
      result.error = more.error().message;
      return result;
    }
    if (!more.value()) break;
    result.steps.push_back(json_of(step));
  }
  result.end = reader.value()->end();
  return result;
}

}  // namespace drydock::journal_samples

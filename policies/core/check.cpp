#include "policies/core/check.hpp"

#include "policies/core/check_books.hpp"
#include "policies/core/check_totals.hpp"
#include "policies/core/journal_names.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace drydock {
namespace {

using namespace check_detail;

constexpr int kNothingLost = 1;
constexpr int kOneResult = 2;
constexpr int kCapacity = 3;
constexpr int kReleased = 4;
constexpr int kDrift = 5;
constexpr int kLeaders = 7;
constexpr int kOrder = 8;

constexpr std::array<const char*, 4> kAmountNames{"cpus (thousandths)", "bytes of memory", "gpus", "slots"};

}  // namespace

struct Checker::Impl {
  explicit Impl(const Options& options)
      : limit(options.limit), per_worker(options.per_worker), holds_all(options.holds_all) {}

  // Facts.
  void operator()(const CommitAnswered& e);
  void operator()(const BatchRead& e);
  void operator()(const RegistryRead& e);
  void operator()(const CounterAnswered& e) { answered(e.request, Ask::counter); }
  void operator()(const AllocationsSummed& e);
  void operator()(const AttemptFinished& e);
  void operator()(const AttemptStopped& e);
  void operator()(const WorkerLeft& e) { lose(e.worker, e.incarnation); }
  void operator()(const LeaseExpired& e);
  void operator()(const WorkerRegistered& e);
  void operator()(const JobCancelled& e);
  void operator()(const JobSubmitted& e);
  void operator()(const LeaseAnswered& e) { answered(e.request, Ask::lease); }
  void operator()(const StateLoaded& e) { answered(e.request, Ask::state); }
  void operator()(const JobLoaded& e);
  void operator()(const AllocationLoaded& e);
  void operator()(const WorkersAsked& e) { answered(e.request, Ask::workers); }
  void operator()(const WorkerReported&) {}
  void operator()(const AttemptHeld&) {}
  void operator()(const ShutdownRequested&) {}
  void operator()(const WaitingLoaded& e);
  void operator()(const WorkerDraining& e);
  // Orders.
  void operator()(const Commit& c);
  void operator()(const ReadBatch& c);
  void operator()(const Dispatch& c);
  void operator()(const StopAttempt& c);
  void operator()(const RejectJob& c);
  void operator()(const Halt&) { halted = true; }
  void operator()(const ReadRegistry& c) { ask(c.request, Ask::registry); }
  void operator()(const AskCounter& c);
  void operator()(const SumAllocations& c) {
    ask(c.request, Ask::allocations);
    totals.asked_for_sum(c.request);
  }
  void operator()(const DeclareDead& c);
  void operator()(const AskLease& c) {
    one_of_several = true;
    if (c.op == LeaseOp::acquire) ask(c.request, Ask::lease);
    else note_request(c.request);
  }
  void operator()(const AskState& c) { ask(c.request, Ask::state); }
  void operator()(const AskWorkers& c) { ask(c.request, Ask::workers); }
  void operator()(const StepDown&) { over = true; }
  void operator()(const AskWaiting& c);
  void operator()(const NoteStatistics&) {}

  template <class... Args>
  void report(int invariant, fmt::format_string<Args...> format, Args&&... args) {
    if (++count <= limit) found.push_back({invariant, now, fmt::format(format, std::forward<Args>(args)...)});
  }

  enum class Ask : std::uint8_t { registry, counter, allocations, lease, state, workers, waiting };
  void note_request(RequestId id);
  void ask(RequestId id, Ask what);
  void answered(RequestId id, Ask what);
  [[nodiscard]] bool loading() const;
  void forget_if_over(std::uint32_t job);
  void lose(WorkerId id, std::uint32_t incarnation);
  [[nodiscard]] std::uint32_t running(AttemptId id) const;
  [[nodiscard]] std::vector<RequestBook>::iterator find_request(RequestId id, bool is_read);
  RequestBook& new_request(RequestId id);
  void settle(RequestBook& commit, std::optional<std::uint64_t> version);
  [[nodiscard]] std::int64_t cpus_of(const AttemptBook& attempt) const;
  void retire(std::vector<RequestBook>::iterator request);
  void release(RequestBook& commit, const Release& r);
  void assign(RequestBook& commit, const Assignment& a);
  void check_attempt_is_due(const JobBook& job, AttemptId id);
  void hold(AttemptBook& attempt, const JobBook& job, AttemptId id, std::span<const Placement> placements);
  [[nodiscard]] bool has_room(const WorkerBook& worker, const JobBook& job, AttemptId id, const Placement& placement);
  void step(Time at, std::span<const Event> events, std::span<const Command> commands);
  void finish();

  Books books;
  Totals totals;
  std::size_t limit;
  bool per_worker;  // no worker is given more cpus than it has
  bool holds_all;   // that waits
  // While jobs were being loaded, which may tell of them as if they waited; with the last request of then.
  std::map<JobId, RequestId> ended;
  std::uint64_t count = 0;
  std::vector<Violation> found;
  Time now = Time::min();
  std::uint64_t last_request = 0;
  bool halted = false;
  bool one_of_several = false;  // schedulers
  bool over = false;            // it stepped down
  bool reading = false;  // the facts of this step come from a reading of the registry: an expired lease is a suspicion
  std::vector<std::pair<RequestId, Ask>> asked;  // that have no answer yet
  std::vector<JobId> duplicates;                 // submitted in this step under the id of a live job
  std::vector<RequestBook> spare;
};

// --- jobs and workers ---

void Checker::Impl::operator()(const JobSubmitted& e) {
  if (books.find_job(e.job.id) == kNone) books.add_job(e.job);
  else duplicates.push_back(e.job.id);
}

// --- what a leader before left ---

void Checker::Impl::operator()(const JobLoaded& e) {
  if (books.find_job(e.job.id) != kNone || ended.contains(e.job.id)) return;
  books.jobs[books.add_job(e.job)].last_number = e.attempts;
}

bool Checker::Impl::loading() const {
  return std::ranges::find(asked, Ask::waiting, &std::pair<RequestId, Ask>::second) != asked.end();
}

void Checker::Impl::operator()(const AskWaiting& c) {
  ask(c.request, Ask::waiting);
  if (c.limit == 0) report(kOrder, "request {} asks for no waiting job", c.request.value);
}

void Checker::Impl::operator()(const WaitingLoaded& e) {
  answered(e.request, Ask::waiting);
  const auto oldest = std::ranges::find(asked, Ask::waiting, &std::pair<RequestId, Ask>::second);
  std::erase_if(ended, [&](const auto& entry) { return oldest == asked.end() || entry.second < oldest->first; });
}

void Checker::Impl::forget_if_over(std::uint32_t job) {
  const JobId id = books.jobs[job].id;
  books.forget_if_over(job);
  if (loading() && books.find_job(id) == kNone) ended[id] = {last_request};
}

void Checker::Impl::operator()(const AllocationLoaded& e) {
  const std::uint32_t job = books.find_job(e.attempt.job);
  if (job == kNone || books.jobs[job].last_number != e.attempt.number) {
    return report(kReleased, "attempt {} is loaded with an allocation, but it is not the last one of a loaded job",
                  text_of(e.attempt));
  }
  books.load(job, e);
}

void Checker::Impl::operator()(const JobCancelled& e) {
  const std::uint32_t slot = books.find_job(e.job);
  if (slot == kNone && loading()) ended[e.job] = {last_request};
  if (slot == kNone || books.jobs[slot].closed) return;
  books.jobs[slot].closed = books.jobs[slot].cancelled = true;
  forget_if_over(slot);
}

void Checker::Impl::operator()(const RejectJob& c) {
  if (c.reason == RejectReason::duplicate_id && std::erase(duplicates, c.job) > 0) return;
  const std::uint32_t slot = books.find_job(c.job);
  if (slot == kNone || books.jobs[slot].closed) {
    return report(kNothingLost, "job {} is rejected, but it is not waiting", c.job.value);
  }
  if (books.jobs[slot].last_number > 0) {
    return report(kNothingLost, "job {} is rejected after its attempt {} was assigned", c.job.value,
                  books.jobs[slot].last_number);
  }
  books.jobs[slot].closed = true;
  forget_if_over(slot);
}

void Checker::Impl::operator()(const WorkerRegistered& e) {
  WorkerBook* worker = books.worker_at(e.worker);
  if (worker == nullptr) {
    return report(kCapacity, "worker {} registers, but ids are dense and below {}", e.worker.value, Books::kMaxWorkers);
  }
  if (worker->generation > 0 && e.incarnation == worker->incarnation) worker->expired = false;  // its key is back
  if (worker->generation > 0 && e.incarnation <= worker->incarnation) return;                   // stale
  books.lose_worker(*worker);
  worker->live = true;
  worker->expired = false;
  worker->incarnation = e.incarnation;
  worker->pool = e.spec.pool;
  worker->capacity = clamped(e.spec.capacity);
  books.count_loaded(e.worker, *worker);
}

void Checker::Impl::lose(WorkerId id, std::uint32_t incarnation) {
  WorkerBook* worker = books.find_worker(id);
  if (worker != nullptr && worker->live && worker->incarnation == incarnation) books.lose_worker(*worker);
}

void Checker::Impl::operator()(const WorkerDraining& e) {
  WorkerBook* worker = books.find_worker(e.worker);
  if (worker != nullptr && worker->live && worker->incarnation == e.incarnation) worker->draining = true;
}

void Checker::Impl::operator()(const RegistryRead& e) {
  answered(e.request, Ask::registry);
  reading = true;
}

void Checker::Impl::operator()(const LeaseExpired& e) {
  if (!reading) return lose(e.worker, e.incarnation);
  WorkerBook* worker = books.find_worker(e.worker);
  if (worker != nullptr && worker->incarnation == e.incarnation) worker->expired = true;
}

void Checker::Impl::operator()(const DeclareDead& c) {
  const WorkerBook* worker = books.find_worker(c.worker);
  if (worker != nullptr && worker->live && worker->incarnation > c.incarnation) return;  // its successor has registered
  if (c.incarnation == 0 && (worker == nullptr || !worker->live)) return;  // it holds what a leader before assigned
  if (worker == nullptr || !worker->live || worker->incarnation != c.incarnation) {
    return report(kCapacity, "worker {} is declared dead as incarnation {}, but is not known to live as that one",
                  c.worker.value, c.incarnation);
  }
  if (!worker->expired) {
    report(kCapacity, "worker {} is declared dead as incarnation {}, whose lease has not expired", c.worker.value,
           c.incarnation);
  }
  lose(c.worker, c.incarnation);
}

// --- attempts ---

// The slot of an attempt that a fact may end: the current one of its job, dispatched and not lost. kNone: the fact is stale.
std::uint32_t Checker::Impl::running(AttemptId id) const {
  const std::uint32_t slot = books.find_attempt(id);
  if (slot == kNone) return kNone;
  const AttemptBook& attempt = books.attempts[slot];
  const bool current = attempt.number == books.jobs[attempt.job].last_number;
  const bool lost = !attempt.loaded && books.is_lost(attempt);
  return current && attempt.phase == Phase::dispatched && !lost ? slot : kNone;
}

void Checker::Impl::operator()(const AttemptFinished& e) {
  const std::uint32_t slot = running(e.attempt);
  if (slot == kNone) return;
  AttemptBook& attempt = books.attempts[slot];
  attempt.phase = Phase::ended;
  attempt.outcome = e.ending == Ending::succeeded ? Outcome::succeeded : Outcome::failed;
  // After a failure the job may run again: its release says.
  if (e.ending == Ending::succeeded) books.jobs[attempt.job].closed = true;
}

void Checker::Impl::operator()(const AttemptStopped& e) {
  const std::uint32_t slot = running(e.attempt);
  if (slot == kNone) return;
  books.attempts[slot].phase = Phase::ended;
  books.attempts[slot].outcome = Outcome::stopped;
}

void Checker::Impl::operator()(const StopAttempt& c) {
  const std::uint32_t slot = running(c.attempt);
  if (slot == kNone) return report(kOneResult, "attempt {} is to be stopped, but it does not run", text_of(c.attempt));
  AttemptBook& attempt = books.attempts[slot];
  if (attempt.stop_requested) return report(kOneResult, "attempt {} is to be stopped a second time", text_of(c.attempt));
  attempt.stop_requested = true;
}

void Checker::Impl::operator()(const Dispatch& c) {
  const std::uint32_t slot = books.find_attempt(c.attempt);
  if (slot == kNone) return report(kOneResult, "attempt {} is dispatched, but it has no allocation", text_of(c.attempt));
  AttemptBook& attempt = books.attempts[slot];
  const std::uint32_t last = books.jobs[attempt.job].last_number;
  if (attempt.number != last) {
    report(kOneResult, "attempt {} is dispatched, but attempt {} is the current one", text_of(c.attempt), last);
  } else if (attempt.phase == Phase::requested) {
    report(kOneResult, "attempt {} is dispatched before its commit was answered done", text_of(c.attempt));
  } else if (attempt.phase != Phase::committed) {
    report(kOneResult, "attempt {} is dispatched a second time", text_of(c.attempt));
  } else if (attempt.releasing) {
    report(kOneResult, "attempt {} is dispatched after its release was requested", text_of(c.attempt));
  } else if (books.is_lost(attempt)) {
    report(kCapacity, "attempt {} is dispatched, but one of its workers has been lost since it was assigned",
           text_of(c.attempt));
  } else if (books.drains(attempt)) {
    report(kCapacity, "attempt {} is dispatched, but one of its workers is about to leave", text_of(c.attempt));
  }
  if (!std::ranges::equal(c.placements, attempt.holds, {}, {}, &Hold::placement)) {
    std::vector<Placement> assigned;
    for (const Hold& hold : attempt.holds) assigned.push_back(hold.placement);
    report(kCapacity, "attempt {} is dispatched to {}, but was assigned to {}", text_of(c.attempt), text_of(c.placements),
           text_of(assigned));
  }
  if (attempt.phase == Phase::committed) attempt.phase = Phase::dispatched;
}

// --- totals ---

void Checker::Impl::operator()(const AllocationsSummed& e) {
  answered(e.request, Ask::allocations);
  for (const std::string& wrong : totals.summed(e)) report(kReleased, "{}", wrong);
}

void Checker::Impl::operator()(const AskCounter& c) {
  ask(c.request, Ask::counter);
  // One of several schedulers does not know of the others' commits.
  if (const auto wrong = one_of_several ? std::nullopt : totals.setting(c)) report(kDrift, "{}", *wrong);
}

std::int64_t Checker::Impl::cpus_of(const AttemptBook& attempt) const {
  // A damaged journal may hold any amounts: sums go round.
  std::uint64_t cpus = 0;
  const auto each = static_cast<std::uint64_t>(books.jobs[attempt.job].per_task[0]);
  for (const Hold& hold : attempt.holds) cpus += each * hold.placement.tasks;
  return static_cast<std::int64_t>(cpus);
}

// --- commits ---

std::vector<RequestBook>::iterator Checker::Impl::find_request(RequestId id, bool is_read) {
  return std::ranges::find_if(books.requests, [&](const RequestBook& r) { return r.id == id && r.is_read == is_read; });
}

void Checker::Impl::note_request(RequestId id) {
  if (id.value <= last_request) report(kOrder, "request {} is not new: the last one was {}", id.value, last_request);
  last_request = std::max(last_request, id.value);
}

void Checker::Impl::ask(RequestId id, Ask what) {
  note_request(id);
  asked.emplace_back(id, what);
}

void Checker::Impl::answered(RequestId id, Ask what) {
  const auto open = std::ranges::find(asked, std::pair(id, what));
  if (open == asked.end()) return report(kOrder, "request {} is answered, but no such one waits for an answer", id.value);
  asked.erase(open);
}

RequestBook& Checker::Impl::new_request(RequestId id) {
  note_request(id);
  if (spare.empty()) {
    books.requests.emplace_back();
  } else {
    books.requests.push_back(std::move(spare.back()));
    spare.pop_back();
  }
  RequestBook& request = books.requests.back();
  request.id = id;
  request.commit = RequestId{};
  request.is_read = request.unknown = request.reading = false;
  request.assigned.clear();
  request.released.clear();
  return request;
}

void Checker::Impl::retire(std::vector<RequestBook>::iterator request) {
  spare.push_back(std::move(*request));
  books.requests.erase(request);
}

void Checker::Impl::operator()(const Commit& c) {
  RequestBook& request = new_request(c.request);
  for (const Release& r : c.releases) release(request, r);
  for (const Assignment& a : c.assignments) assign(request, a);
  std::uint64_t net = 0;
  for (const std::uint32_t slot : request.assigned) net += static_cast<std::uint64_t>(cpus_of(books.attempts[slot]));
  for (const std::uint32_t slot : request.released) net -= static_cast<std::uint64_t>(cpus_of(books.attempts[slot]));
  totals.sent(c.request, static_cast<std::int64_t>(net));
}

void Checker::Impl::operator()(const ReadBatch& c) {
  new_request(c.request).is_read = true;
  books.requests.back().commit = c.commit;
  const auto commit = find_request(c.commit, false);
  if (commit == books.requests.end() || !commit->unknown) {
    return report(kOrder, "request {} reads commit {}, whose answer is not unknown", c.request.value, c.commit.value);
  }
  if (commit->reading) report(kOrder, "request {} reads commit {}, which is being read", c.request.value, c.commit.value);
  commit->reading = true;
}

void Checker::Impl::operator()(const CommitAnswered& e) {
  const auto commit = find_request(e.request, false);
  if (commit == books.requests.end() || commit->unknown) {
    return report(kOrder, "commit {} is answered, but no such commit waits for an answer", e.request.value);
  }
  if (e.answer == Answer::unknown) {
    commit->unknown = true;
    return;
  }
  settle(*commit, e.answer == Answer::done ? std::optional(e.version) : std::nullopt);
  retire(commit);
}

void Checker::Impl::operator()(const BatchRead& e) {
  const auto read = find_request(e.request, true);
  if (read == books.requests.end()) {
    return report(kOrder, "read {} is answered, but no such read waits for an answer", e.request.value);
  }
  const RequestId id = read->commit;
  retire(read);
  const auto commit = find_request(id, false);
  if (commit == books.requests.end() || !commit->unknown) return;  // was reported when it was asked for
  commit->reading = false;
  if (e.answer != Answer::done) return;
  settle(*commit, e.found ? std::optional(e.version) : std::nullopt);
  retire(commit);
}

void Checker::Impl::settle(RequestBook& commit, std::optional<std::uint64_t> version) {
  for (const std::string& wrong : totals.settled(commit.id, version)) report(kReleased, "{}", wrong);
  const bool in_store = version.has_value();
  for (const std::uint32_t slot : commit.assigned) {
    AttemptBook& attempt = books.attempts[slot];
    if (in_store) {
      if (attempt.phase == Phase::requested) attempt.phase = Phase::committed;
      continue;
    }
    const std::uint32_t job = attempt.job;
    JobBook& book = books.jobs[job];
    if ((one_of_several || !holds_all) && book.last_number == attempt.number) --book.last_number;  // then it is used again
    books.count(attempt, -1);
    books.remove_attempt(slot);
    forget_if_over(job);
  }
  for (const std::uint32_t slot : commit.released) {
    AttemptBook& attempt = books.attempts[slot];
    if (!in_store) {
      attempt.releasing = false;
      books.count(attempt, 1);
      continue;
    }
    const std::uint32_t job = attempt.job;
    books.remove_attempt(slot);
    forget_if_over(job);
  }
}

void Checker::Impl::release(RequestBook& commit, const Release& r) {
  const std::uint32_t slot = books.find_attempt(r.attempt);
  if (slot == kNone) {
    return report(kReleased, "commit {} releases attempt {}, which holds no allocation", commit.id.value,
                  text_of(r.attempt));
  }
  AttemptBook& attempt = books.attempts[slot];
  if (attempt.releasing) {
    return report(kReleased, "commit {} releases attempt {} a second time", commit.id.value, text_of(r.attempt));
  }
  if (attempt.phase == Phase::requested) {
    return report(kReleased, "commit {} releases attempt {}, whose assignment has no answer yet", commit.id.value,
                  text_of(r.attempt));
  }
  if (!books.may_release(attempt, r.reason)) {
    static constexpr std::array<const char*, 4> kOutcomes{"has not ended", "succeeded", "failed", "was stopped"};
    report(kReleased, "commit {} releases attempt {} as {}, but it {}", commit.id.value, text_of(r.attempt),
           journal_detail::name_of(r.reason),
           books.is_lost(attempt) && attempt.outcome == Outcome::none
               ? "was lost with its worker"
               : kOutcomes[static_cast<std::size_t>(attempt.outcome)]);
  }
  if (r.reason == ReleaseReason::failed || r.reason == ReleaseReason::quarantined) books.jobs[attempt.job].closed = true;
  attempt.releasing = true;
  books.count(attempt, -1);
  commit.released.push_back(slot);
}

void Checker::Impl::assign(RequestBook& commit, const Assignment& a) {
  const std::uint32_t job_slot = books.find_job(a.attempt.job);
  if (job_slot == kNone) {
    return report(kOneResult, "commit {} assigns attempt {} of a job that is unknown or has ended", commit.id.value,
                  text_of(a.attempt));
  }
  JobBook& job = books.jobs[job_slot];
  check_attempt_is_due(job, a.attempt);
  if (books.find_attempt(a.attempt) != kNone) return;
  const std::uint32_t slot = books.add_attempt(job_slot, a.attempt.number);
  job.last_number = std::max(job.last_number, a.attempt.number);
  hold(books.attempts[slot], job, a.attempt, a.placements);
  commit.assigned.push_back(slot);
}

void Checker::Impl::check_attempt_is_due(const JobBook& job, AttemptId id) {
  if (job.closed) {
    report(kOneResult, "attempt {} is assigned, but the job {}", text_of(id),
           job.cancelled ? "was cancelled" : "already has its result");
  }
  if (id.number <= job.last_number) {
    report(kOneResult, "attempt {} is assigned, but numbers rise and {} was used before", text_of(id), job.last_number);
  }
  for (std::uint32_t open = job.open; open != kNone; open = books.attempts[open].next) {
    if (books.attempts[open].releasing) continue;
    report(kOneResult, "attempt {} is assigned while the release of attempt {} is not even requested", text_of(id),
           text_of(books.id_of(open)));
  }
}

void Checker::Impl::hold(AttemptBook& attempt, const JobBook& job, AttemptId id, std::span<const Placement> placements) {
  std::uint64_t tasks = 0;
  const WorkerBook* first = nullptr;
  for (const Placement& p : placements) {
    tasks += p.tasks;
    WorkerBook* worker = books.find_worker(p.worker);
    Hold& hold = attempt.holds.emplace_back(Hold{p, worker == nullptr ? 0 : worker->generation, false});
    if (p.tasks == 0) report(kCapacity, "attempt {} is assigned to worker {} with no task", text_of(id), p.worker.value);
    if (worker == nullptr || !worker->live) {
      report(kCapacity, "attempt {} is assigned to worker {}, which {}", text_of(id), p.worker.value,
             worker == nullptr ? "never registered" : "is not alive");
      continue;
    }
    if (worker->draining) {
      report(kCapacity, "attempt {} is assigned to worker {}, which is about to leave", text_of(id), p.worker.value);
    }
    if (first == nullptr) first = worker;
    if (worker->pool != first->pool) {
      report(kCapacity, "attempt {} is assigned to workers of pools {} and {}", text_of(id), first->pool.value,
             worker->pool.value);
    }
    if (!has_room(*worker, job, id, p)) continue;
    hold.counted = true;
    for (std::size_t k = 0; k < worker->used.size(); ++k) worker->used[k] += job.per_task[k] * p.tasks;
  }
  if (tasks != job.tasks) report(kCapacity, "attempt {} is assigned with {} of its {} tasks", text_of(id), tasks, job.tasks);
}

bool Checker::Impl::has_room(const WorkerBook& worker, const JobBook& job, AttemptId id, const Placement& placement) {
  bool all = true;
  for (std::size_t k = 0; k < worker.used.size(); ++k) {
    const std::int64_t room = worker.capacity[k] - worker.used[k];
    const std::int64_t demand = job.per_task[k];
    if (k == 0 && !per_worker) continue;  // cpus
    if (demand == 0 || placement.tasks == 0 || (room >= demand && room / demand >= placement.tasks)) continue;
    all = false;
    report(kCapacity, "attempt {} needs {} x {} {} on worker {}, which holds {} of {}", text_of(id), placement.tasks, demand,
           kAmountNames[k], placement.worker.value, worker.used[k], worker.capacity[k]);
  }
  return all;
}

// --- steps ---

void Checker::Impl::step(Time at, std::span<const Event> events, std::span<const Command> commands) {
  if (at < now) report(kOrder, "time goes back from {} ns to {} ns", nanos(now), nanos(at));
  now = at;
  reading = false;
  totals.begin_step();
  if (halted && !commands.empty()) report(kOrder, "{} orders follow after Halt", commands.size());
  if (over && !commands.empty()) report(kLeaders, "{} orders follow after StepDown", commands.size());
  for (const Event& event : events) std::visit(*this, event);
  for (const Command& command : commands) std::visit(*this, command);
  for (const JobId id : duplicates) {
    if (!holds_all) break;
    report(kOneResult, "job {} was submitted a second time while it is live, and not rejected", id.value);
  }
  duplicates.clear();
}

void Checker::Impl::finish() {
  for (const JobBook& job : books.jobs.rows()) {
    if (!job.known) continue;
    if (!job.closed) report(kNothingLost, "job {} has not ended; its last attempt is {}", job.id.value, job.last_number);
    for (std::uint32_t open = job.open; open != kNone; open = books.attempts[open].next) {
      report(kReleased, "the allocation of attempt {} is not released", text_of(books.id_of(open)));
    }
  }
  for (const RequestBook& request : books.requests) {
    report(kOrder, "request {} has {}", request.id.value, request.unknown ? "only the answer unknown" : "no answer");
  }
}

Checker::Checker() : Checker(Options{}) {}
Checker::Checker(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Checker::~Checker() = default;

void Checker::step(Time now, std::span<const Event> events, std::span<const Command> commands) {
  impl_->step(now, events, commands);
}
void Checker::finish(bool complete) {
  if (complete) impl_->finish();
}
const std::vector<Violation>& Checker::violations() const { return impl_->found; }
std::uint64_t Checker::violation_count() const { return impl_->count; }

}  // namespace drydock

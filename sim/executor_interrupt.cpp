// Attempts that end before their time: what is kept of their work, what is waste, and who goes on without being waited for.
#include "sim/executor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

namespace drydock::sim {

void Executor::lose(std::uint32_t slot) {
  if (jobs_[slot].phase == Phase::none) return;
  common_.metrics.attempt_lost();
  interrupt(slot, jobs_[slot].on_failure);
}

void Executor::find_victims(WorkerId worker) {
  victims_.clear();
  const HostIndex host = platform_.workers()[index(worker)].host;
  for (TaskIndex task = cpu_.first_on(host); task != kNoTask; task = cpu_.next_on_host(task)) {
    if (cpu_.facts(task).tag == worker.value) victims_.push_back(cpu_.facts(task).owner);
  }
}

void Executor::kill_on_worker(WorkerId worker) {
  find_victims(worker);
  for (const std::uint32_t slot : victims_) lose(slot);
  children_.renew(worker);
}

void Executor::fence(WorkerId worker, std::uint32_t incarnation) {
  if (deaf_.empty()) deaf_.resize(platform_.workers().size());
  deaf_[index(worker)] = true;
  find_victims(worker);
  std::erase_if(victims_, [&](std::uint32_t slot) {
    if (jobs_[slot].phase != Phase::report) return false;
    if (!jobs_[slot].disowned) fenced_.push_back({worker, incarnation, slot, jobs_[slot].generation});
    return true;
  });
  for (const std::uint32_t slot : victims_) lose(slot);
  children_.renew(worker);
}

std::vector<WorkerRegistered> Executor::superseding(const Cluster& known, std::span<const Event> facts) const {
  std::vector<WorkerRegistered> workers;
  if (fenced_.empty()) return workers;
  for (const Event& fact : facts) {
    const auto* const came = std::get_if<WorkerRegistered>(&fact);
    if (came == nullptr || index(came->worker) >= known.worker_count()) continue;
    const std::uint32_t before = known.worker(came->worker).incarnation;
    if (before > 0 && before < came->incarnation) workers.push_back(*came);
  }
  return workers;
}

void Executor::supersede(std::span<const WorkerRegistered> workers) {
  for (const WorkerRegistered& came : workers) {
    std::erase_if(fenced_, [&](const Fenced& fenced) {
      if (fenced.worker != came.worker || fenced.incarnation >= came.incarnation) return false;
      if (jobs_[fenced.slot].generation == fenced.generation) disown(fenced.slot);
      return true;
    });
  }
}

void Executor::disown_on_worker(WorkerId worker) {
  find_victims(worker);
  for (const std::uint32_t slot : victims_) disown(slot);
}

bool Executor::counts(const AttemptFinished& end) const {
  const std::uint32_t* const slot = by_id_.find(end.attempt.job);
  if (end.ending == Ending::succeeded) return slot == nullptr;
  return slot != nullptr && jobs_[*slot].retry_due && jobs_[*slot].attempt == end.attempt.number;
}

void Executor::tell_held(std::vector<Event>& facts, const std::function<bool(WorkerId)>& answers) const {
  for (std::uint32_t slot = 0; slot < jobs_.size(); ++slot) {
    const LiveJob& job = jobs_[slot];
    if (!job.used || job.disowned || job.phase == Phase::none) continue;
    for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
      const WorkerId worker{cpu_.facts(task).tag};
      if (!answers(worker)) continue;
      facts.emplace_back(AttemptHeld{{job.id, job.attempt}, worker, common_.now - job.dispatched});
    }
  }
}

// The next attempt has what a checkpoint holds, or what this one began with; what a disowned one does is waste.
void Executor::disown(std::uint32_t slot) {
  if (jobs_[slot].disowned) return;
  // An order that its worker has not taken is withdrawn.
  if (mail_takes_time() && jobs_[slot].phase == Phase::child) return lose(slot);
  if (jobs_[slot].phase != Phase::report) ++disowned_count_;
  common_.metrics.attempt_lost();
  const std::uint32_t heir_slot = take_slot();
  const LiveJob& job = jobs_[slot];
  LiveJob heir = job;
  heir.generation = jobs_[heir_slot].generation;
  heir.first_task = kNoTask;
  heir.phase = Phase::none;
  heir.parked = false;
  heir.waiting_for = 0;
  heir.troubles_pending = 0;
  heir.trouble_at = kNever;
  heir.pay_restart = job.on_failure == OnInterrupt::checkpoint;
  if (job.on_failure == OnInterrupt::restart) {
    note_wasted(job.done_core_ns);
    heir.done = heir.saved = Duration{0};
    heir.done_core_ns = heir.saved_core_ns = 0;
    heir.requests_done = 0;
  } else if (job.on_failure == OnInterrupt::checkpoint) {
    heir.done = heir.saved;
    heir.done_core_ns = heir.saved_core_ns;
  }
  jobs_[heir_slot] = heir;
  jobs_[slot].disowned = true;
  by_id_.erase(heir.id);
  by_id_.insert(heir.id, heir_slot);
}

void Executor::interrupt(std::uint32_t slot, OnInterrupt keep) {
  LiveJob& job = jobs_[slot];
  if (job.phase == Phase::none) return;
  const bool requesting = job.phase == Phase::compute && job.requests.count > 0;
  const bool awaited = job.phase == Phase::child ? !job.parked : job.phase == Phase::report;
  if ((job.phase == Phase::compute && !requesting) || awaited) common_.queue.add_void();
  job.parked = false;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    stop_task(task);
    if (task < flows_.size() && flows_[task].live) engine_.stop_flow(flows_[task].id);
  }
  if (job.requests.count > 0) {
    interrupt_requests(job, keep);
    leave_hosts(slot);
    ++job.generation;
    if (job.disowned) free_slot(slot);
    return;
  }
  long double core_ns = 0;
  const WorkDone now_done = done_by_attempt(job, core_ns);
  const Duration began_at = job.done;
  const long double began_with = job.done_core_ns;
  if (now_done.saved > Duration{0}) {
    job.saved = began_at + now_done.saved;
    job.saved_core_ns = began_with + core_ns_of(job, now_done.saved);
  }
  switch (keep) {
    case OnInterrupt::restart:
      job.done = job.saved = Duration{0};
      job.done_core_ns = job.saved_core_ns = 0;
      break;
    case OnInterrupt::resume:
      job.done = began_at + now_done.all;
      job.done_core_ns = began_with + core_ns_of(job, now_done.all);
      break;
    case OnInterrupt::checkpoint:
      job.done = job.saved;
      job.done_core_ns = job.saved_core_ns;
      break;
  }
  job.pay_restart = keep == OnInterrupt::checkpoint;
  // What a disowned attempt began with is its heir's.
  note_wasted(job.disowned ? core_ns : began_with + core_ns - job.done_core_ns);
  leave_hosts(slot);
  ++job.generation;
  if (job.disowned) free_slot(slot);
}

std::uint32_t Executor::leave_service(const LiveJob& job) {
  std::uint32_t done = job.requests.count;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    done = std::min(done, clients_->leave(common_.now, task, job.requests.count));
  }
  return done;
}

// Of a job that makes requests, where its attempt ends now.
std::uint32_t Executor::requests_reached(const LiveJob& job) {
  if (job.requests.count == 0) return 0;
  switch (job.phase) {
    case Phase::compute: return leave_service(job);
    case Phase::output: return job.requests.count - 1;
    case Phase::report: return std::min(job.requests_reached, job.requests.count - 1);
    case Phase::none:
    case Phase::child:
    case Phase::input: break;
  }
  return job.requests_done;
}

// No core time is lost: none was used. A request that ran is made again.
void Executor::interrupt_requests(LiveJob& job, OnInterrupt keep) {
  const std::uint32_t done = requests_reached(job);
  job.requests_done = keep == OnInterrupt::resume ? done : 0;
  // For the scheduler: as if all took the same time.
  const long double part = static_cast<long double>(job.requests_done) / job.requests.count;
  job.done = std::min(job.work - Duration{1}, Duration{std::llround(static_cast<long double>(nanos(job.work)) * part)});
}

long double Executor::core_ns_of(const LiveJob& job, Duration work) const {
  long double sum = 0;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const long double cores = static_cast<long double>(cpu_.facts(task).cpus_milli) / 1000;
    sum += cores * static_cast<long double>(nanos(work)) / platform_.hosts()[cpu_.facts(task).host].speed;
  }
  return sum;
}

WorkDone Executor::done_by_attempt(const LiveJob& job, long double& core_ns) const {
  WorkDone least{.all = Duration::max(), .saved = Duration::max()};
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const Duration received = cpu_.received(task, common_.now);
    const WorkDone done = work_done(plan_of(job, cpu_.facts(task).host), received);
    least = {.all = std::min(least.all, done.all), .saved = std::min(least.saved, done.saved)};
    core_ns += static_cast<long double>(nanos(received)) * static_cast<long double>(cpu_.facts(task).cpus_milli) / 1000;
  }
  return least;
}

// In parts: a gang can waste more core time than one Duration holds.
void Executor::note_wasted(long double core_ns) {
  constexpr std::int64_t kPart = std::int64_t{1} << 62;
  for (; core_ns > static_cast<long double>(kPart); core_ns -= static_cast<long double>(kPart)) {
    common_.metrics.wasted(Duration{kPart});
  }
  common_.metrics.wasted(Duration{std::llround(std::max(0.0L, core_ns))});
}

void Executor::stop_task(TaskIndex task) {
  const HostIndex host = cpu_.facts(task).host;
  const std::int64_t before = cpu_.usage(host);
  cpu_.stop(task, common_.now);
  note_usage(host, before);
  if (cpu_.shared(host)) watch(host);
}

// Takes the attempt's tasks, which no longer run, off their hosts.
void Executor::leave_hosts(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  for (TaskIndex task = job.first_task; task != kNoTask;) {
    const TaskIndex next = cpu_.chain(task);
    if (task < flows_.size()) flows_[task].live = false;
    if (job.gpus > 0) common_.metrics.gpu_conflicts(common_.now, gpus_.give_back(cpu_.facts(task).host, task));
    children_.give_back(WorkerId{cpu_.facts(task).tag}, task, common_.now);
    count_in_loop(WorkerId{cpu_.facts(task).tag}, -1);
    cpu_.remove(task);
    task = next;
  }
  job.first_task = kNoTask;
  job.phase = Phase::none;
  for (; job.troubles_pending > 0; --job.troubles_pending) common_.queue.add_void();
  job.trouble_at = kNever;
  --live_attempts_;
}

}  // namespace drydock::sim

#include "sim/executor.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::sim {

Executor::Executor(const Platform& platform, const scenarios::CheckpointConfig& checkpoint, SimGridEngine& engine,
                   Common& common)
    : platform_(platform),
      checkpoint_(checkpoint),
      engine_(engine),
      common_(common),
      cpu_(platform.hosts()),
      gpus_(platform.hosts()),
      children_(platform.workers()),
      excess_(platform.hosts().size()),
      watches_(platform.hosts().size()) {}

// --- jobs ---

void Executor::submit(const scenarios::Arrival& arrival) {
  std::uint32_t slot = 0;
  if (free_jobs_.empty()) {
    slot = static_cast<std::uint32_t>(jobs_.size());
    DRYDOCK_CHECK(slot < Pending::kMost, "more live jobs than the event queue can name");
    jobs_.emplace_back();
  } else {
    slot = free_jobs_.back();
    free_jobs_.pop_back();
  }
  const JobSpec& spec = arrival.job;
  LiveJob& job = jobs_[slot];
  const std::uint32_t generation = job.generation;
  job = {.id = spec.id,
         .queue = spec.queue,
         .tasks = spec.tasks,
         .cpus_milli = spec.per_task.cpus(),
         .gpus = spec.per_task.gpus(),
         .input_bytes = spec.input_bytes,
         .output_bytes = spec.output_bytes,
         .on_failure = spec.on_failure,
         .on_preemption = spec.on_preemption,
         .used = true,
         .work = arrival.work,
         .submitted = arrival.at,
         .generation = generation};
  by_id_.insert(spec.id, slot);
  common_.metrics.submitted(spec.id, spec.queue, arrival.at);
}

void Executor::reject(JobId id) {
  const std::uint32_t* slot = by_id_.find(id);
  if (slot == nullptr) return;
  common_.metrics.rejected(id, jobs_[*slot].queue, common_.now);
  free_slot(*slot);
}

void Executor::free_slot(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  job.used = false;
  ++job.generation;
  by_id_.erase(job.id);
  free_jobs_.push_back(slot);
  ++ended_;
}

std::optional<JobId> Executor::first_live_job() const {
  std::optional<JobId> first;
  for (const LiveJob& job : jobs_) {
    if (job.used && (!first || job.id < *first)) first = job.id;
  }
  return first;
}

// --- orders ---

bool Executor::dispatch(AttemptId attempt, std::span<const Placement> placements, bool reachable) {
  const std::uint32_t* found = by_id_.find(attempt.job);
  if (found == nullptr) return false;
  const std::uint32_t slot = *found;
  LiveJob& job = jobs_[slot];
  DRYDOCK_CHECK(job.phase == Phase::none, "a job was dispatched while an attempt of it runs");
  job.attempt = attempt.number;
  last_start_delay_ = Duration{0};
  if (!reachable) return true;
  ++live_attempts_;
  last_start_delay_ = place(slot, placements);
  if (last_start_delay_ == Duration{0}) {
    begin(slot);
  } else {
    job.phase = Phase::child;
    common_.at(later(common_.now, last_start_delay_), Happening::child_ready, slot, job.generation);
  }
  return true;
}

void Executor::child_ready(std::uint32_t slot, std::uint32_t generation) {
  if (jobs_[slot].generation == generation) begin(slot);
  else common_.queue.drop_void();
}

void Executor::begin(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  if (job.first_start == kNever) job.first_start = common_.now;
  if (job.input_bytes > 0) start_flows(slot, Phase::input);
  else start_compute(slot);
}

// Returns how long it takes until the last of the processes that are to run the tasks is ready.
Duration Executor::place(std::uint32_t slot, std::span<const Placement> placements) {
  Duration delay{};
  LiveJob& job = jobs_[slot];
  for (auto placement = placements.rbegin(); placement != placements.rend(); ++placement) {
    const HostIndex host = platform_.workers()[index(placement->worker)].host;
    const TaskIndex task = cpu_.add({.host = host,
                                     .owner = slot,
                                     .tag = placement->worker.value,
                                     .tasks = placement->tasks,
                                     .cpus_milli = job.cpus_milli * placement->tasks});
    cpu_.set_chain(task, job.first_task);
    job.first_task = task;
    delay = std::max(delay, children_.take(placement->worker, task, placement->tasks, common_.now));
    if (job.gpus > 0) {
      common_.metrics.gpu_conflicts(common_.now, gpus_.take(host, task, {.tasks = placement->tasks, .each = job.gpus}));
    }
  }
  return delay;
}

void Executor::stop(AttemptId attempt) {
  const std::uint32_t* found = by_id_.find(attempt.job);
  if (found == nullptr) return;
  const LiveJob& job = jobs_[*found];
  if (job.attempt != attempt.number || job.phase == Phase::none) return;
  interrupt(*found, job.on_preemption);
  common_.facts.emplace_back(AttemptStopped{attempt, job.done});
}

void Executor::kill_on_host(HostIndex host) {
  while (cpu_.first_on(host) != kNoTask) {
    const std::uint32_t slot = cpu_.facts(cpu_.first_on(host)).owner;
    interrupt(slot, jobs_[slot].on_failure);
  }
  for (const WorkerId worker : platform_.hosts()[host].workers) children_.renew(worker);
}

void Executor::kill_on_worker(WorkerId worker) {
  victims_.clear();
  const HostIndex host = platform_.workers()[index(worker)].host;
  for (TaskIndex task = cpu_.first_on(host); task != kNoTask; task = cpu_.next_on_host(task)) {
    if (cpu_.facts(task).tag == worker.value) victims_.push_back(cpu_.facts(task).owner);
  }
  for (const std::uint32_t slot : victims_) interrupt(slot, jobs_[slot].on_failure);
  children_.renew(worker);
}

// --- from dispatch to end ---

void Executor::start_flows(std::uint32_t slot, Phase phase) {
  LiveJob& job = jobs_[slot];
  job.phase = phase;
  job.waiting_for = 0;
  std::int64_t bytes_left = phase == Phase::input ? job.input_bytes : job.output_bytes;
  std::int64_t tasks_left = job.tasks;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    // In proportion to its tasks; what does not divide goes with the last.
    const std::int64_t tasks = cpu_.facts(task).tasks;
    const std::int64_t bytes = bytes_left / tasks_left * tasks + bytes_left % tasks_left * tasks / tasks_left;
    bytes_left -= bytes;
    tasks_left -= tasks;
    const HostIndex host = cpu_.facts(task).host;
    if (flows_.size() <= task) flows_.resize(task + std::size_t{1});
    const HostIndex from = phase == Phase::input ? SimGridEngine::kSite : host;
    const HostIndex to = phase == Phase::input ? host : SimGridEngine::kSite;
    flows_[task] = {.id = engine_.start_flow(from, to, bytes, task), .live = true};
    ++job.waiting_for;
  }
}

void Executor::flow_arrived(std::uint64_t cookie, std::int64_t at) {
  const auto task = static_cast<TaskIndex>(cookie);
  flows_[task].live = false;
  const std::uint32_t slot = cpu_.facts(task).owner;
  common_.at(time_at(at), Happening::flow_end, slot, jobs_[slot].generation);
}

void Executor::flow_end(std::uint32_t slot, std::uint32_t generation) {
  LiveJob& job = jobs_[slot];
  if (job.generation != generation) {
    common_.queue.drop_void();
    return;
  }
  if (--job.waiting_for > 0) return;
  if (job.phase == Phase::input) start_compute(slot);
  else finish(slot);
}

WorkPlan Executor::plan_of(const LiveJob& job, HostIndex host) const {
  WorkPlan plan{.work = job.work - job.done, .speed = platform_.hosts()[host].speed};
  if (job.on_failure == OnInterrupt::checkpoint || job.on_preemption == OnInterrupt::checkpoint) {
    plan.interval = checkpoint_.interval;
    plan.cost = checkpoint_.cost;
    if (job.pay_restart) plan.restart = checkpoint_.restart;
  }
  return plan;
}

void Executor::start_compute(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  job.phase = Phase::compute;
  job.waiting_for = 0;
  ends_.clear();  // of tasks on dedicated hosts
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const HostIndex host = cpu_.facts(task).host;
    const std::int64_t before = cpu_.usage(host);
    const Time end = cpu_.run(task, total_service(plan_of(job, host)), common_.now);
    note_usage(host, before);
    if (cpu_.shared(host)) {
      ++job.waiting_for;
      watch(host);
    } else if (std::ranges::find(ends_, end) == ends_.end()) {  // hosts differ in speed only: few ends
      ends_.push_back(end);
    }
  }
  for (const Time end : ends_) {
    ++job.waiting_for;
    common_.at(end, Happening::attempt_end, slot, job.generation);
  }
}

void Executor::attempt_end(std::uint32_t slot, std::uint32_t generation) {
  if (jobs_[slot].generation != generation) {
    common_.queue.drop_void();
    return;
  }
  // Some cores of a gang may be free before the others; the last are, once all is computed.
  if (jobs_[slot].waiting_for > 1) {
    for (TaskIndex task = jobs_[slot].first_task; task != kNoTask; task = cpu_.chain(task)) {
      if (!cpu_.shared(cpu_.facts(task).host) && cpu_.ended(task, common_.now)) stop_task(task);
    }
  }
  part_computed(slot);
}

void Executor::host_end(HostIndex host, std::uint32_t generation) {
  if (watches_[host].generation != generation) {
    common_.queue.drop_void();
    return;
  }
  watches_[host].at = kNever;
  ++watches_[host].generation;
  const std::int64_t before = cpu_.usage(host);
  ended_tasks_.clear();
  cpu_.take_ended(host, common_.now, ended_tasks_);
  note_usage(host, before);
  for (const TaskIndex task : ended_tasks_) part_computed(cpu_.facts(task).owner);
  watch(host);
}

void Executor::part_computed(std::uint32_t slot) {
  if (--jobs_[slot].waiting_for == 0) all_computed(slot);
}

void Executor::all_computed(std::uint32_t slot) {
  for (TaskIndex task = jobs_[slot].first_task; task != kNoTask; task = cpu_.chain(task)) stop_task(task);
  if (jobs_[slot].output_bytes > 0) start_flows(slot, Phase::output);
  else finish(slot);
}

void Executor::finish(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  Duration service{};
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    service = std::max(service, service_of(job.work, platform_.hosts()[cpu_.facts(task).host].speed));
  }
  const WorkerId worker{cpu_.facts(job.first_task).tag};
  common_.facts.emplace_back(AttemptFinished{{job.id, job.attempt}, Ending::succeeded});
  common_.metrics.ended({.id = job.id,
                         .queue = job.queue,
                         .pool = platform_.workers()[index(worker)].spec.pool,
                         .submitted = job.submitted,
                         .first_start = job.first_start,
                         .ended = common_.now,
                         .service = service,
                         .succeeded = true,
                         .attempts = job.attempt});
  last_end_ = common_.now;
  leave_hosts(slot);
  free_slot(slot);
}

// --- interruptions ---

void Executor::interrupt(std::uint32_t slot, OnInterrupt keep) {
  LiveJob& job = jobs_[slot];
  if (job.phase == Phase::none) return;
  if (job.phase == Phase::compute || job.phase == Phase::child) common_.queue.add_void();
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    stop_task(task);
    if (task < flows_.size() && flows_[task].live) engine_.stop_flow(flows_[task].id);
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
  note_wasted(began_with + core_ns - job.done_core_ns);
  leave_hosts(slot);
  ++job.generation;
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
    cpu_.remove(task);
    task = next;
  }
  job.first_task = kNoTask;
  job.phase = Phase::none;
  --live_attempts_;
}

// --- hosts ---

void Executor::watch(HostIndex host) {
  Watch& watch = watches_[host];
  const Time next = cpu_.next_end(host);
  if (next == watch.at) return;
  if (watch.at != kNever) common_.queue.add_void();
  watch.at = next;
  ++watch.generation;
  if (next != kNever) common_.at(next, Happening::host_end, host, watch.generation);
}

void Executor::note_usage(HostIndex host, std::int64_t before) {
  const std::int64_t change = cpu_.usage(host) - before;
  if (change != 0) common_.metrics.usage(common_.now, change, platform_.pools_of(host));
  if (!platform_.hosts()[host].overcommittable) return;
  const std::int64_t more = cpu_.excess(host) - excess_[host];
  if (more == 0) return;
  excess_[host] += more;
  common_.metrics.overcommitted(common_.now, more);
}

bool Executor::is_void(const Pending& pending) const {
  switch (pending.kind) {
    case Happening::attempt_end:
    case Happening::child_ready:
    case Happening::flow_end: return jobs_[pending.index].generation != pending.generation;
    case Happening::host_end: return watches_[pending.index].generation != pending.generation;
    case Happening::answer:
    case Happening::lease_end:
    case Happening::beat:
    case Happening::reading:
    case Happening::crash:
    case Happening::repair: return false;
  }
  return false;
}

}  // namespace drydock::sim

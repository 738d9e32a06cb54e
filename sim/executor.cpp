#include "sim/executor.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/cache_hint.hpp"
#include "policies/core/rng.hpp"

#include <algorithm>
#include <utility>

namespace drydock::sim {

Executor::Executor(const Platform& platform, const scenarios::CheckpointConfig& checkpoint, Hazards hazards,
                   SimGridEngine& engine, Common& common)
    : platform_(platform),
      checkpoint_(checkpoint),
      hazards_(std::move(hazards)),
      engine_(engine),
      common_(common),
      cpu_(platform.hosts()),
      gpus_(platform.hosts()),
      children_(platform.workers()),
      excess_(platform.hosts().size()),
      watches_(platform.hosts().size()),
      paused_until_(platform.hosts().size()) {}

// --- jobs ---

std::uint32_t Executor::take_slot() {
  if (free_jobs_.empty()) {
    DRYDOCK_CHECK(jobs_.size() < Pending::kMost, "more live jobs than the event queue can name");
    return jobs_.add();
  }
  const std::uint32_t slot = free_jobs_.back();
  free_jobs_.pop_back();
  return slot;
}

void Executor::submit(const scenarios::Arrival& arrival) {
  const std::uint32_t slot = take_slot();
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
         .source = arrival.source,
         .used = true,
         .work = arrival.work,
         .requests = arrival.requests,
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

void Executor::released(const Release& release) {
  const bool quarantined = release.reason == ReleaseReason::quarantined;
  if (!quarantined && release.reason != ReleaseReason::failed) return;
  const std::uint32_t* slot = by_id_.find(release.attempt.job);
  if (slot == nullptr) return;  // told before: that commit failed
  const LiveJob& job = jobs_[*slot];
  last_end_ = quarantined ? common_.now : job.last_failure;
  common_.metrics.ended({.id = job.id,
                         .queue = job.queue,
                         .pool = platform_.workers()[index(job.last_worker)].spec.pool,
                         .submitted = job.submitted,
                         .first_start = job.first_start,
                         .ended = last_end_,
                         .succeeded = false,
                         .quarantined = quarantined,
                         .attempts = job.attempt});
  free_slot(*slot);
}

void Executor::free_slot(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  job.used = false;
  ++job.generation;
  free_jobs_.push_back(slot);
  if (job.disowned) return;
  by_id_.erase(job.id);
  ++ended_;
}

std::int64_t Executor::cpus_of(JobId job) const {
  const std::uint32_t* slot = by_id_.find(job);
  return slot == nullptr ? 0 : jobs_[*slot].cpus_milli;
}

std::optional<JobId> Executor::first_live_job() const {
  std::optional<JobId> first;
  for (std::uint32_t slot = 0; slot < jobs_.size(); ++slot) {
    const LiveJob& job = jobs_[slot];
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
  // The next to be dispatched, more often than not.
  if (const std::uint32_t* next = by_id_.find(JobId{attempt.job.value + 1})) bring_near(jobs_[*next]);
  job.attempt = attempt.number;
  job.last_worker = placements.front().worker;
  if (job.retry_due) common_.metrics.retried();
  job.retry_due = false;
  last_start_delay_ = Duration{0};
  if (!reachable) {
    common_.metrics.attempt_lost();
    return true;
  }
  ++live_attempts_;
  job.dispatched = common_.now;
  last_start_delay_ = place(slot, placements);
  if (const auto limit = hazards_.time_limit(job.source)) expect_trouble(slot, later(common_.now, *limit), std::nullopt);
  if (last_start_delay_ == Duration{0} && !is_deaf(job)) {
    begin(slot);
  } else {
    job.phase = Phase::child;
    common_.at(later(common_.now, last_start_delay_), Happening::child_ready, slot, job.generation);
  }
  return true;
}

void Executor::child_ready(std::uint32_t slot, std::uint32_t generation) {
  LiveJob& job = jobs_[slot];
  if (job.generation != generation) {
    common_.queue.drop_void();
    return;
  }
  job.parked = is_deaf(job);
  if (!job.parked) begin(slot);
}

bool Executor::is_deaf(const LiveJob& job) const {
  for (TaskIndex task = deaf_.empty() ? kNoTask : job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    if (deaf_[cpu_.facts(task).tag]) return true;
  }
  return false;
}

void Executor::listen(WorkerId worker) {
  if (deaf_.empty() || !deaf_[index(worker)]) return;
  deaf_[index(worker)] = false;
  find_victims(worker);
  for (const std::uint32_t slot : victims_) {
    if (std::exchange(jobs_[slot].parked, false))
      common_.at(common_.now, Happening::child_ready, slot, jobs_[slot].generation);
  }
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
    const Mail::Message order{.kind = Mail::Kind::run, .worker = placement->worker, .attempt = {job.id, job.attempt}};
    delay = std::max(delay, arrival(order, job.source, false, common_.now) - common_.now);
    const HostIndex host = platform_.workers()[index(placement->worker)].host;
    const TaskIndex task = cpu_.add({.host = host,
                                     .owner = slot,
                                     .tag = placement->worker.value,
                                     .tasks = placement->tasks,
                                     .cpus_milli = job.cpus_milli * placement->tasks});
    cpu_.set_chain(task, job.first_task);
    job.first_task = task;
    delay = std::max({delay, children_.take(placement->worker, task, placement->tasks, common_.now),
                      paused_until_[host] - common_.now, until_poll(placement->worker)});
    count_in_loop(placement->worker, 1);
    if (job.gpus > 0) {
      common_.metrics.gpu_conflicts(common_.now, gpus_.take(host, task, {.tasks = placement->tasks, .each = job.gpus}));
    }
  }
  return delay;
}

// Each worker has a rhythm of its own.
Duration Executor::until_poll(WorkerId worker) const {
  const Duration period = platform_.workers()[index(worker)].poll;
  if (period <= Duration{0}) return Duration{0};
  const auto offset = static_cast<std::int64_t>(mix64(worker.value) % static_cast<std::uint64_t>(nanos(period)));
  const std::int64_t since = (nanos(common_.now) + nanos(period) - offset) % nanos(period);
  return since == 0 ? Duration{0} : period - Duration{since};
}

void Executor::count_in_loop(WorkerId worker, int change) {
  if (loop_watcher_ == nullptr || !platform_.workers()[index(worker)].beats_in_loop) return;
  if (in_loop_.empty()) in_loop_.resize(platform_.workers().size());
  int& count = in_loop_[index(worker)];
  const bool was_busy = count > 0;
  count += change;
  if ((count > 0) != was_busy) loop_watcher_->loop_changed(worker, count > 0);
}

void Executor::stop(AttemptId attempt) {
  const std::uint32_t* found = by_id_.find(attempt.job);
  if (found == nullptr) return;
  const LiveJob& job = jobs_[*found];
  if (job.attempt != attempt.number || job.phase == Phase::none || job.phase == Phase::report) return;
  const Time awake = std::max(awake_at(job), arrival(job, Mail::Kind::stop));
  if (awake > common_.now) common_.at(awake, Happening::late_stop, *found, job.generation);
  else stop_now(*found);
}

void Executor::late_stop(std::uint32_t slot, std::uint32_t generation) {
  if (jobs_[slot].generation == generation) stop_now(slot);
}

void Executor::stop_now(std::uint32_t slot) { conclude(slot, Outcome::stopped); }

Time Executor::awake_at(const LiveJob& job) const {
  Time awake = common_.now;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    awake = std::max(awake, paused_until_[cpu_.facts(task).host]);
  }
  return awake;
}

void Executor::kill_on_host(HostIndex host) {
  while (cpu_.first_on(host) != kNoTask) {
    const std::uint32_t slot = cpu_.facts(cpu_.first_on(host)).owner;
    lose(slot);
  }
  for (const WorkerId worker : platform_.hosts()[host].workers) children_.renew(worker);
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
  else conclude(slot, Outcome::succeeded);
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
  if (job.requests.count > 0) {
    start_requests(slot);
    draw_mishap(slot);
    return;
  }
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
  draw_mishap(slot);
}

void Executor::draw_mishap(std::uint32_t slot) {
  if (!hazards_.any()) return;
  const LiveJob& job = jobs_[slot];
  Duration service{};
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    service = std::max(service, total_service(plan_of(job, cpu_.facts(task).host)));
  }
  const auto mishap = hazards_.mishap({.source = job.source, .attempt = {job.id, job.attempt}, .service = service});
  if (mishap) expect_trouble(slot, later(common_.now, mishap->after), mishap->kills_worker);
}

void Executor::expect_trouble(std::uint32_t slot, Time at, std::optional<Duration> kills) {
  LiveJob& job = jobs_[slot];
  if (at >= job.trouble_at) return;
  job.trouble_at = at;
  job.trouble_kills = kills;
  ++job.troubles_pending;
  common_.at(at, Happening::trouble, slot, job.generation);
}

std::optional<Executor::Killed> Executor::trouble(std::uint32_t slot, std::uint32_t generation) {
  LiveJob& job = jobs_[slot];
  if (job.generation != generation) {
    common_.queue.drop_void();
    return std::nullopt;
  }
  --job.troubles_pending;
  if (job.trouble_at != common_.now) return std::nullopt;
  if (const Time awake = awake_at(job); awake > common_.now) {
    job.trouble_at = kNever;
    expect_trouble(slot, awake, job.trouble_kills);
    return std::nullopt;
  }
  if (job.trouble_kills) return Killed{job.last_worker, *job.trouble_kills};
  conclude(slot, Outcome::failed);
  return std::nullopt;
}

// The tasks hold their cores, but use none.
void Executor::start_requests(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  DRYDOCK_CHECK(clients_ != nullptr, "there is nobody to make the requests of a job");
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) ++job.waiting_for;
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const Cpu::TaskFacts& facts = cpu_.facts(task);
    clients_->begin(common_.now, {.key = task,
                                  .worker = facts.tag,
                                  .tasks = facts.tasks,
                                  .first = job.requests_done,
                                  .requests = job.requests,
                                  .owner = slot,
                                  .generation = job.generation});
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
  else conclude(slot, Outcome::succeeded);
}

// Its result comes, and is refused. Jobs that make requests use no core time.
void Executor::finish_in_vain(std::uint32_t slot) {
  const LiveJob& job = jobs_[slot];
  give_fact(job, AttemptFinished{{job.id, job.attempt}, Ending::succeeded});
  if (job.requests.count == 0) {
    long double core_ns = 0;
    (void)done_by_attempt(job, core_ns);
    note_wasted(core_ns);
  }
  leave_hosts(slot);
  free_slot(slot);
}

void Executor::fail(std::uint32_t slot, std::uint32_t generation) {
  if (jobs_[slot].generation == generation) conclude(slot, Outcome::failed);
}

void Executor::finish(std::uint32_t slot) {
  LiveJob& job = jobs_[slot];
  if (job.disowned) return finish_in_vain(slot);
  Duration service{};
  for (TaskIndex task = job.first_task; task != kNoTask; task = cpu_.chain(task)) {
    const double speed = job.requests.count > 0 ? 1.0 : platform_.hosts()[cpu_.facts(task).host].speed;
    service = std::max(service, service_of(job.work, speed));
  }
  const WorkerId worker{cpu_.facts(job.first_task).tag};
  give_fact(job, AttemptFinished{{job.id, job.attempt}, Ending::succeeded});
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

// --- hosts ---

void Executor::set_speed(HostIndex host, double factor, Time until) {
  const std::int64_t before = cpu_.usage(host);
  cpu_.set_factor(host, factor, common_.now);
  note_usage(host, before);
  watch(host);
  paused_until_[host] = until;
}

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
    case Happening::trouble:
    case Happening::child_ready:
    case Happening::report:
    case Happening::late_stop:
    case Happening::flow_end: return jobs_[pending.index].generation != pending.generation;
    case Happening::host_end: return watches_[pending.index].generation != pending.generation;
    case Happening::answer:
    case Happening::report_again:
    case Happening::lease_end:
    case Happening::beat:
    case Happening::key_back:
    case Happening::linger_end:
    case Happening::grace_end:
    case Happening::reading:
    case Happening::store_fault:
    case Happening::host_speed:
    case Happening::replicas:
    case Happening::replica_fault:
    case Happening::crash:
    case Happening::session:
    case Happening::repair:
    case Happening::worker_start: return false;
  }
  return false;
}

}  // namespace drydock::sim

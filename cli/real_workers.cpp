#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_workers.hpp"

#include "cli/real_run.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::cli {

using runtime::EventLoop;
using scenarios::HostIndex;

RealWorkers::RealWorkers(Parts parts)
    : parts_(std::move(parts)),
      heartbeat_(parts_.scenario.liveness.get<Duration>("heartbeat")),
      ttl_(parts_.scenario.liveness.get<Duration>("ttl")),
      workers_(parts_.platform.workers().size()),
      hosts_(parts_.platform.hosts().size()) {}

void RealWorkers::begin(RealFaults& faults, SchedulerGroup& scheduler) {
  faults_ = &faults;
  scheduler_ = &scheduler;
  write_limits();
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) start_worker(worker);
}

// --- what is seen ---

void RealWorkers::see(std::uint32_t number, bool up) {
  Worker& worker = workers_[number];
  if (std::exchange(worker.up, up) == up) return;
  seen_.processes.push_back({.at = parts_.loop.now(),
                             .worker = WorkerId{number},
                             .incarnation = worker.incarnation,
                             .up = up,
                             .left = !up && worker.asked_by.has_value()});
}

void RealWorkers::tell(reports::Observations& seen) const {
  seen.processes = seen_.processes;
  seen.hosts = seen_.hosts;
  seen.ran = seen_.ran;
  const Duration before = runtime::shared_time() - parts_.loop.now().time_since_epoch();
  for (const runtime::AttemptTime& time : runtime::read_attempt_times(times_file())) {
    reports::Observations::Ran& ran = seen.ran[time.attempt];
    Time& at = time.ended ? ran.ended : ran.began;
    const Time noted{time.at - before};
    at = at == kNever ? noted : std::max(at, noted);  // of several tasks the last
  }
}

// --- what faults do to hosts ---

void RealWorkers::take_down(HostIndex host) {
  if (hosts_[host].down_by++ > 0) return;
  seen_.hosts.push_back({.at = parts_.loop.now(), .host = host, .up = false});
  for (const WorkerId id : workers_on(host)) {
    Worker& worker = workers_[index(id)];
    worker.restart.reset();
    worker.back_at = kNever;
    if (worker.process != nullptr) worker.process->kill(SIGKILL);
    worker.driver.reset();
    worker.shares.reset();
    see(id.value, false);
  }
}

void RealWorkers::bring_back(HostIndex host) {
  if (--hosts_[host].down_by > 0) return;
  seen_.hosts.push_back({.at = parts_.loop.now(), .host = host, .up = true});
  for (const WorkerId id : workers_on(host)) {
    Worker& worker = workers_[index(id)];
    worker.back_at = parts_.loop.now();
    if (worker.process == nullptr && worker.driver == nullptr) start_worker(id.value);
  }
}

void RealWorkers::pause(HostIndex host, bool still) {
  int& paused_by = hosts_[host].paused_by;
  paused_by += still ? 1 : -1;
  if (paused_by > (still ? 1 : 0)) return;
  for (const WorkerId id : workers_on(host)) {
    if (workers_[index(id)].process != nullptr) workers_[index(id)].process->kill(still ? SIGSTOP : SIGCONT);
  }
}

// Not one that is about to end already.
void RealWorkers::ask_to_end(const scenarios::FaultTurn& turn, std::optional<Duration> grace) {
  for (const WorkerId id : workers_on(*turn.host)) {
    Worker& worker = workers_[index(id)];
    if (worker.asked_by || (worker.process == nullptr && worker.driver == nullptr)) continue;
    worker.asked_by = turn;
    if (worker.process != nullptr) worker.process->kill(SIGTERM);
    else worker.driver->drain();
    if (!grace) continue;
    worker.grace = std::make_unique<EventLoop::Timer>(parts_.loop, [this, id] { end_now(id.value); });
    worker.grace->start(later(parts_.loop.now(), *grace));
  }
  if (turn.down) tell_back(turn);
}

bool RealWorkers::kill_worker(WorkerId id, AttemptId attempt, Duration restart) {
  Worker& worker = workers_[index(id)];
  if (!scheduler_->runs(attempt, id) || (worker.process == nullptr && worker.driver == nullptr)) return false;
  worker.asked_by.reset();
  worker.back_at = later(parts_.loop.now(), restart);
  if (worker.process != nullptr) {
    worker.process->kill(SIGKILL);
    see(id.value, false);
  } else {
    worker.driver.reset();
    worker_ended(id.value);
  }
  return true;
}

// Its jobs end with it.
void RealWorkers::end_now(std::uint32_t number) {
  Worker& worker = workers_[number];
  if (worker.process != nullptr) return worker.process->kill(SIGTERM);  // asked twice, it does not wait
  worker.driver.reset();
  worker_ended(number);
}

// Its next turn is planned when the last of them is back.
void RealWorkers::tell_back(const scenarios::FaultTurn& turn) {
  const auto waits = [&](WorkerId id) { return workers_[index(id)].asked_by == turn; };
  if (std::ranges::none_of(workers_on(*turn.host), waits)) faults_->back(turn);
}

// --- from start to end ---

void RealWorkers::start_worker(std::uint32_t number) {
  Worker& worker = workers_[number];
  // A process that the scheduler does not know of was never given an attempt.
  worker.incarnation = std::max(worker.incarnation, scheduler_->incarnation_of(WorkerId{number})) + 1;
  worker.back_at.reset();
  worker.grace.reset();
  ++started_;
  if (const auto turn = std::exchange(worker.asked_by, std::nullopt)) tell_back(*turn);
  see(number, true);
  if (parts_.in_process) return start_in_process(number);
  auto process =
      EventLoop::Child::start(parts_.loop, words(number), [this, number](EventLoop::Child::End) { worker_ended(number); });
  if (!process) return parts_.fail(process.error().message);
  worker.process = std::move(process).value();
  if (hosts_[facts_of(number).host].paused_by > 0) worker.process->kill(SIGSTOP);
}

void RealWorkers::start_in_process(std::uint32_t number) {
  Worker& worker = workers_[number];
  worker.driver = std::make_unique<runtime::WorkerDriver>(parts_.loop, driver_options(number), [this, number] {
    workers_[number].restart = std::make_unique<EventLoop::Timer>(parts_.loop, [this, number] {
      workers_[number].driver.reset();
      worker_ended(number);
    });
    workers_[number].restart->start_soon();
  });
  worker.driver->on_start([this](AttemptId attempt) { seen_.ran[attempt].began = parts_.loop.now(); });
  worker.driver->on_end([this](AttemptId attempt) { seen_.ran[attempt].ended = parts_.loop.now(); });
  share_in_process(number);
}

void RealWorkers::share_in_process(std::uint32_t number) {
  auto shares = shares_of(parts_.scenario, facts_of(number).spec.pool);
  if (!shares) return;
  Worker& worker = workers_[number];
  shares->setup.worker = WorkerId{number};
  shares->setup.incarnation = worker.incarnation;
  shares->setup.redis = driver_options(number).redis;
  worker.shares = std::make_unique<Shares>(parts_.loop, shares->limits, shares->setup, ShareArguments{});
  worker.driver->jobs().use_limiters({.shares = &worker.shares->driver()});
}

void RealWorkers::write_limits() {
  if (!parts_.scenario.limits) return;
  std::ofstream out(limits_file());
  out << parts_.scenario.json;
  if (!out.flush()) parts_.fail(fmt::format("cannot write {}", limits_file().string()));
}

void RealWorkers::worker_ended(std::uint32_t number) {
  Worker& worker = workers_[number];
  see(number, false);
  worker.process.reset();
  worker.grace.reset();
  Time back_at = worker.back_at.value_or(later(parts_.loop.now(), parts_.restart));
  if (!worker.back_at && worker.asked_by) {
    back_at = worker.asked_by->down ? later(parts_.loop.now(), *worker.asked_by->down) : kNever;
  }
  worker.restart = std::make_unique<EventLoop::Timer>(parts_.loop, [this, number] { start_worker(number); });
  worker.restart->start(back_at);
}

// --- what a worker is told ---

std::string RealWorkers::host_of(std::uint32_t number) const {
  const sim::HostFacts& host = parts_.platform.hosts()[facts_of(number).host];
  return scenarios::host_name(parts_.scenario.hosts[host.group], host.number);
}

runtime::WorkerDriverOptions RealWorkers::driver_options(std::uint32_t number) {
  runtime::WorkerDriverOptions options{
      .redis = {.address = faults_->redis_of_workers(facts_of(number).host)},
      .agent = {.worker = WorkerId{number},
                .incarnation = workers_[number].incarnation,
                .capacity = {},
                .interval = heartbeat_,
                .lease = ttl_,
                .margin = ttl_ / kMarginInLease,
                .report_again = std::max(ttl_ / kMarginInLease, Duration{std::chrono::milliseconds{10}})},
      .spec = facts_of(number).spec,
      .host = host_of(number)};
  options.wrap = faults_->wrap_messages(WorkerId{number}, options.agent);
  return options;
}

// `drydock worker` with the same values.
std::vector<std::string> RealWorkers::words(std::uint32_t number) const {
  const WorkerSpec& spec = facts_of(number).spec;
  const auto ns = [](Duration d) { return fmt::format("{}ns", nanos(d)); };
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::string> all{
      error ? "/proc/self/exe" : program.string(),
      "worker",
      fmt::format("--redis=unix://{}", faults_->redis_of_workers(facts_of(number).host).unix_socket),
      fmt::format("--id={}", number),
      fmt::format("--incarnation={}", workers_[number].incarnation),
      fmt::format("--pool={}", spec.pool.value),
      fmt::format("--cpus-milli={}", spec.capacity.cpus()),
      fmt::format("--memory-bytes={}", spec.capacity.memory()),
      fmt::format("--gpus={}", spec.capacity.gpus()),
      fmt::format("--slots={}", spec.capacity.slots()),
      fmt::format("--speed={}", spec.speed),
      fmt::format("--host={}", host_of(number)),
      fmt::format("--heartbeat={}", ns(heartbeat_)),
      fmt::format("--ttl={}", ns(ttl_)),
      fmt::format("--parent={}", ::getpid()),
      "--attempt-times=" + times_file().string()};
  if (const auto socket = faults_->troubles_socket()) all.push_back(fmt::format("--faults={}", socket->string()));
  if (parts_.scenario.limits) all.push_back("--limits-of=" + limits_file().string());
  return all;
}

}  // namespace drydock::cli

#endif

#include "real-runtime/executor.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/housekeeping.hpp"
#include "real-runtime/keeper_messages.hpp"
#include "real-runtime/process_tree.hpp"
#include "real-runtime/run_as.hpp"
#include "real-runtime/task_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <numeric>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;
using Kind = AttemptOutcome::Kind;

constexpr Duration kHousekeeping = std::chrono::hours{1};
// From the first try to start an attempt to the last: 3 s.
constexpr unsigned kMostTries = 4;
constexpr Duration kKeeperLate = std::chrono::seconds{5};
// That wait for an attempt, and how long.
constexpr std::size_t kMostWaiting = 32;
constexpr Duration kLongestIdle = std::chrono::seconds{10};
constexpr Duration kFirstPause = std::chrono::milliseconds{200};

std::vector<int> devices(std::vector<int> numbers, std::int64_t count) {
  if (!numbers.empty()) return numbers;
  numbers.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, std::min<std::int64_t>(count, 1024))));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Language and time zone, and what was asked for. Nothing else: the environment of a worker may hold passwords.
std::vector<std::string> passed_environment(const std::vector<std::string>& names) {
  std::vector<std::string> entries;
  const auto pass = [&](const std::string& name) {
    if (const char* value = std::getenv(name.c_str())) entries.push_back(name + "=" + value);
  };
  for (const char* name : {"LANG", "LC_ALL", "TZ"}) pass(name);
  for (const std::string& name : names) pass(name);
  return entries;
}

// Of folders of workers that have none of their own. What killed ones left may be much: it is removed beside the worker.
TemporaryFolder::Place temporary_place() { return {.prefix = "drydock-jobs-", .parent = {}, .socket = {}, .sweeps = false}; }

// Its end, if it comes soon.
void wait_a_while(pid_t process) {
  constexpr int kTries = 5000;
  constexpr std::chrono::milliseconds kPause{2};
  for (int i = 0; i < kTries && ::waitpid(process, nullptr, WNOHANG) == 0; ++i) std::this_thread::sleep_for(kPause);
}

}  // namespace

Executor::Executor(EventLoop& loop, ExecutorOptions options, std::string worker, std::int64_t gpus,
                   std::function<void(AttemptId, const AttemptOutcome&)> told)
    : loop_(loop),
      options_(std::move(options)),
      told_(std::move(told)),
      gpus_(devices(options_.gpus, gpus)),
      idle_(loop, [this] { let_idle_go(); }),
      housekeeping_(loop, [this] { clear_up_aside({}); }) {
  settings_.worker = std::move(worker);
}

// All at once, then each is waited for. One that cannot end in time does so by itself later.
Executor::~Executor() {
  for (auto& [process, keeper] : keepers_) {
    keeper.watch.reset();
    ::close(keeper.socket);
  }
  for (const auto& [process, keeper] : keepers_) wait_a_while(process);
  aside_watch_.reset();
  if (aside_) {
    ::kill(aside_->process, SIGKILL);
    ::waitpid(aside_->process, nullptr, 0);
    ::close(aside_->socket);
  }
  if (prepared_) remove_cgroup_base(settings_.cgroups);
  if (lock_ >= 0) ::close(lock_);
}

// --- before the first ---

std::optional<Error> Executor::prepare() {
  if (prepared_) return mend();
  auto problem = prepare_once();
  prepared_ = !problem;  // else it is tried again: what was wrong may have passed
  return problem;
}

// Somebody may have cleared away what this worker made, as what clears up temporary folders does.
std::optional<Error> Executor::mend() {
  if (!is_there(settings_.cgroups)) find_groups();
  std::error_code ignored;
  return fs::exists(folder_, ignored) ? std::nullopt : find_folder();
}

void Executor::find_groups() {
  ++settings_number_;
  let_go(waiting_.size());
  settings_.cgroups = make_cgroup_base(options_.cgroups ? find_cgroups() : CgroupPlaces{}, settings_.worker);
  settings_.limits = limit_support(settings_.cgroups);
}

std::optional<Error> Executor::prepare_once() {
  if (auto problem = find_folder()) return problem;
  if (::geteuid() == 0 && !options_.allow_root) {
    auto user = find_user(options_.run_as);
    if (!user) return user.error();
    if (user.value().uid == 0) return Error{"jobs do not run as root unless that is allowed"};
    settings_.user = user.value();
  }
  find_groups();
  settings_.process = fmt::format("{}-{}", ::getpid(), start_time_of(::getpid()).value_or(0));
  settings_.environment = passed_environment(options_.environment);
  settings_.engine = find_container_engine(options_.engine);
  settings_.output = options_.output;
  settings_.collect = options_.collect;
  settings_.time_limit = options_.time_limit;
  settings_.grace = options_.grace;
  settings_.stop_grace = options_.stop_grace;
  settings_.most_pids = options_.most_pids;
  settings_.keep_work = options_.keep_work;
  remove_spares(folder_);
  clear_up_aside(unfinished_attempts(folder_));
  return std::nullopt;
}

std::optional<Error> Executor::find_folder() {
  if (options_.folder.empty()) {
    if (auto problem = temporary_.make(temporary_place())) return problem;
    folder_ = temporary_.path();
    if (::chmod(folder_.c_str(), 0711) != 0) return Error{fmt::format("others cannot pass through {}", folder_.string())};
    return std::nullopt;
  }
  std::error_code error;
  folder_ = fs::absolute(options_.folder, error);
  if (auto problem = make_own_folder(folder_)) return problem;
  if (lock_ >= 0) ::close(lock_);
  lock_ = ::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error{fmt::format("the jobs' folder {} is used by another worker: each needs its own", folder_.string())};
  }
  return std::nullopt;
}

ExecutorFacts Executor::facts() const { return {settings_.limits, settings_.engine, settings_.user, folder_}; }

// --- attempts ---

void Executor::start(KeptAttempt attempt) {
  const AttemptId id = attempt.attempt;
  const auto [at, is_new] = kept_.try_emplace(id);
  DRYDOCK_CHECK(is_new, "an attempt is started once");
  at->second.attempt = std::make_unique<KeptAttempt>(std::move(attempt));
  try_to_start(id, at->second);
}

// What goes wrong here is wrong with the machine, and no fault of the job: it is tried again for a while. A worker that failed at once what it
// is given would be given everything.
void Executor::try_to_start(AttemptId id, Kept& kept) {
  if (const auto problem = find_keeper_of(id, kept)) {
    if (kept.tries < kMostTries) {
      const Duration pause = kFirstPause * (1U << kept.tries++);
      kept.again = std::make_unique<EventLoop::Timer>(loop_, [this, id] { try_to_start(id, kept_.at(id)); });
      return kept.again->start(later(loop_.now(), pause));
    }
    return give_up(id, kept, {.kind = Kind::not_started, .reason = problem->message});
  }
  const JobSettings& job = kept.attempt->payload.settings;
  if (const Duration limit = job.time_limit.value_or(options_.time_limit); limit > Duration{0}) {
    look_after(id, kept, limit + job.grace.value_or(options_.grace));
  } else {
    kept.again.reset();
  }
  kept.attempt.reset();
}

std::optional<Error> Executor::find_keeper_of(AttemptId id, Kept& kept) {
  if (auto problem = prepare()) return problem;
  KeptAttempt& attempt = *kept.attempt;
  if (kept.folder.empty()) {
    kept.gpus = attempt.gpus = gpus_.take(attempt.held.gpus());
    if (settings_.limits.cpus == LimitBy::affinity && attempt.held.cpus() > 0) {
      kept.cores = attempt.cores = cores_.take(attempt.held.cpus());
    }
    kept.folder = attempt.folder = folder_ / attempt_folder_name(id);
    attempt.results =
        options_.results.empty() ? attempt.folder / kResultsFolder : options_.results / attempt_folder_name(id);
  }
  if (const auto keeper = give_to_waiting(attempt)) {
    kept.keeper = *keeper;
    keepers_.at(*keeper).attempt = id;
    return std::nullopt;
  }
  const auto started = start_keeper(attempt, settings_);
  if (!started) return started.error();
  const auto [process, socket] = started.value();
  kept.keeper = process;
  Keeper& keeper = keepers_[process];
  keeper = {.socket = socket, .watch = {}, .attempt = id, .settings = settings_number_};
  keeper.watch =
      std::make_unique<EventLoop::Socket>(loop_, socket, [this, process](EventLoop::Socket::Ready) { look(process); });
  keeper.watch->wait_for({.to_read = true, .to_write = false});
  return std::nullopt;
}

// Tells soon, since nobody is told from within start() or stop().
void Executor::give_up(AttemptId id, Kept& kept, AttemptOutcome outcome) {
  kept.outcome = std::move(outcome);
  kept.again = std::make_unique<EventLoop::Timer>(loop_, [this, id] {
    const auto node = kept_.extract(id);
    tell(id, node.mapped());
  });
  kept.again->start_soon();
}

void Executor::stop(AttemptId attempt) {
  const auto at = kept_.find(attempt);
  if (at == kept_.end()) return;
  Kept& kept = at->second;
  if (kept.keeper > 0) {
    (void)::send(keepers_.at(kept.keeper).socket, "s", 1, MSG_NOSIGNAL);
    look_after(attempt, kept, options_.stop_grace);
  } else if (!kept.outcome) {
    give_up(attempt, kept, {.kind = Kind::stopped, .reason = "the worker was told to stop it"});
  }
}

// A job of the same user may stop its keeper, which then ends nothing in time. It is woken once, and killed when it was stopped again.
void Executor::look_after(AttemptId id, Kept& kept, Duration until) {
  kept.again = std::make_unique<EventLoop::Timer>(loop_, [this, id] {
    Kept& late = kept_.at(id);
    if (late.told) return;
    if (is_stopped(late.keeper)) ::kill(late.keeper, std::exchange(late.woken, true) ? SIGKILL : SIGCONT);
    look_after(id, late, Duration{0});
  });
  kept.again->start(later(loop_.now(), until + kKeeperLate));
}

void Executor::look(pid_t keeper) {
  const Keeper& who = keepers_.at(keeper);
  std::array<char, kMostEndMessage> buffer;
  const ssize_t got = ::recv(who.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return keeper_ended(keeper);
  auto end = decode_end({buffer.data(), static_cast<std::size_t>(got)});
  if (!end || !who.attempt) return;
  const AttemptId attempt = *who.attempt;
  kept_.at(attempt).outcome = std::move(end->outcome);
  if (!end->takes_another) return tell(attempt, kept_.at(attempt));
  auto node = kept_.extract(attempt);
  keeper_waits(keeper);
  tell(attempt, node.mapped());
}

// --- keepers that wait ---

void Executor::keeper_waits(pid_t keeper) {
  Keeper& who = keepers_.at(keeper);
  who.attempt.reset();
  who.since = loop_.now();
  waiting_.push_back(keeper);
  if (who.settings != settings_number_) let_go(waiting_.size());  // by what it knows it can start nothing
  else if (waiting_.size() > kMostWaiting) let_go(1);
  if (waiting_.size() == 1) idle_.start(later(who.since, kLongestIdle));
}

// To the one that came last: the others may go.
std::optional<pid_t> Executor::give_to_waiting(const KeptAttempt& attempt) {
  if (waiting_.empty()) return std::nullopt;
  const pid_t last = waiting_.back();
  waiting_.pop_back();
  if (!give_to_keeper(keepers_.at(last).socket, attempt)) return std::nullopt;
  return last;
}

// The first ones that wait. Each says so by the end of its socket.
void Executor::let_go(std::size_t how_many) {
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(how_many);
  for (auto at = waiting_.begin(); at != end; ++at) ::shutdown(keepers_.at(*at).socket, SHUT_WR);
  waiting_.erase(waiting_.begin(), end);
}

void Executor::let_idle_go() {
  const Time now = loop_.now();
  const auto stays = [&](pid_t keeper) { return later(keepers_.at(keeper).since, kLongestIdle) > now; };
  let_go(static_cast<std::size_t>(std::ranges::find_if(waiting_, stays) - waiting_.begin()));
  if (!waiting_.empty()) idle_.start(later(keepers_.at(waiting_.front()).since, kLongestIdle));
}

void Executor::tell(AttemptId attempt, Kept& kept) {
  if (std::exchange(kept.told, true)) return;
  gpus_.give_back(kept.gpus);
  cores_.give_back(kept.cores);
  told_(attempt, kept.outcome.value());
}

void Executor::keeper_ended(pid_t keeper) {
  const auto who = keepers_.extract(keeper);
  who.mapped().watch.reset();
  ::close(who.mapped().socket);
  std::erase(waiting_, keeper);
  int status = 0;
  while (::waitpid(keeper, &status, 0) < 0 && errno == EINTR) {}
  if (!WIFEXITED(status)) remove_spare(folder_, keeper);
  if (!who.mapped().attempt) return;
  const AttemptId attempt = *who.mapped().attempt;
  auto node = kept_.extract(attempt);
  Kept& kept = node.mapped();
  if (!kept.outcome) kept.outcome = clear_up_after(attempt, kept, status);
  tell(attempt, kept);
}

// The keeper was killed: its tasks with it, by the kernel. What they started may still run.
AttemptOutcome Executor::clear_up_after(AttemptId attempt, const Kept& kept, int status) {
  const std::string how =
      WIFSIGNALED(status) ? name_of_signal(WTERMSIG(status)) : fmt::format("status {}", WEXITSTATUS(status));
  end_processes_of(settings_, attempt, kept.folder);
  AttemptOutcome outcome{.kind = Kind::lost, .reason = fmt::format("the process that watched it was ended by {}", how)};
  note_lost(settings_, attempt, kept.folder, outcome);
  clear_up_aside({kept.folder});
  return outcome;
}

// --- housekeeping ---

void Executor::clear_up_aside(const std::vector<fs::path>& unfinished) {
  housekeeping_.start(later(loop_.now(), kHousekeeping));
  unfinished_.insert(unfinished_.end(), unfinished.begin(), unfinished.end());
  if (aside_) return;  // again when the present one has ended
  const auto now = std::exchange(unfinished_, {});
  const auto started = start_aside("job-sweeper", [&](const Aside& /*aside*/) {
    reset_signals();  // it may be ended at any time
    if (options_.folder.empty()) TemporaryFolder::remove_left_overs(temporary_place());
    clear_up(settings_, folder_, now, options_.keep);
  });
  if (!started) return;
  aside_ = started.value();
  aside_watch_ =
      std::make_unique<EventLoop::Socket>(loop_, aside_->socket, [this](EventLoop::Socket::Ready) { aside_ended(); });
  aside_watch_->wait_for({.to_read = true, .to_write = false});
}

void Executor::aside_ended() {
  aside_watch_.reset();
  ::waitpid(aside_->process, nullptr, 0);
  ::close(aside_->socket);
  aside_.reset();
  if (!unfinished_.empty()) clear_up_aside({});
}

}  // namespace drydock::runtime

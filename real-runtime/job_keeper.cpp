#include "real-runtime/job_keeper.hpp"

#include "real-runtime/job_layout.hpp"
#include "real-runtime/keeper_messages.hpp"
#include "real-runtime/task_group.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;
using Kind = AttemptOutcome::Kind;
using Clock = std::chrono::steady_clock;

// Whatever a process gathers in its life, it is not for ever.
constexpr unsigned kMostAttempts = 1000;
constexpr Duration kToolTime = std::chrono::seconds{30};  // of the container engine, for a short question

std::vector<std::string> own_environment() {
  std::vector<std::string> entries;
  for (char** entry = ::environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

class Keeper {
 public:
  Keeper(const KeptAttempt& attempt, const KeeperSettings& settings, int control, int signals)
      : attempt_(attempt),
        settings_(settings),
        control_(control),
        signals_(signals),
        group_(group_options(control, signals)) {}

  // True: it takes another, and has said so. `may`: it is allowed to.
  [[nodiscard]] bool run(bool may) {
    const auto began = Clock::now();
    record_.started_at_unix_s = std::time(nullptr);
    if (auto problem = lay_out()) {
      record_.outcome = {.kind = Kind::not_started, .reason = std::move(problem->message)};
    } else if (is_container()) {
      run_container();
    } else {
      run_tasks();
    }
    record_.wall_s = seconds(std::chrono::duration_cast<Duration>(Clock::now() - began));
    // Whoever stops an attempt waits for its resources, not for its results.
    const bool is_stopped = record_.outcome.kind == Kind::stopped;
    if (is_stopped) tell(false);
    const bool takes_another = may && is_as_new();
    tidy_up(takes_another);
    if (!is_stopped) tell(takes_another);
    return takes_another;
  }

 private:
  struct Logs {
    std::unique_ptr<OutputLog> output;
    std::unique_ptr<OutputLog> errors;
  };

  [[nodiscard]] bool is_container() const { return std::holds_alternative<ContainerPayload>(attempt_.payload.what); }
  [[nodiscard]] fs::path work() const { return attempt_.folder / kWorkFolder; }
  [[nodiscard]] fs::path spare() const { return spare_folder(attempt_.folder.parent_path(), ::getpid()); }

  [[nodiscard]] TaskGroup::Options group_options(int control, int signals) const {
    const JobSettings& job = attempt_.payload.settings;
    return {.control = control,
            .signals = signals,
            .time_limit = job.time_limit.value_or(settings_.time_limit),
            .grace = job.grace.value_or(settings_.grace),
            .stop_grace = settings_.stop_grace};
  }

  // --- before ---

  std::optional<Error> lay_out() {
    if (auto problem = make_job_folder(attempt_.folder, settings_.user, spare())) return problem;
    if (auto problem = put_task_file(work(), task_json(attempt_, settings_), settings_.user)) return problem;
    if (auto problem = put_files(work(), attempt_.payload.settings.files, settings_.user)) return problem;
    const auto* script = std::get_if<ScriptPayload>(&attempt_.payload.what);
    if (script == nullptr) return std::nullopt;
    const InputFile own{.name = std::string(kScriptFile), .content = InputFile::Inline{script->text}, .executable = true};
    return put_files(work(), {own}, settings_.user);
  }

  [[nodiscard]] std::int64_t memory_limit() const {
    const std::int64_t memory = attempt_.held.memory();
    return memory > 0 && memory < kUnlimited ? memory : 0;
  }
  [[nodiscard]] std::int64_t cpu_limit() const {
    const std::int64_t cpus = attempt_.held.cpus();
    return cpus > 0 && cpus < kUnlimited ? cpus : 0;
  }
  [[nodiscard]] std::int64_t pids_limit() const { return attempt_.payload.settings.pids.value_or(settings_.most_pids); }

  // --- processes ---

  [[nodiscard]] std::vector<std::string> words() const {
    if (const auto* command = std::get_if<CommandPayload>(&attempt_.payload.what)) return command->words;
    const auto& script = std::get<ScriptPayload>(attempt_.payload.what);
    const std::string file = (work() / kScriptFile).string();
    return script.text.starts_with("#!") ? std::vector{file} : std::vector<std::string>{"/bin/sh", file};
  }

  void run_tasks() {
    auto group = AttemptCgroup::make(settings_.cgroups, attempt_folder_name(attempt_.attempt),
                                     {.memory_bytes = memory_limit(), .cpus_milli = cpu_limit(), .pids = pids_limit()});
    if (!group) {
      record_.outcome = {.kind = Kind::not_started, .reason = group.error().message};
      return;
    }
    TaskLaunch launch{.words = words(), .environment = {}, .folder = work().string(), .user = settings_.user};
    launch.groups = group.value().files_to_join();
    launch.cores = attempt_.cores;
    if (settings_.limits.memory == LimitBy::rlimit) launch.address_space = static_cast<std::uint64_t>(memory_limit());
    std::optional<Error> problem;
    for (std::uint32_t task = 0; task < attempt_.tasks && !problem; ++task) {
      launch.environment.clear();
      for (const auto& [name, value] : task_environment(attempt_, settings_, task, work().string())) {
        launch.environment.push_back(fmt::format("{}={}", name, value));
      }
      launch.environment.push_back(fmt::format("{}={}", kFolderVariable, attempt_.folder.string()));
      const Logs& logs = make_logs(task);
      problem = group_.start(launch, *logs.output, *logs.errors);
    }
    if (!problem) group_.run();
    group_.end_all(&group.value());
    record_.outcome = problem ? AttemptOutcome{.kind = Kind::not_started, .reason = std::move(problem->message)} : judge();
    if (group.value().out_of_memory_kills() > 0 && record_.outcome.kind == Kind::failed) {
      record_.outcome.kind = Kind::out_of_memory;
      record_.outcome.reason = fmt::format("it needed more than its {} bytes of memory", memory_limit());
    }
    group.value().remove();
  }

  const Logs& make_logs(std::uint32_t task) {
    const auto log = [&](std::string_view stream) {
      return std::make_unique<OutputLog>(attempt_.folder / output_name(stream, task, attempt_.tasks), settings_.output);
    };
    return logs_.emplace_back(Logs{log("stdout"), log("stderr")});
  }

  // By how the tasks ended, and why; the first one that failed by itself decides.
  AttemptOutcome judge() {
    AttemptOutcome outcome;
    for (const TaskGroup::Task& task : group_.tasks()) {
      TaskRecord& record = record_.tasks.emplace_back();
      if (WIFEXITED(task.status)) record.exit_status = WEXITSTATUS(task.status);
      else record.signal = WTERMSIG(task.status);
      if (outcome.kind == Kind::failed && !(outcome.signal && record.exit_status)) continue;
      if (record.exit_status == 0) continue;
      outcome = {.kind = Kind::failed, .reason = {}, .exit_status = record.exit_status, .signal = record.signal};
    }
    if (outcome.exit_status) outcome.reason = fmt::format("it ended with exit status {}", *outcome.exit_status);
    if (outcome.signal) outcome.reason = fmt::format("it was ended by {}", name_of_signal(*outcome.signal));
    if (outcome.kind == Kind::succeeded) outcome.exit_status = 0;
    if (group_.ended_for()) say_why_ended(outcome);
    return outcome;
  }

  void say_why_ended(AttemptOutcome& outcome) const {
    const Kind why = *group_.ended_for();
    outcome.kind = why;
    if (why == Kind::timed_out) {
      const Duration limit = attempt_.payload.settings.time_limit.value_or(settings_.time_limit);
      outcome.reason = fmt::format("it ran for longer than its time limit of {} s", seconds(limit));
    } else {
      outcome.reason = why == Kind::stopped ? "the worker was told to stop it" : "its worker has gone";
    }
  }

  // --- containers ---

  void run_container() {
    if (!settings_.engine) {
      record_.outcome = {.kind = Kind::not_started, .reason = "there is neither docker nor podman on this worker"};
      return;
    }
    if (attempt_.tasks != 1) {
      record_.outcome = {.kind = Kind::not_started, .reason = "a container has one task"};
      return;
    }
    const std::string name = container_name(attempt_.attempt, settings_.worker);
    if (run_engine(create_words(*settings_.engine, container_run()), kEngineLog)) {
      group_.clear();
      group_.ask_to_end_by([this](Duration grace) { stop_container(grace); });
      const Logs& logs = make_logs(0);
      const auto problem = group_.start(engine_launch(start_words(*settings_.engine, name)), *logs.output, *logs.errors);
      if (!problem) group_.run();
      group_.end_all(nullptr);
      judge_container(name, problem);
    }
    const auto removed = ask(remove_words(*settings_.engine, name));
    if (removed.status != 0) {
      record_.left_behind.push_back(fmt::format("container {}: {}", name, last_line(removed.output)));
    }
  }

  [[nodiscard]] ContainerRun container_run() const {
    return {.attempt = attempt_.attempt,
            .worker = settings_.worker,
            .process = settings_.process,
            .what = std::get<ContainerPayload>(attempt_.payload.what),
            .environment = task_environment(attempt_, settings_, 0, std::string(kWorkInContainer)),
            .work = work().string(),
            .limiter = attempt_.limiter,
            .memory_bytes = memory_limit(),
            .cpus_milli = cpu_limit(),
            .pids = pids_limit(),
            .gpus = attempt_.gpus,
            .user = settings_.user.value_or(User{::geteuid(), ::getegid()})};
  }

  // The engine's own program runs with the worker's rights and environment.
  static TaskLaunch engine_launch(Words words) {
    return {.words = std::move(words), .environment = own_environment(), .folder = "/"};
  }

  // False: the outcome says why.
  bool run_engine(Words words, const char* log_name) {
    OutputLog log(attempt_.folder / log_name, settings_.output);
    auto problem = group_.start(engine_launch(std::move(words)), log, log);
    if (!problem) group_.run();
    group_.end_all(nullptr);
    log.finish();
    if (!problem && !group_.ended_for() && group_.tasks().front().status == 0) return true;
    if (problem) record_.outcome = {.kind = Kind::not_started, .reason = problem->message};
    else if (group_.ended_for()) say_why_ended(record_.outcome);
    else {
      record_.outcome = {.kind = Kind::not_started,
                         .reason = fmt::format("the container engine refused: {}",
                                               last_line(end_of_log(attempt_.folder / log_name, 1000)))};
    }
    return false;
  }

  void judge_container(const std::string& name, const std::optional<Error>& problem) {
    const auto end = parse_container_end(ask(inspect_words(*settings_.engine, name)).output);
    TaskRecord& record = record_.tasks.emplace_back();
    if (end) record.exit_status = end->exit_status;
    AttemptOutcome& outcome = record_.outcome;
    outcome.exit_status = record.exit_status;
    if (problem) outcome = {.kind = Kind::not_started, .reason = problem->message};
    else if (!end) outcome = {.kind = Kind::failed, .reason = "the container engine does not say how it ended"};
    else if (end->out_of_memory) outcome.kind = Kind::out_of_memory;
    else if (end->exit_status != 0) outcome.kind = Kind::failed;
    if (end && outcome.kind == Kind::failed) outcome.reason = fmt::format("it ended with exit status {}", end->exit_status);
    if (outcome.kind == Kind::out_of_memory) outcome.reason = "it needed more than its memory";
    if (group_.ended_for()) say_why_ended(outcome);
  }

  // Beside the task that is attached to it, which ends with it.
  void stop_container(Duration grace) {
    const auto started =
        start_task(engine_launch(stop_words(*settings_.engine, container_name(attempt_.attempt, settings_.worker), grace)));
    if (!started) return;
    ::close(started.value().output);
    ::close(started.value().errors);
  }

  struct Answer {
    int status = -1;
    std::string output;  // and errors
  };
  // Asks the engine something, when nothing else of the attempt runs. What takes too long is killed.
  Answer ask(Words words) const {
    Answer answer;
    const fs::path file = attempt_.folder / "engine.answer";
    {
      OutputLog log(file, settings_.output);
      TaskGroup asking({.control = -1, .signals = signals_, .time_limit = kToolTime, .grace = Duration{0}});
      if (const auto problem = asking.start(engine_launch(std::move(words)), log, log)) return {-1, problem->message};
      asking.run();
      asking.end_all(nullptr);
      log.finish();
      answer.status = asking.tasks().front().status;
    }
    answer.output = end_of_log(file, 1000);
    ::unlink(file.c_str());
    return answer;
  }

  // --- after ---

  void tidy_up(bool leaves_spare) {
    record_.cpu_s = group_.cpu_s();
    record_.max_rss_bytes = group_.max_rss_bytes();
    record_.collected = collect_results(work() / kResultsFolder, attempt_.results, settings_.collect, settings_.user);
    if (!settings_.keep_work) remove_work(leaves_spare);
    // A disk that the job has filled has room for its last words now.
    record_.tasks.resize(std::max(record_.tasks.size(), logs_.size()));
    for (std::size_t task = 0; task < logs_.size(); ++task) {
      logs_[task].output->finish();
      logs_[task].errors->finish();
      TaskRecord& record = record_.tasks[task];
      record.output_bytes = logs_[task].output->bytes();
      record.output_cut = logs_[task].output->cut();
      record.error_bytes = logs_[task].errors->bytes();
      record.error_cut = logs_[task].errors->cut();
    }
    // The worker is told of the outcome in any case.
    (void)write_file(attempt_.folder / kResultFile, result_json(attempt_, settings_, record_));
  }

  void remove_work(bool leaves_spare) {
    if (leaves_spare) {
      ::unlink((work() / kScriptFile).c_str());
      if (is_as_laid_out(work(), settings_.user) && ::rename(work().c_str(), spare().c_str()) == 0) return;
    }
    std::error_code error;
    fs::remove_all(work(), error);
    if (error) record_.left_behind.push_back(fmt::format("{}: {}", work().string(), error.message()));
  }

  // An attempt that ended by itself left nothing here. Where jobs have the rights of this process, they could have done anything to it.
  [[nodiscard]] bool is_as_new() const {
    const Kind how = record_.outcome.kind;
    const bool by_itself = how == Kind::succeeded || how == Kind::failed;
    return by_itself && !is_container() && settings_.user && settings_.user->uid != ::geteuid();
  }

  // Where the worker has gone there is nobody to tell.
  void tell(bool takes_another) const {
    const std::string message = encode_end({record_.outcome, takes_another});
    (void)::send(control_, message.data(), message.size(), MSG_NOSIGNAL);
  }

  const KeptAttempt& attempt_;
  const KeeperSettings& settings_;
  int control_;
  int signals_;
  TaskGroup group_;
  std::vector<Logs> logs_;
  AttemptRecord record_;
};

// Whether this process was told to end.
bool is_told_to_end(int signals) {
  signalfd_siginfo signal{};
  while (::read(signals, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGTERM) return true;
  }
  return false;
}

// Nothing where the worker has gone, or wants no more of this one.
std::optional<KeptAttempt> next_attempt(int control, int signals) {
  std::vector<char> buffer(kMostAttemptMessage);
  while (true) {
    std::array<pollfd, 2> wanted{pollfd{.fd = signals, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = control, .events = POLLIN, .revents = 0}};
    ::poll(wanted.data(), wanted.size(), -1);
    if (is_told_to_end(signals)) return std::nullopt;
    const ssize_t got = ::recv(control, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return std::nullopt;
    if (got == 1) continue;  // to stop one that had ended
    return decode_attempt({buffer.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace

Result<StartedAside> start_keeper(const KeptAttempt& attempt, const KeeperSettings& settings) {
  return start_aside("job-keeper", [&](const Aside& aside) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::umask(022);
    std::optional<KeptAttempt> next = attempt;
    const fs::path jobs = attempt.folder.parent_path();
    remove_spare(jobs, ::getpid());  // of another one that had this number
    for (unsigned number = 1; next; ++number) {
      const bool more = Keeper(*next, settings, aside.socket, aside.signals).run(number < kMostAttempts);
      next = more ? next_attempt(aside.socket, aside.signals) : std::nullopt;
    }
    remove_spare(jobs, ::getpid());
    if (::getppid() != aside.parent) remove_cgroup_base(settings.cgroups);
  });
}

bool give_to_keeper(int socket, const KeptAttempt& attempt) {
  const auto message = encode_attempt(attempt);
  if (message && ::send(socket, message->data(), message->size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
  ::shutdown(socket, SHUT_WR);
  return false;
}

}  // namespace drydock::runtime

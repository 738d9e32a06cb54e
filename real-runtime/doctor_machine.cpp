// What `drydock doctor` says of the machine it runs on, as one for workers.
#include "real-runtime/container_engine.hpp"
#include "real-runtime/doctor.hpp"
#include "real-runtime/job_folder.hpp"
#include "real-runtime/job_limits.hpp"
#include "real-runtime/resource_monitor.hpp"
#include "real-runtime/run_as.hpp"
#include "real-runtime/task_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

namespace {

using MachineLevel = Finding::Level;

// For what it is asked; it may hang as its daemon does.
constexpr std::chrono::seconds kEnginePatience{5};

Finding look_at_user(const std::string& run_as) {
  if (::geteuid() != 0) {
    return {MachineLevel::ok, "user", fmt::format("not root (user {}): jobs run as this user too", ::geteuid())};
  }
  const auto user = find_user(run_as);
  if (user && user.value().uid != 0) {
    return {MachineLevel::ok, "user", fmt::format("root: jobs run as {} (user {})", run_as, user.value().uid)};
  }
  return {MachineLevel::error, "user", fmt::format("root, and jobs cannot run as {}", run_as),
          "name another user, who is not root: --run-as; or start the worker as one"};
}

Finding look_at_folder(const std::string& jobs_folder) {
  std::error_code error;
  const bool temporary = jobs_folder.empty();
  const std::filesystem::path folder =
      temporary ? std::filesystem::temp_directory_path(error) : std::filesystem::path(jobs_folder);
  const std::string name = temporary ? fmt::format("{} (workers without --jobs-folder)", folder.string()) : folder.string();
  const bool was_there = std::filesystem::exists(folder, error);
  if (const auto problem = temporary ? std::nullopt : make_own_folder(folder)) {
    return {MachineLevel::error, "jobs folder", problem->message,
            "give a --jobs-folder that belongs to the worker's user alone"};
  }
  const std::filesystem::path probe = folder / fmt::format(".drydock-doctor-{}", ::getpid());
  const auto problem = write_file(probe, "probe\n");
  std::filesystem::remove(probe, error);
  if (!was_there) std::filesystem::remove(folder, error);
  if (problem) {
    return {MachineLevel::error, "jobs folder", problem->message,
            "make room on that disk, or let the worker's user write there"};
  }
  return {MachineLevel::ok, "jobs folder", fmt::format("{}: can be written", name)};
}

Finding look_at_disk(const std::string& jobs_folder) {
  std::error_code error;
  const MachineReading machine =
      read_machine(jobs_folder.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::path(jobs_folder));
  const double used =
      machine.disk_total > 0 ? 1 - static_cast<double>(machine.disk_free) / static_cast<double>(machine.disk_total) : 0;
  const std::string text =
      fmt::format("{:.0f} % full, {:.1f} GB free", 100 * used, static_cast<double>(machine.disk_free) / 1e9);
  if (used <= KeepBounds{}.most_disk_used) return {MachineLevel::ok, "disk", text};
  return {MachineLevel::warning, "disk", text,
          "make room: workers remove the oldest folders of jobs before their time meanwhile"};
}

Finding look_at_limits() {
  const CgroupBase base = make_cgroup_base(find_cgroups(), "doctor");
  const LimitSupport support = limit_support(base);
  remove_cgroup_base(base);
  const std::string text = fmt::format("{}", fmt::join(in_words(support), "; "));
  const auto by_group = [](LimitBy by) { return by == LimitBy::cgroup_v1 || by == LimitBy::cgroup_v2; };
  if (by_group(support.memory) && by_group(support.cpus) && by_group(support.pids))
    return {MachineLevel::ok, "limits", text};
  return {MachineLevel::warning, "limits", text,
          fmt::format("let the worker use control groups: run it as root, or as a systemd service with Delegate=yes{}",
                      support.problems.empty() ? "" : fmt::format(" ({})", fmt::join(support.problems, "; ")))};
}

// Until both streams have ended; false: that was not in time.
bool read_to_the_end(const StartedTask& task, std::string& text) {
  constexpr std::size_t kMost = 4096;
  const auto deadline = std::chrono::steady_clock::now() + kEnginePatience;
  std::array<pollfd, 2> streams{pollfd{task.output, POLLIN, 0}, pollfd{task.errors, POLLIN, 0}};
  std::array<char, kMost> buffer;
  while (std::ranges::any_of(streams, [](const pollfd& stream) { return stream.fd >= 0; })) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (::poll(streams.data(), streams.size(), static_cast<int>(left.count()) + 1) < 0 && errno != EINTR) return false;
    for (pollfd& stream : streams) {
      const ssize_t got = stream.revents == 0 ? -1 : ::read(stream.fd, buffer.data(), buffer.size());
      if (got > 0 && text.size() < kMost) text.append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0) stream.fd = -1;
      stream.revents = 0;
    }
  }
  return true;
}

// What a worker asks it at first, in the same way. Nothing: it answers.
std::optional<std::string> problem_with_engine(const ContainerEngine& engine) {
  TaskLaunch launch{.words = list_words(engine, "doctor"), .environment = {}, .folder = "/"};
  for (char** entry = ::environ; *entry != nullptr; ++entry) launch.environment.emplace_back(*entry);
  const auto task = start_task(launch);
  if (!task) return task.error().message;
  std::string said;
  const bool in_time = read_to_the_end(task.value(), said);
  if (!in_time) ::kill(-task.value().process, SIGKILL);  // it has a session of its own
  int status = 0;
  while (::waitpid(task.value().process, &status, 0) < 0 && errno == EINTR) {}
  ::close(task.value().output);
  ::close(task.value().errors);
  if (!in_time) return fmt::format("it did not answer within {} s", kEnginePatience.count());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  const std::size_t end = said.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "it fails, and does not say why";
  const std::size_t before = said.find_last_of('\n', end);
  const std::size_t start = before == std::string::npos ? 0 : before + 1;
  return said.substr(start, end + 1 - start);
}

Finding look_at_containers() {
  if (const auto engine = find_container_engine("")) {
    const auto problem = problem_with_engine(*engine);
    if (!problem) return {MachineLevel::ok, "containers", fmt::format("{} answers", engine->program)};
    return {
        MachineLevel::warning, "containers", fmt::format("{} is there but cannot be used: {}", engine->program, *problem),
        engine->is_podman
            ? fmt::format("make `{} ps` work for the worker's user: until then jobs with a container fail here",
                          engine->program)
            : "start its daemon (systemctl start docker), and let the worker's user reach it (group docker, DOCKER_HOST): "
              "until then jobs with a container fail here"};
  }
  return {MachineLevel::warning, "containers", "neither docker nor podman is there",
          "install one where jobs with a container are to run; they fail here"};
}

}  // namespace

std::vector<Finding> look_at_machine(const std::string& jobs_folder, const std::string& run_as) {
  return {look_at_user(run_as), look_at_folder(jobs_folder), look_at_disk(jobs_folder), look_at_limits(),
          look_at_containers()};
}

}  // namespace drydock::runtime

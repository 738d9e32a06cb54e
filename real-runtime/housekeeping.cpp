#include "real-runtime/housekeeping.hpp"

#include "real-runtime/job_layout.hpp"
#include "real-runtime/process_tree.hpp"
#include "real-runtime/task_process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;

// Of a folder that attempt_folder_name() named.
AttemptId attempt_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  AttemptId attempt;
  const auto job = std::from_chars(name.data(), name.data() + name.size(), attempt.job.value);
  if (job.ptr != name.data() + name.size()) std::from_chars(job.ptr + 1, name.data() + name.size(), attempt.number);
  return attempt;
}

// What the program prints; nothing where it does not run. Waits for its end.
std::string output_of(const Words& words) {
  TaskLaunch launch{.words = words, .environment = {}, .folder = "/"};
  for (char** entry = ::environ; *entry != nullptr; ++entry) launch.environment.emplace_back(*entry);
  const auto started = start_task(launch);
  if (!started) return {};
  ::close(started.value().errors);
  std::string output;
  std::array<char, 4096> buffer;
  ::fcntl(started.value().output, F_SETFL, 0);
  while (true) {
    const ssize_t got = ::read(started.value().output, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(started.value().output);
  ::waitpid(started.value().process, nullptr, 0);
  return output;
}

void remove_stale_containers(const KeeperSettings& settings) {
  if (!settings.engine) return;
  const std::string listed = output_of(list_words(*settings.engine, settings.worker));
  for (const std::string& name : stale_containers(listed, settings.process)) {
    (void)output_of(remove_words(*settings.engine, name));
  }
}

}  // namespace

void end_processes_of(const KeeperSettings& settings, AttemptId attempt, const fs::path& folder) {
  end_cgroup(settings.cgroups, attempt_folder_name(attempt));
  end_processes_marked(fmt::format("{}={}", kFolderVariable, folder.string()));
}

void note_lost(const KeeperSettings& settings, AttemptId attempt, const fs::path& folder, const AttemptOutcome& outcome) {
  std::error_code ignored;
  if (fs::exists(folder / kResultFile, ignored)) return;
  const KeptAttempt unknown{.attempt = attempt, .held = {}, .payload = SleepPayload{}};
  AttemptRecord record;
  record.outcome = outcome;
  (void)write_file(folder / kResultFile, result_json(unknown, settings, record));
}

void clear_up(const KeeperSettings& settings, const fs::path& jobs, const std::vector<fs::path>& unfinished,
              const KeepBounds& bounds) {
  for (const fs::path& folder : unfinished) {
    const AttemptId attempt = attempt_of(folder);
    end_processes_of(settings, attempt, folder);
    std::error_code ignored;
    if (settings.engine && fs::exists(folder / kEngineLog, ignored)) {
      (void)output_of(remove_words(*settings.engine, container_name(attempt, settings.worker)));
    }
    note_lost(settings, attempt, folder,
              {.kind = AttemptOutcome::Kind::lost, .reason = "its worker was killed, and what watched it with it"});
    if (!settings.keep_work) fs::remove_all(folder / kWorkFolder, ignored);
  }
  end_stale_cgroups(find_cgroups());
  remove_stale_containers(settings);
  remove_old_attempts(jobs, bounds);
}

}  // namespace drydock::runtime

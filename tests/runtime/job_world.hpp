// A runner of attempts on an event loop, without stores: jobs go in as payloads, ends come out, and what they left can be looked at.
#pragma once

#include "real-runtime/job_runner.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

// A folder of the test, which other users may pass through.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Writes a file, with its folders; a program may be run by everybody.
  std::filesystem::path put(const std::string& name, const std::string& text, bool is_program = false) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string text_of(const std::filesystem::path& file);
[[nodiscard]] bool is_root();
// Whether a process of that number runs (a zombie does not).
[[nodiscard]] bool lives(pid_t process);
// Processes that watch attempts of a worker's process.
[[nodiscard]] std::vector<pid_t> keepers_of(pid_t worker);

class JobWorld {
 public:
  explicit JobWorld(JobRunnerOptions options = {});

  // Of job N, attempt 1.
  void start(std::uint64_t job, const JobPayload& payload, std::uint32_t tasks = 1, const ResourceAmounts& held = {});
  void start_text(std::uint64_t job, const std::string& payload);
  void kill(std::uint64_t job) { runner_->kill({JobId{job}, 1}); }
  // Turns the loop until it is so; false after a generous time.
  bool run_until(const std::function<bool()>& so);
  // Until the job has ended: its outcome. The test fails where it does not.
  AttemptOutcome end_of(std::uint64_t job);
  AttemptOutcome run(std::uint64_t job, const JobPayload& payload);

  // A shell script.
  static JobPayload script(std::string text, JobSettings settings = {}) {
    return {ScriptPayload{std::move(text)}, std::move(settings)};
  }

  [[nodiscard]] std::filesystem::path folder(std::uint64_t job) const;
  [[nodiscard]] std::string output(std::uint64_t job) const { return text_of(folder(job) / "stdout"); }
  // Waits for it: of attempts that were stopped it is written a little later.
  nlohmann::json result(std::uint64_t job);
  // A number that the job has written into a file of its working directory (or results), once it is there.
  pid_t number_in(const std::filesystem::path& file);

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] JobRunner& runner() { return *runner_; }
  void end_runner() { runner_.reset(); }
  [[nodiscard]] const TestFolder& files() const { return files_; }
  [[nodiscard]] const std::vector<WorkerFact>& facts() const { return facts_; }

 private:
  TestFolder files_;
  EventLoop loop_;
  std::map<std::uint64_t, AttemptOutcome> outcomes_;
  std::map<std::uint64_t, bool> ended_;
  std::vector<WorkerFact> facts_;
  std::unique_ptr<JobRunner> runner_;
};

}  // namespace drydock::runtime

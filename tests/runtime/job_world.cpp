#include "tests/runtime/job_world.hpp"

#include "real-runtime/process_tree.hpp"

#include <array>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace drydock::runtime {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr Duration kLongestRun = 60s;

JobRunnerOptions within(JobRunnerOptions options, const fs::path& folder) {
  if (options.executor.folder.empty()) options.executor.folder = folder / "jobs";
  return options;
}

}  // namespace

TestFolder::TestFolder() {
  std::string name = (fs::temp_directory_path() / "drydock-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || ::chmod(name.c_str(), 0755) != 0) ADD_FAILURE() << "no folder " << name;
  path_ = name;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TestFolder::put(const std::string& name, const std::string& text, bool is_program) const {
  fs::path file = path_ / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
  ::chmod(file.c_str(), is_program ? 0755 : 0644);
  return file;
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool is_root() { return ::geteuid() == 0; }

bool lives(pid_t process) { return start_time_of(process).has_value(); }

std::vector<pid_t> keepers_of(pid_t worker) {
  std::vector<pid_t> found;
  for (const pid_t process : descendants_of(worker)) {
    if (text_of(fmt::format("/proc/{}/comm", process)) == "job-keeper\n") found.push_back(process);
  }
  return found;
}

JobWorld::JobWorld(JobRunnerOptions options)
    : runner_(std::make_unique<JobRunner>(
          loop_, within(std::move(options), files_.path()),
          [this](const WorkerFact& fact) {
            facts_.push_back(fact);
            if (const auto* ended = std::get_if<RunEnded>(&fact)) ended_[ended->attempt.job.value] = true;
            if (const auto* killed = std::get_if<RunKilled>(&fact)) ended_[killed->attempt.job.value] = true;
          },
          [this](AttemptId attempt, const AttemptOutcome& outcome) { outcomes_[attempt.job.value] = outcome; })) {}

void JobWorld::start(std::uint64_t job, const JobPayload& payload, std::uint32_t tasks, const ResourceAmounts& held) {
  const std::string text = to_json(payload);
  runner_->start({.attempt = {JobId{job}, 1}, .tasks = tasks, .payload = text, .held = make_resources(held)});
}

void JobWorld::start_text(std::uint64_t job, const std::string& payload) {
  runner_->start({.attempt = {JobId{job}, 1}, .payload = payload, .held = {}});
}

bool JobWorld::run_until(const std::function<bool()>& so) {
  const Time end = later(loop_.now(), kLongestRun);
  bool reached = false;
  std::unique_ptr<EventLoop::Timer> timer;
  timer = std::make_unique<EventLoop::Timer>(loop_, [&] {
    reached = so();
    if (reached || loop_.now() > end) loop_.stop();
    else timer->start(later(loop_.now(), 1ms));
  });
  timer->start_soon();
  loop_.run();
  return reached;
}

AttemptOutcome JobWorld::end_of(std::uint64_t job) {
  EXPECT_TRUE(run_until([&] { return ended_.contains(job); })) << "job " << job << " does not end";
  return outcomes_[job];
}

AttemptOutcome JobWorld::run(std::uint64_t job, const JobPayload& payload) {
  start(job, payload);
  return end_of(job);
}

fs::path JobWorld::folder(std::uint64_t job) const { return files_.path() / "jobs" / (std::to_string(job) + "-1"); }

nlohmann::json JobWorld::result(std::uint64_t job) {
  const fs::path file = folder(job) / kResultFile;
  EXPECT_TRUE(run_until([&] { return fs::exists(file); })) << file;
  return nlohmann::json::parse(text_of(file), nullptr, false);
}

pid_t JobWorld::number_in(const fs::path& file) {
  pid_t number = 0;
  const auto there = [&] {
    const std::string text = text_of(file);
    if (!text.ends_with('\n')) return false;
    number = std::stoi(text);
    return true;
  };
  EXPECT_TRUE(run_until(there)) << file;
  return number;
}

}  // namespace drydock::runtime

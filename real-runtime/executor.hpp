// Runs attempts as processes or containers on this machine, each under a keeper (job_keeper.hpp).
#pragma once

#include "real-runtime/event_loop.hpp"
#include "real-runtime/job_keeper.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct ExecutorOptions {
  // Of this worker alone; the attempts' folders are in it (job_folder.hpp). Empty: a temporary one that is removed with the worker.
  std::filesystem::path folder{};
  std::filesystem::path results{};  // results of an attempt go to RESULTS/JOB-ATTEMPT; empty: they stay in its folder
  // The user that jobs run as where the worker is root; only `allow_root` lets them be root.
  std::string run_as = "nobody";
  bool allow_root = false;
  std::vector<int> gpus{};                        // numbers of its GPUs; empty: from 0 on
  std::vector<std::string> environment{};         // names of variables of the worker that jobs have too
  bool cgroups = true;                            // use them where they are there
  std::string engine{};                           // of containers: its name or path; empty: docker or podman
  OutputBounds output{};                          // of stdout, and of stderr
  CollectBounds collect{};                        //
  Duration time_limit{};                          // of jobs that have none of their own; 0: none
  Duration grace = std::chrono::seconds{10};      // between SIGTERM and SIGKILL at the time limit
  Duration stop_grace = std::chrono::seconds{2};  // likewise for attempts that are stopped
  std::int64_t most_pids = 4096;                  // processes and threads of an attempt; 0: no limit
  bool keep_work = false;                         // leave working directories as they are at the end
  KeepBounds keep{};                              // of folders of ended attempts
};

// What a worker can do for jobs here; for doctors and logs.
struct ExecutorFacts {
  LimitSupport limits;
  std::optional<ContainerEngine> engine;
  std::optional<User> user;  // that jobs run as, if another one
  std::filesystem::path folder;
};

class Executor {
 public:
  // `told` is called exactly once for each attempt that was started, when nothing of it runs any more; never from within start() or
  // stop(). `worker`: its number.
  Executor(EventLoop& loop, ExecutorOptions options, std::string worker, std::int64_t gpus,
           std::function<void(AttemptId, const AttemptOutcome&)> told);
  // Ends everything, and waits for that; nobody is told.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Not one that runs. The caller sees to it that there are GPUs enough. Folder, GPUs and cores are found here.
  void start(KeptAttempt attempt);
  // SIGTERM, then SIGKILL. Nothing where it has ended.
  void stop(AttemptId attempt);

  // Looks at the machine, at first, and clears up what an earlier process of this worker left. start() does it where nobody has.
  [[nodiscard]] std::optional<Error> prepare();
  [[nodiscard]] ExecutorFacts facts() const;

 private:
  struct Kept {
    std::unique_ptr<KeptAttempt> attempt;     // until it is started
    unsigned tries = 0;                       // that failed
    pid_t keeper = -1;                        // once it is started
    std::unique_ptr<EventLoop::Timer> again;  // tries to start it, tells that it was not, or looks after its keeper
    bool woken = false;                       // its keeper, which had been stopped
    std::optional<AttemptOutcome> outcome;
    bool told = false;
    std::filesystem::path folder;
    std::vector<int> gpus;
    std::vector<int> cores;
  };

  struct Keeper {
    int socket = -1;
    std::unique_ptr<EventLoop::Socket> watch;
    std::optional<AttemptId> attempt;  // none: it waits for one, or goes
    std::uint64_t settings = 0;        // that it was started with
    Time since{};                      // it waits
  };

  void try_to_start(AttemptId id, Kept& kept);
  [[nodiscard]] std::optional<Error> find_keeper_of(AttemptId id, Kept& kept);
  void give_up(AttemptId id, Kept& kept, AttemptOutcome outcome);
  void look_after(AttemptId id, Kept& kept, Duration until);
  [[nodiscard]] std::optional<Error> prepare_once();
  [[nodiscard]] std::optional<Error> find_folder();
  [[nodiscard]] std::optional<Error> mend();
  void find_groups();
  void look(pid_t keeper);
  void tell(AttemptId attempt, Kept& kept);
  void keeper_ended(pid_t keeper);
  void keeper_waits(pid_t keeper);
  [[nodiscard]] std::optional<pid_t> give_to_waiting(const KeptAttempt& attempt);
  void let_go(std::size_t how_many);
  void let_idle_go();
  [[nodiscard]] AttemptOutcome clear_up_after(AttemptId attempt, const Kept& kept, int status);
  void clear_up_aside(const std::vector<std::filesystem::path>& unfinished);
  void aside_ended();

  EventLoop& loop_;
  ExecutorOptions options_;
  std::function<void(AttemptId, const AttemptOutcome&)> told_;
  DeviceSet gpus_;
  CoreSet cores_;
  TemporaryFolder temporary_;
  std::filesystem::path folder_;
  int lock_ = -1;
  KeeperSettings settings_;
  std::uint64_t settings_number_ = 0;  // rises when they change
  bool prepared_ = false;
  std::map<AttemptId, Kept> kept_;
  std::map<pid_t, Keeper> keepers_;
  std::vector<pid_t> waiting_;  // of these, for an attempt; the last one that came last
  EventLoop::Timer idle_;
  std::vector<std::filesystem::path> unfinished_;  // attempts to be cleared up after
  std::optional<StartedAside> aside_;              // clears up
  std::unique_ptr<EventLoop::Socket> aside_watch_;
  EventLoop::Timer housekeeping_;
};

}  // namespace drydock::runtime

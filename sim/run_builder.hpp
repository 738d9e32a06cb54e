// The process that builds a platform once and forks a child from it for each run.
#pragma once

#include "sim/processes.hpp"
#include "sim/run.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

// What all processes of a run_all() see.
struct SharedRuns {
  explicit SharedRuns(std::size_t runs);
  [[nodiscard]] std::atomic<bool>& stop() const;
  [[nodiscard]] std::atomic<double>& progress(std::size_t run) const;

 private:
  SharedBytes bytes_;
};

// The parent's handle on such a process. Requests are named by their index.
class RunBuilder {
 public:
  // Forks. The child closes `others`, the sockets of other such processes, and builds the platform of the first request that
  // it is given; all its requests must be of one platform.
  RunBuilder(std::span<const RunRequest> requests, const SharedRuns& shared, std::span<const int> others);
  ~RunBuilder();
  RunBuilder(const RunBuilder&) = delete;
  RunBuilder& operator=(const RunBuilder&) = delete;

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] bool alive() const { return pid_ > 0; }
  // Runs that it has been given and has not given back.
  [[nodiscard]] std::span<const std::uint64_t> outstanding() const { return outstanding_; }

  // A run to make.
  void give(std::uint64_t run);
  // Takes in what it sent, blocking for the first byte, and says for which runs there are results now. If the process died, its runs come
  // back as errors.
  std::vector<std::uint64_t> collect(std::span<reports::RunResult> results);
  // Kills it, and with it its runs, whatever they are at. What they had sent is still to be collected; the other runs then
  // come back as interrupted.
  void kill();
  // No more runs will be given: it ends.
  void dismiss();

 private:
  std::vector<std::uint64_t> lost(std::span<reports::RunResult> results);

  Descriptor socket_;
  pid_t pid_ = -1;
  bool killed_ = false;
  MessageReader reader_;
  std::vector<std::uint64_t> outstanding_;
};

}  // namespace drydock::sim

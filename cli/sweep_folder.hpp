// The folder of a sweep: its plan, and each finished run as a line that was written at once, so that a sweep which was killed goes on.
#pragma once

#include "policies/core/result.hpp"
#include "reports/sweep.hpp"
#include "sim/processes.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace drydock::cli {

inline constexpr const char* kPlanFile = "plan.json";
inline constexpr const char* kRunsFile = "runs.log";
inline constexpr const char* kLockFile = "lock";

// A folder that is written to; one process at a time.
class SweepFolder {
 public:
  // Makes the folder, or goes on with what is in it. Refuses runs of another plan (and says what differs), a damaged file, a folder that
  // another sweep writes to, and one that cannot be written. A line at the end that was cut off is removed.
  [[nodiscard]] static Result<std::unique_ptr<SweepFolder>> open(const std::filesystem::path& folder,
                                                                 const reports::SweepPlan& plan);

  // What was there.
  [[nodiscard]] const std::vector<reports::SweepRun>& found() const { return found_; }
  // After this a killed process has the run; what a machine that stops has, is at most half a second older. False when it cannot be
  // written: failure() says why.
  [[nodiscard]] bool append(const reports::SweepRun& run);
  // All is on the disk.
  [[nodiscard]] bool sync();
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  SweepFolder(std::filesystem::path path, sim::Descriptor lock, sim::Descriptor file)
      : path_(std::move(path)), lock_(std::move(lock)), file_(std::move(file)) {}
  [[nodiscard]] bool fail(const char* what);

  std::filesystem::path path_;  // of the runs
  sim::Descriptor lock_;
  sim::Descriptor file_;
  std::vector<reports::SweepRun> found_;
  std::chrono::steady_clock::time_point synced_ = std::chrono::steady_clock::now();
  std::string failure_;
};

// A folder that is only read.
struct SweepContents {
  reports::SweepPlan plan;
  std::vector<reports::SweepRun> runs;
};
[[nodiscard]] Result<SweepContents> read_sweep(const std::filesystem::path& folder);

}  // namespace drydock::cli

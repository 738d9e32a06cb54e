// Clears up what earlier processes of a worker, or their keepers, left when they were killed; and what is old.
#pragma once

#include "real-runtime/job_keeper.hpp"

#include <filesystem>
#include <vector>

namespace drydock::runtime {

// Ends all processes of an attempt that has no keeper any more, and removes its control group.
void end_processes_of(const KeeperSettings& settings, AttemptId attempt, const std::filesystem::path& folder);

// Writes the end of an attempt that nobody watched to its end, unless there is one.
void note_lost(const KeeperSettings& settings, AttemptId attempt, const std::filesystem::path& folder,
               const AttemptOutcome& outcome);

// Everything that is left over: of these attempts, of workers of this machine that are gone (control groups), of earlier processes of
// this worker (containers); then folders that are too old. It may take long: for a process beside the worker.
void clear_up(const KeeperSettings& settings, const std::filesystem::path& jobs,
              const std::vector<std::filesystem::path>& unfinished, const KeepBounds& bounds);

}  // namespace drydock::runtime

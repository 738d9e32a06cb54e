// The folder of an attempt: what is laid out before it runs, what is kept of it, and for how long.
//
//   JOB-ATTEMPT/             the worker's: nobody else may write there
//     work/                  where it runs, of the user that it runs as; removed when it has ended
//       task.json            what it is
//       results/             what it leaves here is collected
//     stdout, stderr         bounded (output_log.hpp); of several tasks stdout-0, stdout-1, ...
//     result.json            how it ended; written last
//     results/               what was collected, unless it goes elsewhere
//   spare-KEEPER/            a working directory in which a job did nothing, for the next attempt of that keeper: some file systems look for
//                            a new inode past all that were given back in the last minute
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/private_server.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

inline constexpr std::string_view kResultFile = "result.json";
inline constexpr std::string_view kWorkFolder = "work";
inline constexpr const char* kEngineLog = "engine.log";  // what the engine said when it made the container

// "7-2"
[[nodiscard]] std::string attempt_folder_name(AttemptId attempt);
// "stdout", or "stdout-1" where there are several tasks.
[[nodiscard]] std::string output_name(std::string_view stream, std::uint32_t task, std::uint32_t tasks);

// A folder of ours that others may pass through, but not write to; made with all above it where it is not there.
[[nodiscard]] std::optional<Error> make_own_folder(const std::filesystem::path& folder);
// The folder of an attempt, anew, with work/ and work/results/ in it, which belong to the user. `spare`: where a working directory that
// is_as_laid_out() may be; it is taken.
[[nodiscard]] std::optional<Error> make_job_folder(const std::filesystem::path& folder, const std::optional<User>& user,
                                                   const std::filesystem::path& spare);
[[nodiscard]] std::filesystem::path spare_folder(const std::filesystem::path& jobs, pid_t keeper);
// That of a keeper that is gone.
void remove_spare(const std::filesystem::path& jobs, pid_t keeper);
// Likewise of all that have left one.
void remove_spares(const std::filesystem::path& jobs);
// Whether there is nothing in it but its task file and no results, and these are as no job has ever been there, but for what the file
// says. For a time at which nobody else is at work there.
[[nodiscard]] bool is_as_laid_out(const std::filesystem::path& work, const std::optional<User>& user);
// What tells of the job, as put_files(); a task file of an earlier job is written over.
[[nodiscard]] std::optional<Error> put_task_file(const std::filesystem::path& work, std::string_view text,
                                                 const std::optional<User>& user);
// With the rights of the user, in a process of one thread.
[[nodiscard]] std::optional<Error> put_files(const std::filesystem::path& work, const std::vector<InputFile>& files,
                                             const std::optional<User>& user);
// Whole or not at all, whatever happens meanwhile.
[[nodiscard]] std::optional<Error> write_file(const std::filesystem::path& file, std::string_view text);

struct CollectBounds {
  std::uint64_t most_files = 10'000;
  std::uint64_t most_bytes = 1U << 30U;
};
struct Collected {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> left_out{};  // and why; at most a hundred
};
// Copies plain files, read with the rights of the user and owned by them, in a process of one thread, when nothing of the attempt runs
// any more. Links and whatever else is no file are left out. `to` is made if there is anything.
[[nodiscard]] Collected collect_results(const std::filesystem::path& from, const std::filesystem::path& to,
                                        const CollectBounds& bounds, const std::optional<User>& user);

// --- housekeeping ---

struct KeepBounds {
  Duration for_how_long = std::chrono::hours{24 * 7};
  double most_disk_used = 0.85;  // of the file system; above that the oldest go before their time
};
// Folders of attempts that have not ended. Whoever holds the jobs' folder alone knows that they are left over.
[[nodiscard]] std::vector<std::filesystem::path> unfinished_attempts(const std::filesystem::path& jobs);
// Removes folders of ended attempts that are too old, or the oldest while the disk is too full. Returns how many.
std::size_t remove_old_attempts(const std::filesystem::path& jobs, const KeepBounds& bounds);
// Bytes of all files below it.
[[nodiscard]] std::int64_t disk_used_by(const std::filesystem::path& jobs);

}  // namespace drydock::runtime

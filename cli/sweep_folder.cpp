#include "cli/sweep_folder.hpp"

#include "cli/result_files.hpp"
#include "scenarios/line_reader.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <unistd.h>

namespace drydock::cli {
namespace {

constexpr std::size_t kLargestPlan = std::size_t{64} << 20U;
constexpr std::size_t kLargestLog = std::size_t{4} << 30U;
constexpr std::chrono::milliseconds kBetweenSyncs{500};

struct ReadRuns {
  std::vector<reports::SweepRun> runs;
  std::size_t good = 0;  // bytes that are whole lines
};

// The runs of a file. Only its end may be cut off: by a kill, or a disk that was full.
Result<ReadRuns> read_runs(const std::filesystem::path& path) {
  const auto text = scenarios::read_file(path, kLargestLog);
  if (!text) return Error{text.error().message};
  ReadRuns read;
  std::string_view rest = text.value();
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    auto run = reports::read_run(rest.substr(0, end));
    if (!run && end + 1 < rest.size()) {
      return Error{fmt::format("{}:{}: is damaged: its checksum is wrong; remove this line, and its run is made again",
                               path.string(), line)};
    }
    if (!run) break;
    read.runs.push_back(std::move(*run));
    read.good += end + 1;
    rest.remove_prefix(end + 1);
  }
  return read;
}

Result<reports::SweepPlan> read_plan_file(const std::filesystem::path& path) {
  const auto text = scenarios::read_file(path, kLargestPlan);
  if (!text) return Error{text.error().message};
  return reports::read_plan(text.value(), path.string());
}

Error cannot(const std::filesystem::path& path, std::string_view what) {
  return Error{fmt::format("--out: {} cannot be {}: {}", path.string(), what, std::strerror(errno))};
}

// Held until the process ends, and by it alone: children do not inherit this kind of lock, and nothing else opens this file, since to close
// it again would give up the lock.
Result<sim::Descriptor> lock_folder(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kLockFile;
  sim::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file.valid()) return cannot(path, "opened");
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  // Some file systems have no locks: then it is for the user not to start two.
  if (fcntl(file.get(), F_SETLK, &whole) != 0 && (errno == EACCES || errno == EAGAIN))
    return Error{fmt::format("--out {}: another sweep is writing to this folder", folder.string())};
  return file;
}

}  // namespace

Result<std::unique_ptr<SweepFolder>> SweepFolder::open(const std::filesystem::path& folder, const reports::SweepPlan& plan) {
  if (auto ready = prepare_folder(folder); !ready) return Error{ready.error().message};
  const std::filesystem::path runs = folder / kRunsFile;
  const std::filesystem::path plan_file = folder / kPlanFile;
  auto lock = lock_folder(folder);
  if (!lock) return Error{lock.error().message};
  sim::Descriptor file(::open(runs.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.valid()) return cannot(runs, "opened");
  std::error_code ignored;
  if (std::filesystem::exists(plan_file, ignored)) {
    auto there = read_plan_file(plan_file);
    if (!there) return Error{there.error().message};
    if (const auto difference = reports::plan_difference(there.value(), plan, true)) {
      return Error{fmt::format("--out {}: there are results of another sweep: {}; name another folder, or repeat what was",
                               folder.string(), *difference)};
    }
  }
  auto read = read_runs(runs);
  if (!read) return Error{read.error().message};
  if (ftruncate(file.get(), static_cast<off_t>(read.value().good)) != 0) return cannot(runs, "cut");
  if (auto written = write_whole_file(plan_file, reports::write_plan(plan)); !written) return Error{written.error().message};
  std::unique_ptr<SweepFolder> opened(new SweepFolder(runs, std::move(lock).value(), std::move(file)));
  opened->found_ = std::move(read.value().runs);
  return opened;
}

bool SweepFolder::fail(const char* what) {
  failure_ = fmt::format("{} cannot be {}: {}", path_.string(), what, std::strerror(errno));
  return false;
}

bool SweepFolder::append(const reports::SweepRun& run) {
  const std::string line = reports::write_run(run) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(file_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("written");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  const auto now = std::chrono::steady_clock::now();
  return now - synced_ < kBetweenSyncs || sync();
}

bool SweepFolder::sync() {
  synced_ = std::chrono::steady_clock::now();
  // EINVAL: a kind of file that has no disk.
  return fdatasync(file_.get()) == 0 || errno == EINVAL || fail("kept");
}

Result<SweepContents> read_sweep(const std::filesystem::path& folder) {
  auto plan = read_plan_file(folder / kPlanFile);
  if (!plan) return Error{plan.error().message};
  auto read = read_runs(folder / kRunsFile);
  if (!read) return Error{read.error().message};
  return SweepContents{std::move(plan).value(), std::move(read.value().runs)};
}

}  // namespace drydock::cli

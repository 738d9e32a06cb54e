#include "real-runtime/job_folder.hpp"

#include "real-runtime/run_as.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLeftOut = 100;
constexpr std::string_view kSpare = "spare-";

Error failed(std::string_view what, const fs::path& where, int error) {
  return Error{fmt::format("{} {}: {}", what, where.string(), std::system_category().message(error))};
}

// The error, or 0.
int write_to(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int create(const fs::path& file, mode_t mode) {
  return ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
}

// Descriptors are closed by whoever opened them. The error, or 0.
int copy_all(int from, int to) {
  std::array<char, 1U << 16U> buffer{};
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : 0;
    if (const int error = write_to(to, {buffer.data(), static_cast<std::size_t>(got)}); error != 0) return error;
  }
}

std::optional<Error> put_file(const fs::path& work, const InputFile& file) {
  std::error_code error;
  const fs::path path = work / file.name;
  fs::create_directories(path.parent_path(), error);
  if (error) return failed("cannot make the folder of the input file", file.name, error.value());
  const auto* local = std::get_if<InputFile::Local>(&file.content);
  if (local != nullptr && local->linked) {
    if (::eaccess(local->path.c_str(), R_OK) != 0) return failed("cannot read the input file", local->path, errno);
    fs::create_symlink(local->path, path, error);
    return error ? std::optional(failed("cannot link the input file", file.name, error.value())) : std::nullopt;
  }
  int from = -1;
  if (local != nullptr) {
    struct stat status {};
    from = ::open(local->path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0 || ::fstat(from, &status) != 0) return failed("cannot read the input file", local->path, errno);
    if (!S_ISREG(status.st_mode)) {
      ::close(from);
      return Error{fmt::format("the input file {} is not a plain file", local->path)};
    }
  }
  const int to = create(path, file.executable ? 0700 : 0600);
  int problem = to < 0 ? errno : 0;
  if (to >= 0) {
    problem = local != nullptr ? copy_all(from, to) : write_to(to, std::get<InputFile::Inline>(file.content).bytes);
    ::close(to);
  }
  if (from >= 0) ::close(from);
  return problem == 0 ? std::nullopt : std::optional(failed("cannot write the input file", file.name, problem));
}

// One file of the results. The error in words, or nothing.
std::string collect_file(const fs::path& from, const fs::path& to, std::uint64_t room, std::uint64_t& bytes,
                         const std::optional<User>& user) {
  int source = -1;
  int failure = 0;
  {
    const WithRightsOf rights(user);
    source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    failure = errno;
  }
  if (source < 0) return failure == ELOOP ? "a link" : std::system_category().message(failure);
  struct stat status {};
  std::string problem;
  if (::fstat(source, &status) != 0 || !S_ISREG(status.st_mode)) problem = "not a plain file";
  else if (user && status.st_uid != user->uid) problem = "of another user";
  else if (static_cast<std::uint64_t>(status.st_size) > room) problem = "more bytes than are collected";
  if (problem.empty()) {
    std::error_code error;
    fs::create_directories(to.parent_path(), error);
    const int target = create(to, 0640);
    failure = target < 0 ? errno : copy_all(source, target);
    if (target >= 0) ::close(target);
    if (failure != 0) problem = std::system_category().message(failure);
    else bytes = static_cast<std::uint64_t>(status.st_size);
  }
  ::close(source);
  return problem;
}

// Opens what is in a folder without following links or waiting; closes itself.
class Opened {
 public:
  Opened(int folder, const char* name, int flags)
      : descriptor_(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags)) {}
  ~Opened() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

  // Of that kind and mode, of the user, with no name besides and nothing attached to it, such as lists of who may do what.
  [[nodiscard]] bool is_as_made(mode_t kind_and_mode, const User& user) const {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) return false;
    if (status.st_mode != kind_and_mode || status.st_uid != user.uid || status.st_gid != user.gid) return false;
    if (S_ISREG(status.st_mode) && status.st_nlink != 1) return false;
    const ssize_t attached = ::flistxattr(descriptor_, nullptr, 0);
    return (attached == 0 || (attached < 0 && errno == ENOTSUP)) && has_no_flags();
  }

 private:
  // Such as not to be changed, or counted to somebody's quota. Those of how it is stored are nobody's.
  [[nodiscard]] bool has_no_flags() const {
    constexpr int kStorage = FS_EXTENT_FL | FS_INDEX_FL | FS_INLINE_DATA_FL;
    int flags = 0;
    if (::ioctl(descriptor_, FS_IOC_GETFLAGS, &flags) != 0) return errno == ENOTTY || errno == EOPNOTSUPP;
    fsxattr more{};
    if (::ioctl(descriptor_, FS_IOC_FSGETXATTR, &more) != 0 && errno != ENOTTY && errno != EOPNOTSUPP) return false;
    return (flags & ~kStorage) == 0 && more.fsx_projid == 0 && more.fsx_extsize == 0 && more.fsx_cowextsize == 0;
  }

  int descriptor_;
};

// -1: they cannot be counted.
int entries_of(const fs::path& folder) {
  std::error_code error;
  int entries = 0;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) ++entries;
  return error ? -1 : entries;
}

bool ended(const fs::path& attempt) {
  std::error_code ignored;
  return fs::exists(attempt / kResultFile, ignored);
}

bool is_attempt(const fs::directory_entry& entry) {
  std::error_code ignored;
  const std::string name = entry.path().filename().string();
  const auto dash = name.find('-');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dash != std::string::npos && digits(std::string_view(name).substr(0, dash)) &&
         digits(std::string_view(name).substr(dash + 1)) && entry.is_directory(ignored) && !entry.is_symlink(ignored);
}

template <class Visitor>
void for_each_attempt(const fs::path& jobs, Visitor visit) {
  std::error_code error;
  for (fs::directory_iterator at(jobs, error), end; !error && at != end; at.increment(error)) {
    if (is_attempt(*at)) visit(at->path());
  }
}

double disk_used(const fs::path& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return 0;
  return 1 - static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks);
}

}  // namespace

std::string attempt_folder_name(AttemptId attempt) { return fmt::format("{}-{}", attempt.job.value, attempt.number); }

std::string output_name(std::string_view stream, std::uint32_t task, std::uint32_t tasks) {
  return tasks == 1 ? std::string(stream) : fmt::format("{}-{}", stream, task);
}

std::optional<Error> make_own_folder(const fs::path& folder) {
  std::error_code error;
  // A name that was mistyped, or a disk that is not mounted, is not made up for.
  const fs::path parent = folder.parent_path();
  if (!parent.empty() && !fs::exists(parent, error)) {
    return Error{fmt::format("cannot make {}: there is no folder {}; make it, or name another one", folder.string(),
                             parent.string())};
  }
  if (::mkdir(folder.c_str(), 0711) != 0 && errno != EEXIST) return failed("cannot make", folder, errno);
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0) return failed("cannot look at", folder, errno);
  if (!S_ISDIR(status.st_mode)) return Error{fmt::format("{} is not a folder", folder.string())};
  // Somebody else could put there what they like.
  if (status.st_uid != ::geteuid()) return Error{fmt::format("{} belongs to another user", folder.string())};
  if ((status.st_mode & 022U) != 0) return Error{fmt::format("others may write to {}", folder.string())};
  return std::nullopt;
}

std::optional<Error> make_job_folder(const fs::path& folder, const std::optional<User>& user, const fs::path& spare) {
  std::error_code error;
  if (::mkdir(folder.c_str(), 0711) != 0) {
    if (errno != EEXIST) return failed("cannot make", folder, errno);
    fs::remove_all(folder, error);  // of another job of that number, before the store began anew
    if (::mkdir(folder.c_str(), 0711) != 0) return failed("cannot make", folder, errno);
  }
  const fs::path work = folder / kWorkFolder;
  if (::rename(spare.c_str(), work.c_str()) == 0) return std::nullopt;
  const fs::path results = work / kResultsFolder;
  for (const fs::path& path : {work, results}) {
    if (::mkdir(path.c_str(), 0700) != 0) return failed("cannot make", path, errno);
  }
  for (const fs::path& path : {results, work}) {
    if (user && ::chown(path.c_str(), user->uid, user->gid) != 0) return failed("cannot give away", path, errno);
  }
  return std::nullopt;
}

bool is_as_laid_out(const fs::path& work, const std::optional<User>& user) {
  const User owner = user.value_or(User{::geteuid(), ::getegid()});
  const Opened folder(AT_FDCWD, work.c_str(), O_DIRECTORY);
  if (!folder.is_as_made(S_IFDIR | 0700, owner)) return false;
  const Opened results(folder.get(), std::string(kResultsFolder).c_str(), O_DIRECTORY);
  const Opened task(folder.get(), std::string(kTaskFile).c_str(), 0);
  if (!results.is_as_made(S_IFDIR | 0700, owner) || !task.is_as_made(S_IFREG | 0600, owner)) return false;
  return entries_of(work / kResultsFolder) == 0 && entries_of(work) == 2;
}

fs::path spare_folder(const fs::path& jobs, pid_t keeper) { return jobs / fmt::format("{}{}", kSpare, keeper); }

void remove_spare(const fs::path& jobs, pid_t keeper) {
  std::error_code ignored;
  fs::remove_all(spare_folder(jobs, keeper), ignored);
}

void remove_spares(const fs::path& jobs) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(jobs, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(kSpare)) found.push_back(at->path());
  }
  for (const fs::path& spare : found) fs::remove_all(spare, error);
}

std::optional<Error> put_task_file(const fs::path& work, std::string_view text, const std::optional<User>& user) {
  const WithRightsOf rights(user);
  const fs::path file = work / kTaskFile;
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int problem = descriptor < 0 ? errno : write_to(descriptor, text);
  if (problem == 0 && ::ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) problem = errno;
  if (descriptor >= 0) ::close(descriptor);
  return problem == 0 ? std::nullopt : std::optional(failed("cannot write", file, problem));
}

std::optional<Error> put_files(const fs::path& work, const std::vector<InputFile>& files, const std::optional<User>& user) {
  const WithRightsOf rights(user);
  for (const InputFile& file : files) {
    if (auto problem = put_file(work, file)) return problem;
  }
  return std::nullopt;
}

std::optional<Error> write_file(const fs::path& file, std::string_view text) {
  const fs::path half = file.string() + ".half";
  ::unlink(half.c_str());
  const int descriptor = create(half, 0640);
  if (descriptor < 0) return failed("cannot make", half, errno);
  const int error = write_to(descriptor, text);
  ::close(descriptor);
  if (error != 0) {
    ::unlink(half.c_str());
    return failed("cannot write", half, error);
  }
  if (::rename(half.c_str(), file.c_str()) != 0) return failed("cannot make", file, errno);
  return std::nullopt;
}

Collected collect_results(const fs::path& from, const fs::path& to, const CollectBounds& bounds,
                          const std::optional<User>& user) {
  Collected collected;
  const auto leave_out = [&](const std::string& name, std::string_view why) {
    if (collected.left_out.size() < kMostLeftOut) collected.left_out.push_back(fmt::format("{}: {}", name, why));
  };
  std::vector<fs::path> found;
  {
    const WithRightsOf rights(user);
    std::error_code error;
    fs::recursive_directory_iterator at(from, error);
    for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
      std::error_code ignored;
      if (at->is_directory(ignored) && !at->is_symlink(ignored)) continue;
      if (found.size() < bounds.most_files) found.push_back(at->path());
      else leave_out(at->path().lexically_relative(from).string(), "more files than are collected");
    }
    if (error) leave_out(".", error.message());
  }
  std::ranges::sort(found);
  for (const fs::path& file : found) {
    const fs::path name = file.lexically_relative(from);
    std::uint64_t bytes = 0;
    const std::string problem = collect_file(file, to / name, bounds.most_bytes - collected.bytes, bytes, user);
    if (!problem.empty()) leave_out(name.string(), problem);
    else ++collected.files;
    collected.bytes += bytes;
  }
  return collected;
}

std::vector<fs::path> unfinished_attempts(const fs::path& jobs) {
  std::vector<fs::path> found;
  for_each_attempt(jobs, [&](const fs::path& attempt) {
    if (!ended(attempt)) found.push_back(attempt);
  });
  return found;
}

std::size_t remove_old_attempts(const fs::path& jobs, const KeepBounds& bounds) {
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  for_each_attempt(jobs, [&](const fs::path& attempt) {
    std::error_code error;
    const auto time = fs::last_write_time(attempt / kResultFile, error);
    if (!error) all.emplace_back(time, attempt);
  });
  std::ranges::sort(all);
  const auto oldest_kept = fs::file_time_type::clock::now() - bounds.for_how_long;
  std::size_t removed = 0;
  for (const auto& [time, attempt] : all) {
    if (time >= oldest_kept && disk_used(jobs) <= bounds.most_disk_used) break;
    std::error_code error;
    fs::remove_all(attempt, error);
    if (!error) ++removed;
  }
  return removed;
}

std::int64_t disk_used_by(const fs::path& jobs) {
  std::int64_t bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator at(jobs, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
    struct stat status {};
    if (::lstat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) bytes += status.st_blocks * 512;
  }
  return bytes;
}

}  // namespace drydock::runtime

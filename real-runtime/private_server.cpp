#include "real-runtime/private_server.hpp"

#include "real-runtime/file_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <grp.h>
#include <iterator>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = "lock";
constexpr int kMostFolders = 10;  // that are made until one is locked before anybody takes it for a left-over

std::string in_words(int error) { return std::system_category().message(error); }

bool may_run(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

// A folder that is held by its descriptor: by its name, another may be there by now, or a link to one.
class OpenFolder {
 public:
  explicit OpenFolder(const fs::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)), path_(path) {}
  ~OpenFolder() {
    if (lock_ >= 0) ::close(lock_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;

  // Takes the lock, which is this user's, or nothing: a job that makes such a folder, or a link to one, is another user.
  bool lock(int flags) {
    lock_ = descriptor_ < 0 ? -1 : ::openat(descriptor_, kLockName, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat is {};
    return lock_ >= 0 && ::fstat(lock_, &is) == 0 && is.st_uid == ::geteuid() && ::flock(lock_, LOCK_EX | LOCK_NB) == 0;
  }
  // Whether the lock is still the folder's, and the folder what its name says.
  [[nodiscard]] bool stands() const {
    struct stat opened {};
    struct stat named {};
    return ::fstat(lock_, &opened) == 0 && ::stat((path_ / kLockName).c_str(), &named) == 0 && opened.st_ino == named.st_ino;
  }
  int release_lock() { return std::exchange(lock_, -1); }

  // The lock goes last: what cannot be removed now, since somebody still writes there, is found again by it.
  void remove() const {
    const fs::path inside = fmt::format("/proc/self/fd/{}", descriptor_);
    std::error_code problem;
    for (const fs::directory_entry& entry : fs::directory_iterator(inside, problem)) {
      if (entry.path().filename() != kLockName) fs::remove_all(entry.path(), problem);
      if (problem) return;
    }
    if (problem) return;
    ::unlinkat(descriptor_, kLockName, 0);
    ::rmdir(path_.c_str());
  }

 private:
  int descriptor_;
  int lock_ = -1;
  fs::path path_;
};

Result<fs::path> parent_of(const TemporaryFolder::Place& place) {
  if (!place.parent.empty()) return place.parent;
  std::error_code error;
  fs::path parent = fs::temp_directory_path(error);
  if (error) return Error{fmt::format("there is no temporary folder: {}", error.message())};
  return parent;
}

// All that the child needs between fork and exec, where memory may not be had.
struct Launch {
  char* const* arguments;
  const char* folder;
  int log;
  int null;
  pid_t parent;
  int death_signal;
  const User* user;
};

// In the child: only calls that are safe there. Does not return.
[[noreturn]] void become(const Launch& launch) {
  constexpr int kCannot = 126;
  ::setpgid(0, 0);  // Ctrl-C is for the owner, which may still need it
  if (launch.user != nullptr) {
    const bool changed = ::setgroups(0, nullptr) == 0 && ::setgid(launch.user->gid) == 0 && ::setuid(launch.user->uid) == 0;
    if (!changed) ::_exit(kCannot);
  }
  ::prctl(PR_SET_PDEATHSIG, launch.death_signal);      // after the change of user, which would undo it
  if (::getppid() != launch.parent) ::_exit(kCannot);  // it died before it could be told
  if (::chdir(launch.folder) != 0) ::_exit(kCannot);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(launch.null, STDIN_FILENO);
  ::dup2(launch.log, STDOUT_FILENO);
  ::dup2(launch.log, STDERR_FILENO);
  ::execv(launch.arguments[0], launch.arguments);
  ::_exit(kCannot + 1);
}

}  // namespace

std::string find_program(const std::string& name, const std::vector<fs::path>& more_folders) {
  if (name.find('/') != std::string::npos) return may_run(name) ? name : std::string();
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (may_run(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const fs::path& folder : more_folders) {
    if (may_run(folder / name)) return folder / name;
  }
  return {};
}

// --- folder ---

TemporaryFolder::~TemporaryFolder() {
  if (lock_ < 0) return;
  OpenFolder(path_).remove();
  ::close(lock_);
}

void TemporaryFolder::remove_left_overs(const Place& place) {
  const auto parent = parent_of(place);
  if (!parent) return;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent.value(), ignored)) {
    if (!entry.path().filename().string().starts_with(place.prefix)) continue;
    OpenFolder folder(entry.path());
    if (folder.lock(0)) folder.remove();
  }
}

std::optional<Error> TemporaryFolder::make(const Place& place, std::optional<User> owner) {
  const auto parent = parent_of(place);
  if (!parent) return parent.error();
  if (place.sweeps) remove_left_overs(place);
  const std::string pattern = (parent.value() / fmt::format("{}XXXXXX", place.prefix)).string();
  if (pattern.size() + 1 + place.socket.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{
        fmt::format("{} is too long for a socket: set TMPDIR to a folder with a shorter name", parent.value().string())};
  }
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
  for (int i = 0; i < kMostFolders && lock_ < 0; ++i) {
    std::string name = pattern;
    if (::mkdtemp(name.data()) == nullptr) {
      return Error{fmt::format("cannot make a folder in {}: {}", parent.value().string(), in_words(errno))};
    }
    path_ = name;
    OpenFolder folder(path_);
    if (folder.lock(O_CREAT) && folder.stands()) lock_ = folder.release_lock();
    else ::rmdir(path_.c_str());  // unless another process has, to which it looked like a left-over before it was locked
  }
  if (lock_ < 0) return Error{fmt::format("cannot lock a folder in {}: {}", parent.value().string(), in_words(errno))};
  if (owner && ::chown(path_.c_str(), owner->uid, owner->gid) != 0) {
    return Error{fmt::format("cannot give {} to another user: {}", path_.string(), in_words(errno))};
  }
  return std::nullopt;
}

std::string TemporaryFolder::end_of(std::string_view file) const {
  constexpr std::size_t kMost = 1000;
  const std::string text = file_text(path_ / file);
  return text.size() <= kMost ? text : text.substr(text.size() - kMost);
}

// --- process ---

std::optional<Error> ChildProcess::start(const Options& options) {
  std::vector<std::string> words = options.words;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string folder = options.folder;

  const int log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const Launch launch{.arguments = arguments.data(),
                      .folder = folder.c_str(),
                      .log = log,
                      .null = null,
                      .parent = ::getpid(),
                      .death_signal = options.death_signal,
                      .user = options.user ? &*options.user : nullptr};
  const pid_t child = log < 0 || null < 0 ? -1 : ::fork();
  if (child == 0) become(launch);
  const int error = errno;
  if (log >= 0) ::close(log);
  if (null >= 0) ::close(null);
  if (child < 0) return Error{fmt::format("cannot start {}: {}", options.words.front(), in_words(error))};
  pid_ = child;
  return std::nullopt;
}

void ChildProcess::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  ::kill(pid_, SIGCONT);  // it may be paused
  wait();
}

int ChildProcess::wait() {
  int status = 0;
  while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  return status;
}

bool ChildProcess::ended() {
  if (pid_ <= 0) return true;
  if (::waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

}  // namespace drydock::runtime

#include "real-runtime/private_redis.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <hiredis/hiredis.h>
#include <iterator>
#include <string_view>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;
using redis::Done;

constexpr std::string_view kFolderPrefix = "drydock-redis-";
constexpr const char* kLockName = "lock";
constexpr const char* kSocketName = "redis.sock";
constexpr const char* kLogName = "redis.log";

std::string in_words(int error) { return std::system_category().message(error); }

// Empty if there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

// Removes folders whose owners are dead: nobody holds their locks.
void remove_left_overs(const fs::path& parent) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
    if (!entry.path().filename().string().starts_with(kFolderPrefix)) continue;
    const int lock = ::open((entry.path() / kLockName).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0) continue;
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
    ::close(lock);
  }
}

// In the child, between fork and exec: only calls that are safe there. Does not return.
[[noreturn]] void become(char* const* arguments, int log, int null, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C is for the owner, which may still need it
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it died before it could be told
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

bool answers(const std::string& socket) {
  redisContext* context = redisConnectUnixWithTimeout(socket.c_str(), {.tv_sec = 1, .tv_usec = 0});
  bool pong = false;
  if (context != nullptr && context->err == 0) {
    redisSetTimeout(context, {.tv_sec = 1, .tv_usec = 0});
    auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
    pong = reply != nullptr && reply->type == REDIS_REPLY_STATUS;  // else it loads its snapshot
    if (reply != nullptr) freeReplyObject(reply);
  }
  if (context != nullptr) redisFree(context);
  return pong;
}

}  // namespace

Result<std::unique_ptr<PrivateRedis>> PrivateRedis::start(PrivateRedisOptions options) {
  std::unique_ptr<PrivateRedis> server(new PrivateRedis(std::move(options)));
  server->program_ = find_program(server->options_.program);
  if (server->program_.empty()) {
    return Error{
        fmt::format("{} was not found: install Redis 7 (on Debian: apt-get install redis-server), or add its folder to PATH",
                    server->options_.program)};
  }
  if (auto made = server->make_folder(); !made.ok()) return made.error();
  if (auto launched = server->launch(); !launched.ok()) return launched.error();
  return server;
}

PrivateRedis::~PrivateRedis() {
  kill();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

Result<Done> PrivateRedis::make_folder() {
  std::error_code error;
  const fs::path parent = options_.parent.empty() ? fs::temp_directory_path(error) : options_.parent;
  if (error) return Error{fmt::format("there is no temporary folder: {}", error.message())};
  remove_left_overs(parent);
  std::string name = (parent / fmt::format("{}XXXXXX", kFolderPrefix)).string();
  if (name.size() + 1 + std::strlen(kSocketName) >= sizeof(sockaddr_un::sun_path)) {
    return Error{fmt::format("{} is too long for a socket: set TMPDIR to a folder with a shorter name", parent.string())};
  }
  if (::mkdtemp(name.data()) == nullptr)
    return Error{fmt::format("cannot make a folder in {}: {}", parent.string(), in_words(errno))};
  folder_ = name;
  lock_ = ::open((folder_ / kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error{fmt::format("cannot lock {}: {}", folder_.string(), in_words(errno))};
  }
  return Done{};
}

Result<Done> PrivateRedis::launch() {
  std::vector<std::string> words{program_, "--port", "0",           "--unixsocket", (folder_ / kSocketName).string(),
                                 "--dir",  folder_,  "--daemonize", "no",           "--appendonly",
                                 "no",     "--save", options_.save, "--dbfilename", "dump.rdb"};
  words.insert(words.end(), options_.more_arguments.begin(), options_.more_arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const int log = ::open((folder_ / kLogName).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t child = log < 0 || null < 0 ? -1 : ::fork();
  if (child == 0) become(arguments.data(), log, null, parent);
  const int error = errno;
  if (log >= 0) ::close(log);
  if (null >= 0) ::close(null);
  if (child < 0) return Error{fmt::format("cannot start {}: {}", program_, in_words(error))};
  pid_ = child;
  auto answered = wait_until_it_answers();
  if (!answered.ok()) kill();
  return answered;
}

Result<Done> PrivateRedis::wait_until_it_answers() {
  constexpr std::chrono::milliseconds kPause{2};
  const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
  const std::string socket = folder_ / kSocketName;
  while (!answers(socket)) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return Error{fmt::format("{} ended at once; its last words: {}", program_, end_of_log())};
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{fmt::format("{} did not answer within {:g} s; its last words: {}", program_,
                               seconds(options_.start_timeout), end_of_log())};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Done{};
}

std::string PrivateRedis::end_of_log() const {
  constexpr std::size_t kMost = 1000;
  std::ifstream file(folder_ / kLogName);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.size() <= kMost ? text : text.substr(text.size() - kMost);
}

Result<Done> PrivateRedis::restart() {
  kill();
  return launch();
}

void PrivateRedis::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  std::error_code ignored;
  fs::remove(folder_ / kSocketName, ignored);
}

RedisAddress PrivateRedis::address() const { return {.unix_socket = folder_ / kSocketName, .host = {}, .port = 0}; }

}  // namespace drydock::runtime

#include "real-runtime/task_process.hpp"

#include "real-runtime/run_as.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

// Closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int value = -1) {
    if (value_ >= 0) ::close(value_);
    value_ = value;
  }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

struct Pipe {
  Descriptor from;
  Descriptor to;
  bool make(int flags) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | flags) != 0) return false;
    from.reset(ends[0]);
    to.reset(ends[1]);
    return true;
  }
};

// What the child says when it cannot become the program.
enum class Stage : int { group, cores, limits, user, parent, folder, program };
struct Failure {
  Stage stage = Stage::program;
  int error = 0;
};

std::string in_words(const Failure& failure, const TaskLaunch& launch) {
  const std::string why = std::system_category().message(failure.error);
  const std::string& program = launch.words.front();
  switch (failure.stage) {
    case Stage::group: return fmt::format("cannot start {}: it cannot join its control group: {}", program, why);
    case Stage::cores: return fmt::format("cannot start {}: it cannot be bound to its cores: {}", program, why);
    case Stage::limits: return fmt::format("cannot start {}: its limits cannot be set: {}", program, why);
    case Stage::user: return fmt::format("cannot start {}: it cannot have the rights of its user: {}", program, why);
    case Stage::parent: return fmt::format("cannot start {}: the process that watches it is gone", program);
    case Stage::folder: return fmt::format("cannot start {}: cannot enter {}: {}", program, launch.folder, why);
    case Stage::program: return fmt::format("cannot start {}: {}", program, why);
  }
  return {};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct Child {
  const TaskLaunch& launch;
  char* const* arguments;
  char** environment;
  pid_t parent;
  int output;
  int errors;
  int input;
  int failures;

  [[noreturn]] void become() const {
    constexpr int kCannot = 126;
    const Failure failure = try_to();
    (void)!::write(failures, &failure, sizeof failure);
    ::_exit(kCannot);
  }

 private:
  [[nodiscard]] Failure try_to() const {
    ::setsid();
    for (const std::string& file : launch.groups) {
      const int group = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
      if (group < 0 || ::write(group, "0", 1) != 1) return {Stage::group, errno};
      ::close(group);
    }
    if (!bind_to_cores()) return {Stage::cores, errno};
    const rlimit no_core{0, 0};
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return {Stage::limits, errno};
    if (launch.user && !become_user(*launch.user)) return {Stage::user, errno};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {Stage::user, errno};
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which would undo it
    if (::getppid() != parent) return {Stage::parent, 0};
    if (::chdir(launch.folder.c_str()) != 0) return {Stage::folder, errno};
    if (::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 || ::dup2(errors, STDERR_FILENO) < 0) {
      return {Stage::limits, errno};
    }
    reset_signals();
    ::environ = environment;
    if (launch.address_space > 0) {
      const rlimit memory{launch.address_space, launch.address_space};
      if (::setrlimit(RLIMIT_AS, &memory) != 0) return {Stage::limits, errno};
    }
    ::execvp(arguments[0], arguments);
    return {Stage::program, errno};
  }

  [[nodiscard]] bool bind_to_cores() const {
    if (launch.cores.empty()) return true;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : launch.cores) CPU_SET(static_cast<std::size_t>(core), &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
  }
};

}  // namespace

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);  // NOLINT(cert-err33-c): some cannot be changed
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<StartedTask> start_task(const TaskLaunch& launch) {
  std::vector<std::string> words = launch.words;
  std::vector<std::string> environment = launch.environment;
  const std::vector<char*> arguments = pointers(words);
  std::vector<char*> variables = pointers(environment);
  Pipe output;
  Pipe errors;
  Pipe failures;
  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const bool ready = output.make(0) && errors.make(0) && failures.make(0) && input.get() >= 0;
  const pid_t self = ::getpid();
  const Child task{.launch = launch,
                   .arguments = arguments.data(),
                   .environment = variables.data(),
                   .parent = self,
                   .output = output.to.get(),
                   .errors = errors.to.get(),
                   .input = input.get(),
                   .failures = failures.to.get()};
  char** const own_environment = ::environ;
  // Until it is another program, the child has the memory of this process, which stands still meanwhile: to copy it costs more than all
  // else. Nor has libuv a handler here, as it has in fork(), that closes in the child descriptors by the numbers that its own had in the
  // worker; here they are others, the pipes of this task for instance.
  const pid_t child = ready ? ::vfork() : -1;  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (child == 0) task.become();               // NOLINT(clang-analyzer-unix.Vfork): it changes `environ` alone
  ::environ = own_environment;
  if (child < 0) return Error{fmt::format("cannot start {}: {}", words.front(), std::system_category().message(errno))};
  failures.to.reset();
  Failure failure;
  ssize_t got = 0;
  do got = ::read(failures.from.get(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got == sizeof failure) {
    ::waitpid(child, nullptr, 0);
    return Error{in_words(failure, launch)};
  }
  for (const Pipe* pipe : {&output, &errors}) ::fcntl(pipe->from.get(), F_SETFL, O_NONBLOCK);
  return StartedTask{.process = child, .output = output.from.release(), .errors = errors.from.release()};
}

}  // namespace drydock::runtime

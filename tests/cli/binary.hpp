// Runs the program as a user does.
#pragma once

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace drydock::cli {

struct Ran {
  int code = -1;   // exit code
  int signal = 0;  // that killed it, or 0
  std::string out;
  std::string err;
};

// A folder that is removed at the end of a test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "drydock-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // Writes a file and gives its path.
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A started program, with its output in files.
class Started {
 public:
  // `columns`: the environment variable COLUMNS, unset where it is empty. It leads a process group of its own.
  explicit Started(const std::vector<std::string>& arguments, const std::string& columns = {},
                   const std::string& locale = "C.UTF-8") {
    std::vector<char*> argv{const_cast<char*>(DRYDOCK_BINARY)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string out = folder_.path("out");
    const std::string err = folder_.path("err");
    pid_ = fork();
    if (pid_ != 0) return;
    // What the program prints must not hang on who runs the tests.
    for (const char* name : {"COLUMNS", "NO_COLOR", "LC_CTYPE", "LANG"}) unsetenv(name);
    setenv("LC_ALL", locale.c_str(), 1);
    setenv("MALLOC_PERTURB_", "85", 1);  // what was freed is overwritten
    setpgid(0, 0);
    if (!columns.empty()) setenv("COLUMNS", columns.c_str(), 1);
    // Not freopen: it would write what is buffered here a second time.
    const auto redirect = [](const char* path, int flags, int to) { dup2(open(path, flags, 0600), to); };
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execv(DRYDOCK_BINARY, argv.data());
    _exit(99);
  }
  // As a terminal does: the whole group gets it.
  void interrupt(int signal = SIGINT) const { kill(-pid_, signal); }
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }
  [[nodiscard]] std::string errors() const { return text_of(folder_.path("err")); }  // so far
  [[nodiscard]] Ran wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    Ran ran{.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .out = text_of(folder_.path("out")),
            .err = text_of(folder_.path("err"))};
    return ran;
  }

 private:
  Folder folder_;
  pid_t pid_ = 0;
};

inline Ran run_binary(const std::vector<std::string>& arguments, const std::string& columns = {},
                      const std::string& locale = "C.UTF-8") {
  return Started(arguments, columns, locale).wait();
}

}  // namespace drydock::cli

// What private servers have in common: a folder of their own that is removed with its owner, and a process that ends with it.
#pragma once

#include "policies/core/result.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

// Where a program is: looked for in PATH, then in `more_folders`, unless its name has a '/'. Empty if it is nowhere.
[[nodiscard]] std::string find_program(const std::string& name, const std::vector<std::filesystem::path>& more_folders = {});

// Another user, for programs that refuse to run as root.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

// A folder in the system's temporary folder (or another one). A folder whose lock nobody holds has no owner.
class TemporaryFolder {
 public:
  struct Place {
    std::string prefix;              // of its name: of all such folders, and of no others
    std::filesystem::path parent{};  // empty: the system's temporary folder
    std::string socket;              // name of a socket that must have room in it
    bool sweeps = true;              // make() begins with remove_left_overs()
  };
  TemporaryFolder() = default;
  // Removes it.
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  // With `owner`: theirs alone, but for the lock. Another one where there was one.
  std::optional<Error> make(const Place& place, std::optional<User> owner = std::nullopt);
  // Removes what killed owners of this user left behind in the same place: that takes as long as there is much of it.
  static void remove_left_overs(const Place& place);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The end of a file in it, for messages.
  [[nodiscard]] std::string end_of(std::string_view file) const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;  // held while its owner lives
};

// A child process that the kernel ends when the thread that started it ends (Linux).
class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> words;  // the first is the program's path
    std::filesystem::path folder;    // where it runs
    std::filesystem::path log;       // what it prints, anew
    int death_signal = SIGKILL;      // when its owner dies
    std::optional<User> user{};      // whose rights it has
  };
  ChildProcess() = default;
  // Kills it.
  ~ChildProcess() { end(SIGKILL); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  std::optional<Error> start(const Options& options);
  // Sends the signal, and waits for the end. Nothing if it does not run.
  void end(int signal);
  // Waits for its end by itself; its exit status as waitpid() has it.
  int wait();
  // Whether it has ended by itself.
  [[nodiscard]] bool ended();
  [[nodiscard]] pid_t pid() const { return pid_; }  // -1: it does not run

 private:
  pid_t pid_ = -1;
};

}  // namespace drydock::runtime

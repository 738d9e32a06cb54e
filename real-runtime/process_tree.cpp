#include "real-runtime/process_tree.hpp"

#include "real-runtime/file_text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace drydock::runtime {

namespace {

struct Stat {
  pid_t parent = 0;
  char state = '?';
  std::uint64_t start_time = 0;
};

// "1234 (name) S parent ...": the name may contain anything, also brackets and spaces.
std::optional<Stat> read_stat(pid_t process) {
  constexpr int kBetween = 17;  // fields between the parent and the start time
  const std::string text = file_text(fmt::format("/proc/{}/stat", process));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream words(text.substr(name_end + 1));
  Stat stat;
  std::string skipped;
  words >> stat.state >> stat.parent;
  for (int i = 0; i < kBetween; ++i) words >> skipped;
  if (!(words >> stat.start_time)) return std::nullopt;
  return stat;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> processes;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at("/proc", ignored), end; !ignored && at != end; at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    pid_t process = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (error == std::errc{} && rest == name.data() + name.size()) processes.push_back(process);
  }
  return processes;
}

}  // namespace

std::optional<std::uint64_t> start_time_of(pid_t process) {
  const auto stat = read_stat(process);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat->start_time;
}

bool is_stopped(pid_t process) {
  const auto stat = read_stat(process);
  return stat && stat->state == 'T';
}

std::string process_namespace() {
  std::error_code error;
  const std::string link = std::filesystem::read_symlink("/proc/self/ns/pid", error).string();  // "pid:[4026531836]"
  return error || link.size() < 7 ? std::string() : link.substr(5, link.size() - 6);
}

std::vector<pid_t> descendants_of(pid_t ancestor) {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t process : all_processes()) {
    if (const auto stat = read_stat(process)) children.emplace(stat->parent, process);
  }
  std::vector<pid_t> found;
  const auto add_children = [&](pid_t parent) {
    const auto [first, last] = children.equal_range(parent);
    for (auto at = first; at != last; ++at) found.push_back(at->second);
  };
  add_children(ancestor);
  for (std::size_t i = 0; i < found.size() && found.size() <= children.size(); ++i) add_children(found[i]);
  return found;
}

std::vector<pid_t> processes_marked(std::string_view entry) {
  std::vector<pid_t> found;
  for (const pid_t process : all_processes()) {
    std::istringstream variables(file_text(fmt::format("/proc/{}/environ", process)));
    std::string variable;
    while (std::getline(variables, variable, '\0')) {
      if (variable != entry) continue;
      found.push_back(process);
      break;
    }
  }
  return found;
}

bool end_processes_marked(std::string_view entry) {
  constexpr int kTries = 100;
  constexpr std::chrono::milliseconds kPause{10};
  for (int i = 0; i < kTries; ++i) {
    const auto left = processes_marked(entry);
    if (left.empty()) return true;
    for (const pid_t process : left) ::kill(process, SIGKILL);
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

}  // namespace drydock::runtime

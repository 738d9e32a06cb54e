#include "real-runtime/cgroup.hpp"

#include "real-runtime/file_text.hpp"
#include "real-runtime/process_tree.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "drydock-";
constexpr const char* kSelf = "-self";        // of the group that the process itself moves to
constexpr std::int64_t kPeriodUs = 100'000;   // of a limit of processors
constexpr std::int64_t kLeastQuotaUs = 1000;  // the kernel refuses less
constexpr std::chrono::milliseconds kPause{2};
constexpr int kTries = 250;

// The error, or 0.
int write_value(const fs::path& file, const std::string& value) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::write(descriptor, value.data(), value.size()) < 0 ? errno : 0;
  ::close(descriptor);
  return error;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string failed(std::string_view what, const fs::path& where, int error) {
  return fmt::format("{} {}: {}", what, where.string(), std::system_category().message(error));
}

std::vector<pid_t> processes_in(const fs::path& group) {
  std::vector<pid_t> processes;
  std::ifstream file(group / "cgroup.procs");
  for (pid_t process = 0; file >> process;) {
    if (process > 0) processes.push_back(process);  // 0: one of another namespace, which has no number here
  }
  return processes;
}

bool make_group(const fs::path& folder, std::vector<std::string>& problems) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (!error) return true;
  problems.push_back(failed("cannot make", folder, error.value()));
  return false;
}

void remove_group(const fs::path& folder) {
  for (int i = 0; i < kTries && ::rmdir(folder.c_str()) != 0 && errno == EBUSY; ++i) std::this_thread::sleep_for(kPause);
}

// The mount's root is what of the hierarchy it shows; what lies above that cannot be named.
fs::path group_folder(const fs::path& mount, const std::string& root, const std::string& group) {
  std::string_view below = group;
  if (root != "/" && below.starts_with(root)) below.remove_prefix(root.size());
  while (below.starts_with('/')) below.remove_prefix(1);
  return below.empty() ? mount : mount / below;
}

// Lets children of `group` be limited. What of "memory", "cpu" and "pids" they can be is returned.
std::vector<std::string> enable_controllers(const fs::path& group) {
  const auto offered = words_of(file_text(group / "cgroup.controllers"));
  for (const char* controller : {"memory", "cpu", "pids"}) {
    if (holds(offered, controller)) (void)write_value(group / "cgroup.subtree_control", fmt::format("+{}", controller));
  }
  return words_of(file_text(group / "cgroup.subtree_control"));
}

void make_v2(const CgroupPlaces& places, const std::string& name, CgroupBase& base) {
  const fs::path folder = places.v2 / name;
  if (!make_group(folder, base.problems)) return;
  base.v2 = folder;
  base.v2_kill = fs::exists(folder / "cgroup.kill");
  const auto offered = words_of(file_text(places.v2 / "cgroup.controllers"));
  if (!holds(offered, "memory") && !holds(offered, "cpu") && !holds(offered, "pids")) return;
  auto enabled = enable_controllers(places.v2);
  if (enabled.empty() && processes_in(places.v2) == std::vector<pid_t>{::getpid()}) {
    const fs::path leaf = places.v2 / (name + kSelf);
    if (make_group(leaf, base.problems) && write_value(leaf / "cgroup.procs", "0") == 0)
      enabled = enable_controllers(places.v2);
  }
  if (enabled.empty()) {
    base.problems.push_back(
        fmt::format("{} shares no controllers with groups below: a service needs Delegate=yes", places.v2.string()));
    return;
  }
  enabled = enable_controllers(folder);
  base.v2_memory = holds(enabled, "memory");
  base.v2_cpu = holds(enabled, "cpu");
  base.v2_pids = holds(enabled, "pids");
}

fs::path make_v1(const CgroupPlaces& places, const std::string& controller, const std::string& name, CgroupBase& base) {
  const auto at = places.v1.find(controller);
  if (at == places.v1.end()) return {};
  const fs::path folder = at->second / name;
  return make_group(folder, base.problems) ? folder : fs::path{};
}

std::vector<fs::path> folders_of(const CgroupBase& base) {
  std::vector<fs::path> folders{base.v2, base.v1_memory, base.v1_cpu, base.v1_pids, base.v1_freezer};
  std::erase_if(folders, [](const fs::path& folder) { return folder.empty(); });
  return folders;
}

// Named after the process that made it: "drydock-NAMESPACE-PID-START-WORKER". Of those of other namespaces nothing is known here.
bool owner_lives(std::string_view name) {
  const std::string own = fmt::format("{}{}-", kPrefix, process_namespace());
  if (!name.starts_with(own)) return true;
  pid_t process = 0;
  std::uint64_t start = 0;
  const char* const end = name.data() + name.size();
  const auto first = std::from_chars(name.data() + own.size(), end, process);
  if (first.ec != std::errc{} || first.ptr == end) return true;  // none of ours
  const auto second = std::from_chars(first.ptr + 1, end, start);
  return second.ec != std::errc{} || start_time_of(process) == start;
}

// Kills what is in the group and below, and removes it.
std::size_t end_group(const fs::path& group) {
  std::size_t ended = 0;
  std::error_code ignored;
  std::vector<fs::path> below;
  for (const auto& entry : fs::directory_iterator(group, ignored)) {
    if (entry.is_directory(ignored)) below.push_back(entry.path());
  }
  for (const fs::path& child : below) ended += end_group(child);
  for (const pid_t process : processes_in(group)) {
    if (::kill(process, SIGKILL) == 0) ++ended;
  }
  remove_group(group);
  return ended;
}

}  // namespace

// Lines of mountinfo: "36 35 98:0 ROOT MOUNT OPTIONS [...] - TYPE SOURCE SUPER"; of cgroup: "4:memory:/group", "0::/group".
CgroupPlaces parse_cgroups(std::string_view mountinfo, std::string_view self) {
  constexpr std::size_t kRoot = 3;
  constexpr std::size_t kMount = 4;
  std::map<std::string, std::string> groups;  // by controller; "": version 2
  for (const std::string& line : split(self, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) groups[""] = line.substr(second + 1);
    for (const std::string& controller : split(controllers, ',')) groups[controller] = line.substr(second + 1);
  }
  CgroupPlaces places;
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() <= kMount || words.end() - dash < 4) continue;
    if (dash[1] == "cgroup2" && groups.contains("")) {
      places.v2 = group_folder(words[kMount], words[kRoot], groups[""]);
    } else if (dash[1] == "cgroup") {
      for (const std::string& option : split(dash[3], ',')) {
        if (groups.contains(option)) places.v1[option] = group_folder(words[kMount], words[kRoot], groups[option]);
      }
    }
  }
  return places;
}

CgroupPlaces find_cgroups() { return parse_cgroups(file_text("/proc/self/mountinfo"), file_text("/proc/self/cgroup")); }

CgroupBase make_cgroup_base(const CgroupPlaces& places, const std::string& worker) {
  const std::string name =
      fmt::format("{}{}-{}-{}-{}", kPrefix, process_namespace(), ::getpid(), start_time_of(::getpid()).value_or(0), worker);
  CgroupBase base;
  if (places.v2.empty() && places.v1.empty()) base.problems.emplace_back("no control groups are mounted");
  if (!places.v2.empty()) make_v2(places, name, base);
  if (!base.v2_memory) base.v1_memory = make_v1(places, "memory", name, base);
  if (!base.v2_cpu) base.v1_cpu = make_v1(places, "cpu", name, base);
  if (!base.v2_pids) base.v1_pids = make_v1(places, "pids", name, base);
  if (!base.v2_kill) base.v1_freezer = make_v1(places, "freezer", name, base);
  return base;
}

bool is_there(const CgroupBase& base) {
  const auto folders = folders_of(base);
  return std::ranges::all_of(folders, [](const fs::path& folder) { return ::access(folder.c_str(), F_OK) == 0; });
}

void remove_cgroup_base(const CgroupBase& base) {
  for (const fs::path& folder : folders_of(base)) ::rmdir(folder.c_str());
  if (!base.v2.empty()) ::rmdir((base.v2.string() + kSelf).c_str());  // where this process is not in it any more
}

std::size_t end_cgroup(const CgroupBase& base, const std::string& name) {
  std::size_t ended = 0;
  for (const fs::path& folder : folders_of(base)) ended += end_group(folder / name);
  return ended;
}

std::size_t end_stale_cgroups(const CgroupPlaces& places) {
  std::set<fs::path> parents;
  if (!places.v2.empty()) parents.insert(places.v2);
  for (const auto& [controller, folder] : places.v1) parents.insert(folder);
  std::size_t ended = 0;
  for (const fs::path& parent : parents) {
    std::error_code ignored;
    std::vector<fs::path> stale;
    for (const auto& entry : fs::directory_iterator(parent, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(kPrefix) && entry.is_directory(ignored) && !owner_lives(name)) stale.push_back(entry.path());
    }
    for (const fs::path& group : stale) ended += end_group(group);
  }
  return ended;
}

// --- of an attempt ---

Result<AttemptCgroup> AttemptCgroup::make(const CgroupBase& base, const std::string& name, const CgroupLimits& limits) {
  AttemptCgroup group;
  std::vector<std::string> problems;
  const auto make_in = [&](const fs::path& parent) {
    fs::path folder = parent / name;
    if (!make_group(folder, problems)) return fs::path{};
    group.folders_.push_back(folder);
    return folder;
  };
  const auto set = [&](const fs::path& file, const std::string& value) {
    if (const int error = write_value(file, value); error != 0) problems.push_back(failed("cannot write", file, error));
  };
  const std::int64_t quota = std::max(kLeastQuotaUs, limits.cpus_milli * kPeriodUs / 1000);
  if (!base.v2.empty()) {
    group.v2_ = make_in(base.v2);
    group.v2_kill_ = base.v2_kill;
    if (base.v2_memory && limits.memory_bytes > 0) {
      set(group.v2_ / "memory.max", std::to_string(limits.memory_bytes));
      (void)write_value(group.v2_ / "memory.swap.max", "0");  // where there is no swap there is no such file
      (void)write_value(group.v2_ / "memory.oom.group", "1");
    }
    if (base.v2_cpu && limits.cpus_milli > 0) set(group.v2_ / "cpu.max", fmt::format("{} {}", quota, kPeriodUs));
    if (base.v2_pids && limits.pids > 0) set(group.v2_ / "pids.max", std::to_string(limits.pids));
  }
  if (!base.v1_memory.empty() && limits.memory_bytes > 0) {
    group.memory_ = make_in(base.v1_memory);
    set(group.memory_ / "memory.limit_in_bytes", std::to_string(limits.memory_bytes));
    // With swap: where swap is not accounted there is no such file.
    (void)write_value(group.memory_ / "memory.memsw.limit_in_bytes", std::to_string(limits.memory_bytes));
  }
  if (!base.v1_cpu.empty() && limits.cpus_milli > 0) {
    const fs::path folder = make_in(base.v1_cpu);
    set(folder / "cpu.cfs_period_us", std::to_string(kPeriodUs));
    set(folder / "cpu.cfs_quota_us", std::to_string(quota));
  }
  if (!base.v1_pids.empty() && limits.pids > 0) set(make_in(base.v1_pids) / "pids.max", std::to_string(limits.pids));
  if (!base.v1_freezer.empty()) group.freezer_ = make_in(base.v1_freezer);
  if (problems.empty()) return group;
  group.remove();
  return Error{problems.front()};
}

std::vector<std::string> AttemptCgroup::files_to_join() const {
  std::vector<std::string> files;
  for (const fs::path& folder : folders_) files.push_back((folder / "cgroup.procs").string());
  return files;
}

void AttemptCgroup::kill() const {
  if (v2_kill_) {
    (void)write_value(v2_ / "cgroup.kill", "1");
  } else if (!freezer_.empty()) {
    // Frozen, none of them can start another.
    (void)write_value(freezer_ / "freezer.state", "FROZEN");
    for (int i = 0; i < kTries && !file_text(freezer_ / "freezer.state").starts_with("FROZEN"); ++i) {
      std::this_thread::sleep_for(kPause);
    }
    for (const pid_t process : processes_in(freezer_)) ::kill(process, SIGKILL);
    (void)write_value(freezer_ / "freezer.state", "THAWED");
  }
}

std::int64_t AttemptCgroup::out_of_memory_kills() const {
  // Both have lines "NAME COUNT".
  const fs::path file = memory_.empty() ? v2_ / "memory.events" : memory_ / "memory.oom_control";
  const auto words = words_of(file_text(file));
  const auto at = std::ranges::find(words, "oom_kill");
  if (at == words.end() || at + 1 == words.end()) return 0;
  std::int64_t count = 0;
  std::from_chars(at[1].data(), at[1].data() + at[1].size(), count);
  return count;
}

void AttemptCgroup::remove() {
  for (const fs::path& folder : folders_) remove_group(folder);
  folders_.clear();
}

}  // namespace drydock::runtime

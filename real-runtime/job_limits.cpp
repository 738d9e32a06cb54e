#include "real-runtime/job_limits.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sched.h>
#include <utility>

namespace drydock::runtime {

namespace {

LimitBy first_of(bool v2, const std::filesystem::path& v1, LimitBy otherwise) {
  if (v2) return LimitBy::cgroup_v2;
  return v1.empty() ? otherwise : LimitBy::cgroup_v1;
}

std::vector<int> own_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

}  // namespace

LimitSupport limit_support(const CgroupBase& base) {
  return {.memory = first_of(base.v2_memory, base.v1_memory, LimitBy::rlimit),
          .cpus = first_of(base.v2_cpu, base.v1_cpu, LimitBy::affinity),
          .pids = first_of(base.v2_pids, base.v1_pids, LimitBy::nothing),
          .kills_at_once = base.v2_kill || !base.v1_freezer.empty(),
          .problems = base.problems};
}

std::string in_words(LimitBy by) {
  switch (by) {
    case LimitBy::nothing: return "not enforced";
    case LimitBy::cgroup_v2: return "cgroup v2";
    case LimitBy::cgroup_v1: return "cgroup v1";
    case LimitBy::rlimit: return "RLIMIT_AS of each process";
    case LimitBy::affinity: return "bound to whole cores";
  }
  return {};
}

std::vector<std::string> in_words(const LimitSupport& support) {
  std::vector<std::string> lines{
      "memory of jobs: " + in_words(support.memory), "processors of jobs: " + in_words(support.cpus),
      "processes of jobs: " + in_words(support.pids),
      fmt::format("ending what a job started: {}",
                  support.kills_at_once ? "by its control group, at once" : "one process after the other")};
  lines.insert(lines.end(), support.problems.begin(), support.problems.end());
  return lines;
}

// --- cores ---

CoreSet::CoreSet() : CoreSet(own_cores()) {}

CoreSet::CoreSet(const std::vector<int>& cores) {
  for (const int core : cores) cores_.push_back({.number = core});
}

std::vector<int> CoreSet::take(std::int64_t cpus_milli) {
  constexpr std::int64_t kCore = 1000;
  // Not rounded up by an addition: that could overflow.
  const std::int64_t wanted = cpus_milli / kCore + (cpus_milli % kCore > 0 ? 1 : 0);
  const auto count = std::min(cores_.size(), static_cast<std::size_t>(std::max<std::int64_t>(1, wanted)));
  std::ranges::stable_sort(cores_, {}, [](const Core& core) { return std::pair(core.users, core.number); });
  std::vector<int> taken;
  for (std::size_t i = 0; i < count; ++i) {
    ++cores_[i].users;
    taken.push_back(cores_[i].number);
  }
  return taken;
}

void CoreSet::give_back(const std::vector<int>& cores) {
  for (Core& core : cores_) {
    if (std::ranges::find(cores, core.number) != cores.end()) --core.users;
  }
}

// --- GPUs ---

DeviceSet::DeviceSet(std::vector<int> devices) : free_(std::move(devices)) { std::ranges::sort(free_); }

std::vector<int> DeviceSet::take(std::int64_t count) {
  DRYDOCK_CHECK(count >= 0 && static_cast<std::size_t>(count) <= free_.size(), "an attempt was admitted without its GPUs");
  std::vector<int> taken(free_.begin(), free_.begin() + count);
  free_.erase(free_.begin(), free_.begin() + count);
  return taken;
}

void DeviceSet::give_back(const std::vector<int>& devices) {
  free_.insert(free_.end(), devices.begin(), devices.end());
  std::ranges::sort(free_);
  DRYDOCK_CHECK(std::ranges::adjacent_find(free_) == free_.end(), "a GPU was given back twice");
}

}  // namespace drydock::runtime

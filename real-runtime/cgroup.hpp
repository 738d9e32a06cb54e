// Control groups of Linux: what of them this process may use, and a group for each attempt. Version 2, version 1, or both at once, as
// machines have them.
#pragma once

#include "policies/core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

// Where this process is in each hierarchy; empty: it is not mounted.
struct CgroupPlaces {
  std::filesystem::path v2;
  std::map<std::string, std::filesystem::path> v1;  // by controller
};
// From the texts of /proc/self/mountinfo and /proc/self/cgroup.
[[nodiscard]] CgroupPlaces parse_cgroups(std::string_view mountinfo, std::string_view self);
[[nodiscard]] CgroupPlaces find_cgroups();

// Groups of a process, below its own, for its attempts. Empty paths: they cannot be had, and `problems` say why.
struct CgroupBase {
  std::filesystem::path v2{};
  bool v2_kill = false;  // cgroup.kill is there (Linux 5.14)
  bool v2_memory = false;
  bool v2_cpu = false;
  bool v2_pids = false;
  std::filesystem::path v1_memory{};
  std::filesystem::path v1_cpu{};
  std::filesystem::path v1_pids{};
  std::filesystem::path v1_freezer{};
  std::vector<std::string> problems{};
};
// Makes them. In version 2 a group with processes cannot limit its children: where this process is alone in its group (a service with
// delegation), it moves into one below.
// Several workers in a process have one each.
[[nodiscard]] CgroupBase make_cgroup_base(const CgroupPlaces& places, const std::string& worker);
// Whether nobody has removed any of them.
[[nodiscard]] bool is_there(const CgroupBase& base);
// When nothing runs in them any more.
void remove_cgroup_base(const CgroupBase& base);
// What is left of an attempt's group: ends it. Returns how many processes that were.
std::size_t end_cgroup(const CgroupBase& base, const std::string& name);
// Those of processes that are gone: ends what is in them. Returns how many processes that were.
std::size_t end_stale_cgroups(const CgroupPlaces& places);

// 0: no limit.
struct CgroupLimits {
  std::int64_t memory_bytes = 0;
  std::int64_t cpus_milli = 0;
  std::int64_t pids = 0;
};

// The group of an attempt. What the base cannot limit is not limited.
class AttemptCgroup {
 public:
  [[nodiscard]] static Result<AttemptCgroup> make(const CgroupBase& base, const std::string& name,
                                                  const CgroupLimits& limits);

  // A process that writes "0" to each of these joins.
  [[nodiscard]] std::vector<std::string> files_to_join() const;
  // Whether kill() reaches all that is in it at once.
  [[nodiscard]] bool can_kill() const { return v2_kill_ || !freezer_.empty(); }
  void kill() const;
  // Processes that were ended for want of memory.
  [[nodiscard]] std::int64_t out_of_memory_kills() const;
  // When nothing runs in it; waits a moment for the kernel to see that.
  void remove();

 private:
  std::vector<std::filesystem::path> folders_;
  std::filesystem::path v2_;
  bool v2_kill_ = false;
  std::filesystem::path memory_;  // of version 1
  std::filesystem::path freezer_;
};

}  // namespace drydock::runtime

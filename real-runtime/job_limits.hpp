// What of an attempt's limits can be enforced on this machine, and by what: asked once, said to people, never pretended.
#pragma once

#include "real-runtime/cgroup.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace drydock::runtime {

enum class LimitBy : std::uint8_t {
  nothing,
  cgroup_v2,
  cgroup_v1,
  rlimit,    // RLIMIT_AS: of each process, not of all together
  affinity,  // whole cores that the attempt is bound to
};

struct LimitSupport {
  LimitBy memory = LimitBy::nothing;
  LimitBy cpus = LimitBy::nothing;
  LimitBy pids = LimitBy::nothing;
  bool kills_at_once = false;         // a whole tree of processes, by its control group; else one by one
  std::vector<std::string> problems;  // why it is not better
};
[[nodiscard]] LimitSupport limit_support(const CgroupBase& base);

// "cgroup v2", "RLIMIT_AS of each process", "not enforced", ...
[[nodiscard]] std::string in_words(LimitBy by);
// For people: "memory: cgroup v2", ...
[[nodiscard]] std::vector<std::string> in_words(const LimitSupport& support);

// Processor cores that attempts are bound to where control groups cannot limit them. The least used come first, so that attempts share
// none as long as there are enough.
class CoreSet {
 public:
  // Of this machine: those that this process may use.
  CoreSet();
  explicit CoreSet(const std::vector<int>& cores);

  // As many as hold so many thousandths, at least one, at most all.
  [[nodiscard]] std::vector<int> take(std::int64_t cpus_milli);
  void give_back(const std::vector<int>& cores);

 private:
  struct Core {
    int number = 0;
    std::uint32_t users = 0;
  };
  std::vector<Core> cores_;
};

// The GPUs of a worker, each for one attempt at a time.
class DeviceSet {
 public:
  explicit DeviceSet(std::vector<int> devices);

  // The lowest numbers that are free. There must be enough: whoever admits attempts counts them.
  [[nodiscard]] std::vector<int> take(std::int64_t count);
  void give_back(const std::vector<int>& devices);
  [[nodiscard]] std::size_t left() const { return free_.size(); }

 private:
  std::vector<int> free_;  // rising
};

}  // namespace drydock::runtime

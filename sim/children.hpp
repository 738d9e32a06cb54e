// The child processes in which a worker runs its tasks, one for each slot. After so many tasks a child is replaced by a new one,
// against leaks and leftovers in memory, and that takes time.
#pragma once

#include "sim/platform.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace drydock::sim {

class Children {
 public:
  explicit Children(std::span<const WorkerFacts> workers);

  // Tasks come to a worker, each to the child that is ready first. Returns how long the last of these is not ready yet. `holder`
  // names them for give_back().
  [[nodiscard]] Duration take(WorkerId worker, std::uint32_t holder, std::uint32_t tasks, Time now);
  void give_back(WorkerId worker, std::uint32_t holder, Time now);
  // The worker's process has died: the next one has new children.
  void renew(WorkerId worker);

 private:
  struct Child {
    std::uint64_t tasks = 0;  // done
    Time ready{};
    bool busy = false;
  };
  struct Family {
    std::uint64_t most_tasks = 0;  // of a child; 0: it lives as long as its worker
    Duration restart{};
    std::vector<Child> children;
  };
  std::vector<Family> families_;                  // by worker
  std::vector<std::vector<std::uint32_t>> held_;  // by holder: children of its worker
};

}  // namespace drydock::sim

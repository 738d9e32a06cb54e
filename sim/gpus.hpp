// Which GPUs tasks really use, whatever the scheduler believes: a task takes those of its host with fewest users, the first of
// equal ones. So a GPU has two users only where there is no other way.
#pragma once

#include "sim/platform.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace drydock::sim {

class Gpus {
 public:
  explicit Gpus(std::span<const HostFacts> hosts);

  struct Demand {
    std::uint32_t tasks = 1;
    std::int64_t each = 0;  // GPUs of one task; at most the host's are taken
  };
  // `holder` names what is taken, for give_back(). Both return by how many there are now more GPUs with several users.
  std::int64_t take(HostIndex host, std::uint32_t holder, Demand demand);
  std::int64_t give_back(HostIndex host, std::uint32_t holder);

 private:
  std::vector<std::vector<std::uint32_t>> users_;  // by host and GPU
  std::vector<std::vector<std::uint32_t>> held_;   // by holder: GPUs of its host, once for each task
  std::vector<std::uint32_t> order_;               // scratch
};

}  // namespace drydock::sim

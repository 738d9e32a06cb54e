// What happened in a run for real that its schedulers were never told, or only later: from whoever drove it. All times are by the clock of its
// journals.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace drydock::reports {

struct Observations {
  Time origin{};  // time zero of the run: all figures count from here

  struct Arrival {
    Time due{};        // when it was to come
    Time submitted{};  // when it was handed in
    Duration work{};   // on a worker of speed 1; 0: not known
  };
  std::map<JobId, Arrival> arrivals;  // none: a job comes when the scheduler hears of it

  struct Ran {
    Time began = kNever;  // at its worker
    Time ended = kNever;  // likewise; kNever: not seen
  };
  std::map<AttemptId, Ran> ran;

  // By time. Without any, workers run from their registration until they leave or are given up, and deaths cannot be told from that.
  struct ProcessTurn {
    Time at{};
    WorkerId worker;
    std::uint32_t incarnation = 0;  // of one that begins, the lowest that it may have
    bool up = false;
    bool left = false;  // of one that ends: as it was asked to, so that nobody has to find out
  };
  std::vector<ProcessTurn> processes;
  struct HostTurn {  // none: each is there from the beginning
    Time at{};
    std::uint32_t host = 0;
    bool up = false;
  };
  std::vector<HostTurn> hosts;
  std::vector<Time> leaders_lost;  // by time: whoever led was killed
};

}  // namespace drydock::reports

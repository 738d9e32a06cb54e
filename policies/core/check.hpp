// The invariants, checked on a journal, with books of its own: nothing here uses Cluster or Scheduler, so that a fault there
// cannot hide itself.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock {

struct Violation {
  int invariant = 0;  // 1..8, as numbered by invariant_text()
  Time at{};
  std::string what;  // the ids involved and both values
};

// What must hold, in one sentence. A journal shows of 5 (drift) whether a counter is set to the truth where nothing is under way, and
// nothing of 6 (shares): the world in which it was made watches those. 7 (leaders) needs the journals of all schedulers: see
// check_leaders.hpp.
[[nodiscard]] std::string_view invariant_text(int invariant);

// Fed with every step in order; keeps at most Options::limit violations and counts the rest. Memory is linear in live jobs. The
// steps may hold anything: what breaks a rule is reported and then, as far as possible, taken as if it had been right.
//
// Resources of an attempt count from the request of its assignment until its release is requested or its worker is lost; if
// that release fails, again until the next request. In one commit the releases come before the assignments.
class Checker {
 public:
  struct Options {
    std::size_t limit = 100;
    bool per_worker = true;  // false where admission is by totals, which promises nothing about the cpus of a worker
    bool holds_all =
        true;  // false where some waiting jobs are in the store alone: no scheduler can tell that their id is taken
  };
  Checker();
  explicit Checker(const Options& options);
  ~Checker();
  void step(Time now, std::span<const Event> events, std::span<const Command> commands);
  // `complete`: the run went on until all jobs had ended, so that no job, allocation or request may be left over.
  void finish(bool complete);
  [[nodiscard]] const std::vector<Violation>& violations() const;
  [[nodiscard]] std::uint64_t violation_count() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock

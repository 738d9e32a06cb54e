// How fast tasks progress on the cores of their hosts, computed and not simulated: no event but the ends.
//
// A task's service is what it would take on its host, alone and at the host's normal speed. All tasks of a host progress
// equally, at factor * min(1, cores / sum of the cores they use) (generalised processor sharing with equal rates). So one
// virtual clock per host is enough: a task ends when the host's virtual time has grown by the task's service.
#pragma once

#include "policies/core/time.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace drydock::sim {

// A task's place in the table of tasks; reused after removal.
using TaskIndex = std::uint32_t;
inline constexpr TaskIndex kNoTask = std::numeric_limits<TaskIndex>::max();

class Cpu {
 public:
  // What the owner of a task says about it.
  struct TaskFacts {
    HostIndex host = 0;
    std::uint32_t owner = 0;      // whatever the caller wants to find again
    std::uint32_t tag = 0;        // likewise
    std::uint32_t tasks = 1;      // how many equal tasks it stands for
    std::int64_t cpus_milli = 0;  // of all of them
  };

  explicit Cpu(std::span<const HostFacts> hosts);

  // Puts a task on its host, idle.
  TaskIndex add(const TaskFacts& facts);
  void remove(TaskIndex task);

  // Begins to run an idle task. On a dedicated host nothing can delay it: returns its end, exact to the nanosecond. On a
  // shared host returns kNever: ask next_end() and take_ended().
  Time run(TaskIndex task, Duration service, Time now);
  // Ends the running of a task, if it runs; what it has received stays known.
  void stop(TaskIndex task, Time now);
  // Service received so far, to the nearest nanosecond; all of it once the task has ended.
  [[nodiscard]] Duration received(TaskIndex task, Time now) const;

  // Whether a task of a dedicated host has received all of its service by `now`.
  [[nodiscard]] bool ended(TaskIndex task, Time now) const { return received(task, now) == tasks_[task].service; }

  // When the next task of a shared host ends, to the nearest nanosecond (at most kTooLate); kNever if none runs.
  [[nodiscard]] Time next_end(HostIndex host) const;
  // Appends the tasks of a shared host that have ended by `now`; they are idle again.
  void take_ended(HostIndex host, Time now, std::vector<TaskIndex>& ended);

  // Changes the speed of a host from now on, to `factor` (>= 0) times the normal one. The host becomes shared: ends that
  // run() promised for its running tasks no longer hold.
  void set_factor(HostIndex host, double factor, Time now);

  [[nodiscard]] bool shared(HostIndex host) const { return hosts_[host].shared; }
  // Cores in use by running tasks, in thousandths: never more than there are; none at speed 0.
  [[nodiscard]] std::int64_t usage(HostIndex host) const;
  // Cores that running tasks ask for beyond those that there are, in thousandths.
  [[nodiscard]] std::int64_t excess(HostIndex host) const;

  [[nodiscard]] const TaskFacts& facts(TaskIndex task) const { return tasks_[task].facts; }
  // The tasks on a host, idle ones too: the first, and the one behind `task`; kNoTask at the end.
  [[nodiscard]] TaskIndex first_on(HostIndex host) const { return hosts_[host].first; }
  [[nodiscard]] TaskIndex next_on_host(TaskIndex task) const { return tasks_[task].next; }
  // A link that the caller may use to chain tasks.
  [[nodiscard]] TaskIndex chain(TaskIndex task) const { return tasks_[task].chain; }
  void set_chain(TaskIndex task, TaskIndex to) { tasks_[task].chain = to; }

 private:
  static constexpr std::uint32_t kNotInHeap = std::numeric_limits<std::uint32_t>::max();

  struct Task {
    TaskFacts facts;
    TaskIndex previous = kNoTask;
    TaskIndex next = kNoTask;
    TaskIndex chain = kNoTask;
    bool running = false;
    std::uint32_t heap_place = kNotInHeap;  // shared hosts
    std::uint64_t sequence = 0;             // of its start: ties end in this order
    Duration service{};
    Duration received{};      // when not running
    Time started{};           // dedicated hosts
    long double ends_at = 0;  // shared hosts: virtual time
  };
  struct Host {
    std::int64_t cores_milli = 0;
    std::int64_t load_milli = 0;  // sum over running tasks
    TaskIndex first = kNoTask;
    bool shared = false;
    double factor = 1.0;
    long double virtual_now = 0;  // ns of service that each running task received, as of `updated`
    Time updated{};
    std::vector<TaskIndex> heap;  // running tasks, the next to end on top
  };

  [[nodiscard]] static long double rate(const Host& host);
  [[nodiscard]] static long double virtual_time(const Host& host, Time now);
  static void update(Host& host, Time now);
  [[nodiscard]] bool ends_before(TaskIndex a, TaskIndex b) const;
  void sift_up(Host& host, std::size_t place);
  void sift_down(Host& host, std::size_t place);
  void put(Host& host, std::size_t place, TaskIndex task);
  void push(Host& host, TaskIndex task);
  void take_out(Host& host, TaskIndex task);

  std::vector<Host> hosts_;
  std::vector<Task> tasks_;
  std::vector<TaskIndex> free_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace drydock::sim

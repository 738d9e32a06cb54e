// What goes on on this machine: processors, memory, disk, network, processes, load.
#pragma once

#include "policies/core/node_admission.hpp"
#include "real-runtime/event_loop.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace drydock::runtime {

// The texts of /proc, as they were read.
struct ProcTexts {
  std::string stat;
  std::string meminfo;
  std::string loadavg;
  std::string net_dev;
};

// Sums since the machine started, and amounts of now. What a text does not tell is 0.
struct MachineReading {
  std::uint64_t cpu_ticks = 0;       // of all processors together
  std::uint64_t cpu_idle_ticks = 0;  // of these, with nothing to do or waiting for a disk
  std::int64_t memory_total = 0;     // bytes
  std::int64_t memory_available = 0;
  std::int64_t disk_total = 0;
  std::int64_t disk_free = 0;  // to programs without privileges
  std::uint64_t received = 0;  // bytes, of all network devices but the loopback
  std::uint64_t sent = 0;
  std::array<double, 3> load{};  // over 1, 5 and 15 minutes
  std::int64_t processes = 0;    // and threads
};

// Without the disk.
[[nodiscard]] MachineReading parse_reading(const ProcTexts& texts);

struct MachineUsage {
  NodeReading node;
  double received_per_s = 0;  // bytes
  double sent_per_s = 0;
  std::array<double, 3> load{};
  std::int64_t processes = 0;
};

// Between two readings, this far apart. Sums that went back count as no use.
[[nodiscard]] MachineUsage usage(const MachineReading& before, const MachineReading& after, Duration apart);

// Of this machine, now, with the disk that the folder (or the nearest one above it that exists) is on.
[[nodiscard]] MachineReading read_machine(const std::filesystem::path& folder);

// Reads every few seconds. The first usage is known one interval after the beginning; until then the processors count as idle.
class ResourceMonitor {
 public:
  ResourceMonitor(EventLoop& loop, std::filesystem::path folder, Duration interval = std::chrono::seconds{5});

  [[nodiscard]] const MachineUsage& now() const { return usage_; }

 private:
  void look();

  EventLoop& loop_;
  std::filesystem::path folder_;
  Duration interval_;
  Time read_at_{};
  MachineReading last_;
  MachineUsage usage_;
  EventLoop::Timer timer_;
};

}  // namespace drydock::runtime

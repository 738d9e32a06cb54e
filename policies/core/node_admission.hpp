// Whether a node takes one more attempt now, by what is measured on it and by its limits; and whether it is healthy. Facts in, verdict
// out. The figures are those of a node of a distributed computing platform.
#pragma once

#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace drydock {

// What was measured. Fractions are between 0 and 1; 0 of a total: it is not known, and is not judged.
struct NodeReading {
  double cpu_busy = 0;  // of all cores, since the reading before
  std::int64_t memory_total = 0;
  std::int64_t memory_available = 0;  // to new programs
  std::int64_t disk_total = 0;        // of the file system of the jobs
  std::int64_t disk_free = 0;
};

struct NodeAdmissionConfig {
  double most_cpu_busy = 0.9;
  double least_memory_free = 0.05;  // of the total, beside what the attempt holds
  double least_disk_free = 0.1;     // of the total
  // Of all that runs here at a time; 0: no limit of its own.
  std::int64_t most_cpus_milli = 0;
  std::int64_t most_memory = 0;
  std::int64_t most_disk = 0;  // bytes that the jobs' folders may take
  std::int64_t most_tasks = 0;
  Duration longest_wait = std::chrono::seconds{300};
  Duration look_again = std::chrono::seconds{10};
};

struct AdmissionFacts {
  NodeReading reading;
  Resources demand;            // of the attempt that asks
  Resources running;           // held by those that run
  std::int64_t jobs_disk = 0;  // bytes that the jobs' folders take
  Duration waited{};           // by the attempt, so far
};

struct Admitted {};
struct NotNow {
  std::string reason;
  Duration again_after{};  // ask then
};
// It has waited for too long, or can never run here.
struct Refused {
  std::string reason;
};
using AdmissionVerdict = std::variant<Admitted, NotNow, Refused>;

[[nodiscard]] AdmissionVerdict judge(const NodeAdmissionConfig& config, const AdmissionFacts& facts);

// Above 95 % of the processors or of the memory, or 90 % of the disk: not healthy, and why. Empty: healthy.
[[nodiscard]] std::string ill_health(const NodeReading& reading);

}  // namespace drydock

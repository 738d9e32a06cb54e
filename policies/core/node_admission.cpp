#include "policies/core/node_admission.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace drydock {

namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kUnhealthyCpu = 0.95;
constexpr double kUnhealthyMemory = 0.95;
constexpr double kUnhealthyDisk = 0.9;

double mib(std::int64_t bytes) { return static_cast<double>(bytes) / kMiB; }

double fraction(std::int64_t part, std::int64_t total) { return static_cast<double>(part) / static_cast<double>(total); }

// The attempt alone is more than the node may ever run.
std::string never_fits(const NodeAdmissionConfig& config, const Resources& demand) {
  if (config.most_cpus_milli > 0 && demand.cpus() > config.most_cpus_milli) {
    return fmt::format("it needs {} thousandths of a core, and this node gives at most {}", demand.cpus(),
                       config.most_cpus_milli);
  }
  if (config.most_memory > 0 && demand.memory() > config.most_memory) {
    return fmt::format("it needs {:.0f} MiB of memory, and this node gives at most {:.0f}", mib(demand.memory()),
                       mib(config.most_memory));
  }
  if (config.most_tasks > 0 && demand.slots() > config.most_tasks) {
    return fmt::format("it has {} tasks, and this node runs at most {}", demand.slots(), config.most_tasks);
  }
  return {};
}

std::string over_limit(const NodeAdmissionConfig& config, const AdmissionFacts& facts) {
  const Resources all = facts.demand + facts.running;
  if (config.most_cpus_milli > 0 && all.cpus() > config.most_cpus_milli) {
    return fmt::format("{} of {} thousandths of a core are taken", facts.running.cpus(), config.most_cpus_milli);
  }
  if (config.most_memory > 0 && all.memory() > config.most_memory) {
    return fmt::format("{:.0f} of {:.0f} MiB of memory are taken", mib(facts.running.memory()), mib(config.most_memory));
  }
  if (config.most_tasks > 0 && all.slots() > config.most_tasks) {
    return fmt::format("{} of {} tasks run", facts.running.slots(), config.most_tasks);
  }
  if (config.most_disk > 0 && facts.jobs_disk >= config.most_disk) {
    return fmt::format("the jobs' folders take {:.0f} of {:.0f} MiB", mib(facts.jobs_disk), mib(config.most_disk));
  }
  return {};
}

std::string short_of(const NodeAdmissionConfig& config, const AdmissionFacts& facts) {
  const NodeReading& now = facts.reading;
  if (now.cpu_busy > config.most_cpu_busy) {
    return fmt::format("the processors are {:.0f} % busy, above {:.0f} %", now.cpu_busy * 100, config.most_cpu_busy * 100);
  }
  if (now.memory_total > 0) {
    const std::int64_t demand = facts.demand.memory() < kUnlimited ? facts.demand.memory() : 0;
    const double kept = static_cast<double>(now.memory_total) * config.least_memory_free;
    if (static_cast<double>(now.memory_available - demand) < kept) {
      return fmt::format("{:.0f} MiB of memory are available: not {:.0f} and {:.0f} to spare", mib(now.memory_available),
                         mib(demand), kept / kMiB);
    }
  }
  if (now.disk_total > 0 && fraction(now.disk_free, now.disk_total) < config.least_disk_free) {
    return fmt::format("{:.1f} % of the disk are free, below {:.0f} %", fraction(now.disk_free, now.disk_total) * 100,
                       config.least_disk_free * 100);
  }
  return {};
}

}  // namespace

AdmissionVerdict judge(const NodeAdmissionConfig& config, const AdmissionFacts& facts) {
  if (std::string reason = never_fits(config, facts.demand); !reason.empty()) return Refused{std::move(reason)};
  std::string reason = over_limit(config, facts);
  if (reason.empty()) reason = short_of(config, facts);
  if (reason.empty()) return Admitted{};
  const Duration left = config.longest_wait - facts.waited;
  if (left > Duration{0}) return NotNow{std::move(reason), std::min(left, config.look_again)};
  return Refused{fmt::format("no room within {:.0f} s: {}", seconds(config.longest_wait), reason)};
}

std::string ill_health(const NodeReading& reading) {
  if (reading.cpu_busy > kUnhealthyCpu) return fmt::format("the processors are {:.0f} % busy", reading.cpu_busy * 100);
  if (reading.memory_total > 0) {
    const double used = 1 - fraction(reading.memory_available, reading.memory_total);
    if (used > kUnhealthyMemory) return fmt::format("{:.0f} % of the memory are used", used * 100);
  }
  if (reading.disk_total > 0) {
    const double used = 1 - fraction(reading.disk_free, reading.disk_total);
    if (used > kUnhealthyDisk) return fmt::format("{:.0f} % of the disk are used", used * 100);
  }
  return {};
}

}  // namespace drydock

#include "real-runtime/resource_monitor.hpp"

#include "real-runtime/file_text.hpp"

#include <sstream>
#include <string_view>
#include <sys/statvfs.h>
#include <system_error>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr std::int64_t kKiB = 1024;

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are in user and nice already.
void parse_stat(const std::string& text, MachineReading& reading) {
  constexpr int kIdle = 3;
  constexpr int kWaiting = 4;
  constexpr int kTimes = 8;
  std::istringstream lines(text);
  std::string name;
  if (!(lines >> name) || name != "cpu") return;
  std::uint64_t ticks = 0;
  for (int i = 0; i < kTimes && lines >> ticks; ++i) {
    reading.cpu_ticks += ticks;
    if (i == kIdle || i == kWaiting) reading.cpu_idle_ticks += ticks;
  }
}

void parse_meminfo(const std::string& text, MachineReading& reading) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name;
    std::int64_t amount = 0;
    if (!(words >> name >> amount)) continue;
    if (name == "MemTotal:") reading.memory_total = amount * kKiB;
    if (name == "MemAvailable:") reading.memory_available = amount * kKiB;
  }
}

// "0.10 0.20 0.30 2/345 6789": running and existing, then the last process.
void parse_load(const std::string& text, MachineReading& reading) {
  std::istringstream words(text);
  std::int64_t running = 0;
  char slash = 0;
  for (double& load : reading.load) words >> load;
  words >> running >> slash >> reading.processes;
}

// "  eth0: received packets ... (8 columns) sent ..."
void parse_network(const std::string& text, MachineReading& reading) {
  constexpr int kBetween = 7;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view name = std::string_view(line).substr(0, colon);
    if (name.ends_with(" lo") || name == "lo") continue;
    std::istringstream words(line.substr(colon + 1));
    std::uint64_t received = 0;
    std::uint64_t value = 0;
    words >> received;
    for (int i = 0; i < kBetween; ++i) words >> value;
    if (!(words >> value)) continue;
    reading.received += received;
    reading.sent += value;
  }
}

double per_second(std::uint64_t before, std::uint64_t after, Duration apart) {
  if (after < before || apart <= Duration{0}) return 0;
  return static_cast<double>(after - before) / seconds(apart);
}

}  // namespace

MachineReading parse_reading(const ProcTexts& texts) {
  MachineReading reading;
  parse_stat(texts.stat, reading);
  parse_meminfo(texts.meminfo, reading);
  parse_load(texts.loadavg, reading);
  parse_network(texts.net_dev, reading);
  return reading;
}

MachineUsage usage(const MachineReading& before, const MachineReading& after, Duration apart) {
  MachineUsage result;
  const bool forward = after.cpu_ticks > before.cpu_ticks && after.cpu_idle_ticks >= before.cpu_idle_ticks;
  if (forward) {
    const auto all = static_cast<double>(after.cpu_ticks - before.cpu_ticks);
    const auto idle = static_cast<double>(after.cpu_idle_ticks - before.cpu_idle_ticks);
    result.node.cpu_busy = idle < all ? 1 - idle / all : 0;
  }
  result.node.memory_total = after.memory_total;
  result.node.memory_available = after.memory_available;
  result.node.disk_total = after.disk_total;
  result.node.disk_free = after.disk_free;
  result.received_per_s = per_second(before.received, after.received, apart);
  result.sent_per_s = per_second(before.sent, after.sent, apart);
  result.load = after.load;
  result.processes = after.processes;
  return result;
}

MachineReading read_machine(const std::filesystem::path& folder) {
  MachineReading reading = parse_reading({.stat = file_text("/proc/stat"),
                                          .meminfo = file_text("/proc/meminfo"),
                                          .loadavg = file_text("/proc/loadavg"),
                                          .net_dev = file_text("/proc/net/dev")});
  std::error_code ignored;
  std::filesystem::path at = std::filesystem::absolute(folder, ignored);
  while (!std::filesystem::exists(at, ignored) && at.has_relative_path()) at = at.parent_path();
  struct statvfs disk {};
  if (::statvfs(at.c_str(), &disk) == 0) {
    reading.disk_total = static_cast<std::int64_t>(disk.f_blocks) * static_cast<std::int64_t>(disk.f_frsize);
    reading.disk_free = static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
  }
  return reading;
}

ResourceMonitor::ResourceMonitor(EventLoop& loop, std::filesystem::path folder, Duration interval)
    : loop_(loop), folder_(std::move(folder)), interval_(interval), timer_(loop, [this] { look(); }) {
  last_ = read_machine(folder_);
  usage_ = usage(last_, last_, Duration{0});
  read_at_ = loop_.now();
  timer_.start(later(read_at_, interval_));
}

void ResourceMonitor::look() {
  const MachineReading reading = read_machine(folder_);
  const Time now = loop_.now();
  usage_ = usage(last_, reading, now - read_at_);
  last_ = reading;
  read_at_ = now;
  timer_.start(later(now, interval_));
}

}  // namespace drydock::runtime

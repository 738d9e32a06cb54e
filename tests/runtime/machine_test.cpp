// What the runtime makes of this machine: recorded texts of /proc, control groups, folders of attempts, output of bounded size.
#include "real-runtime/cgroup.hpp"
#include "real-runtime/job_folder.hpp"
#include "real-runtime/job_limits.hpp"
#include "real-runtime/output_log.hpp"
#include "real-runtime/process_tree.hpp"
#include "real-runtime/resource_monitor.hpp"
#include "tests/runtime/job_world.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace drydock::runtime::machine_test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// --- the monitor ---

ProcTexts recorded() {
  return {
      .stat = "cpu  1000 10 500 8000 200 30 60 100 40 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nprocs_running 2\n",
      .meminfo = "MemTotal:       24576000 kB\nMemFree:        20000000 kB\nMemAvailable:   22000000 kB\nSwapTotal: 0 kB\n",
      .loadavg = "0.50 1.25 2.00 3/456 7890\n",
      .net_dev =
          "Inter-|   Receive                     |  Transmit\n face |bytes packets errs drop fifo frame compressed "
          "multicast|bytes\n"
          "    lo: 999 9 0 0 0 0 0 0 999 9 0 0 0 0 0 0\n"
          "  eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n  eth1:2000 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n"};
}

TEST(ResourceMonitor, ReadsRecordedTexts) {
  const MachineReading reading = parse_reading(recorded());
  EXPECT_EQ(reading.cpu_ticks, 9900U);
  EXPECT_EQ(reading.cpu_idle_ticks, 8200U);
  EXPECT_EQ(reading.memory_total, 24576000LL * 1024);
  EXPECT_EQ(reading.memory_available, 22000000LL * 1024);
  EXPECT_DOUBLE_EQ(reading.load[1], 1.25);
  EXPECT_EQ(reading.processes, 456);
  EXPECT_EQ(reading.received, 3000U);
  EXPECT_EQ(reading.sent, 507U);
}

TEST(ResourceMonitor, UseIsBetweenTwoReadings) {
  MachineReading before = parse_reading(recorded());
  MachineReading after = before;
  after.cpu_ticks += 400;
  after.cpu_idle_ticks += 100;
  after.received += 1000;
  const MachineUsage used = usage(before, after, 5s);
  EXPECT_DOUBLE_EQ(used.node.cpu_busy, 0.75);
  EXPECT_DOUBLE_EQ(used.received_per_s, 200);
  EXPECT_DOUBLE_EQ(used.sent_per_s, 0);
  EXPECT_EQ(used.node.memory_available, after.memory_available);
  // Sums that go back, as when a device is gone; and no time at all.
  std::swap(before, after);
  EXPECT_DOUBLE_EQ(usage(before, after, 5s).node.cpu_busy, 0);
  EXPECT_DOUBLE_EQ(usage(before, after, 5s).received_per_s, 0);
  EXPECT_DOUBLE_EQ(usage(before, before, 0s).node.cpu_busy, 0);
}

TEST(ResourceMonitor, WhatIsNotToldIsZero) {
  const MachineReading none = parse_reading({});
  EXPECT_EQ(none.cpu_ticks, 0U);
  EXPECT_EQ(none.memory_total, 0);
  const MachineReading odd =
      parse_reading({.stat = "cpu x", .meminfo = "MemTotal: many", .loadavg = "?", .net_dev = "eth0: 1 2"});
  EXPECT_EQ(odd.cpu_ticks, 0U);
  EXPECT_EQ(odd.memory_total, 0);
  EXPECT_EQ(odd.received, 0U);
}

TEST(ResourceMonitor, ThisMachineHasSomething) {
  const MachineReading reading = read_machine("/no/such/folder/below/the/root");
  EXPECT_GT(reading.cpu_ticks, 0U);
  EXPECT_GT(reading.memory_available, 0);
  EXPECT_GE(reading.memory_total, reading.memory_available);
  EXPECT_GT(reading.disk_total, 0);
  EXPECT_GE(reading.disk_total, reading.disk_free);
}

// --- control groups ---

TEST(Cgroups, VersionTwoAlone) {
  const auto places = parse_cgroups("30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
                                    "0::/system.slice/drydock.service\n");
  EXPECT_EQ(places.v2, "/sys/fs/cgroup/system.slice/drydock.service");
  EXPECT_TRUE(places.v1.empty());
}

TEST(Cgroups, BothVersions) {
  const auto places = parse_cgroups(
      "31 24 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "32 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
      "33 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
      "34 24 0:30 / /proc rw - proc proc rw\n",
      "5:cpu,cpuacct:/a\n4:memory:/a/b\n1:name=systemd:/\n0::/\n");
  EXPECT_EQ(places.v2, "/sys/fs/cgroup/unified");
  EXPECT_EQ(places.v1.at("memory"), "/sys/fs/cgroup/memory/a/b");
  EXPECT_EQ(places.v1.at("cpu"), "/sys/fs/cgroup/cpu,cpuacct/a");
  EXPECT_EQ(places.v1.size(), 3U) << "cpuacct too";
}

TEST(Cgroups, AMountMayShowAPart) {
  const auto places =
      parse_cgroups("30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/abc/child\n");
  EXPECT_EQ(places.v2, "/sys/fs/cgroup/child");
}

TEST(Cgroups, NoneAndNonsense) {
  for (const char* text : {"", "\n", "1 2 3", "0::", "30 24 0:26 / /x rw - cgroup2", "- - - - - - - -", "0::/\n::\n:"}) {
    const auto places = parse_cgroups(text, text);
    EXPECT_TRUE(places.v2.empty() || places.v2 == "-") << text;
    EXPECT_TRUE(places.v1.empty()) << text;
  }
  const CgroupBase none = make_cgroup_base({}, "0");
  EXPECT_EQ(none.problems, std::vector<std::string>{"no control groups are mounted"});
  const LimitSupport support = limit_support(none);
  EXPECT_EQ(support.memory, LimitBy::rlimit);
  EXPECT_EQ(support.cpus, LimitBy::affinity);
  EXPECT_EQ(support.pids, LimitBy::nothing);
  EXPECT_FALSE(support.kills_at_once);
}

// Plain files in place of a kernel: which values are written where.
TEST(Cgroups, VersionTwoIsToldItsLimits) {
  const TestFolder kernel;
  CgroupBase base{.v2 = kernel.path(), .v2_kill = true, .v2_memory = true, .v2_cpu = true, .v2_pids = true};
  // A real one would make these files by itself.
  for (const char* name : {"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max", "cgroup.kill"}) {
    kernel.put(std::string("a/") + name, "");
  }
  kernel.put("a/memory.events", "low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\noom_group_kill 1\n");
  auto group = AttemptCgroup::make(base, "a", {.memory_bytes = 1000, .cpus_milli = 1500, .pids = 7});
  ASSERT_TRUE(group.ok()) << group.error().message;
  EXPECT_EQ(text_of(kernel.path() / "a/memory.max"), "1000");
  EXPECT_EQ(text_of(kernel.path() / "a/memory.swap.max"), "0");
  EXPECT_EQ(text_of(kernel.path() / "a/cpu.max"), "150000 100000");
  EXPECT_EQ(text_of(kernel.path() / "a/pids.max"), "7");
  EXPECT_EQ(group.value().out_of_memory_kills(), 2);
  group.value().kill();
  EXPECT_EQ(text_of(kernel.path() / "a/cgroup.kill"), "1");
  EXPECT_EQ(group.value().files_to_join(), std::vector<std::string>{(kernel.path() / "a/cgroup.procs").string()});
}

TEST(Cgroups, ALimitThatCannotBeSetIsAnError) {
  const TestFolder kernel;
  const CgroupBase base{.v2 = kernel.path(), .v2_memory = true};
  const auto group = AttemptCgroup::make(base, "a", {.memory_bytes = 1000});
  ASSERT_FALSE(group.ok());
  EXPECT_NE(group.error().message.find("memory.max"), std::string::npos) << group.error().message;
  EXPECT_FALSE(fs::exists(kernel.path() / "a"));
}

TEST(Cgroups, OfProcessesThatAreGoneAreRemoved) {
  const TestFolder kernel;
  const std::string own = fmt::format("drydock-{}", process_namespace());
  for (const std::string& name : {own + "-999999999-1-0/3-1", own + "-999999999-2", std::string("drydock-1-999999999-2-0"),
                                  std::string("drydock-odd"), std::string("other")}) {
    fs::create_directories(kernel.path() / name);
  }
  CgroupPlaces places;
  places.v2 = kernel.path();
  EXPECT_EQ(end_stale_cgroups(places), 0U);
  EXPECT_FALSE(fs::exists(kernel.path() / (own + "-999999999-1-0")));
  EXPECT_FALSE(fs::exists(kernel.path() / (own + "-999999999-2")));
  EXPECT_TRUE(fs::exists(kernel.path() / "drydock-1-999999999-2-0")) << "of another namespace of processes";
  EXPECT_TRUE(fs::exists(kernel.path() / "drydock-odd"));
  EXPECT_TRUE(fs::exists(kernel.path() / "other"));
}

// --- cores and GPUs ---

TEST(CoreSet, AreSharedOnlyWhenTheyRunOut) {
  CoreSet cores({0, 1, 2, 3});
  EXPECT_EQ(cores.take(1500), (std::vector{0, 1}));
  EXPECT_EQ(cores.take(1), (std::vector{2}));
  EXPECT_EQ(cores.take(2000), (std::vector{3, 0}));
  cores.give_back({2});
  EXPECT_EQ(cores.take(1000), (std::vector{2}));
  EXPECT_EQ(cores.take(kUnlimited).size(), 4U);
}

TEST(DeviceSet, GivesTheLowestThatAreFree) {
  DeviceSet devices({7, 3, 5});
  EXPECT_EQ(devices.take(2), (std::vector{3, 5}));
  devices.give_back({3});
  EXPECT_EQ(devices.take(2), (std::vector{3, 7}));
  EXPECT_EQ(devices.left(), 0U);
  EXPECT_EQ(devices.take(0), std::vector<int>{});
}

// --- output ---

// Against all that was written: the head, the tail and a note of what is between; at any time the end can be read.
TEST(OutputLog, KeepsHeadAndTailOfWhateverComes) {
  std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same each time
  for (int round = 0; round < 300; ++round) {
    const TestFolder folder;
    const fs::path file = folder.path() / "log";
    const OutputBounds bounds{.head = random() % 50, .tail = 1 + random() % 50};
    OutputLog log(file, bounds);
    std::string all;
    for (std::size_t pieces = random() % 12; pieces > 0; --pieces) {
      std::string piece(random() % 60, ' ');
      for (char& c : piece) c = static_cast<char>('a' + random() % 26);
      log.write(piece);
      all += piece;
      const std::string end = end_of_log(file, bounds.tail);
      ASSERT_TRUE(all.ends_with(end));
      ASSERT_GE(end.size(), std::min(all.size(), std::size_t{bounds.tail}));
    }
    log.finish();
    EXPECT_EQ(log.bytes(), all.size());
    const std::string kept = text_of(file);
    if (all.size() <= bounds.head + bounds.tail) {
      EXPECT_EQ(kept, all);
      EXPECT_EQ(log.cut(), 0U);
      continue;
    }
    const std::size_t cut = all.size() - bounds.head - bounds.tail;
    EXPECT_EQ(log.cut(), cut);
    EXPECT_EQ(kept, all.substr(0, bounds.head) + "\n[... " + std::to_string(cut) + " bytes were cut here ...]\n" +
                        all.substr(all.size() - bounds.tail));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  }
}

TEST(OutputLog, WhatCannotBeWrittenIsCut) {
  const TestFolder folder;
  OutputLog log(folder.path() / "no/such/folder/log", {.head = 10, .tail = 10});
  log.write("twelve bytes");
  log.finish();
  EXPECT_EQ(log.bytes(), 12U);
  EXPECT_EQ(log.cut(), 12U);
}

// --- folders ---

void end_attempt(const fs::path& jobs, const std::string& name, std::chrono::hours age) {
  fs::create_directories(jobs / name / "results");
  EXPECT_FALSE(write_file(jobs / name / kResultFile, "{}"));
  fs::last_write_time(jobs / name / kResultFile, fs::file_time_type::clock::now() - age);
}

TEST(JobFolder, OldOnesAreRemoved) {
  const TestFolder jobs;
  end_attempt(jobs.path(), "1-1", 200h);
  end_attempt(jobs.path(), "2-1", 100h);
  end_attempt(jobs.path(), "not-an-attempt", 1000h);
  fs::create_directories(jobs.path() / "3-1/work");
  EXPECT_EQ(unfinished_attempts(jobs.path()), std::vector<fs::path>{jobs.path() / "3-1"});
  EXPECT_EQ(remove_old_attempts(jobs.path(), {.for_how_long = 168h, .most_disk_used = 1}), 1U);
  EXPECT_FALSE(fs::exists(jobs.path() / "1-1"));
  EXPECT_TRUE(fs::exists(jobs.path() / "2-1"));
  EXPECT_TRUE(fs::exists(jobs.path() / "not-an-attempt"));
  // A disk that is too full, as any is: all that have ended go, not those that run.
  EXPECT_EQ(remove_old_attempts(jobs.path(), {.for_how_long = 168h, .most_disk_used = -1}), 1U);
  EXPECT_FALSE(fs::exists(jobs.path() / "2-1"));
  EXPECT_TRUE(fs::exists(jobs.path() / "3-1"));
}

TEST(JobFolder, OthersMayNotHaveMadeIt) {
  const TestFolder folder;
  const fs::path open = folder.path() / "open";
  fs::create_directory(open);
  ::chmod(open.c_str(), 0777);
  const auto problem = make_own_folder(open);
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->message.find("others may write to"), std::string::npos) << problem->message;
  fs::create_symlink(folder.path(), folder.path() / "link");
  EXPECT_TRUE(make_own_folder(folder.path() / "link"));
  EXPECT_FALSE(make_own_folder(folder.path() / "new"));
  const auto nowhere = make_own_folder(folder.path() / "none/below");
  ASSERT_TRUE(nowhere);
  EXPECT_NE(nowhere->message.find("there is no folder " + (folder.path() / "none").string()), std::string::npos)
      << nowhere->message;
}

TEST(JobFolder, DiskUsedCountsWhatIsThere) {
  const TestFolder folder;
  EXPECT_EQ(disk_used_by(folder.path()), 0);
  folder.put("a/b", std::string(100'000, 'x'));
  EXPECT_GE(disk_used_by(folder.path()), 100'000);
}

}  // namespace
}  // namespace drydock::runtime::machine_test

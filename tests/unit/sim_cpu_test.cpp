#include "policies/core/rng.hpp"
#include "sim/common.hpp"
#include "sim/cpu.hpp"
#include "tests/unit/sim_support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace drydock::sim::sim_cpu_test {
namespace {

std::vector<HostFacts> one_host(std::uint32_t cores, bool shared) {
  return {{.group = 0, .number = 0, .cpus = cores, .oversubscribable = shared, .workers = {}}};
}

Time at(Duration since_start) { return kTimeZero + since_start; }

TEST(Cpu, DedicatedHostsEndExactly) {
  Cpu cpu(one_host(4, false));
  const TaskIndex task = cpu.add({.cpus_milli = 2000});
  const Duration service{(std::int64_t{1} << 60) + 1};
  EXPECT_EQ(cpu.run(task, service, at(5ns)), at(5ns + service));
  EXPECT_EQ(cpu.usage(0), 2000);
  EXPECT_EQ(cpu.received(task, at(8ns)), 3ns);
  cpu.stop(task, at(9ns));
  EXPECT_EQ(cpu.received(task, at(100s)), 4ns);
  EXPECT_EQ(cpu.usage(0), 0);
}

TEST(Cpu, SharedHostsSlowDownWhenOversubscribed) {
  Cpu cpu(one_host(2, true));
  std::array<TaskIndex, 4> tasks{};
  for (TaskIndex& task : tasks) task = cpu.add({.cpus_milli = 1000});
  EXPECT_EQ(cpu.run(tasks[0], 10s, at(0s)), kNever);
  EXPECT_EQ(cpu.next_end(0), at(10s));
  static_cast<void>(cpu.run(tasks[1], 10s, at(4s)));
  EXPECT_EQ(cpu.next_end(0), at(10s));  // two cores for two
  static_cast<void>(cpu.run(tasks[2], 10s, at(4s)));
  static_cast<void>(cpu.run(tasks[3], 10s, at(4s)));  // 4 on 2 cores: half speed
  EXPECT_EQ(cpu.next_end(0), at(16s));
  EXPECT_EQ(cpu.usage(0), 2000);
  std::vector<TaskIndex> ended;
  cpu.take_ended(0, at(16s), ended);
  EXPECT_EQ(ended, std::vector<TaskIndex>{tasks[0]});
  EXPECT_EQ(cpu.received(tasks[0], at(16s)), 10s);
  EXPECT_EQ(cpu.received(tasks[1], at(16s)), 6s);
  cpu.stop(tasks[1], at(16s));  // two are left, at full speed
  EXPECT_EQ(cpu.next_end(0), at(20s));
  ended.clear();
  cpu.take_ended(0, at(20s), ended);
  EXPECT_EQ(ended, (std::vector<TaskIndex>{tasks[2], tasks[3]}));  // ties in order of start
  EXPECT_EQ(cpu.next_end(0), kNever);
}

TEST(Cpu, AnEndThatIsTooLateToBeToldIsNotNoEnd) {
  Cpu cpu(one_host(1, true));
  const TaskIndex task = cpu.add({.cpus_milli = 2000});
  cpu.run(task, Duration::max(), at(1s));
  EXPECT_EQ(cpu.next_end(0), kTooLate);
  EXPECT_EQ(cpu.received(task, at(7s)), 3s);
  cpu.stop(task, at(7s));
  EXPECT_EQ(cpu.next_end(0), kNever);
}

TEST(Cpu, AStoppedTaskGivesItsShareBack) {
  Cpu cpu(one_host(1, true));
  const TaskIndex stays = cpu.add({.cpus_milli = 1000});
  const TaskIndex goes = cpu.add({.cpus_milli = 1000});
  static_cast<void>(cpu.run(stays, 10s, at(0s)));
  static_cast<void>(cpu.run(goes, 10s, at(0s)));
  cpu.stop(goes, at(4s));
  EXPECT_EQ(cpu.received(goes, at(9s)), 2s);
  EXPECT_EQ(cpu.received(stays, at(9s)), 7s);
  EXPECT_EQ(cpu.next_end(0), at(12s));
  static_cast<void>(cpu.run(goes, 1s, at(9s)));  // begins anew
  EXPECT_EQ(cpu.next_end(0), at(11s));
}

TEST(Cpu, TasksOfSeveralCoresWeighMore) {
  Cpu cpu(one_host(4, true));
  const TaskIndex wide = cpu.add({.tasks = 6, .cpus_milli = 6000});
  const TaskIndex narrow = cpu.add({.cpus_milli = 2000});
  static_cast<void>(cpu.run(wide, 10s, at(0s)));
  EXPECT_EQ(cpu.next_end(0), at(15s));
  static_cast<void>(cpu.run(narrow, 1s, at(0s)));
  EXPECT_EQ(cpu.next_end(0), at(2s));
}

TEST(Cpu, SpeedChangesReachRunningTasksOfEitherKindOfHost) {
  for (const bool shared : {false, true}) {
    Cpu cpu(one_host(2, shared));
    const TaskIndex task = cpu.add({.cpus_milli = 1000});
    const TaskIndex idle = cpu.add({.cpus_milli = 1000});
    static_cast<void>(cpu.run(task, 10s, at(0s)));
    cpu.set_factor(0, 0.25, at(4s));
    EXPECT_TRUE(cpu.shared(0));
    EXPECT_EQ(cpu.next_end(0), at(28s));
    EXPECT_EQ(cpu.received(task, at(8s)), 5s);
    cpu.set_factor(0, 2.0, at(12s));
    EXPECT_EQ(cpu.next_end(0), at(14s));
    EXPECT_EQ(cpu.run(idle, 1s, at(12s)), kNever);
    std::vector<TaskIndex> ended;
    cpu.take_ended(0, cpu.next_end(0), ended);
    EXPECT_EQ(ended, std::vector<TaskIndex>{idle});
    ended.clear();
    EXPECT_EQ(cpu.next_end(0), at(14s));
    cpu.take_ended(0, at(14s), ended);
    EXPECT_EQ(ended, std::vector<TaskIndex>{task});
  }
}

TEST(Cpu, KeepsTheTasksOfAHostInAList) {
  Cpu cpu(one_host(1, false));
  const TaskIndex a = cpu.add({});
  const TaskIndex b = cpu.add({});
  const TaskIndex c = cpu.add({});
  cpu.remove(b);
  EXPECT_EQ(cpu.first_on(0), c);
  EXPECT_EQ(cpu.next_on_host(c), a);
  EXPECT_EQ(cpu.next_on_host(a), kNoTask);
  EXPECT_EQ(cpu.add({}), b);  // places are used again
  static_cast<void>(cpu.run(a, 1s, at(0s)));
  EXPECT_DEATH(cpu.remove(a), "running");
}

struct RandomTask {
  HostIndex host = 0;
  double submit_s = 0;
  double work_s = 0;
};
struct RandomHosts {
  std::vector<HostFacts> hosts;
  std::vector<RandomTask> tasks;
};

RandomHosts oversubscribed(std::uint64_t seed) {
  RandomHosts random;
  Rng rng(seed, "cpu");
  for (std::uint32_t h = 0; h < 20; ++h) {
    const std::array cores{1U, 2U, 3U, 4U, 8U, 16U};
    const std::array speeds{1.0, 0.5, 2.0, 1.7};
    random.hosts.push_back({.group = 0,
                            .number = h,
                            .cpus = cores[rng.below(6)],
                            .speed = speeds[rng.below(4)],
                            .oversubscribable = true,
                            .workers = {}});
  }
  for (int i = 0; i < 2000; ++i) {
    random.tasks.push_back({.host = static_cast<HostIndex>(rng.below(20)),
                            .submit_s = 400 * rng.uniform(),
                            .work_s = -20 * std::log1p(-rng.uniform()) + 0.001});
  }
  std::ranges::sort(random.tasks, {}, &RandomTask::submit_s);
  return random;
}

// End of each task in seconds, by our arithmetic.
std::vector<double> ends_by_cpu(const RandomHosts& random) {
  Cpu cpu(random.hosts);
  std::vector<double> ends(random.tasks.size(), -1);
  std::vector<TaskIndex> ended;
  const auto run_until = [&](Time until) {
    while (true) {
      HostIndex first = 0;
      for (HostIndex h = 1; h < random.hosts.size(); ++h) {
        if (cpu.next_end(h) < cpu.next_end(first)) first = h;
      }
      const Time next = cpu.next_end(first);
      if (next == kNever || next > until) return;
      ended.clear();
      cpu.take_ended(first, next, ended);
      EXPECT_FALSE(ended.empty());
      for (const TaskIndex task : ended) {
        ends[cpu.facts(task).owner] = seconds(next);
        cpu.remove(task);
      }
    }
  };
  for (std::uint32_t i = 0; i < random.tasks.size(); ++i) {
    const RandomTask& task = random.tasks[i];
    const Time now = kTimeZero + duration_of_seconds(task.submit_s);
    run_until(now);
    const TaskIndex index = cpu.add({.host = task.host, .owner = i, .cpus_milli = 1000});
    static_cast<void>(cpu.run(index, duration_of_seconds(task.work_s / random.hosts[task.host].speed), now));
  }
  run_until(kNever);
  return ends;
}

// The same by SimGrid: an actor per task that sleeps until its submission and then executes.
std::vector<double> ends_by_simgrid(const RandomHosts& random) {
  namespace s4u = simgrid::s4u;
  std::array<std::string, 2> words{"test", "--log=root.threshold:critical"};
  std::array<char*, 3> argv{words[0].data(), words[1].data(), nullptr};
  int argc = 2;
  s4u::Engine engine(&argc, argv.data());
  s4u::Engine::set_config("surf/precision:1e-9");
  auto* zone = s4u::create_star_zone("zone");
  std::vector<s4u::Host*> hosts;
  for (const HostFacts& facts : random.hosts) {
    hosts.push_back(zone->create_host("host-" + std::to_string(facts.number), facts.speed * 1e9)
                        ->set_core_count(static_cast<int>(facts.cpus)));
  }
  zone->seal();
  std::vector<double> ends(random.tasks.size(), -1);
  for (std::size_t i = 0; i < random.tasks.size(); ++i) {
    s4u::Actor::create("task", hosts[random.tasks[i].host], [&random, &ends, i] {
      s4u::this_actor::sleep_until(random.tasks[i].submit_s);
      s4u::this_actor::execute(random.tasks[i].work_s * 1e9);
      ends[i] = s4u::Engine::get_clock();
    });
  }
  engine.run();
  return ends;
}

TEST(Cpu, AgreesWithSimGridOnOversubscribedHosts) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const RandomHosts random = oversubscribed(seed);
    const std::vector<double> ours = ends_by_cpu(random);
    const std::string bytes = in_child([&] {
      const std::vector<double> ends = ends_by_simgrid(random);
      return std::string(reinterpret_cast<const char*>(ends.data()), ends.size() * sizeof(double));
    });
    std::vector<double> theirs(random.tasks.size());
    ASSERT_EQ(bytes.size(), theirs.size() * sizeof(double));
    std::memcpy(theirs.data(), bytes.data(), bytes.size());
    double worst = 0;
    double delayed = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const RandomTask& task = random.tasks[i];
      worst = std::max(worst, std::abs(ours[i] - theirs[i]));
      delayed += ours[i] - task.submit_s - task.work_s / random.hosts[task.host].speed;
    }
    EXPECT_LT(worst, 1e-6) << "seed " << seed;
    EXPECT_GT(delayed, 1000) << "the hosts were not oversubscribed";
    RecordProperty("worst_difference_s_seed_" + std::to_string(seed), std::to_string(worst));
  }
}

}  // namespace
}  // namespace drydock::sim::sim_cpu_test

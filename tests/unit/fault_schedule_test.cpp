// The turns of faults, as a run for real takes them, are those of a simulation.
#include "policies/core/journal.hpp"
#include "scenarios/faults/schedule.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/random_course.hpp"
#include "sim/simgrid_engine.hpp"
#include "sim/world.hpp"
#include "tests/unit/sim_support.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace drydock::scenarios::fault_schedule_test {
namespace {

using namespace std::chrono_literals;

constexpr Time kLookUntil = kTimeZero + 1h;

std::vector<FaultTurn> turns_of(const Scenario& scenario, std::uint64_t seed, Time until = kLookUntil) {
  FaultSchedule schedule(scenario, seed);
  std::vector<FaultTurn> turns;
  while (schedule.next() < until && turns.size() < 10'000) {
    const Time next = schedule.next();
    turns.push_back(schedule.take());
    EXPECT_EQ(turns.back().at, next);
  }
  return turns;
}

std::string in_words(const std::vector<FaultTurn>& turns) {
  std::string text;
  for (const FaultTurn& turn : turns) {
    text += fmt::format("{:g}:{}:{}{} ", seconds(turn.at - kTimeZero), turn.fault, name_of(turn.phase),
                        turn.host ? fmt::format("@{}", *turn.host) : "");
  }
  return text;
}

TEST(FaultSchedule, GoesThroughTheTurnsByTime) {
  Scenario scenario = sim::scenario_on({{.name = "node", .count = 2}});
  scenario.faults = {
      sim::crash_once("node-1", 10s, 5s),
      HostTrouble{.target = "node", .when = WorkerCrash::Once{12s, 3s}, .factor = 0},
      StoreFault{.kind = StoreFault::Kind::redis_restart, .when = WorkerCrash::Once{20s, 2s}, .snapshot_age = 4s},
      StoreFault{.kind = StoreFault::Kind::redis_flush, .when = WorkerCrash::Once{1s, 0s}},
      OrderFault{.kind = OrderFault::Kind::commit_abort, .probability = 1, .at = 0s, .lasting = 2s},
      WorkerStop{.target = "node-0", .grace = {}, .when = WorkerCrash::Once{30s, 7s}}};
  EXPECT_EQ(in_words(turns_of(scenario, 1)),
            "0:4:begins 1:3:strikes 2:4:ends 10:0:begins@1 12:1:begins@0 12:1:begins@1 15:0:ends@1 15:1:ends@0 15:1:ends@1 "
            "16:2:prepares 20:2:begins 22:2:ends 30:5:strikes@0 ");
  EXPECT_EQ(turns_of(scenario, 1).back().down, Duration{7s});
}

// What ends by itself later is asked for again from then on.
TEST(FaultSchedule, AStopIsFollowedByAnotherWhenItsWorkersAreBack) {
  Scenario scenario = sim::scenario_on({{.name = "node", .count = 1}});
  scenario.faults = {
      WorkerStop{.target = "", .grace = {}, .when = WorkerCrash::Repeated{Deterministic{10}, Deterministic{3}}}};
  FaultSchedule schedule(scenario, 1);
  EXPECT_EQ(schedule.next(), kTimeZero + 10s);
  const FaultTurn first = schedule.take();
  EXPECT_EQ(first.down, Duration{3s});
  EXPECT_EQ(schedule.next(), kNever);
  schedule.back(first, kTimeZero + 100s);
  EXPECT_EQ(schedule.next(), kTimeZero + 110s);
  EXPECT_EQ(schedule.take().number, 1U);
}

// Every course, looked at as a simulation does, changes where the schedule has its turns, and nowhere else.
TEST(FaultSchedule, HasTheCoursesThatASimulationLooksAt) {
  const std::vector<Scenario> prey = load("hunt").value();
  std::set<std::string_view> seen;
  int read = 0;
  for (std::uint64_t number = 1; read < 100; ++number) {
    const auto loaded = load_text(draw_course(prey[number % prey.size()], {60s, 5, number}).dump(), "drawn", "");
    if (!loaded) continue;
    ++read;
    const Scenario& scenario = loaded.value().front();
    const std::vector<FaultTurn> turns = turns_of(scenario, number);
    const HostTroubles troubles(scenario, number);
    const Links links(scenario, number);
    const StoreFaults stores(scenario, number);
    std::map<std::pair<std::size_t, std::optional<HostIndex>>, std::vector<Time>> expected;
    std::map<std::pair<std::size_t, std::optional<HostIndex>>, std::vector<Time>> found;
    const auto look_at = [&](std::size_t fault, std::optional<HostIndex> host, const Course& course) {
      Time now = kTimeZero;
      if (course.at(now) != nullptr) expected[{fault, host}].push_back(now);
      for (now = course.next_change(now); now < kLookUntil; now = course.next_change(now))
        expected[{fault, host}].push_back(now);
    };
    for (const auto& trouble : troubles.all()) look_at(trouble.fault, trouble.host, trouble.course);
    for (const auto& cut : links.all()) look_at(cut.fault, cut.host, cut.course);
    for (const auto& store : stores.all()) {
      const Course::Span* span = store.course.span(0);
      if (span->from == span->until) expected[{store.index, std::nullopt}].push_back(span->from);  // over at once
      else look_at(store.index, std::nullopt, store.course);
    }
    for (const FaultTurn& turn : turns) {
      seen.insert(type_of(scenario.faults[turn.fault]));
      if (turn.phase == FaultTurn::Phase::prepares) continue;
      if (expected.contains({turn.fault, turn.host})) found[{turn.fault, turn.host}].push_back(turn.at);
    }
    EXPECT_EQ(found, expected) << "course " << number << ": " << in_words(turns);
  }
  for (const char* type : {"worker-crash", "worker-pause", "worker-cut", "redis-restart", "database-outage", "message-loss",
                           "commit-in-doubt"}) {
    EXPECT_TRUE(seen.contains(type)) << type;
  }
}

// When the scheduler of a simulation hears that a worker has died: at once, and from nobody but crashes.
std::vector<std::string> deaths_in_simulation(const Scenario& scenario, std::uint64_t seed) {
  const std::string recorded = sim::in_child([&] {
    std::ostringstream out;
    JournalWriter journal(out, JournalFormat::binary, JournalHeader{});
    sim::SimGridEngine engine(scenario);
    (void)sim::World(scenario, seed, {.journal = &journal}, engine).run();
    return out.str();
  });
  std::istringstream in(recorded);
  auto journal = JournalReader::open(in);
  std::vector<std::string> deaths;
  JournalStep step;
  const auto next = [&] {
    const auto more = journal.value()->next(step);
    return more.ok() && more.value();
  };
  while (journal.ok() && next()) {
    for (const Event& event : step.events) {
      const auto* died = std::get_if<LeaseExpired>(&event);
      if (died != nullptr) deaths.push_back(fmt::format("{} at {}", died->worker.value, nanos(step.now)));
    }
  }
  return deaths;
}

// Hosts that crash for real at these times, several faults at once included.
std::vector<std::string> deaths_by_schedule(const Scenario& scenario, std::uint64_t seed, Time end) {
  std::map<HostIndex, int> down_by;
  std::vector<std::string> deaths;
  for (const FaultTurn& turn : turns_of(scenario, seed, end)) {
    int& down = down_by[*turn.host];
    if (turn.phase == FaultTurn::Phase::ends) --down;
    else if (down++ == 0) deaths.push_back(fmt::format("{} at {}", *turn.host, nanos(turn.at)));
  }
  return deaths;
}

TEST(FaultSchedule, KillsHostsWhenASimulationDoes) {
  Scenario scenario = sim::scenario_on({{.name = "node", .count = 3}});
  scenario.duration = 500s;
  scenario.workload = {sim::jobs_of({{0s, 1000s}})};
  scenario.faults = {
      WorkerCrash{.target = "", .when = WorkerCrash::Repeated{Exponential{100}, Exponential{30}}},
      sim::crash_once("node-0", 60s, 20s),
      WorkerCrash{.target = "node-1", .when = WorkerCrash::Repeated{Exponential{50}, Deterministic{10}}},
  };
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto expected = deaths_in_simulation(scenario, seed);
    EXPECT_GT(expected.size(), 3U);
    EXPECT_EQ(deaths_by_schedule(scenario, seed, kTimeZero + 500s), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace drydock::scenarios::fault_schedule_test

// Two worlds, one scenario, one core: the simulation must decide what the toy world decides, to the nanosecond.

#include "policies/catalog.hpp"
#include "policies/core/journal.hpp"
#include "sim/run.hpp"
#include "tests/toy/random_scenario.hpp"
#include "tests/toy/toy_world.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::worlds_test {
namespace {

constexpr std::uint64_t kSeedsPerPolicy = 25;

struct Case {
  std::string policy;
  std::uint64_t seed = 0;
  scenarios::Scenario scenario;
};

std::filesystem::path scratch_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "drydock-worlds-XXXXXX").string();
  return mkdtemp(name.data());
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family != PolicyFamily::placement) continue;
    for (std::uint64_t seed = 1; seed <= kSeedsPerPolicy; ++seed) {
      cases.push_back({std::string(info.type), seed, toy::random_scenario(seed, info.type)});
    }
  }
  return cases;
}

// Begin and end of each attempt as the journal of a run has them. An attempt that died is closed at the death of a worker of
// its; one that was dispatched to a dead worker does not appear.
std::map<AttemptId, toy::AttemptTimes> times_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  auto journal = JournalReader::open(file);
  EXPECT_TRUE(journal.ok()) << (journal.ok() ? "" : journal.error().message);
  std::map<AttemptId, toy::AttemptTimes> times;
  std::map<AttemptId, std::vector<Placement>> running;
  JournalStep step;
  while (true) {
    const auto more = journal.value()->next(step);
    EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.error().message);
    if (!more.ok() || !more.value()) return times;
    const auto end = [&](AttemptId attempt, bool finished) {
      running.erase(attempt);
      times[attempt].ended = step.now;
      times[attempt].finished = finished;
    };
    for (const Event& event : step.events) {
      if (const auto* finished = std::get_if<AttemptFinished>(&event)) end(finished->attempt, true);
      if (const auto* stopped = std::get_if<AttemptStopped>(&event)) end(stopped->attempt, false);
      if (const auto* expired = std::get_if<LeaseExpired>(&event)) {
        std::vector<AttemptId> dead;
        for (const auto& [attempt, placements] : running) {
          for (const Placement& p : placements) {
            if (p.worker == expired->worker) dead.push_back(attempt);
          }
        }
        for (const AttemptId attempt : dead) end(attempt, false);
      }
    }
    for (const Command& command : step.commands) {
      const auto* dispatch = std::get_if<Dispatch>(&command);
      if (dispatch == nullptr) continue;
      times[dispatch->attempt] = {.started = step.now};
      running[dispatch->attempt] = {dispatch->placements.begin(), dispatch->placements.end()};
    }
  }
}

TEST(Worlds, SimulationAndToyWorldDecideTheSame) {
  const std::vector<Case> cases = all_cases();
  const std::filesystem::path folder = scratch_folder();
  std::vector<sim::RunRequest> requests;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    requests.push_back({.scenario = &cases[i].scenario,
                        .seed = cases[i].seed,
                        .options = {.check = true, .journal = folder / std::to_string(i)}});
  }
  const std::atomic<bool> stop{false};
  const auto results = sim::run_all(requests, 2, stop, {});

  std::uint64_t preempted_or_lost = 0;
  std::uint64_t stuck = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE("random_scenario(" + std::to_string(cases[i].seed) + ", \"" + cases[i].policy + "\")");
    const toy::ToyResult toy = toy::ToyWorld(cases[i].scenario, cases[i].seed).run();
    ASSERT_EQ(results[i].error.has_value(), !toy.error.empty()) << results[i].error.value_or(toy.error);
    ASSERT_EQ(results[i].steps, toy.steps);
    ASSERT_EQ(results[i].journal_hash, toy.journal_hash);
    ASSERT_EQ(times_in(folder / std::to_string(i)), toy.attempts);
    ASSERT_EQ(results[i].violation_count, 0U) << results[i].violations.front().what;
    for (const auto& [attempt, times] : toy.attempts) {
      if (times.ended != kNever && !times.finished) ++preempted_or_lost;
    }
    if (!toy.error.empty()) ++stuck;
    std::filesystem::remove(folder / std::to_string(i));
  }
  std::filesystem::remove_all(folder);
  // The scenarios must reach what is to be compared.
  EXPECT_GT(preempted_or_lost, cases.size());
  EXPECT_LT(stuck, cases.size() / 4);
}

}  // namespace
}  // namespace drydock::worlds_test

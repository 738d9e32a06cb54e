// Several schedulers that die, stand still and are cut off at random: every job ends once, two never lead at once, and nothing of a
// leader of an earlier time is accepted. Planted bugs show that these properties can fail.
#include "policies/catalog.hpp"
#include "policies/core/check_leaders.hpp"
#include "policies/core/replay.hpp"
#include "scenarios/loader.hpp"
#include "sim/world.hpp"
#include "tests/properties/seeds.hpp"
#include "tests/unit/sim_support.hpp"

#include <deque>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>

namespace drydock::sim::leaders_test {
namespace {

constexpr std::uint64_t kSeeds = 60;

class MemoryShelf final : public JournalShelf {
 public:
  JournalWriter& open(std::uint32_t /*scheduler*/, std::uint32_t /*start*/) override {
    Entry& entry = entries_.emplace_back();
    entry.writer = std::make_unique<JournalWriter>(entry.text, JournalFormat::binary, JournalHeader{"test", "{}", "", 1});
    return *entry.writer;
  }

  // What is wrong with the journals; empty: nothing.
  [[nodiscard]] std::string problem(const SchedulerConfig& config) {
    LeaderChecker leaders;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::string text = entries_[i].text.str();
      std::istringstream in(text);
      auto journal = JournalReader::open(in);
      if (!journal) return journal.error().message;
      Scheduler fresh(config, make_policies(config));
      const auto report = replay(*journal.value(), fresh);
      if (!report) return report.error().message;
      if (report.value().difference) return *report.value().difference;
      std::istringstream again(text);
      auto reader = JournalReader::open(again);
      JournalStep step;
      leaders.begin(fmt::format("journal {}", i));
      while (reader.value()->next(step).value()) leaders.step(step.now, step.events, step.commands);
    }
    const auto violations = leaders.finish();
    return violations.empty() ? "" : violations.front().what;
  }

 private:
  struct Entry {
    std::ostringstream text;
    std::unique_ptr<JournalWriter> writer;
  };
  std::deque<Entry> entries_;
};

std::string text_of(std::uint64_t seed) {
  Rng rng(seed, "leaders");
  const char* const modes[] = {R"("mode": "ideal")", R"("mode": "cycle", "cycle": "2s")",
                               R"("mode": "event", "debounce": "100ms")"};
  const char* const accountings[] = {"", R"(, "accounting": "atomic-counter")", R"(, "accounting": "fenced-counter")",
                                     R"(, "accounting": "reserve-confirm")"};
  const char* const froms[] = {"postgres", "redis", "both"};
  const std::string latency = rng.below(3) == 0 ? "1us" : "20ms";
  return fmt::format(
      R"({{"cluster": {{"hosts": [{{"name": "n", "count": 6, "cpus": 3}}],
          "stores": {{"redis": {{"latency": {{"exponential": {{"mean": "{0}"}}}}}},
                      "postgres": {{"commit": {{"exponential": {{"mean": "{0}"}}}}, "query": {{"exponential": {{"mean": "{0}"}}}}}}}}}},
        "control_plane": {{{1}, "schedulers": {2}, "lease": "15s", "renew": "5s", "margin": "1s"}},
        "workload": [{{"count": 250, "arrivals": {{"poisson": {{"rate": "0.5/s"}}}}, "duration": {{"exponential": {{"mean": "15s"}}}},
                      "tasks": {{"uniform": {{"low": 1, "high": 4}}}}}}],
        "policies": {{"liveness": {{"type": "ttl", "heartbeat": "10s", "ttl": "25s"}}{3}}},
        "faults": [{{"type": "scheduler-crash", "target": "any", "mtbf": "90s", "mttr": "20s"}},
                   {{"type": "scheduler-pause", "target": "leader", "mtbf": "60s", "mttr": "25s"}},
                   {{"type": "scheduler-cut", "target": "any", "from": "{4}", "mtbf": "80s", "mttr": "15s"}},
                   {{"type": "commit-in-doubt", "probability": 0.03}},
                   {{"type": "worker-crash", "mtbf": "10m", "mttr": "30s"}}]}})",
      latency, modes[rng.below(3)], 2 + rng.below(3), accountings[rng.below(4)], froms[rng.below(3)]);
}

scenarios::Scenario scenario_of(std::uint64_t seed) {
  auto loaded = scenarios::load_text(text_of(seed), "leaders.json", "");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded.value().front();
}

struct Plan {
  bool eager = false;
  PlantedBugs bugs{};
  bool never_stops = false;
  std::uint32_t lookahead = 0;
};

// What is wrong with a run, behind "bad: "; else its journal hash and how many writes were refused.
std::string run(std::uint64_t seed, const Plan& plan) {
  scenarios::Scenario scenario = scenario_of(seed);
  if (plan.never_stops) scenario.scheduler.control_plane.leadership.margin = -std::chrono::hours{1000};
  scenario.scheduler.control_plane.lookahead = plan.lookahead;
  MemoryShelf shelf;
  SimGridEngine engine(scenario);
  const WorldOptions options{.eager = plan.eager, .check = true, .journals = &shelf, .bugs = plan.bugs};
  const reports::RunResult result = World(scenario, seed, options, engine).run();
  if (result.error) return "bad: " + *result.error;
  if (result.violation_count > 0) return "bad: " + result.violations.front().what;
  if (result.metrics.at("jobs_completed") != 250) return "bad: jobs are missing";
  SchedulerConfig config = scenario.scheduler;
  config.seed = seed;
  if (const std::string problem = shelf.problem(config); !problem.empty()) return "bad: " + problem;
  return fmt::format("{:016x} {} {}", result.journal_hash, result.metrics.at("refused_writes"),
                     result.metrics.at("leader_changes"));
}

TEST(Leaders, EveryJobEndsOnceWhateverHappensToThem) {
  double refused = 0;
  double changes = 0;
  double seeds = 0;
  properties::for_each_seed(kSeeds, "", [&](std::uint64_t seed) {
    const auto lookahead = static_cast<std::uint32_t>(seed % 2 == 0 ? 0 : 1 + seed % 5);
    const std::string lazy = in_child([&] { return run(seed, {.lookahead = lookahead}); });
    EXPECT_FALSE(lazy.starts_with("bad")) << "seed " << seed << ": " << lazy << '\n' << text_of(seed);
    EXPECT_EQ(lazy, in_child([&] { return run(seed, {.eager = true, .lookahead = lookahead}); })) << "seed " << seed;
    std::istringstream in(lazy);
    std::string hash;
    double r = 0;
    double c = 0;
    in >> hash >> r >> c;
    refused += r;
    changes += c;
    ++seeds;
  });
  if (seeds < 10) return;  // a single one was asked for
  EXPECT_GT(refused, seeds);
  EXPECT_GT(changes, 3 * seeds);
}

// As in_child, but the child may die: a bug that was planted may break what a part of the world takes for granted.
std::string planted_child(const std::function<std::string()>& body) {
  auto [mine, its] = connected_pair();
  const pid_t self = getpid();
  const pid_t child = fork_child();
  if (child == 0) {
    become_helper(self);
    mine.reset();
    std::freopen("/dev/null", "w", stderr);
    const std::string text = body();
    (void)send_message(its.get(), text);
    _exit(0);
  }
  its.reset();
  MessageReader reader;
  while (reader.fill(mine.get())) {}
  const std::string end = wait_for_end(child);
  return end.empty() ? reader.next().value_or("bad: it said nothing") : "bad: the run " + end;
}

// By one of many runs: what breaks must meet a moment at which it matters.
bool is_found(const Plan& plan) {
  for (std::uint64_t seed = 1; seed <= 10 * kSeeds; ++seed) {
    // It may also be stopped by a check of its own.
    if (planted_child([&] { return run(seed, plan); }).starts_with("bad")) return true;
  }
  return false;
}

TEST(Leaders, AStoreThatDoesNotLookAtEpochsIsFound) { EXPECT_TRUE(is_found({.bugs = {.store_ignores_epochs = true}})); }

TEST(Leaders, ALeaderThatDoesNotStopByItselfIsFound) { EXPECT_TRUE(is_found({.never_stops = true})); }

}  // namespace
}  // namespace drydock::sim::leaders_test

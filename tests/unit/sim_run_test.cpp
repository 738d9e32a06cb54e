#include "policies/core/journal.hpp"
#include "sim/result_wire.hpp"
#include "sim/run.hpp"
#include "tests/unit/sim_support.hpp"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace drydock::sim::sim_run_test {
namespace {

using reports::RunResult;
using scenarios::Scenario;

const std::atomic<bool> kGoOn{false};

Scenario random_jobs(std::uint64_t count, std::uint32_t hosts = 3) {
  Scenario scenario = scenario_on({{.name = "node", .count = hosts}});
  JobSpec shape;
  shape.per_task = make_resources({.cpus_milli = 1000});
  scenario.workload = {scenarios::SyntheticSource{.name = "jobs",
                                                  .count = count,
                                                  .arrivals = scenarios::PoissonArrivals{0.8},
                                                  .cycle = {},
                                                  .duration = scenarios::Exponential{1},
                                                  .tasks = {},
                                                  .estimate_factor = {},
                                                  .shape = shape}};
  return scenario;
}

TEST(ResultWire, CarriesEverything) {
  RunResult result{.variant = "easy \"x\"",
                   .seed = ~std::uint64_t{0},
                   .metrics = {{"a", 0.1}, {"b", -1e300}},
                   .distributions = {{"wait_s", {{0, 1.5}, {3, 4}}}},
                   .checked = true,
                   .violations = {{.invariant = 3, .at = time_at(-7), .what = std::string("nul \0 inside", 12)}},
                   .violation_count = 12,
                   .journal_hash = 13,
                   .steps = 14,
                   .partial = true,
                   .cpu_s = 1.5,
                   .peak_rss_bytes = 2.5,
                   .error = "why",
                   .settling = RunResult::Settling{.deleted = 15, .settled = false}};
  result.metrics["inf"] = std::numeric_limits<double>::infinity();
  const std::string bytes = encode_result(result);
  const RunResult back = decode_result(bytes).value();
  EXPECT_EQ(back.variant, result.variant);
  EXPECT_EQ(back.seed, result.seed);
  EXPECT_EQ(back.metrics, result.metrics);
  EXPECT_EQ(back.distributions, result.distributions);
  EXPECT_TRUE(back.checked);
  ASSERT_EQ(back.violations.size(), 1U);
  EXPECT_EQ(back.violations[0].invariant, 3);
  EXPECT_EQ(back.violations[0].at, time_at(-7));
  EXPECT_EQ(back.violations[0].what, result.violations[0].what);
  EXPECT_EQ(back.violation_count, 12U);
  EXPECT_EQ(back.journal_hash, 13U);
  EXPECT_EQ(back.steps, 14U);
  EXPECT_TRUE(back.partial);
  EXPECT_EQ(back.cpu_s, 1.5);
  EXPECT_EQ(back.peak_rss_bytes, 2.5);
  EXPECT_EQ(back.error, "why");
  EXPECT_FALSE(decode_result(encode_result({})).value().error);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_result(std::string_view(bytes).substr(0, cut)));
  EXPECT_FALSE(decode_result(bytes + "x"));
}

TEST(RunAll, GivesResultsInTheOrderOfRequestsWhateverRunsBesideWhat) {
  const std::vector<Scenario> scenarios{random_jobs(500), random_jobs(100), random_jobs(300, 5)};
  std::vector<RunRequest> requests;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const Scenario& scenario : scenarios) requests.push_back({.scenario = &scenario, .seed = seed, .options = {}});
  }
  const auto alone = run_all(requests, 1, kGoOn, {});
  const auto together = run_all(requests, 4, kGoOn, {});
  ASSERT_EQ(alone.size(), requests.size());
  const std::vector<double> jobs{500, 100, 300};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_FALSE(alone[i].error) << *alone[i].error;
    EXPECT_EQ(alone[i].metrics.at("jobs_completed"), jobs[i % 3]);
    EXPECT_EQ(alone[i].seed, requests[i].seed);
    EXPECT_EQ(alone[i].journal_hash, together[i].journal_hash);
    EXPECT_EQ(alone[i].metrics, together[i].metrics);
    EXPECT_GT(alone[i].peak_rss_bytes, 1e6);
    if (i >= 3) {
      EXPECT_NE(alone[i].journal_hash, alone[i - 3].journal_hash);  // another seed
    }
  }
  EXPECT_TRUE(run_all({}, 2, kGoOn, {}).empty());
}

TEST(RunAll, IsWhatOneRunGives) {
  const Scenario scenario = random_jobs(200);
  const std::string hash = in_child([&] { return std::to_string(run_one(scenario, 5, {}, kGoOn).journal_hash); });
  const RunRequest request{.scenario = &scenario, .seed = 5, .options = {}};
  EXPECT_EQ(hash, std::to_string(run_all({&request, 1}, 1, kGoOn, {})[0].journal_hash));
}

TEST(RunAll, ARunThatDiesIsAnErrorOfThatRunAlone) {
  Scenario broken = random_jobs(10);
  broken.pools[0].hosts = {"nowhere"};  // the loader refuses this; the world stops the process
  broken.variant = "broken";
  const Scenario good = random_jobs(10);
  const std::vector<RunRequest> requests{{.scenario = &good, .seed = 1, .options = {}},
                                         {.scenario = &broken, .seed = 2, .options = {}},
                                         {.scenario = &good, .seed = 3, .options = {}}};
  const auto results = run_all(requests, 2, kGoOn, {});
  EXPECT_FALSE(results[0].error);
  EXPECT_FALSE(results[2].error);
  ASSERT_TRUE(results[1].error);
  EXPECT_EQ(*results[1].error, "the process of this run was killed by signal 6 (Aborted)");
  EXPECT_EQ(results[1].variant, "broken");
  EXPECT_EQ(results[1].seed, 2U);
}

TEST(RunAll, APlatformThatCannotBeBuiltIsAnErrorOfItsRuns) {
  Scenario broken = random_jobs(10);
  broken.hosts.push_back(broken.hosts[0]);  // the same names twice
  const Scenario good = random_jobs(10);
  const std::vector<RunRequest> requests{{.scenario = &broken, .seed = 1, .options = {}},
                                         {.scenario = &broken, .seed = 2, .options = {}},
                                         {.scenario = &good, .seed = 3, .options = {}}};
  for (const unsigned jobs : {1U, 3U}) {
    const auto results = run_all(requests, jobs, kGoOn, {});
    EXPECT_NE(results[0].error.value_or("").find("the platform cannot be built"), std::string::npos) << *results[0].error;
    EXPECT_EQ(results[0].error, results[1].error);
    EXPECT_FALSE(results[2].error) << *results[2].error;
  }
}

TEST(RunAll, AKilledBuilderIsAnErrorOfItsRunsAndNoHang) {
  const std::string children = "/proc/self/task/" + std::to_string(getpid()) + "/children";
  if (!std::filesystem::exists(children)) GTEST_SKIP() << "this kernel does not list children";
  const Scenario endless = random_jobs(1'000'000'000);
  const RunRequest request{.scenario = &endless, .seed = 1, .options = {}};
  const auto results = run_all({&request, 1}, 1, kGoOn, [&](const Progress& p) {
    pid_t builder = 0;
    if (p.fraction > 0 && p.runs_done == 0 && std::ifstream(children) >> builder) kill(builder, SIGKILL);
  });
  EXPECT_EQ(results[0].error, "the process that builds the platform was killed by signal 9 (Killed)");
}

TEST(RunAll, StopsEarlyAndMarksWhatIsPartial) {
  const Scenario scenario = random_jobs(1'000'000'000);
  const std::vector<RunRequest> requests(3, RunRequest{.scenario = &scenario, .seed = 1, .options = {}});
  std::atomic<bool> stop{false};
  // Stops once the first run is under way.
  const auto progress = [&](const Progress& p) {
    EXPECT_EQ(p.runs_total, 3U);
    if (p.fraction > 0) stop = true;
  };
  const auto results = run_all(requests, 1, stop, progress);
  EXPECT_TRUE(results[0].partial);
  EXPECT_FALSE(results[0].error);
  EXPECT_GT(results[0].metrics.at("jobs_completed"), 0);
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_TRUE(results[i].partial);
    EXPECT_EQ(results[i].error, "not run: the program was interrupted before");
  }
}

TEST(RunAll, KillsWhatDoesNotStopAndKeepsWhatTheOthersHave) {
  const Scenario willing = random_jobs(1'000'000'000);
  Scenario stuck = random_jobs(1);  // counts jobs for its warm-up, of which there are 3e15
  auto& source = std::get<scenarios::SyntheticSource>(stuck.workload[0]);
  source.count.reset();
  source.arrivals = scenarios::PoissonArrivals{1e6};
  stuck.duration = std::chrono::hours{24 * 36500};
  stuck.warmup.fraction = 0.1;
  const std::vector<RunRequest> requests{{.scenario = &stuck, .seed = 1, .options = {}},
                                         {.scenario = &willing, .seed = 2, .options = {}},
                                         {.scenario = &willing, .seed = 3, .options = {}}};
  std::atomic<bool> stop{false};
  const auto results = run_all(requests, 2, stop, [&](const Progress& p) { stop = stop || p.fraction > 0; });
  EXPECT_TRUE(results[0].partial);
  EXPECT_EQ(results[0].error, "not finished: interrupted before it could say what there was");
  EXPECT_TRUE(results[1].partial);
  EXPECT_FALSE(results[1].error) << *results[1].error;
  EXPECT_GT(results[1].metrics.at("jobs_completed"), 0);
  EXPECT_EQ(results[2].error, "not run: the program was interrupted before");
}

TEST(RunAll, ReportsProgressUpToTheEnd) {
  const Scenario scenario = random_jobs(100);
  const std::vector<RunRequest> requests(5, RunRequest{.scenario = &scenario, .seed = 1, .options = {}});
  std::vector<Progress> seen;
  static_cast<void>(run_all(requests, 2, kGoOn, [&](const Progress& p) { seen.push_back(p); }));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().runs_done, 5U);
  EXPECT_EQ(seen.back().runs_total, 5U);
  EXPECT_EQ(seen.back().fraction, 1.0);
}

TEST(RunAll, WritesTheJournalOrSaysWhyNot) {
  const Scenario scenario = random_jobs(50);
  std::string folder = (std::filesystem::temp_directory_path() / "drydock-run-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::filesystem::path path = std::filesystem::path(folder) / "journal";
  const std::filesystem::path nowhere = std::filesystem::path(folder) / "no" / "such" / "folder";
  const std::vector<RunRequest> requests{{.scenario = &scenario, .seed = 1, .options = {.journal = path}},
                                         {.scenario = &scenario, .seed = 1, .options = {.journal = nowhere}},
                                         {.scenario = &scenario, .seed = 1, .options = {.journal = "/dev/full"}}};
  const auto results = run_all(requests, 2, kGoOn, {});
  ASSERT_FALSE(results[0].error) << *results[0].error;
  std::ifstream file(path, std::ios::binary);
  auto journal = JournalReader::open(file);
  ASSERT_TRUE(journal.ok()) << journal.error().message;
  EXPECT_EQ(journal.value()->header().seed, 1U);
  JournalStep step;
  std::uint64_t steps = 0;
  while (journal.value()->next(step).value()) ++steps;
  EXPECT_EQ(steps, results[0].steps);
  EXPECT_EQ(step.hash, results[0].journal_hash);
  EXPECT_NE(results[1].error.value_or("").find("No such file"), std::string::npos);
  EXPECT_NE(results[2].error.value_or("").find("disk full"), std::string::npos);
  std::filesystem::remove_all(folder);
}

// A helper that is killed from outside must not leave the others waiting.
TEST(Processes, TellHowAChildEnded) {
  const auto ended = [](auto body) {
    const pid_t child = fork_child();
    if (child == 0) body();
    return wait_for_end(child);
  };
  EXPECT_EQ(ended([] { _exit(0); }), "");
  EXPECT_EQ(ended([] { _exit(3); }), "ended with exit code 3");
  EXPECT_EQ(ended([] { kill(getpid(), SIGKILL); }), "was killed by signal 9 (Killed)");
}

TEST(Processes, PutMessagesTogetherFromPieces) {
  auto [mine, its] = connected_pair();
  const std::string big(300'000, 'x');
  std::thread sender([fd = its.get(), &big] {
    EXPECT_TRUE(send_message(fd, ""));
    EXPECT_TRUE(send_message(fd, big));
  });
  MessageReader reader;
  std::vector<std::string> messages;
  while (messages.size() < 2 && reader.fill(mine.get())) {
    while (auto message = reader.next()) messages.push_back(std::move(*message));
  }
  sender.join();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0], "");
  EXPECT_EQ(messages[1], big);
  mine.reset();
  EXPECT_FALSE(send_message(its.get(), big));  // and no SIGPIPE
}

}  // namespace
}  // namespace drydock::sim::sim_run_test

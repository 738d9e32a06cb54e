// `drydock rehearse` from outside: small scenarios, simulated and for real.
#include "tests/runtime/up_support.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace drydock::cli::up_rehearse_test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Json json_file(const std::string& path) { return Json::parse(std::ifstream(path), nullptr, false); }

std::string scenario(const std::string& faults, const std::string& more = "") {
  return fmt::format(R"({{
    "name": "small",
    "cluster": {{"hosts": [{{"name": "node", "count": 2, "cpus": 2}}]}},
    "control_plane": {{"mode": "event"}},
    "workload": [{{"name": "short", "count": 12, "arrivals": {{"poisson": {{"rate": "20/s"}}}},
                  "duration": {{"deterministic": "400ms"}}}}],
    "policies": {{"liveness": {{"type": "ttl", "heartbeat": "500ms", "ttl": "1500ms"}}, "accounting": {{"type": "fenced-counter"}}}},
    "faults": {}{}
  }})",
                     faults, more);
}

void expect_good_journals(const std::string& folder) {
  std::size_t journals = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".journal") continue;
    ++journals;
    for (const char* command : {"check", "replay"}) {
      const Ran ran = run_binary({command, entry.path().string()});
      EXPECT_EQ(ran.code, 0) << command << " " << entry.path() << ran.out << ran.err;
    }
  }
  EXPECT_GT(journals, 0U);
}

TEST(Rehearse, BothWorldsHaveTheFiguresOfSimulateAndAreCompared) {
  const Folder folder;
  const std::string out = folder.path("out");
  const std::string file = folder.file("scenario.json", scenario("[]", R"(, "variants": [{"name": "first-come"},
      {"name": "shortest", "set": {"/policies/placement": "sjf"}}])"));
  const Ran ran = run_binary({"rehearse", file, "--repeats", "2", "--in-process", "--out", out, "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  const Json rehearsal = Json::parse(ran.out);
  EXPECT_EQ(rehearsal["schema"], "drydock.rehearsal/1");
  ASSERT_EQ(rehearsal["variants"].size(), 2U);
  EXPECT_EQ(rehearsal["variants"][0]["n"], 2);
  EXPECT_TRUE(has(rehearsal["cautions"].dump(), "calibration"));

  const Json real = json_file(out + "/real/result.json");
  const Json predicted = json_file(out + "/predicted/result.json");
  EXPECT_EQ(real["world"], "real");
  ASSERT_EQ(real["runs"].size(), 4U);
  ASSERT_EQ(predicted["runs"].size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const Json& metrics = real["runs"][i]["metrics"];
    EXPECT_EQ(metrics["jobs_completed"], 12);
    EXPECT_EQ(real["runs"][i]["checked"], true);
    EXPECT_EQ(real["runs"][i]["violation_count"], 0);
    EXPECT_EQ(real["runs"][i]["seed"], predicted["runs"][i]["seed"]);
    // The same jobs came at the same times, and took as long: a real run is not faster.
    const double makespan = metrics["makespan_s"];
    EXPECT_GE(makespan, predicted["runs"][i]["metrics"]["makespan_s"].get<double>() - 0.01);
    EXPECT_GE(metrics["phase_start_s.mean"].get<double>(), 0);
    EXPECT_TRUE(metrics.contains("phase_report_s.mean"));
    EXPECT_TRUE(metrics.contains("drift.abs_max"));
    EXPECT_FALSE(predicted["runs"][i]["metrics"].contains("phase_report_s.mean"));
  }
  expect_good_journals(out + "/real");
  expect_good_journals(out + "/predicted");

  const Ran compared = run_binary({"compare", out + "/predicted", out + "/real"});
  EXPECT_EQ(compared.code, 0) << compared.err;
  EXPECT_TRUE(has(compared.out, "THE SIMULATION AGAINST REALITY")) << compared.out;
}

// A worker process is killed: when that was, and when the scheduler knew, is measured.
TEST(Rehearse, ACrashIsMeasuredFromTheKill) {
  const Folder folder;
  const std::string out = folder.path("out");
  const std::string file = folder.file(
      "scenario.json", scenario(R"([{"type": "worker-crash", "target": "node-0", "at": "300ms", "for": "4s"}])"));
  const Ran ran = run_binary({"rehearse", file, "--out", out});
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_TRUE(has(ran.out, "detection time")) << ran.out;
  const Json metrics = json_file(out + "/real/result.json")["runs"][0]["metrics"];
  EXPECT_EQ(metrics["jobs_completed"], 12);
  EXPECT_GT(metrics["attempts_lost"].get<double>(), 0);
  EXPECT_GT(metrics["detection_s.mean"].get<double>(), 0.9);  // a lease of 1.5 s, and at most 0.5 s of it were over
  EXPECT_GT(metrics["wasted_cpu_s"].get<double>(), 0);
  const Json faults = json_file(out + "/real/faults.json");
  EXPECT_EQ(faults[0]["faults"][0]["turns"][0]["phase"], "begins");
  expect_good_journals(out + "/real");
}

TEST(Rehearse, WithoutAPredictionThereIsOnlyTheRealRun) {
  const Folder folder;
  const std::string file = folder.file("scenario.json", scenario("[]"));
  const Ran ran = run_binary({"rehearse", file, "--no-prediction", "--in-process", "--format", "json", "--seed", "9"});
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  const Json result = Json::parse(ran.out);
  EXPECT_EQ(result["schema"], "drydock.result/1");
  EXPECT_EQ(result["runs"][0]["seed"], 9);
}

TEST(Rehearse, ManyWorkersArePartsOfTheProcess) {
  const Folder folder;
  std::string text = scenario("[]");
  const std::string count = R"("count": 2, "cpus": 2)";
  text.replace(text.find(count), count.size(), R"("count": 65, "cpus": 1)");
  const Ran ran = run_binary({"rehearse", folder.file("scenario.json", text), "--no-prediction", "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_TRUE(has(ran.err, "65 workers: they are parts of this process")) << ran.err;
}

TEST(Rehearse, WhatCannotBeIsRefused) {
  const Folder folder;
  const std::string file = folder.file("scenario.json", scenario("[]"));
  const Ran fast = run_binary({"rehearse", file, "--time-scale", "4"});
  EXPECT_EQ(fast.code, 2);
  EXPECT_TRUE(has(fast.err, "scale by 1 at most")) << fast.err;
  const Ran unknown = run_binary({"rehearse", file, "--variant", "none"});
  EXPECT_EQ(unknown.code, 2);
  const Ran slow = run_binary({"rehearse", file, "--time-scale", "0.5"});
  EXPECT_EQ(slow.code, 2);
  const Ran nowhere = run_binary({"rehearse", file, "--out", "/proc/none"});
  EXPECT_EQ(nowhere.code, 2) << nowhere.err;
}

std::size_t entries_of(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Runs drydock with this folder for what is temporary, and interrupts it this long after the first of its servers has a place there. How it
// ended.
int interrupted(const std::vector<std::string>& words, const std::string& temporary, std::chrono::milliseconds after) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> arguments{const_cast<char*>(DRYDOCK_BINARY)};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::setenv("TMPDIR", temporary.c_str(), 1);
    if (std::freopen("/dev/null", "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(126);
    ::execv(DRYDOCK_BINARY, arguments.data());
    ::_exit(127);
  }
  int status = 0;
  while (entries_of(temporary) == 0) {
    if (::waitpid(child, &status, WNOHANG) == child) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  std::this_thread::sleep_for(after);
  ::kill(child, SIGINT);
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Wherever it is: while the servers start, too.
TEST(Rehearse, CtrlCLeavesNothing) {
  const Folder folder;
  const std::string out = folder.path("out");
  const std::string temporary = folder.path("t");
  const std::string file = folder.file("scenario.json", scenario("[]", R"(, "duration": "60s")"));
  fs::create_directory(temporary);
  for (const std::string& path : {folder.path(""), temporary})
    fs::permissions(path, fs::perms{0777});  // a server is nobody's
  const std::vector<std::string> rehearse{"rehearse", file, "--no-prediction", "--in-process", "--out", out};
  EXPECT_EQ(interrupted(rehearse, temporary, std::chrono::milliseconds{0}), 130);
  EXPECT_EQ(entries_of(temporary), 0U);
  EXPECT_EQ(interrupted({"up", file}, temporary, std::chrono::milliseconds{100}), 130);
  EXPECT_EQ(entries_of(temporary), 0U);
  EXPECT_EQ(interrupted(rehearse, temporary, std::chrono::seconds{4}), 130);
  EXPECT_EQ(entries_of(temporary), 0U);
  EXPECT_EQ(json_file(out + "/real/result.json")["partial"], true);
}

}  // namespace
}  // namespace drydock::cli::up_rehearse_test

#include "scenarios/import.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::scenarios::batsim_test {
namespace {

Result<RawTrace> read(const std::string& text, double flops_per_s = 1e9) {
  return read_batsim(open_memory(text), "log.json", flops_per_s);
}

std::string workload(const std::string& jobs, const std::string& profiles) {
  return R"({"nb_res": 8, "jobs": [)" + jobs + R"(], "profiles": {)" + profiles + "}}";
}

constexpr const char* kProfiles = R"(
  "wait": {"type": "delay", "delay": 20.5},
  "all": {"type": "parallel_homogeneous", "cpu": 5e9, "com": 100},
  "sum": {"type": "parallel_homogeneous_total", "cpu": 8e9, "com": 0},
  "each": {"type": "parallel", "cpu": [1e9, 3e9, 2e9], "com": [0, 0, 0, 0, 0, 0, 0, 0, 0]},
  "twice": {"type": "sequence", "repeat": 2, "seq": ["wait", "sum"]},
  "old": {"type": "msg_par_hg", "cpu": 1e9, "com": 0},
  "smpi": {"type": "smpi", "trace": "x.txt"},
  "nothing": {"type": "delay", "delay": 0},
  "loop": {"type": "composed", "seq": ["loop"]},
  "bad": {"type": "delay", "delay": "long"})";

std::int64_t runtime_ns(const std::string& profile, int processors) {
  const auto trace = read(workload(R"({"id": 0, "subtime": 1.5, "walltime": 1000, "res": )" + std::to_string(processors) +
                                       R"(, "profile": ")" + profile + R"("})",
                                   kProfiles));
  EXPECT_TRUE(trace.ok()) << trace.error().message;
  return trace.ok() && !trace.value().jobs.empty() ? trace.value().jobs.front().runtime_ns : -1;
}

TEST(Batsim, ProfilesSayHowLongAJobTakes) {
  EXPECT_EQ(runtime_ns("wait", 1), 20'500'000'000);
  EXPECT_EQ(runtime_ns("all", 4), 5'000'000'000);
  EXPECT_EQ(runtime_ns("sum", 4), 2'000'000'000);
  EXPECT_EQ(runtime_ns("each", 3), 3'000'000'000) << "as long as the slowest";
  EXPECT_EQ(runtime_ns("twice", 4), 2 * (20'500'000'000 + 2'000'000'000));
  EXPECT_EQ(runtime_ns("old", 2), 1'000'000'000);
}

TEST(Batsim, FlopsAreThoseOfAProcessor) {
  const auto trace = read(workload(R"({"subtime": 0, "res": 1, "profile": "all"})", kProfiles), 1e10);
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().jobs.front().runtime_ns, 500'000'000);
}

TEST(Batsim, JobsAreSortedAndCutOffAtTheirWalltime) {
  const auto trace = read(workload(R"({"subtime": 9, "res": 2, "profile": "wait"},
                                      {"subtime": 3, "res": 1, "walltime": 10, "profile": "wait"})",
                                   kProfiles));
  ASSERT_TRUE(trace.ok());
  ASSERT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().jobs[0].submit_ns, 3'000'000'000);
  EXPECT_EQ(trace.value().jobs[0].runtime_ns, 10'000'000'000);
  EXPECT_EQ(trace.value().jobs[0].requested_ns, 10'000'000'000);
  EXPECT_EQ(trace.value().jobs[1].requested_ns, -1);
  EXPECT_EQ(trace.value().header.at("MaxProcs"), "8");
  ASSERT_EQ(trace.value().remarks.size(), 1U);
  EXPECT_EQ(trace.value().remarks.begin()->second.first_lines, std::vector<std::uint64_t>{2});
}

TEST(Batsim, WhatCannotBeComputedIsSkippedAndCounted) {
  const auto trace =
      read(workload(R"({"subtime": 0, "res": 1, "profile": "wait"}, {"subtime": 0, "res": 1, "profile": "smpi"},
                                      {"subtime": 0, "res": 1, "profile": "none"}, {"subtime": 0, "res": 0, "profile": "wait"},
                                      {"subtime": 0, "res": 1, "profile": "loop"}, {"subtime": 0, "res": 1, "profile": "bad"},
                                      {"subtime": 0, "res": 1, "profile": "nothing"}, {"subtime": 0, "res": 1, "profile": "all"})",
                    kProfiles));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().read, 8U);
  EXPECT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().skipped.size(), 6U);
  EXPECT_EQ(trace.value().remarks.size(), 1U) << "communication";
}

TEST(Batsim, ProfilesThatNameOneAnotherManyTimesAreWorkedOutOnce) {
  std::string profiles = R"("p0": {"type": "delay", "delay": 1e-9})";
  for (int i = 1; i < 15; ++i) {
    profiles += ", \"p" + std::to_string(i) + "\": {\"type\": \"sequence\", \"seq\": [";
    for (int k = 0; k < 50; ++k) profiles += (k == 0 ? "\"p" : ", \"p") + std::to_string(i - 1) + "\"";
    profiles += "]}";
  }
  const auto trace = read(workload(R"({"subtime": 0, "res": 1, "profile": "p14"})", profiles));
  EXPECT_FALSE(trace.ok()) << "50^14 ns are too long";
}

TEST(Batsim, BadFilesAreRefusedWithTheirPlace) {
  const auto message = [](const std::string& text) {
    const auto trace = read(text);
    return trace.ok() ? std::string("accepted") : trace.error().message;
  };
  EXPECT_EQ(message(""), "log.json:1: is no JSON here: expected a workload of Batsim");
  EXPECT_EQ(message("{\n\"jobs\": [}"), "log.json:2: is no JSON here: expected a workload of Batsim");
  EXPECT_EQ(message(R"({"jobs": [1e999]})"), "log.json: holds a number that is too large");
  EXPECT_NE(message("[]").find("expected an object with an array \"jobs\""), std::string::npos);
  EXPECT_EQ(message(R"({"jobs": []})"), "log.json: /jobs: holds no jobs");
  EXPECT_EQ(message(R"({"jobs": [{"res": 1}]})"), "log.json: /jobs/0/subtime: expected a number");
  EXPECT_EQ(message(workload(R"({"subtime": -1, "res": 1, "profile": "wait"})", kProfiles)),
            "log.json: /jobs/0/subtime: expected seconds, from 0 to 1e9");
  EXPECT_EQ(message(workload(R"({"subtime": 0, "res": 1.5, "profile": "wait"})", kProfiles)),
            "log.json: /jobs/0/res: expected a whole number of processors");
}

TEST(Batsim, ScenariosAndTheirImportRunIt) {
  const auto folder = std::filesystem::temp_directory_path() / ("drydock-batsim-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "log.json";
  std::ofstream(file) << workload(
      R"({"subtime": 0, "res": 9, "profile": "wait"}, {"subtime": 1, "res": 2, "profile": "all"})", kProfiles);
  TraceOptions options;
  options.format = TraceFormat::batsim;
  options.flops_per_s = 2e9;
  const auto report = import_trace(file, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report.value().used, 1U);
  EXPECT_NE(import_text(report.value()).find("larger than the machine (8 processors) (job 1)"), std::string::npos)
      << import_text(report.value());
  const auto scenarios = load_text(scenario_for(report.value(), options, "log.json"), "made.json", folder);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(scenarios.ok()) << scenarios.error().message;
  const auto& jobs = *std::get<TraceSource>(scenarios.value()[0].workload[0]).jobs;
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].work_ns, 2'500'000'000);
}

}  // namespace
}  // namespace drydock::scenarios::batsim_test

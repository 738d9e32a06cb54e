// `drydock up` from outside, for its tests.
#pragma once

#include "tests/cli/binary.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli {

struct Ended {
  Ran ran;
  nlohmann::json summary;
  std::string journal;
};

class UpTest : public testing::Test {
 protected:
  Ended up(const std::string& text, std::vector<std::string> more = {}) {
    const std::string file = folder_.file("scenario.json", text);
    std::vector<std::string> arguments{"up", file, "--format", "json", "--out", folder_.path("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Ended run{.ran = run_binary(arguments), .summary = {}, .journal = folder_.path("out/up.journal")};
    run.summary = nlohmann::json::parse(run.ran.out, nullptr, false);
    if (!run.summary.is_object()) ADD_FAILURE() << run.ran.out << run.ran.err;
    return run;
  }
  static std::uint64_t metric(const Ended& run, const char* name) {
    return run.summary["metrics"][name].get<std::uint64_t>();
  }
  static void expect_good(const Ended& run, std::uint64_t jobs = 16) {
    EXPECT_EQ(run.ran.code, 0) << run.ran.err;
    EXPECT_TRUE(run.summary["complete"].get<bool>());
    EXPECT_EQ(metric(run, "jobs_completed"), jobs);
    expect_good_journal(run);
  }
  static void expect_good_journal(const Ended& run) {
    const Ran checked = run_binary({"check", run.journal});
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    const Ran replayed = run_binary({"replay", run.journal});
    EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
  }

  Folder folder_;
};

}  // namespace drydock::cli

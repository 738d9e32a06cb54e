#include "real-runtime/event_log.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::runtime::event_log_test {
namespace {

TEST(EventLog, HasALineForEachStartAndEnd) {
  const auto file = std::filesystem::temp_directory_path() / ("drydock-event-log-test-" + std::to_string(::getpid()));
  const AttemptId attempt{JobId{7}, 2};
  {
    EventLog log("here", WorkerId{3});
    log.attempt_started(attempt);  // nobody wants to know yet
    ASSERT_FALSE(log.open(file));
    log.worker_started({});
    log.attempt_started(attempt);
    log.attempt_ended(attempt,
                      {.kind = AttemptOutcome::Kind::failed, .reason = "it ended with exit status 1", .exit_status = 1});
  }
  std::ifstream in(file);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  std::filesystem::remove(file);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["event"], "worker_started");
  EXPECT_EQ(lines[1]["event"], "attempt_started");
  EXPECT_EQ(lines[1]["task"], "7-2");
  EXPECT_EQ(lines[2]["event"], "attempt_ended");
  EXPECT_EQ(lines[2]["details"]["exit_status"], 1);
  for (const auto& line : lines) {
    EXPECT_TRUE(std::regex_match(line["time"].get<std::string>(), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)")))
        << line;
    EXPECT_EQ(line["worker"], 3);
    EXPECT_EQ(line["node"], "here");
  }
}

}  // namespace
}  // namespace drydock::runtime::event_log_test

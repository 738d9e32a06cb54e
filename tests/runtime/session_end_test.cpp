// `drydock worker --available-until`: a worker on a machine that goes at a known time.
#include "cli/session_end.hpp"

#include "tests/runtime/processes.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::cli::session_end_test {
namespace {

TEST(SessionEnd, IsATimeOrADuration) {
  const auto now = std::chrono::system_clock::from_time_t(1'769'878'800);  // 2026-01-31 17:00:00 UTC
  EXPECT_EQ(time_until("9h", now).value(), std::chrono::hours{9});
  EXPECT_EQ(time_until("2026-01-31T17:00:30Z", now).value(), std::chrono::seconds{30});
  EXPECT_EQ(time_until("2026-02-01T17:00:00Z", now).value(), std::chrono::hours{24});
  const auto problem = [&](const char* text) {
    const auto parsed = time_until(text, now);
    return parsed.ok() ? std::string() : parsed.error().message;
  };
  EXPECT_EQ(problem("2026-01-31T17:00:00Z"), "2026-01-31T17:00:00Z is over");
  EXPECT_EQ(problem("0s"), "0s is over");
  for (const char* text : {"", "17:00", "2026-01-31", "2026-01-31T17:00:00", "2026-01-31T17:00:00Zx", "-1h"})
    EXPECT_NE(problem(text).find("2026-01-31T17:00:00Z nor a duration"), std::string::npos) << text << ": " << problem(text);
}

class SessionWorker : public OnGivenStores {
 protected:
  Ran worker(const std::vector<std::string>& more) {
    std::vector<std::string> words{"worker", "--redis", redis_url(), "--id", "0"};
    words.insert(words.end(), more.begin(), more.end());
    return run_binary(words);
  }
};

// Nobody asks it to.
TEST_F(SessionWorker, LeavesByItself) {
  const Ran left = worker({"--available-until", "4s", "--drain-before", "3s"});
  EXPECT_EQ(left.code, 0) << left.err;
  EXPECT_NE(left.err.find("worker 0 drains"), std::string::npos) << left.err;
}

TEST_F(SessionWorker, IsToldWhatIsWrong) {
  const Ran late = worker({"--available-until", "1m"});
  EXPECT_EQ(late.code, 2);
  EXPECT_NE(late.err.find("that is in 1m, and it drains 2m before"), std::string::npos) << late.err;
  const Ran past = worker({"--available-until", "2020-01-01T00:00:00Z"});
  EXPECT_EQ(past.code, 2);
  EXPECT_NE(past.err.find("--available-until: 2020-01-01T00:00:00Z is over"), std::string::npos) << past.err;
}

}  // namespace
}  // namespace drydock::cli::session_end_test

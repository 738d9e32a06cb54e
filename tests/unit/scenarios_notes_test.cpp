// Notes on scenarios that are valid, but may not be what is meant.
#include "scenarios/loader.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::scenarios::scenarios_notes_test {
namespace {

std::vector<std::string> notes_of(const std::string& rest, const std::string& hosts = R"({"name": "n"})") {
  const auto loaded = load_text(fmt::format(R"({{"cluster": {{"hosts": [{}]}}, {}}})", hosts, rest), "s.json", "");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded.ok() ? loaded.value().front().notes : std::vector<std::string>{};
}

bool tells(const std::vector<std::string>& notes, const std::string& part) {
  return std::ranges::any_of(notes, [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

constexpr const char* kHour =
    R"("duration": "1h", "workload": [{"arrivals": {"poisson": {"rate": "1/h"}}, "duration": "10s"}], )";

TEST(Notes, FaultsThatChangeNothing) {
  const auto why = [](const std::string& fault, const std::string& policies = "{}") {
    return notes_of(fmt::format(R"({}"policies": {}, "faults": [{}])", kHour, policies, fault));
  };
  EXPECT_TRUE(
      tells(why(R"({"type": "worker-crash", "at": "1h", "for": "1m"})"), "/faults/0 changes nothing: it begins after"));
  EXPECT_FALSE(tells(why(R"({"type": "worker-crash", "at": "59m", "for": "1m"})"), "changes nothing"));
  EXPECT_TRUE(tells(why(R"({"type": "counter-eviction", "at": "1m"})", R"({"accounting": "database"})"), "the counter"));
  EXPECT_FALSE(tells(why(R"({"type": "counter-eviction", "at": "1m"})", R"({"accounting": "cached-counter"})"), "nothing"));
  EXPECT_TRUE(tells(why(R"({"type": "worker-key-eviction", "at": "1m"})"), "liveness oracle"));
  EXPECT_TRUE(tells(why(R"({"type": "beat-down", "at": "1m"})"), "periodic jobs"));
  EXPECT_TRUE(tells(why(R"({"type": "poison-job", "probability": 0})"), "probability 0"));
  EXPECT_TRUE(tells(why(R"({"type": "commit-abort", "probability": 0})"), "probability 0"));
}

TEST(Notes, JobsThatStarveTheHeartbeatsOfTheirWorkers) {
  const auto notes = [](const std::string& ttl) {
    return notes_of(fmt::format(R"("queues": [{{"name": "q"}}], "pools": [{{"name": "p", "hosts": ["n"], "queues": ["q"],
      "slots_per_worker": 1, "heartbeats": "main-loop"}}],
      "workload": [{{"name": "long", "count": 5, "arrivals": {{"poisson": {{"rate": "1/h"}}}}, "duration": "3m"}}],
      "policies": {{"liveness": {{"type": "ttl", "ttl": "{}"}}}})",
                                ttl));
  };
  EXPECT_TRUE(tells(notes("65s"), "taken for dead while they run jobs of \"long\""));
  EXPECT_FALSE(tells(notes("200s"), "taken for dead"));
}

// A session of 20 min with a margin of 5 min: 15 min on the host, which are 30 min of work where it is twice as fast.
TEST(Notes, TheMarginOfASessionIsTimeOnTheHost) {
  const auto notes = [](double speed, int work_s) {
    return notes_of(fmt::format(R"("workload": [{{"count": 3, "arrivals": {{"at-once": {{}}}}, "duration": "{}s"}}],
      "policies": {{"session": {{"type": "fitting", "margin": "5m"}}}})",
                                work_s),
                    fmt::format(R"({{"name": "n", "speed": {}, "sessions": {{"max": "20m"}}}})", speed));
  };
  EXPECT_TRUE(tells(notes(2, 1801), "longer than"));
  EXPECT_FALSE(tells(notes(2, 1799), "longer than"));
  EXPECT_TRUE(tells(notes(0.5, 451), "longer than"));
  EXPECT_FALSE(tells(notes(0.5, 449), "longer than"));
}

TEST(ExpectedJobs, FollowFromTheRates) {
  const auto loaded = load_text(R"({"duration": "10000h", "cluster": {"hosts": [{"name": "n", "cpus": 64}]}, "workload": [
      {"arrivals": {"poisson": {"rate": "100/h"}}, "duration": "1s"},
      {"arrivals": {"poisson": {"rate": "100/h"}}, "count": 7, "duration": "1s"},
      {"name": "p", "every": "1h", "duration": "1s"}]})",
                                "s.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const auto expected = expected_jobs(loaded.value().front());
  ASSERT_TRUE(expected);
  EXPECT_NEAR(*expected, 1'000'000 + 7 + 10'000, 2);
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_notes_test

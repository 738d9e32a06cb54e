// Same scenario, same seed: the same journal, byte by byte, whatever else runs beside it; and a recorded run can be repeated
// from its journal alone.
#include "tests/cli/binary.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli::determinism_test {
namespace {

using Json = nlohmann::json;

struct Case {
  std::string scenario;
  std::vector<std::string> options;
};

class Determinism : public ::testing::TestWithParam<Case> {
 protected:
  // Runs all variants with two seeds; journals in `journals`.
  Json simulate(const std::string& journals, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"simulate", GetParam().scenario, "--seeds", "1..2", "--format", "json"};
    arguments.insert(arguments.end(), GetParam().options.begin(), GetParam().options.end());
    if (!journals.empty()) arguments.insert(arguments.end(), {"--journal", journals});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = run_binary(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    Json runs = Json::parse(ran.out).at("runs");
    for (auto& run : runs) {
      run.erase("resources");
      run.erase("checked");
    }
    return runs;
  }
};

TEST_P(Determinism, JournalsAreTheSameTwiceAndReplay) {
  const Folder folder;
  const Json first = simulate(folder.path("first"), {"--jobs", "1"});
  const Json second = simulate(folder.path("second"), {"--jobs", "3", "--check"});
  EXPECT_EQ(first, second);
  ASSERT_FALSE(first.empty());
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("first"))) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(text_of(entry.path().string()), text_of(folder.path("second/" + name))) << name;
    const Ran replayed = run_binary({"replay", entry.path().string()});
    EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
    EXPECT_NE(replayed.out.find("identical"), std::string::npos) << replayed.out;
    EXPECT_EQ(run_binary({"check", entry.path().string()}).code, 0) << name;
  }
}

TEST_P(Determinism, HeartbeatsOneByOneOrComputedDecideTheSame) { EXPECT_EQ(simulate("", {}), simulate("", {"--eager"})); }

INSTANTIATE_TEST_SUITE_P(
    BuiltIn, Determinism,
    ::testing::Values(
        Case{"easy-against-fcfs", {}}, Case{"node-failures", {"--set", "/workload/0/count=1000"}},
        Case{"bursts", {"--set", "/workload/0/count=3000"}}, Case{"worker-pools", {"--set", "/duration=4d"}},
        Case{"reference/detection", {"--set", "/duration=6h"}}, Case{"reference/false-expiries", {"--set", "/duration=12h"}},
        Case{"node-failures",
             {"--set", "/workload/0/count=500", "--set", "/workload/0/on_failure=resume", "--set",
              R"(/cluster/stores={"redis":{"latency":"40ms"}})", "--set",
              R"(/faults/-={"type":"message-loss","between":["workers","redis"],"probability":0.05})", "--set",
              R"(/control_plane={"mode":"cycle"})"}},
        Case{"registry-and-cache", {}}, Case{"redis-outage", {}}, Case{"old-snapshot", {}}, Case{"evicted-worker-key", {}},
        Case{"zombie-worker", {}}, Case{"commit-in-doubt", {}}, Case{"split-brain", {}}, Case{"rolling-upgrade", {}},
        Case{"thundering-restart", {}}, Case{"wrong-counter", {"--set", "/duration=1h"}}, Case{"heartbeat-starved", {}},
        Case{"worker-node", {}}, Case{DRYDOCK_SOURCE_DIR "/tests/platforms/grid.json", {}},
        Case{"registry-and-cache",
             {"--set", R"(/pools=[{"name":"p","heartbeats":"main-loop","poll":"3s"}])", "--set",
              R"(/faults/-={"type":"worker-pause","mtbf":"10m","mttr":"40s"})", "--set",
              R"(/faults/-={"type":"worker-slow","speed":0.3,"mtbf":"7m","mttr":"3m"})", "--set",
              R"(/faults/-={"type":"redis-slow","factor":50000,"mtbf":"9m","mttr":"1m"})", "--set",
              R"(/faults/-={"type":"worker-key-eviction","mtbf":"3m"})"}},
        Case{"zombie-worker",
             {"--set", R"(/faults/-={"type":"worker-pause","mtbf":"10m","mttr":"70s"})", "--set",
              "/cluster/stores/redis/service=2ms"}},
        Case{"partition", {}}, Case{"worker-upgrade", {}},
        Case{"registry-and-cache",
             {"--set", R"(/control_plane={"mode":"cycle","fencing_margin":"3s"})", "--set",
              R"(/faults/-={"type":"worker-cut","direction":"from-redis","mtbf":"10m","mttr":"70s"})", "--set",
              R"(/faults/-={"type":"worker-cut","direction":"to-redis","mtbf":"8m","mttr":"50s"})", "--set",
              R"(/faults/-={"type":"worker-stop","grace":"1m","mtbf":"15m","mttr":"20s"})", "--set",
              R"(/faults/-={"type":"clock-skew","rate":0.97,"offset":"-1h"})", "--set",
              R"(/faults/-={"type":"redis-failover","lag":"20s","mtbf":"20m","mttr":"5s"})"}},
        Case{
            "registry-and-cache",
            {"--set",
             R"(/faults/-={"type":"message-delay","between":["workers","redis"],"delay":{"exponential":{"mean":"9s"}}})",
             "--set", R"(/faults/-={"type":"message-repeat","between":["workers","redis"],"probability":0.3,"delay":"7s"})",
             "--set",
             R"(/faults/-={"type":"message-loss","between":["workers","redis"],"probability":0.2,"kinds":["beats","dispatches","reports"]})"}},
        Case{"poison-job", {}}, Case{"short-lived-nodes", {}}, Case{"parallel-machine", {"--set", "/workload/0/count=300"}},
        Case{"reference/breakdowns", {"--set", "/workload/0/count=5000"}}));

}  // namespace
}  // namespace drydock::cli::determinism_test

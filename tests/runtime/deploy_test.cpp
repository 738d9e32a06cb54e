// The files of real-runtime/deploy against the programs that they name.
#include "tests/runtime/http_call.hpp"
#include "tests/runtime/processes.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace drydock::cli::deploy_test {
namespace {

using runtime::HttpReply;

const std::filesystem::path kDeploy = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "real-runtime/deploy";

std::set<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.insert(at->str());
  return found;
}

TEST(Deploy, UnitsGiveOptionsThatThereAre) {
  std::size_t units = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kDeploy / "systemd")) {
    const std::string unit = text_of(entry.path());
    std::smatch command;
    ASSERT_TRUE(std::regex_search(unit, command, std::regex("ExecStart=/usr/local/bin/drydock ([a-z]+) (.*)")))
        << entry.path();
    const std::string help = run_binary({command[1].str(), "--help"}).out;
    for (const std::string& option : matches(command[2].str(), "--[a-z-]+"))
      EXPECT_NE(help.find("  " + option + " "), std::string::npos) << entry.path() << ": " << option;
    ++units;
  }
  EXPECT_EQ(units, 4U);
  const std::string help = run_binary({"api", "--help"}).out;
  for (const std::string& variable : matches(text_of(kDeploy / "drydock.env"), "[A-Z_]{4,}(?==)"))
    EXPECT_NE(help.find(variable), std::string::npos) << variable;
}

TEST(Deploy, ServicesGiveOptionsThatThereAre) {
  const std::string compose = text_of(kDeploy / "compose/compose.yaml");
  const std::regex command(R"re(command: \["(scheduler|worker|beat|api)", ([^\]]*)\])re");
  std::size_t services = 0;
  for (std::sregex_iterator at(compose.begin(), compose.end(), command), end; at != end; ++at, ++services) {
    const std::string help = run_binary({(*at)[1].str(), "--help"}).out;
    for (const std::string& option : matches((*at)[2].str(), "--[a-z-]+"))
      EXPECT_NE(help.find("  " + option + " "), std::string::npos) << at->str() << ": " << option;
  }
  EXPECT_EQ(services, 5U);
  const std::string help = run_binary({"scheduler", "--help"}).out;
  for (const std::string& variable : matches(compose, "(DRYDOCK|PG)[A-Z_]+(?=:)"))
    EXPECT_NE(help.find(variable), std::string::npos) << variable;
}

class DeployMetrics : public OnGivenStores {};

TEST_F(DeployMetrics, RulesAndDashboardNameWhatTheApiTells) {
  const std::string scenario = folder_.file("real.json", R"({
    "cluster": {"hosts": [{"name": "node", "cpus": 4}]}, "queues": [{"name": "default"}],
    "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
    "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "6s"}, "accounting": {"type": "fenced-counter"}}})");
  const std::vector<std::string> stores{"--config", scenario, "--redis", redis_url()};
  const auto with = [&](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), stores.begin(), stores.end());
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string socket = folder_.path("api.sock");
  const Process scheduler(with({"scheduler"}, {"--postgres", postgres_->connection()}));
  const Process worker(with({"worker"}, {"--id", "0"}));
  const Process api(with({"api"}, {"--postgres", postgres_->connection(), "--listen", "unix:" + socket, "--no-auth"}));
  const auto told = [&] { return runtime::http_call("unix://" + socket, {.target = "/metrics"}).body; };
  ASSERT_TRUE(until([&] { return told().find("drydock_allocated_cpus{by=\"counter\"}") != std::string::npos; }));
  const std::string metrics = told();
  for (const char* file : {"prometheus/alerts.yml", "grafana/drydock.json"}) {
    const std::string text = text_of(kDeploy / file);
    const std::set<std::string> names = matches(text, "drydock_[a-z_]+");
    EXPECT_GE(names.size(), 5U) << file;
    for (const std::string& name : names)
      EXPECT_TRUE(metrics.find("\n" + name + " ") != std::string::npos ||
                  metrics.find("\n" + name + "{") != std::string::npos)
          << file << ": " << name << "\n"
          << metrics;
  }
  EXPECT_TRUE(nlohmann::json::parse(text_of(kDeploy / "grafana/drydock.json"))["panels"].is_array());
}

}  // namespace
}  // namespace drydock::cli::deploy_test

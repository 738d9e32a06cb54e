#include "sim/simgrid_engine.hpp"
#include "tests/unit/sim_support.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace drydock::sim::sim_engine_test {
namespace {

// Gives orders at fixed instants and writes down when flows arrive.
class Script final : public EngineDriver {
 public:
  explicit Script(SimGridEngine& simgrid) : engine(simgrid) {}

  void at(std::int64_t instant, std::function<void()> what) { events.emplace(instant, std::move(what)); }

  void advance(std::int64_t limit) override {
    while (!ended && !events.empty() && events.begin()->first < limit && !engine.has_orders()) {
      present = events.begin()->first;
      visited.push_back(present);
      while (!events.empty() && events.begin()->first == present) {
        const auto what = std::move(events.begin()->second);
        events.erase(events.begin());
        what();
      }
    }
  }
  [[nodiscard]] std::int64_t present_instant() const override { return present; }
  [[nodiscard]] std::int64_t next_instant() const override { return events.empty() ? kNoInstant : events.begin()->first; }
  [[nodiscard]] bool finished() const override { return ended; }
  void flow_arrived(FlowId /*flow*/, std::uint64_t cookie, std::int64_t now) override { arrived[cookie] = now; }

  SimGridEngine& engine;
  std::multimap<std::int64_t, std::function<void()>> events;
  std::vector<std::int64_t> visited;
  std::map<std::uint64_t, std::int64_t> arrived;
  std::int64_t present = 0;
  bool ended = false;
};

std::string text(const std::map<std::uint64_t, std::int64_t>& arrived) {
  std::string all;
  for (const auto& [cookie, at] : arrived) all += std::to_string(cookie) + "@" + std::to_string(at) + " ";
  return all;
}

scenarios::Scenario three_hosts() {
  auto scenario = scenario_on({{.name = "node", .count = 3, .cpus = 4, .speed = 1.5}});
  scenario.network = {.latency = 1ms, .bandwidth_bytes_per_s = 1e9};
  return scenario;
}

constexpr HostIndex kSite = SimGridEngine::kSite;
constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Engine, ALoneFlowTakesBothLatenciesAndItsBytes) {
  EXPECT_EQ(in_child([] {
              SimGridEngine engine(three_hosts());
              Script script(engine);
              script.at(5, [&] { engine.start_flow(kSite, 0, 500'000'000, 1); });
              script.at(10 * kSecond, [&] { engine.start_flow(2, kSite, 0, 2); });
              engine.run(script);
              return text(script.arrived) + std::to_string(engine.speed(1));
            }),
            "1@502000005 2@10002000001 1.500000");
}

TEST(Engine, FlowsShareALinkEqually) {
  // Both leave the site: half a second alone each, one second together; the second one starts when the first is half done.
  EXPECT_EQ(in_child([] {
              auto scenario = three_hosts();
              scenario.network.latency = 0ms;
              SimGridEngine engine(scenario);
              Script script(engine);
              script.at(0, [&] { engine.start_flow(kSite, 0, 500'000'000, 1); });
              script.at(kSecond / 4, [&] { engine.start_flow(kSite, 1, 500'000'000, 2); });
              engine.run(script);
              return text(script.arrived);
            }),
            "1@750000000 2@1000000000 ");
}

TEST(Engine, AStoppedFlowNeverArrivesAndGivesItsShareBack) {
  EXPECT_EQ(in_child([] {
              auto scenario = three_hosts();
              scenario.network.latency = 0ms;
              SimGridEngine engine(scenario);
              Script script(engine);
              FlowId victim;
              script.at(0, [&] { victim = engine.start_flow(kSite, 0, 1'000'000'000, 1); });
              script.at(0, [&] { engine.start_flow(kSite, 1, 1'000'000'000, 2); });
              script.at(kSecond, [&] {
                engine.stop_flow(victim);
                engine.set_host_on(0, false);
              });
              script.at(2 * kSecond, [&] {
                engine.set_host_on(0, true);
                engine.start_flow(kSite, 0, 1'000'000'000, 3);
              });
              script.at(2 * kSecond, [&] { engine.stop_flow(engine.start_flow(kSite, 1, 1'000'000'000, 4)); });
              engine.run(script);
              return text(script.arrived);
            }),
            "2@1500000000 3@3000000000 ");
}

TEST(Engine, VisitsEveryInstantInOrderBesideFlows) {
  EXPECT_EQ(in_child([] {
              SimGridEngine engine(three_hosts());
              Script script(engine);
              // Far from zero too, where doubles are coarser than a nanosecond (100 days).
              const std::int64_t far = 100 * 86400 * kSecond;
              for (std::int64_t i = 0; i < 200; ++i) {
                script.at(i * 7, [] {});
                script.at(far + i, [&engine, i] {
                  if (i % 50 == 0) engine.start_flow(kSite, 0, 1, static_cast<std::uint64_t>(i));
                });
              }
              engine.run(script);
              EXPECT_EQ(script.visited.size(), 400U);
              EXPECT_TRUE(std::is_sorted(script.visited.begin(), script.visited.end()));
              EXPECT_EQ(script.arrived.size(), 4U);
              for (const auto& [i, at] : script.arrived)
                EXPECT_NEAR(static_cast<double>(at - far), static_cast<double>(i) + 2e6, 10);
              return std::string("done");
            }),
            "done");
}

TEST(Engine, EndsWhenTheDriverHasFinishedThoughFlowsAreInProgress) {
  EXPECT_EQ(in_child([] {
              SimGridEngine engine(three_hosts());
              Script script(engine);
              script.at(0, [&] { engine.start_flow(kSite, 0, std::int64_t{1} << 50, 1); });
              script.at(kSecond, [&] { script.ended = true; });
              script.at(2 * kSecond, [] {});
              engine.run(script);
              return text(script.arrived) + std::to_string(script.visited.back());
            }),
            "1000000000");
}

TEST(Engine, RefusesASecondEngineInOneProcess) {
  EXPECT_DEATH(
      {
        const auto scenario = three_hosts();
        SimGridEngine first(scenario);
        SimGridEngine second(scenario);
      },
      "one engine per process");
}

}  // namespace
}  // namespace drydock::sim::sim_engine_test

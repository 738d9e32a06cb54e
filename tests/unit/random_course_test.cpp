// Random courses of faults, and simpler versions of scenarios.
#include "scenarios/random_course.hpp"

#include "scenarios/faults/faults.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/simpler.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace drydock::scenarios::random_course_test {
namespace {

using std::chrono::seconds;

std::vector<Scenario> prey() { return load("hunt").value(); }

TEST(RandomCourse, FollowsFromSeedAndNumber) {
  const Scenario scenario = prey().front();
  const RandomCourse one{Duration{seconds{60}}, 1, 1};
  EXPECT_EQ(draw_course(scenario, one), draw_course(scenario, one));
  EXPECT_NE(draw_course(scenario, one), draw_course(scenario, {Duration{seconds{60}}, 1, 2}));
  EXPECT_NE(draw_course(scenario, one), draw_course(scenario, {Duration{seconds{60}}, 2, 1}));
}

TEST(RandomCourse, CanBeReadAndHasFaultsThatHeal) {
  for (const Scenario& variant : prey()) {
    for (std::uint64_t number = 1; number <= 60; ++number) {
      const Json json = draw_course(variant, {Duration{seconds{60}}, 7, number});
      const auto loaded = load_text(json.dump(), "drawn", "");
      if (!loaded) {  // a job that needs the hosts that are gone
        EXPECT_NE(loaded.error().message.find("fit"), std::string::npos)
            << variant.variant << ": " << loaded.error().message;
        continue;
      }
      EXPECT_GE(loaded.value().front().faults.size(), 1U);
      EXPECT_LE(loaded.value().front().faults.size(), 5U);
      for (const Json& fault : json["faults"]) EXPECT_FALSE(fault.contains("mtbf")) << fault;
    }
  }
}

TEST(RandomCourse, DrawsEveryKindOfFaultThatCanBeDrawn) {
  std::set<std::string> drawn;
  for (const Scenario& variant : prey()) {
    for (std::uint64_t number = 1; number <= 100; ++number) {
      const Json json = draw_course(variant, {Duration{seconds{60}}, 3, number});
      for (const Json& fault : json["faults"]) drawn.insert(fault["type"].get<std::string>());
    }
  }
  for (const FaultKind& kind : fault_kinds()) {
    // Nothing in it is periodic, and there is one scheduler.
    if (kind.draw == nullptr || kind.type == "beat-down" || kind.type.starts_with("scheduler-")) continue;
    EXPECT_TRUE(drawn.contains(std::string(kind.type))) << kind.type;
  }
}

TEST(RandomCourse, HarmsOnlyWhatIsThere) {
  const auto loaded = load_text(R"({"cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})",
                                "plain", "");
  const std::set<std::string> possible{"worker-crash", "worker-stop",    "worker-pause",   "worker-slow",
                                       "worker-cut",   "message-delay",  "message-repeat", "database-outage",
                                       "commit-abort", "commit-in-doubt"};
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const Json json = draw_course(loaded.value().front(), {Duration{seconds{60}}, 3, number});
    for (const Json& fault : json["faults"]) EXPECT_TRUE(possible.contains(fault["type"].get<std::string>())) << fault;
  }
}

TEST(Simpler, LeavesOutHalvesAndRounds) {
  const Json scenario = Json::parse(R"({"cluster": {"hosts": [{"name": "n", "count": 4}]},
    "workload": [{"name": "w", "count": 8, "tasks": 2, "arrivals": {"at-once": {}}, "duration": "1s"}],
    "faults": [{"type": "worker-crash", "at": "12345ms", "for": "2s"}, {"type": "redis-flush", "at": "3s"}]})");
  const std::vector<Json> versions = simpler_scenarios(scenario);
  const auto offers = [&](const char* pointer, const Json& value) {
    return std::ranges::any_of(versions, [&](const Json& v) {
      const Json::json_pointer place(pointer);
      return v.contains(place) && v[place] == value && v != scenario;
    });
  };
  EXPECT_TRUE(offers("/faults", Json::array({scenario["faults"][0]})));
  EXPECT_TRUE(offers("/faults", Json::array({scenario["faults"][1]})));
  EXPECT_TRUE(offers("/faults", Json::array()));
  EXPECT_TRUE(offers("/workload/0/count", 1));
  EXPECT_TRUE(offers("/workload/0/count", 4));
  EXPECT_TRUE(offers("/cluster/hosts/0/count", 3));
  EXPECT_TRUE(offers("/faults/0/at", "0s"));
  EXPECT_TRUE(offers("/faults/0/at", "12s"));
  EXPECT_TRUE(offers("/faults/0/for", "1s"));
  EXPECT_TRUE(std::ranges::any_of(versions, [](const Json& v) { return !v["workload"][0].contains("tasks"); }));
  EXPECT_TRUE(std::ranges::none_of(versions, [&](const Json& v) { return v == scenario; }));
}

TEST(Simpler, ComesToAnEnd) {
  Json scenario = draw_course(prey().front(), {Duration{seconds{60}}, 5, 5});
  std::size_t taken = 0;
  for (std::vector<Json> versions; !(versions = simpler_scenarios(scenario)).empty(); ++taken) {
    ASSERT_LT(taken, 500U);
    scenario = versions.back();
  }
  EXPECT_GT(taken, 5U);
}

}  // namespace
}  // namespace drydock::scenarios::random_course_test

// The file of `drydock calibrate`, and what a scenario takes from it.
#include "scenarios/calibration.hpp"

#include "scenarios/loader.hpp"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <variant>
#include <vector>

namespace drydock::scenarios::calibration_test {
namespace {

using namespace std::chrono_literals;

Calibration sample() {
  Calibration calibration;
  calibration.context = {{"date", "2026-11-30T20:00:00Z"}, {"host", "lab"}};
  calibration.figures["redis.counter"] = figure_of({0.0002, 0.0004});
  calibration.figures["redis.busy"] = figure_of({0.0001});
  calibration.figures["postgres.query"] = figure_of({0.003});
  calibration.figures["dispatch"] = figure_of({0.001, 0.002, 0.003});
  calibration.figures["timer"] = figure_of({0.0005});
  calibration.commit_points = {{2, 0.0052}, {100, 0.0150}};
  calibration.busy_points = {{2, 0.0032}, {100, 0.0130}};
  calibration.step = 20e-6;
  calibration.event = 5e-6;
  calibration.attempt = 30e-6;
  calibration.stretch = 2;
  return calibration;
}

class Calibrated : public testing::Test {
 protected:
  Calibrated() : folder_(std::filesystem::temp_directory_path() / ("drydock-calibration-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Calibrated() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) const { std::ofstream(folder_ / "calibration.json") << text; }
  // A scenario with these keys more.
  [[nodiscard]] Result<std::vector<Scenario>> load_with(const std::string& more, const std::string& stores = "",
                                                        const LoadOptions& options = {}) const {
    return load_text("{" + more + R"("cluster": {"hosts": [{"name": "node"}])" + stores +
                         R"(}, "workload": [{"count": 1, "arrivals": {"at-once": {"at": "1m"}}, "duration": "1m"}]})",
                     "scenario.json", folder_, options);
  }
  std::filesystem::path folder_;
};

TEST(Calibration, IsReadAsItWasWritten) {
  const std::string text = to_json(sample());
  const auto read = parse_calibration(text, "calibration.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(to_json(read.value()), text);
  EXPECT_EQ(read.value().figures.at("dispatch").n, 3U);
}

TEST(Calibration, KeepsAHundredPointsInOrder) {
  std::vector<double> values;
  for (int i = 9999; i >= 0; --i) values.push_back(i);
  const Figure figure = figure_of(values);
  ASSERT_EQ(figure.points.size(), kMostFigurePoints);
  EXPECT_EQ(figure.n, 10'000U);
  EXPECT_EQ(figure.points.front(), 50);
  EXPECT_EQ(figure.points.back(), 9950);
  EXPECT_EQ(figure.least, 0);
  EXPECT_EQ(figure.most, 9999);
  EXPECT_EQ(figure_of({3, 1, 2}).points, (std::vector<double>{1, 2, 3}));
}

TEST(Calibration, FitsALine) {
  const CommitCost exact = fit({{1, 5}, {10, 23}, {100, 203}});
  EXPECT_NEAR(exact.base, 3, 1e-9);
  EXPECT_NEAR(exact.per_row, 2, 1e-9);
  EXPECT_NEAR(exact.r2, 1, 1e-9);
  const CommitCost rough = fit({{1, 1}, {2, 3}, {3, 2}});
  EXPECT_NEAR(rough.per_row, 0.5, 1e-9);
  EXPECT_NEAR(rough.r2, 0.25, 1e-9);
  EXPECT_EQ(fit({{1, 5}, {2, 4}}).per_row, 0) << "more rows are no gain";
}

TEST(Calibration, RefusesWhatItCannotUse) {
  const std::string good = to_json(sample());
  const auto with = [&](const std::string& pointer, const Json& value) {
    Json json = Json::parse(good);
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
  };
  struct Case {
    std::string text;
    std::string place;
  };
  const std::vector<Case> cases{
      {"{", "calibration.json:1"},
      {"[]", "calibration.json"},
      {"{}", "calibration.json"},
      {with("/schema", "drydock-calibration/2"), "/schema"},
      {with("/context/host", 3), "/context"},
      {with("/figures/dispatch/points", Json::array({0.003, 0.002})), "/figures/dispatch/points"},
      {with("/figures/dispatch/points", Json::array({0.5})), "/figures/dispatch/points"},
      {with("/figures/dispatch/points", Json::array()), "/figures/dispatch"},
      {with("/figures/dispatch/n", 0), "/figures/dispatch"},
      {with("/figures/dispatch/mean", -1), "/figures/dispatch"},
      {with("/figures/dispatches", Json::object()), "/figures"},
      {with("/commit/points/1/rows", 2), "/commit/points"},
      {with("/more", 1), "calibration.json"},
  };
  for (const Case& bad : cases) {
    const auto read = parse_calibration(bad.text, "calibration.json");
    ASSERT_FALSE(read.ok()) << bad.text;
    const std::string& message = read.error().message;
    EXPECT_NE(message.find(bad.place), std::string::npos) << message;
    EXPECT_TRUE(message.starts_with("calibration.json")) << message;
    EXPECT_NE(message.find("drydock calibrate"), std::string::npos) << message;
  }
}

TEST_F(Calibrated, FillsInWhatAScenarioDoesNotSay) {
  write(to_json(sample()));
  const auto loaded = load_with(R"("calibration": "calibration.json", )", R"(, "stores": {"postgres": {"query": "1s"}})");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& scenario = loaded.value().front();
  EXPECT_EQ(std::get<Empirical>(*scenario.registry_latency).values, (std::vector<double>{0.00005, 0.00015}))
      << "half of the way there and back, without the time at Redis";
  EXPECT_DOUBLE_EQ(std::get<Deterministic>(*scenario.redis_service).value, 0.0001);
  EXPECT_DOUBLE_EQ(std::get<Deterministic>(*scenario.query_latency).value, 1) << "the scenario says it";
  EXPECT_EQ(scenario.commit_row, 100us);
  EXPECT_DOUBLE_EQ(std::get<Deterministic>(*scenario.commit_latency).value, 0.003);
  EXPECT_DOUBLE_EQ(std::get<Deterministic>(*scenario.database_latency).value, 0.001);
  EXPECT_EQ(scenario.database_connections, 1U);
  EXPECT_EQ(std::get<Empirical>(*scenario.overheads.dispatch).values, (std::vector<double>{0.001, 0.002, 0.003}));
  EXPECT_FALSE(scenario.overheads.report);
  EXPECT_EQ(scenario.overheads.step, 40us) << "others want the processors, too";
  EXPECT_EQ(scenario.overheads.event, 10us);
  EXPECT_EQ(origin_of_figures(scenario), "measured: calibration.json, 2026-11-30T20:00:00Z, on lab");
}

// What a journal and a result keep of it needs no file.
TEST_F(Calibrated, IsRememberedWithItsFigures) {
  write(to_json(sample()));
  const auto loaded = load_with(R"("calibration": "calibration.json", )");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  std::filesystem::remove(folder_ / "calibration.json");
  const auto again = load_text(loaded.value().front().json, "recorded", "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again.value().front().json, loaded.value().front().json);
  EXPECT_EQ(origin_of_figures(again.value().front()), origin_of_figures(loaded.value().front()));
  EXPECT_EQ(again.value().front().overheads.event, 10us);
}

TEST_F(Calibrated, IsNotScaled) {
  write(to_json(sample()));
  const auto loaded = load_with(R"("calibration": "calibration.json", "time_scale": 60, )");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& scenario = loaded.value().front();
  EXPECT_EQ(scenario.overheads.event, 10us);
  EXPECT_DOUBLE_EQ(mean_of(*scenario.overheads.dispatch), 0.002);
  EXPECT_EQ(scenario.commit_row, 100us);
}

TEST_F(Calibrated, IsSetFromOutside) {
  write(to_json(sample()));
  const auto loaded = load_with("", "", {.sets = {"/calibration=calibration.json"}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_TRUE(loaded.value().front().calibration);
}

TEST_F(Calibrated, SaysWhereAndWhyItIsNotThere) {
  const std::string key = R"("calibration": "calibration.json", )";
  const auto missing = load_with(key);
  ASSERT_FALSE(missing.ok());
  EXPECT_TRUE(missing.error().message.starts_with("scenario.json:1: /calibration: ")) << missing.error().message;
  Json part = Json::parse(to_json(sample()));
  part["complete"] = false;
  write(part.dump());
  const auto interrupted = load_with(key);
  ASSERT_FALSE(interrupted.ok());
  EXPECT_NE(interrupted.error().message.find("was interrupted"), std::string::npos) << interrupted.error().message;
  part["complete"] = true;
  part["figures"] = Json::object();
  write(part.dump());
  EXPECT_FALSE(load_with(key).ok()) << "no figure";
  write("{}");
  const auto empty = load_with(key);
  ASSERT_FALSE(empty.ok());
  EXPECT_TRUE(empty.error().message.starts_with("scenario.json:1: /calibration: calibration.json")) << empty.error().message;
  const auto unread = load_with(key, "", {.sets = {}, .read_traces = false});
  EXPECT_TRUE(unread.ok()) << "a replay needs no figures: " << unread.error().message;
}

TEST_F(Calibrated, WithoutItNothingIsSaidOrDone) {
  const auto loaded = load_with("");
  ASSERT_TRUE(loaded.ok());
  const Scenario& scenario = loaded.value().front();
  EXPECT_EQ(origin_of_figures(scenario), "");
  EXPECT_FALSE(scenario.overheads.any());
  EXPECT_EQ(scenario.scheduler.max_in_flight, SchedulerConfig{}.max_in_flight);
  const auto written = load_with("", R"(, "stores": {"postgres": {"query": "1s"}})");
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(origin_of_figures(written.value().front()), "as written in the scenario");
}

TEST_F(Calibrated, OverheadsAreReadStrictly) {
  const auto read = [&](const std::string& plane) { return load_with(R"("control_plane": )" + plane + ", "); };
  const auto good =
      read(R"({"max_in_flight": 5, "overheads": {"report": {"exponential": {"mean": "2ms"}}, "step": "3us"}})");
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_EQ(good.value().front().scheduler.max_in_flight, 5U);
  EXPECT_DOUBLE_EQ(std::get<Exponential>(*good.value().front().overheads.report).mean, 0.002);
  for (const char* bad :
       {R"({"max_in_flight": 0})", R"({"overheads": {"setp": "1us"}})", R"({"overheads": {"step": -1}})"}) {
    EXPECT_FALSE(read(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace drydock::scenarios::calibration_test

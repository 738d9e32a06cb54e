#include "scenarios/vary.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::scenarios::vary_test {
namespace {

using Texts = std::vector<std::string>;

Texts values_of(std::string_view text) {
  auto vary = parse_vary(text, false);
  return vary ? vary.value().values : Texts{vary.error().message};
}
std::string refusal(std::string_view text, bool drawn = false) {
  const auto vary = parse_vary(text, drawn);
  return vary ? "" : vary.error().message;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Vary, ListsAreTakenAsTheyAre) {
  EXPECT_EQ(values_of("/a/b=60s,65s,60s"), (Texts{"60s", "65s"}));
  EXPECT_EQ(values_of("/a=1"), (Texts{"1"}));
  EXPECT_EQ(values_of(R"(/a={"type":"easy","order":"sjf"},fcfs,[1,2])"),
            (Texts{R"({"type":"easy","order":"sjf"})", "fcfs", "[1,2]"}));
  EXPECT_EQ(values_of(R"(/a="x,y",a..b)"), (Texts{R"("x,y")", "a..b"}));
}

TEST(Vary, RangesHaveEqualSteps) {
  EXPECT_EQ(values_of("/a=10s..60s/6"), (Texts{"10s", "20s", "30s", "40s", "50s", "60s"}));
  EXPECT_EQ(values_of("/a=30s..2m/4"), (Texts{"30s", "60s", "90s", "120s"}));
  EXPECT_EQ(values_of("/a=0..1/3"), (Texts{"0", "1"})) << "whole numbers stay whole, each once";
  EXPECT_EQ(values_of("/a=0.0..1/3"), (Texts{"0", "0.5", "1"}));
  EXPECT_EQ(values_of("/a=0.5/s..2/s/4"), (Texts{"0.5/s", "1/s", "1.5/s", "2/s"}));
  EXPECT_EQ(values_of("/a=0..10s/3"), (Texts{"0s", "5s", "10s"}));
  EXPECT_EQ(values_of("/a=7,10..20/3,7"), (Texts{"7", "10", "15", "20"}));
  EXPECT_EQ(values_of("/a=10%..20%/3"), (Texts{"10%", "15%", "20%"}));
  EXPECT_EQ(values_of("/a=1..3/3"), (Texts{"1", "2", "3"}));
}

TEST(Vary, OrEqualRatios) {
  EXPECT_EQ(values_of("/a=1s..1000s/4log"), (Texts{"1s", "10s", "100s", "1000s"}));
  EXPECT_EQ(values_of("/a=1.0..2/3log"), (Texts{"1", "1.41421", "2"}));
  EXPECT_EQ(values_of("/a=1MiB..4MiB/3log"), (Texts{"1MiB", "2MiB", "4MiB"}));
}

TEST(Vary, SaysWhatIsWrong) {
  EXPECT_TRUE(has(refusal("/a"), "there is no ="));
  EXPECT_TRUE(has(refusal("a=1"), "\"a\" is no JSON pointer"));
  EXPECT_TRUE(has(refusal("/a=1,,2"), "a value is empty"));
  EXPECT_TRUE(has(refusal("/a=10s..60s"), "say how many values of 10s..60s there are to be: 10s..60s/6"));
  EXPECT_TRUE(has(refusal("/a=10s..60s/1"), "from 2 to 1000 values, not 1"));
  EXPECT_TRUE(has(refusal("/a=60s..10s/6"), "60s is not below 10s"));
  EXPECT_TRUE(has(refusal("/a=1s..4MiB/6"), "not of one kind"));
  EXPECT_TRUE(has(refusal("/a=1x..4x/6"), "\"x\" is no unit"));
  EXPECT_TRUE(has(refusal("/a=0s..4s/6log"), "a lower end above 0"));
  EXPECT_TRUE(has(refusal("/variants/0=1"), "a dimension of their own"));
}

TEST(Vary, TheLastChangesFastest) {
  const std::vector<Vary> all{parse_vary("/a=1,2", false).value(), parse_vary("/b=x,y,z", false).value()};
  const auto points = grid_of(all);
  ASSERT_TRUE(points.ok());
  ASSERT_EQ(points.value().size(), 6U);
  EXPECT_EQ(points.value()[0].values, (Texts{"1", "x"}));
  EXPECT_EQ(points.value()[1].values, (Texts{"1", "y"}));
  EXPECT_EQ(points.value()[5].values, (Texts{"2", "z"}));
  EXPECT_EQ(points.value()[5].levels, (std::vector<std::size_t>{1, 2}));
}

TEST(Vary, RefusesWhatOverlapsOrIsTooMuch) {
  const auto error = [](const Texts& texts) {
    std::vector<Vary> all;
    for (const std::string& text : texts) all.push_back(parse_vary(text, false).value());
    const auto points = grid_of(all);
    return points ? "" : points.error().message;
  };
  EXPECT_TRUE(has(error({"/a=1", "/a=2"}), "is given twice"));
  EXPECT_TRUE(has(error({"/a=1", "/a/b=2"}), "/a/b: is inside /a"));
  EXPECT_TRUE(has(error({"/a=1..1000/1000", "/b=1..1000/1000"}), "more than 10000 points"));
}

TEST(Vary, DrawsAreRepeatableAndInTheirRange) {
  const std::vector<Vary> all{parse_vary("/a=10s..1000s/log", true).value(), parse_vary("/b=x,y", true).value()};
  ASSERT_TRUE(all[0].range && all[0].range->logarithmic);
  const auto points = draw_points(all, 200, 7).value();
  const auto again = draw_points(all, 100, 7).value();
  const auto other = draw_points(all, 100, 8).value();
  std::size_t below_middle = 0;
  std::size_t of_x = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double value = std::stod(points[i].values[0]);
    EXPECT_TRUE(value >= 10 && value <= 1000) << points[i].values[0];
    EXPECT_EQ(points[i].levels[0], value < 100 ? 0U : 1U) << value;
    below_middle += value < 100 ? 1U : 0U;
    of_x += points[i].values[1] == "x" ? 1U : 0U;
  }
  EXPECT_TRUE(below_middle > 70 && below_middle < 130) << below_middle;
  EXPECT_TRUE(of_x > 70 && of_x < 130) << of_x;
  for (std::size_t i = 0; i < again.size(); ++i) EXPECT_EQ(again[i].values, points[i].values);
  EXPECT_NE(other[0].values, points[0].values);
}

}  // namespace
}  // namespace drydock::scenarios::vary_test

// drydock report, from what simulate, compare and sweep leave. The page itself is looked at in tests/browser.
#include "tests/cli/binary.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

namespace drydock::cli::report_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Results under two seeds with a journal of the first, once with two hosts and once with three; a host of two crashes.
class Report : public testing::Test {
 protected:
  void SetUp() override {
    const std::string scenario = folder_.file("shop.json", R"({"name": "shop", "duration": "1h",
      "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 2}]},
      "workload": [{"arrivals": {"poisson": {"rate": "3/min"}}, "duration": {"exponential": {"mean": "1m"}}}],
      "faults": [{"type": "worker-crash", "target": "node-1", "at": "20m", "for": "10m"}]})");
    run({"simulate", scenario, "--seeds", "1..4", "--out", base_, "--check"});
    run({"simulate", scenario, "--seeds", "1..4", "--out", head_, "--set", "/cluster/hosts/0/count=3"});
    run({"simulate", scenario, "--seeds", "1", "--journal", journal_});
    run({"sweep", scenario, "--vary", "/cluster/hosts/0/count=2,3", "--seeds", "1..2", "--out", grid_});
  }
  static std::string run(const std::vector<std::string>& arguments, int code = 0) {
    const Ran ran = run_binary(arguments);
    EXPECT_EQ(ran.code, code) << ran.err;
    return code == 0 ? ran.out : ran.err;
  }

  Folder folder_;
  std::string base_ = folder_.path("base");
  std::string head_ = folder_.path("head");
  std::string grid_ = folder_.path("grid");
  std::string journal_ = folder_.path("run.journal");
};

TEST_F(Report, PrintsMarkdownOfAResultAndOfTwo) {
  const std::string one = run({"report", base_});
  EXPECT_TRUE(has(one, "### shop")) << one;
  EXPECT_TRUE(has(one, "| wait, mean, s |")) << one;
  EXPECT_FALSE(has(one, "Not to be trusted")) << one;
  const std::string two = run({"report", base_, head_, "--markdown", "-"});
  EXPECT_TRUE(has(two, "head against base")) << two;
  EXPECT_TRUE(has(two, "better")) << two;
}

TEST_F(Report, TakesComparisonsSweepsAndRehearsals) {
  run({"compare", base_, head_, "--out", folder_.path("compared")});
  EXPECT_EQ(run({"report", folder_.path("compared")}).substr(0, 23), "<!-- drydock report -->");
  const std::string sweep = run({"report", grid_});
  EXPECT_TRUE(has(sweep, "| point |")) << sweep;
  std::filesystem::create_directories(folder_.path("rehearsed"));
  std::filesystem::copy(base_, folder_.path("rehearsed/real"));
  std::filesystem::copy(head_, folder_.path("rehearsed/predicted"));
  EXPECT_TRUE(has(run({"report", folder_.path("rehearsed")}), "predicted against real"));
}

TEST_F(Report, WritesTables) {
  run({"report", base_, head_, "--journal", journal_, "--csv", folder_.path("tables")});
  for (const char* name : {"runs", "metrics", "summary", "distributions", "differences", "series", "failures", "faults"})
    EXPECT_GT(text_of(folder_.path("tables/") + name + ".csv").size(), 60U) << name;
  const std::string faults = text_of(folder_.path("tables/faults.csv"));
  EXPECT_TRUE(has(faults, "worker-crash,node-1,1200.000000,1800.000000")) << faults;
}

TEST_F(Report, WritesATraceAsLongAsItIsAllowed) {
  const std::string path = folder_.path("trace.json");
  run({"report", "--journal", journal_, "--trace", path});
  const Json whole = Json::parse(text_of(path), nullptr, false);
  ASSERT_TRUE(whole.is_object());
  EXPECT_EQ(whole["otherData"]["left_out"], 0);
  const Ran cut = run_binary({"report", "--journal", journal_, "--trace", path, "--most-events", "50"});
  EXPECT_EQ(cut.code, 0);
  EXPECT_TRUE(has(cut.err, "are left out; --most-events takes more")) << cut.err;
  EXPECT_LT(Json::parse(text_of(path))["traceEvents"].size(), whole["traceEvents"].size());
}

TEST_F(Report, SaysThatAJournalBreaksOff) {
  const std::string text = text_of(journal_);
  const std::string cut = folder_.file("cut.journal", text.substr(0, text.size() * 2 / 3));
  const std::string markdown = run({"report", "--journal", cut});
  EXPECT_TRUE(has(markdown, "Not to be trusted as it is")) << markdown;
  EXPECT_TRUE(has(markdown, "breaks off after step")) << markdown;
}

TEST_F(Report, SaysWhatIsWrongAndWhere) {
  EXPECT_TRUE(has(run({"report"}, 2), "name a result"));
  EXPECT_TRUE(has(run({"report", folder_.path("nowhere")}, 2), "there is no"));
  EXPECT_TRUE(has(run({"report", folder_.file("a.journal", "\216DRY\r\n")}, 2), "is a journal, not a result"));
  EXPECT_TRUE(has(run({"report", base_, "--trace", "x"}, 2), "give one with --journal"));
  EXPECT_TRUE(has(run({"report", base_ + ":other"}, 2), "has no variant \"other\""));
  EXPECT_TRUE(has(run({"report", base_, grid_}, 2), "is a sweep: a report on one has nothing else in it"));
  const std::string broken = folder_.file("broken.json", R"({"schema": "drydock.sweep/1", "points": [{}]})");
  EXPECT_TRUE(has(run({"report", broken}, 2), "broken.json: no whole drydock.sweep/1"));
  EXPECT_TRUE(has(run({"report", "--journal", base_ + "/result.json"}, 2), "result.json"));
  EXPECT_TRUE(has(run({"report", base_, "--markdown", "/nowhere/at/all"}, 2), "cannot write"));
}

}  // namespace
}  // namespace drydock::cli::report_test

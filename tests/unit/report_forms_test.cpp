// The forms of a report: whatever names are in it, CSV stays a table, Markdown text, and the page's data one script element.
#include "reports/report.hpp"
#include "tests/unit/report_support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::reports::report_forms_test {
namespace {

using Json = nlohmann::json;

const std::string kNasty = "</script><b>\"x\", 'y'\n| *z* \u2028 \xff";

// A reader of RFC 4180, as dumb as can be.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') rows.back().back() += text[++i];
    else if (c == '"') quoted = !quoted;
    else if (quoted || (c != ',' && c != '\r' && c != '\n')) rows.back().back() += c;
    else if (c == ',') rows.back().emplace_back();
    else if (c == '\n') rows.push_back({""});
  }
  rows.pop_back();
  return rows;
}

Recorded nasty() {
  Recorded result;
  result.label = "out/" + kNasty;
  result.version = "1";
  result.scenario = kNasty;
  for (const std::string& name : {kNasty, std::string("fcfs")}) result.variants.push_back({name, {}, {}});
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const RecordedVariant& variant : result.variants) {
      const double wait = static_cast<double>(seed) + (variant.name == "fcfs" ? 10 : 0);
      RunResult one = run(variant.name, seed, {{"wait_s.mean", wait}, {"utilization", 0.5}, {"jobs_completed", 100}});
      one.distributions["wait_s"] = {.at = {0, 1, 100}, .up_to = {10, 90, 100}};
      result.runs.push_back(std::move(one));
    }
  }
  result.runs[0].error = kNasty;
  result.runs[1].violation_count = 2;
  result.runs[3].partial = true;
  return result;
}

ReportInput input_of(std::span<const Recorded> results) {
  return {.version = "1", .results = results, .comparison = {}, .sweep = {}, .journals = {}};
}

TEST(ReportCsv, FieldsComeBackAsTheyWere) {
  for (const std::string& field :
       {std::string(), std::string("plain"), std::string("a,b"), std::string("\"q\""), std::string("x\r\ny"), kNasty})
    EXPECT_EQ(read_csv(csv_field(field) + ",next\r\n"), (std::vector<std::vector<std::string>>{{field, "next"}})) << field;
  EXPECT_EQ(csv_field("a \"b\""), "\"a \"\"b\"\"\"");
}

TEST(ReportCsv, HasARowForEachFigure) {
  const std::vector<Recorded> results{nasty()};
  const auto files = report_csv(input_of(results));
  std::map<std::string, std::vector<std::vector<std::string>>> tables;
  for (const auto& [name, text] : files) tables[name] = read_csv(text);
  EXPECT_EQ(tables.at("runs.csv").size(), 1U + 6);
  EXPECT_EQ(tables.at("metrics.csv").size(), 1U + 6 * 3);
  EXPECT_EQ(tables.at("distributions.csv").size(), 1U + 6 * 3);
  EXPECT_EQ(tables.at("runs.csv")[1], (std::vector<std::string>{"out/" + kNasty, kNasty, "1", "no", kNasty, "0"}));
  for (const auto& [name, rows] : tables) {
    for (const auto& row : rows) EXPECT_EQ(row.size(), rows.front().size()) << name;
  }
  EXPECT_FALSE(tables.contains("series.csv"));
}

TEST(ReportPageData, NoNameEndsTheScript) {
  const std::vector<Recorded> results{nasty()};
  const std::string data = report_page_data(input_of(results));
  EXPECT_EQ(data.find('<'), std::string::npos);
  EXPECT_EQ(data.find('\n'), std::string::npos);
  const Json json = Json::parse(data);
  EXPECT_EQ(json["schema"], kReportSchema);
  EXPECT_EQ(json["results"][0]["variants"][0]["name"], kNasty.substr(0, kNasty.size() - 1) + "\xef\xbf\xbd");
}

TEST(ReportPageData, HasMeansIntervalsAndSeeds) {
  Recorded result = nasty();
  for (RunResult& one : result.runs) {
    one.error.reset();
    one.partial = false;
  }
  const std::vector<Recorded> results{result};
  const Json json = Json::parse(report_page_data(input_of(results)));
  for (const Json& row : json["results"][0]["metrics"]) {
    if (row["metric"] != "wait_s.mean") continue;
    EXPECT_EQ(row["main"], true);
    EXPECT_EQ(row["cells"][1]["mean"], 12);
    EXPECT_EQ(row["cells"][1]["n"], 3);
    EXPECT_NEAR(row["cells"][1]["half"].get<double>(), 2.484, 0.001);
    EXPECT_EQ(row["cells"][1]["values"], Json::parse("[[1, 11], [2, 12], [3, 13]]"));
  }
  const Json& line = json["results"][0]["distributions"][0]["lines"][0];
  EXPECT_EQ(line["at"], Json::parse("[0, 1, 100]"));
  EXPECT_EQ(line["part"], Json::parse("[0.1, 0.9, 1]"));
}

TEST(ReportWordsTest, DoubtsComeFirstAndNameRuns) {
  const std::vector<Recorded> results{nasty()};
  const ReportWords words = say_report(input_of(results));
  ASSERT_EQ(words.doubts.size(), 3U);
  EXPECT_NE(words.doubts[0].find("seed 1: no result"), std::string::npos) << words.doubts[0];
  EXPECT_NE(words.doubts[1].find("2 violations of invariants"), std::string::npos) << words.doubts[1];
  EXPECT_NE(words.doubts[2].find("stopped before its end"), std::string::npos) << words.doubts[2];
  EXPECT_FALSE(words.findings.empty());
}

TEST(ReportMarkdown, NamesAreText) {
  const std::vector<Recorded> results{nasty()};
  const std::string text = report_markdown(input_of(results));
  EXPECT_EQ(text.find("</script>"), std::string::npos);
  EXPECT_EQ(text.find("<b>"), std::string::npos);
  EXPECT_NE(text.find("\\| \\*z\\*"), std::string::npos) << text;
  EXPECT_NE(text.find("Not to be trusted"), std::string::npos);
  EXPECT_NE(text.find("| wait, mean, s |"), std::string::npos) << text;
}

}  // namespace
}  // namespace drydock::reports::report_forms_test

// Outputs that were looked at once and must not change unnoticed: every journal of one eventful scenario, line by line, its
// figures, and the table. After a change that is meant, set DRYDOCK_UPDATE=1, run these tests, and review the difference.
#include "tests/cli/binary.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace drydock::cli::golden_test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path kHere = fs::path(DRYDOCK_SOURCE_DIR) / "tests/golden";
const std::string kScenario = (kHere / "eventful-morning.json").string();

// Names the first line that differs: a whole journal says nothing.
void expect_golden(const std::string& name, const std::string& text) {
  const fs::path file = kHere / "expected" / name;
  if (std::getenv("DRYDOCK_UPDATE") != nullptr) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  ASSERT_TRUE(fs::exists(file)) << file << " is missing: set DRYDOCK_UPDATE=1 and run this test again";
  std::istringstream expected(text_of(file.string()));
  std::istringstream got(text);
  for (std::size_t number = 1;; ++number) {
    std::string expected_line;
    std::string got_line;
    const bool more_expected = static_cast<bool>(std::getline(expected, expected_line));
    const bool more_got = static_cast<bool>(std::getline(got, got_line));
    if (!more_expected && !more_got) return;
    ASSERT_EQ(more_expected, more_got) << file << " has another number of lines, from line " << number;
    ASSERT_EQ(expected_line, got_line) << file << ", line " << number;
  }
}

// What a result says about the runs, without what differs between machines and versions.
std::string figures_of(const std::string& result) {
  Json figures = Json::array();
  const Json parsed = Json::parse(result);
  for (const Json& run : parsed.at("runs")) {
    figures.push_back(
        {{"variant", run.at("variant")}, {"journal_hash", run.at("journal_hash")}, {"metrics", run.at("metrics")}});
  }
  return figures.dump(1) + "\n";
}

TEST(Golden, JournalsOfAnEventfulMorning) {
  const Folder folder;
  const Ran ran = run_binary({"simulate", kScenario, "--check", "--journal", folder.path("journals"), "--journal-format",
                              "jsonl", "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  expect_golden("figures.json", figures_of(ran.out));
  for (const std::string variant : {"fcfs", "easy", "conservative", "preemptive", "cycle"}) {
    std::string journal = text_of(folder.path("journals/" + variant + "-seed1.jsonl"));
    // The first line says which version wrote it, and repeats the scenario.
    journal.erase(0, journal.find('\n') + 1);
    expect_golden(variant + ".jsonl", journal);
  }
}

TEST(Golden, TableOfAnEventfulMorning) {
  const Ran ran = run_binary({"simulate", kScenario});
  ASSERT_EQ(ran.code, 0) << ran.err;
  expect_golden("table.txt", ran.out);
}

// What the README says that the demo prints.
TEST(Golden, DemoOfTheReadme) {
  const std::string readme = text_of(DRYDOCK_SOURCE_DIR "/README.md");
  const std::size_t begin = readme.find("```\neasy-against-fcfs") + 4;
  ASSERT_NE(begin, std::string::npos + 4);
  const std::string said = readme.substr(begin, readme.find("```", begin) - begin);
  const Folder folder;
  ASSERT_EQ(run_binary({"simulate", "easy-against-fcfs", "--seeds", "1..10", "--out", folder.path("out")}, "", "C").code, 0);
  std::istringstream expected(said);
  std::istringstream got(text_of(folder.path("out/summary.txt")));
  for (std::string line, other; std::getline(expected, line);) {
    ASSERT_TRUE(std::getline(got, other));
    EXPECT_EQ(line, other);
  }
}

TEST(Golden, ExplanationOfAPolicy) { expect_golden("policy-easy.txt", run_binary({"policies", "easy"}).out); }

}  // namespace
}  // namespace drydock::cli::golden_test

#include "policies/core/journal.hpp"

#include "tests/unit/journal_samples.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace drydock::journal_test {
namespace {

using namespace journal_samples;

class JournalFormats : public testing::TestWithParam<JournalFormat> {};
INSTANTIATE_TEST_SUITE_P(Both, JournalFormats, testing::Values(JournalFormat::binary, JournalFormat::json_lines),
                         [](const auto& p) { return p.param == JournalFormat::binary ? "binary" : "json_lines"; });

TEST_P(JournalFormats, GiveBackEveryFieldOfEveryStep) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::istringstream in(journal_of(GetParam(), seed, 200));
    auto reader = JournalReader::open(in);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ(reader.value()->header(), kHeader);
    RandomSteps random(seed);
    JournalStep expected;
    JournalStep found;
    for (int i = 0; i < 200; ++i) {
      random.fill(expected);
      const Result<bool> more = reader.value()->next(found);
      ASSERT_TRUE(more.ok()) << "seed " << seed << " step " << i << ": " << more.error().message;
      ASSERT_TRUE(more.value());
      ASSERT_EQ(json_of(found), json_of(expected)) << "seed " << seed << " step " << i;
      ASSERT_EQ(bytes_of(found), bytes_of(expected)) << "seed " << seed << " step " << i;
    }
    const Result<bool> more = reader.value()->next(found);
    ASSERT_TRUE(more.ok()) << more.error().message;
    EXPECT_FALSE(more.value());
    EXPECT_EQ(reader.value()->end(), JournalEnd::all_ended);
  }
}

TEST_P(JournalFormats, SayHowTheRunEnded) {
  EXPECT_EQ(read_back(journal_of(GetParam(), 1, 3, JournalEnd::stopped)).end, JournalEnd::stopped);
  const ReadBack without_end = read_back(journal_of(GetParam(), 1, 3, JournalEnd::missing));
  EXPECT_EQ(without_end.end, JournalEnd::missing);
  EXPECT_EQ(without_end.error, std::nullopt);
  EXPECT_EQ(without_end.steps.size(), 3U);
}

TEST_P(JournalFormats, CloseByThemselvesAsStopped) {
  std::ostringstream out;
  { JournalWriter writer(out, GetParam(), kHeader); }
  const ReadBack found = read_back(out.str());
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.end, JournalEnd::stopped);
}

TEST_P(JournalFormats, KeepSpansRightWhenAStepIsMoved) {
  std::istringstream in(journal_of(GetParam(), 3, 1));
  auto reader = JournalReader::open(in);
  ASSERT_TRUE(reader.ok());
  JournalStep step;
  ASSERT_TRUE(reader.value()->next(step).value());
  const std::string before = json_of(step);
  const JournalStep moved = std::move(step);
  EXPECT_EQ(json_of(moved), before);
}

TEST(Journal, IsRefusedWhenItIsNone) {
  for (const char* text :
       {"", "hello", "{}\n", "{\"drydock_journal\":3}\n", "[1]", "\216DRY", "{\"drydock_journal\":\"1\"}"}) {
    const ReadBack found = read_back(text);
    ASSERT_TRUE(found.error.has_value()) << text;
    EXPECT_FALSE(found.error->empty());
  }
  EXPECT_NE(read_back("{\"drydock_journal\":3}\n").error->find("version 3"), std::string::npos);
}

TEST(Journal, TakesUnder40BytesPerTypicalStep) {
  std::ostringstream out;
  std::uint64_t steps = 0;
  {
    JournalWriter writer(out, JournalFormat::binary, kHeader);
    write_typical(1000, [&](Time now, const std::vector<Event>& events, const std::vector<Command>& commands) {
      writer.step(now, events, commands, ++steps * 0x9e3779b97f4a7c15U);
    });
  }
  EXPECT_LT(out.str().size(), 40 * steps) << out.str().size() / steps << " bytes per step";
}

TEST(Journal, TakesOneBytePerWorkerOfAGang) {
  std::vector<Placement> gang;
  for (std::uint32_t w = 0; w < 10000; ++w) gang.push_back({WorkerId{w}, 1});
  JournalStep step;
  step.commands.emplace_back(Dispatch{AttemptId{JobId{1}, 1}, gang});
  EXPECT_LT(bytes_of(step).size(), gang.size() + 40);
}

// --- JSON Lines: what people and scripts rely on ---

TEST(JournalJson, IsReadableAndStable) {
  JournalStep step;
  step.reset(1, 1, 1);
  step.now = time_at(1'500'000'000);
  step.hash = 0xabc;
  step.placements.push_back({WorkerId{4}, 2});
  step.assignments.push_back({AttemptId{JobId{7}, 1}, step.placements});
  step.releases.push_back({AttemptId{JobId{6}, 3}, ReleaseReason::worker_lost});
  step.events.emplace_back(CommitAnswered{RequestId{3}, Answer::unknown});
  step.commands.emplace_back(Commit{RequestId{4}, step.releases, step.assignments});
  EXPECT_EQ(json_of(step),
            R"({"t_ns":1500000000,"events":[{"type":"CommitAnswered","request":3,"answer":"unknown","version":0}],)"
            R"("commands":[{"type":"Commit","request":4,"releases":[{"job":6,"attempt":3,"reason":"worker_lost"}],)"
            R"("assignments":[{"job":7,"attempt":1,"placements":[{"worker":4,"tasks":2}]}]}],"hash":"0000000000000abc"})");
}

TEST(JournalJson, KeepsWholeNumbersExact) {
  const std::string line =
      R"({"t_ns":9223372036854775807,"events":[{"type":"JobCancelled","job":18446744073709551615}],"commands":[],"hash":"f"})";
  JournalStep step;
  ASSERT_TRUE(journal_detail::parse_json_line(line, step).ok());
  EXPECT_EQ(step.now, kNever);
  EXPECT_EQ(std::get<JobCancelled>(step.events.at(0)).job.value, ~std::uint64_t{0});
  EXPECT_EQ(step.hash, 15U);
}

struct BadLine {
  const char* name;
  const char* line;
  const char* complaint;  // part of the message
};
class BadJsonLines : public testing::TestWithParam<BadLine> {};
INSTANTIATE_TEST_SUITE_P(
    Journal, BadJsonLines,
    testing::Values(
        BadLine{"NotJson", "{", "not valid JSON"}, BadLine{"NotAnObject", "[]", "/: expected an object"},
        BadLine{"NoTime", R"({"events":[],"commands":[],"hash":"0"})", "/t_ns: is missing"},
        BadLine{"TimeWithFraction", R"({"t_ns":1.5,"events":[],"commands":[],"hash":"0"})",
                "/t_ns: expected a whole number"},
        BadLine{"TimeTooLarge", R"({"t_ns":9223372036854775808,"events":[],"commands":[],"hash":"0"})", "/t_ns"},
        BadLine{"EventsNoList", R"({"t_ns":0,"events":{},"commands":[],"hash":"0"})", "/events: expected a list"},
        BadLine{"UnknownEvent", R"({"t_ns":0,"events":[{"type":"JobLost"}],"commands":[],"hash":"0"})",
                "/events/0/type: expected one of CommitAnswered"},
        BadLine{"UnknownCommand", R"({"t_ns":0,"events":[],"commands":[{"type":"Run"}],"hash":"0"})", "/commands/0/type"},
        BadLine{"UnknownWord",
                R"({"t_ns":0,"events":[{"type":"CommitAnswered","request":1,"answer":"yes"}],"commands":[],"hash":"0"})",
                "/events/0/answer: expected one of done, failed, unknown"},
        BadLine{
            "WorkerTooLarge",
            R"({"t_ns":0,"events":[{"type":"WorkerLeft","worker":4294967296,"incarnation":1}],"commands":[],"hash":"0"})",
            "/events/0/worker: expected a whole number from 0 to 4294967295"},
        BadLine{
            "DeepField",
            R"({"t_ns":0,"events":[],"commands":[{"type":"Commit","request":1,"releases":[],"assignments":[{"job":1,"attempt":1,"placements":[{"worker":1}]}]}],"hash":"0"})",
            "/commands/0/assignments/0/placements/0/tasks: is missing"},
        BadLine{"BadHash", R"({"t_ns":0,"events":[],"commands":[],"hash":"xyz"})", "/hash"},
        BadLine{"BadEnd", R"({"end":"missing","steps":1})", "/end"}),
    [](const auto& p) { return p.param.name; });

TEST_P(BadJsonLines, AreRefusedWithTheirPlace) {
  const ReadBack found =
      read_back(journal_of(JournalFormat::json_lines, 1, 0, JournalEnd::missing) + GetParam().line + "\n");
  ASSERT_TRUE(found.error.has_value());
  EXPECT_NE(found.error->find("line 2: "), std::string::npos) << *found.error;
  EXPECT_NE(found.error->find(GetParam().complaint), std::string::npos) << *found.error;
}

}  // namespace
}  // namespace drydock::journal_test

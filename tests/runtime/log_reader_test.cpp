// Logs that are read while they grow, and the last lines of what was read.
#include "real-runtime/log_reader.hpp"

#include "cli/log_printer.hpp"
#include "real-runtime/output_log.hpp"
#include "tests/runtime/job_world.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::runtime::log_reader_test {
namespace {

std::string all_of(LogReader& reader) {
  std::string all;
  while (true) {
    const std::string text = reader.read_more();
    if (text.empty()) return all;
    all += text;
  }
}

class GrowingLog : public testing::Test {
 protected:
  TestFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "stdout";
};

TEST_F(GrowingLog, IsReadByteByByteAcrossItsTails) {
  LogReader reader(file_);
  EXPECT_EQ(all_of(reader), "") << "it is not there yet";
  OutputLog log(file_, {.head = 10, .tail = 7});
  std::string written;
  for (int i = 0; i < 60; ++i) {
    const std::string text = std::string(1, static_cast<char>('a' + i % 26)) + (i % 5 == 0 ? "\n" : "");
    log.write(text);
    written += text;
    ASSERT_EQ(all_of(reader), text) << "after " << written;
  }
  log.finish();
  EXPECT_EQ(all_of(reader), "");
}

TEST_F(GrowingLog, WhoComesLateIsToldThatSomeIsMissing) {
  OutputLog log(file_, {.head = 4, .tail = 4});
  log.write("headAAAABBBBCCCCDD");
  LogReader reader(file_);
  EXPECT_EQ(all_of(reader), "head\n[... some may be missing here ...]\nCCCCDD");
  log.write("DDEEEEFFFFGG");  // two tails further
  EXPECT_EQ(all_of(reader), "DD\n[... some may be missing here ...]\nFFFFGG");
}

TEST_F(GrowingLog, OneThatEndsWhileItIsReadIsReadToItsEnd) {
  OutputLog log(file_, {.head = 4, .tail = 100});
  log.write("head tail");
  LogReader reader(file_);
  EXPECT_EQ(all_of(reader), "head tail");
  log.write(" end");
  log.finish();
  EXPECT_EQ(all_of(reader), " end") << "neither lost nor twice";
}

TEST_F(GrowingLog, OneThatHasEndedIsItsFile) {
  OutputLog log(file_, {.head = 4, .tail = 4});
  log.write("headAAAABBBBCC");
  log.finish();
  LogReader reader(file_);
  EXPECT_EQ(all_of(reader), text_of(file_));
  EXPECT_NE(text_of(file_).find("were cut here"), std::string::npos);
}

TEST(LastLines, OfTexts) {
  using cli::last_lines;
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc\n");
  EXPECT_EQ(last_lines("a\nb\nc", 2), "b\nc");
  EXPECT_EQ(last_lines("a\nb\n", 5), "a\nb\n");
  EXPECT_EQ(last_lines("\n\n\n", 1), "\n");
  EXPECT_EQ(last_lines("a", 1), "a");
  EXPECT_EQ(last_lines("a\nb", 0), "");
  EXPECT_EQ(last_lines("", 3), "");
}

}  // namespace
}  // namespace drydock::runtime::log_reader_test

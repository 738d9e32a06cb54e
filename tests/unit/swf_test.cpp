// Readers of traces: every documented trap of SWF files, CSV with a map of columns, gzip, and the import report.
#include "scenarios/import.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"
#include "scenarios/units.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>
#include <zlib.h>

namespace drydock::scenarios::swf_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A folder that is gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "drydock-trace-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(text.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

struct Line {
  std::string submit = "0";
  std::string runtime = "10";
  std::string allocated = "1";
  std::string requested = "1";
  std::string requested_time = "-1";
  std::string queue = "1";
};
std::string swf(const Line& l) {
  return fmt::format("1 {} -1 {} {} -1 -1 {} {} -1 1 1 1 1 {} 1 -1 -1\n", l.submit, l.runtime, l.allocated, l.requested,
                     l.requested_time, l.queue);
}

Result<RawTrace> read(const std::string& text) { return read_swf(open_memory(text), "t.swf"); }

std::string error_of(const std::string& text) {
  const auto trace = read(text);
  return trace.ok() ? "no error" : trace.error().message;
}

TEST(Swf, ReadsTheColumnsThatMatter) {
  const auto trace =
      read(swf({.submit = "5", .runtime = "7", .allocated = "3", .requested = "4", .requested_time = "60", .queue = "2"}));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace.value().jobs.size(), 1U);
  const RawJob& job = trace.value().jobs[0];
  EXPECT_EQ(Duration{job.submit_ns}, 5s);
  EXPECT_EQ(Duration{job.runtime_ns}, 7s);
  EXPECT_EQ(Duration{job.requested_ns}, 60s);
  EXPECT_EQ(job.tasks, 4U);
  EXPECT_EQ(trace.value().queues.at(job.queue), "2");
  EXPECT_EQ(job.line, 1U);
}

TEST(Swf, ProcessorsFallBackBothWays) {
  const auto trace = read(swf({.allocated = "3", .requested = "-1"}) + swf({.allocated = "-1", .requested = "5"}) +
                          swf({.allocated = "6", .requested = "0"}));
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().jobs[0].tasks, 3U);
  EXPECT_EQ(trace.value().jobs[1].tasks, 5U);
  EXPECT_EQ(trace.value().jobs[2].tasks, 6U);
  EXPECT_EQ(trace.value().remarks.at("requested processors unknown; allocated ones used").count, 2U);
}

TEST(Swf, SkipsAndCountsByLineNumber) {
  const auto trace = read("; a comment\n" + swf({.runtime = "0"}) + swf({.runtime = "-1"}) + swf({}) +
                          swf({.allocated = "-1", .requested = "-1"}) + swf({.submit = "-1"}) + swf({.runtime = "-5"}));
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().read, 6U);
  EXPECT_EQ(trace.value().jobs.size(), 1U);
  EXPECT_EQ(trace.value().skipped.at("runtime 0").first_lines, (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(trace.value().skipped.at("runtime unknown or negative").first_lines, (std::vector<std::uint64_t>{3, 7}));
  EXPECT_EQ(trace.value().skipped.at("no number of processors, neither requested nor allocated").first_lines,
            (std::vector<std::uint64_t>{5}));
  EXPECT_EQ(trace.value().skipped.at("submit time unknown or negative").first_lines, (std::vector<std::uint64_t>{6}));
}

TEST(Swf, HeadersAndCommentsMayBeAnywhereOrMissing) {
  const auto trace = read(swf({}) + "\n   \n ; MaxProcs: 64\n;MaxNodes:32 \n" + swf({}) + "; Note: the end");
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().header.at("MaxProcs"), "64");
  EXPECT_EQ(trace.value().header.at("MaxNodes"), "32");
  EXPECT_TRUE(read(swf({})).value().header.empty());
}

TEST(Swf, SortsStablyAndCountsIt) {
  const auto trace = read(swf({.submit = "10", .runtime = "1"}) + swf({.submit = "5", .runtime = "2"}) +
                          swf({.submit = "5", .runtime = "3"}) + swf({.submit = "20", .runtime = "4"}));
  ASSERT_TRUE(trace.ok());
  std::vector<std::int64_t> order;
  for (const RawJob& job : trace.value().jobs) order.push_back(job.runtime_ns / 1'000'000'000);
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 3, 1, 4}));
  EXPECT_EQ(trace.value().remarks.at("submitted before an earlier line; sorted").first_lines,
            (std::vector<std::uint64_t>{2, 3}));
}

TEST(Swf, TakesFractionsExponentsTabsAndWindowsLines) {
  const auto trace = read("1\t0.5\t-1\t552.21\t4\t552.21\t-1\t4.0\t1e3\t-1\t1\t1\t1\t1\t1\t1\t-1\t-1\r\n");
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().jobs[0].submit_ns, 500'000'000);
  EXPECT_EQ(trace.value().jobs[0].runtime_ns, 552'210'000'000);
  EXPECT_EQ(trace.value().jobs[0].tasks, 4U);
  EXPECT_EQ(Duration{trace.value().jobs[0].requested_ns}, 1000s);
}

TEST(Swf, ExtraColumnsAreCountedAndNotUsed) {
  std::string line = swf({});
  line.pop_back();
  const auto trace = read(line + " 42 rubbish\n" + swf({}));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().remarks.at("extra columns, not used").count, 1U);
}

TEST(Swf, ErrorsNameTheLine) {
  EXPECT_NE(error_of(swf({}) + "1 2 3\n").find("t.swf:2: has 3 columns"), std::string::npos)
      << error_of(swf({}) + "1 2 3\n");
  EXPECT_NE(error_of(swf({.submit = "abc"})).find("t.swf:1: column 2 is \"abc\""), std::string::npos);
  EXPECT_NE(error_of(swf({.runtime = "nan"})).find("t.swf:1: column 4"), std::string::npos);
  EXPECT_NE(error_of(swf({.runtime = "inf"})).find("t.swf:1: column 4"), std::string::npos);
  EXPECT_NE(error_of(swf({.submit = "99999999999999999999"})).find("t.swf:1: column 2"), std::string::npos);
  EXPECT_NE(error_of(swf({.submit = "99999999999"})).find("t.swf:1: column 2"), std::string::npos);
  EXPECT_NE(error_of(swf({.requested = "1.5"})).find("t.swf:1: column 8"), std::string::npos);
  EXPECT_NE(error_of(swf({.requested = "5000000000"})).find("t.swf:1: column 8"), std::string::npos);
  EXPECT_NE(error_of("").find("holds no jobs"), std::string::npos);
  EXPECT_NE(error_of("; only comments\n").find("holds no jobs"), std::string::npos);
}

TEST(Swf, GarbageIsRefusedWithPrintableText) {
  const std::string error =
      error_of(std::string("\x7f"
                           "ELF\x02\x01\0\0\x1b[31m\n",
                           14));
  EXPECT_NE(error.find("t.swf:1"), std::string::npos) << error;
  for (const char c : error) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20) << error;
  EXPECT_NE(error_of(std::string(3 << 20, '1')).find("longer than"), std::string::npos);
  EXPECT_NE(error_of(std::string(5, '\0')).find("\\x00"), std::string::npos);
}

TEST(Swf, EpochTimesStayExact) {
  const auto trace = read(swf({.submit = "1027839845"}) + swf({.submit = "1027839846.123456789"}));
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().jobs[1].submit_ns, 1027839846123456789);
}

TEST(Gzip, IsToldByItsFirstBytes) {
  const Folder folder;
  const std::string text = swf({}) + swf({.submit = "3"});
  const auto trace = read_trace(folder.file("no-suffix", gzipped(text)), "x", {});
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().jobs.size(), 2U);
  const auto two = read_trace(folder.file("two.gz", gzipped(text) + gzipped(text) + std::string(100, '\0')), "x", {});
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_EQ(two.value().jobs.size(), 4U);
}

TEST(Gzip, DamageIsNoticed) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += swf({.submit = std::to_string(i * 37 % 1009)});
  const std::string packed = gzipped(text);
  for (const std::size_t cut :
       {std::size_t{2}, std::size_t{5}, std::size_t{15}, packed.size() / 2, packed.size() - 8, packed.size() - 1}) {
    const std::string error = error_of(packed.substr(0, cut));
    EXPECT_NE(error.find("cut off"), std::string::npos) << cut << ": " << error;
  }
  std::string wrong_sum = packed;
  wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
  EXPECT_NE(error_of(wrong_sum).find("incorrect data check"), std::string::npos) << error_of(wrong_sum);
  std::string flipped = packed;
  flipped[packed.size() / 2] = static_cast<char>(flipped[packed.size() / 2] ^ 0x55);
  EXPECT_NE(error_of(flipped), "no error");
  EXPECT_NE(error_of(packed + "trailing rubbish"), "no error");
}

CsvColumns columns() {
  CsvColumns csv;
  csv.submit = "arrival";
  csv.runtime = {{"dur", 1e9}};
  return csv;
}

Result<RawTrace> read(const std::string& text, const CsvColumns& csv) { return read_csv(open_memory(text), "t.csv", csv); }

std::string error_of(const std::string& text, const CsvColumns& csv) {
  const auto trace = read(text, csv);
  return trace.ok() ? "no error" : trace.error().message;
}

TEST(Csv, MapsColumns) {
  CsvColumns csv = columns();
  csv.tasks = "procs";
  csv.estimate = "limit";
  csv.queue = "q";
  const auto trace = read("q,procs,dur,arrival,limit,other\nfast,2,1.5,0,60,x\nslow, 1 ,3,10,,\n", csv);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace.value().jobs.size(), 2U);
  const RawJob& a = trace.value().jobs[0];
  const RawJob& b = trace.value().jobs[1];
  EXPECT_EQ(Duration{a.runtime_ns}, 1500ms);
  EXPECT_EQ(a.tasks, 2U);
  EXPECT_EQ(Duration{a.requested_ns}, 60s);
  EXPECT_EQ(trace.value().queues.at(a.queue), "fast");
  EXPECT_EQ(trace.value().queues.at(b.queue), "slow");
  EXPECT_EQ(Duration{b.submit_ns}, 10s);
  EXPECT_EQ(b.requested_ns, -1);
  EXPECT_EQ(b.line, 3U);
}

TEST(Csv, RuntimeMayBeASumOfColumnsTimesFactors) {
  CsvColumns csv;
  csv.submit = "TIMESTAMP";
  csv.runtime = {{"ContextTokens", 2e5}, {"GeneratedTokens", 2e7}};
  csv.runtime_base_ns = 1'000'000;
  const auto trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,1000,10\n2023-11-16 18:17:04.0319600,2000,8\n",
      csv);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace.value().jobs[0].runtime_ns, 1'000'000 + 200'000'000 + 200'000'000);
  EXPECT_EQ(trace.value().jobs[1].submit_ns - trace.value().jobs[0].submit_ns, 52'000'000);
}

TEST(Csv, KnowsQuotesAlsoOverLines) {
  const auto trace =
      read("\xef\xbb\xbf\"arrival\",\"dur\",note\r\n\"1\",2,\"a \"\"quoted\"\", comma\nand a line\"\r\n\r\n3,4,\"\"\r\n",
           columns());
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(trace.value().jobs[0].line, 2U);
  EXPECT_EQ(trace.value().jobs[1].line, 5U);
  CsvColumns semicolons = columns();
  semicolons.delimiter = ';';
  EXPECT_TRUE(read("arrival;dur\n1;2\n", semicolons).ok());
}

TEST(Csv, SkipsAndSortsLikeSwf) {
  const auto trace = read("arrival,dur\n5,0\n4,-1\n-3,1\n7,1\n6,1\n", columns());
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().jobs.size(), 2U);
  EXPECT_EQ(Duration{trace.value().jobs[0].submit_ns}, 6s);
  EXPECT_EQ(trace.value().skipped.size(), 3U);
  EXPECT_EQ(trace.value().remarks.at("submitted before an earlier line; sorted").first_lines,
            (std::vector<std::uint64_t>{6}));
}

TEST(Csv, ErrorsNameLineAndColumn) {
  EXPECT_NE(error_of("arrivals,dur\n1,2\n", columns()).find("did you mean \"arrivals\"?"), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,2,3\n", columns()).find("t.csv:2: has 3 fields, but the header has 2"),
            std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,x\n", columns()).find("t.csv:2: column \"dur\" is \"x\""), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\nmonday,1\n", columns()).find("t.csv:2: column \"arrival\""), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,nan\n", columns()).find("t.csv:2"), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,inf\n", columns()).find("t.csv:2"), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,1e300\n", columns()).find("t.csv:2"), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n1,\"2\n", columns()).find("line 2: a quoted field begins"), std::string::npos);
  EXPECT_NE(error_of("arrival,dur\n", columns()).find("holds no jobs"), std::string::npos);
  EXPECT_NE(error_of("", columns()).find("holds no jobs"), std::string::npos);
}

RawTrace three_jobs() {
  return read(swf({.submit = "100"}) + swf({.submit = "110", .runtime = "0"}) +
              swf({.submit = "120", .requested = "9", .requested_time = "77"}) + swf({.submit = "150"}))
      .value();
}

TEST(Windows, CountValidJobsAndRebase) {
  const RawTrace raw = three_jobs();
  const std::vector<TraceTarget> room{{3, 100, 100}};
  const auto all = select_jobs(raw, {}, room);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all.value().jobs.size(), 3U);
  EXPECT_EQ(all.value().jobs[0].submit_ns, 0);
  EXPECT_EQ(Duration{all.value().jobs[1].submit_ns}, 20s);
  EXPECT_EQ(all.value().jobs[1].queue, 3U);
  const auto window = select_jobs(raw, {.first = 1, .count = 1, .rebase = false}, room);
  ASSERT_TRUE(window.ok());
  ASSERT_EQ(window.value().jobs.size(), 1U);
  EXPECT_EQ(Duration{window.value().jobs[0].submit_ns}, 120s);
  const auto doubled = select_jobs(raw, {.load = 2}, room);
  ASSERT_TRUE(doubled.ok());
  EXPECT_EQ(Duration{doubled.value().jobs[1].submit_ns}, 10s);
  EXPECT_FALSE(select_jobs(raw, {.first = 3}, room).ok());
}

TEST(Windows, EstimatesAreRequestedTimesWhereKnown) {
  const auto window = select_jobs(three_jobs(), {.estimate = TraceEstimate::requested}, {{0, 100, 100}});
  ASSERT_TRUE(window.ok());
  EXPECT_EQ(Duration{window.value().jobs[0].estimate_ns}, 10s);
  EXPECT_EQ(Duration{window.value().jobs[1].estimate_ns}, 77s);
  EXPECT_EQ(window.value().without_estimate.count, 2U);
}

TEST(Windows, OversizedJobsAreRefusedByLineOrSkipped) {
  const auto refused = select_jobs(three_jobs(), {}, {{0, 4, 4}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("t.swf:3: this job has 9 tasks"), std::string::npos) << refused.error().message;
  const auto skipped = select_jobs(three_jobs(), {.skip_oversized = true}, {{0, 4, 4}});
  ASSERT_TRUE(skipped.ok());
  EXPECT_EQ(skipped.value().jobs.size(), 2U);
  EXPECT_EQ(skipped.value().oversized.first_lines, (std::vector<std::uint64_t>{3}));
}

TEST(Import, ReportsAndWritesAScenarioThatLoads) {
  const Folder folder;
  const fs::path path =
      folder.file("log.swf", "; MaxProcs: 8\n" + swf({.submit = "1000000000", .runtime = "40", .requested = "4"}) +
                                 swf({.submit = "1000000020", .runtime = "0"}) +
                                 swf({.submit = "1000000050", .runtime = "10", .requested = "99"}) +
                                 swf({.submit = "1000000100", .runtime = "20", .requested = "2"}));
  const auto report = import_trace(path, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report.value().read, 4U);
  EXPECT_EQ(report.value().valid, 2U);
  EXPECT_EQ(report.value().used, 2U);
  EXPECT_EQ(report.value().processors, 8U);
  EXPECT_EQ(report.value().max_tasks, 4U);
  EXPECT_DOUBLE_EQ(report.value().period_s, 100);
  EXPECT_DOUBLE_EQ(report.value().first_submit_s, 1e9);
  EXPECT_DOUBLE_EQ(*report.value().mean_load, (40 * 4 + 20 * 2) / 800.0);
  EXPECT_EQ(report.value().skipped.at("runtime 0").first_lines, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(report.value().skipped.at("larger than the machine (8 processors)").first_lines,
            (std::vector<std::uint64_t>{4}));
  const std::string text = import_text(report.value());
  EXPECT_NE(text.find("4 jobs read, 2 valid, 2 used"), std::string::npos) << text;
  EXPECT_NE(text.find("runtime 0 (line 3)"), std::string::npos) << text;
  EXPECT_NE(import_json(report.value()).find("\"read\": 4"), std::string::npos);
  const auto scenarios = load_text(scenario_for(report.value(), {}, "log.swf"), "made.json", folder.path());
  ASSERT_TRUE(scenarios.ok()) << scenarios.error().message;
  ASSERT_EQ(scenarios.value().size(), 2U);
  EXPECT_EQ(std::get<TraceSource>(scenarios.value()[1].workload[0]).jobs->size(), 2U);
  EXPECT_EQ(scenarios.value()[1].scheduler.placement.type, "easy");
}

TEST(Import, CsvScenarioLoadsToo) {
  const Folder folder;
  TraceOptions options;
  options.csv = columns();
  options.csv.tasks = "n";
  options.csv.submit_unit_ns = 1'000'000;
  options.format = TraceFormat::csv;
  const fs::path path = folder.file("a.csv", "arrival,dur,n\n0,10,3\n1000,10,1\n");
  const auto report = import_trace(path, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report.value().processors, 50U) << "40 cpu-seconds in one second, at a load of 80 %";
  const auto scenarios = load_text(scenario_for(report.value(), options, "a.csv"), "made.json", folder.path());
  ASSERT_TRUE(scenarios.ok()) << scenarios.error().message;
  EXPECT_EQ(Duration{std::get<TraceSource>(scenarios.value()[0].workload[0]).jobs->back().submit_ns}, 1s);
}

TEST(Import, MissingFilesAndFoldersAreNamed) {
  const Folder folder;
  EXPECT_NE(import_trace(folder.path() / "none.swf", {}).error().message.find("none.swf: there is no such file"),
            std::string::npos);
  EXPECT_NE(import_trace(folder.path(), {}).error().message.find("is a folder"), std::string::npos);
}

TEST(Import, RealLogs) {
  const fs::path traces = fs::path(DRYDOCK_SOURCE_DIR) / "../shared/traces";
  if (!fs::exists(traces)) GTEST_SKIP() << "no traces beside the repository";
  const auto nasa = import_trace(traces / "NASA-iPSC-1993-3.1-cln.swf.gz", {});
  ASSERT_TRUE(nasa.ok()) << nasa.error().message;
  EXPECT_EQ(nasa.value().read, 18239U);
  EXPECT_EQ(nasa.value().used, 18066U);
  EXPECT_EQ(nasa.value().processors, 128U);
  const auto hpc2n = import_trace(traces / "HPC2N-2002-head.swf", {});
  ASSERT_TRUE(hpc2n.ok()) << hpc2n.error().message;
  EXPECT_EQ(hpc2n.value().read, 3170U);
  EXPECT_EQ(hpc2n.value().processors, 240U);
  TraceOptions azure;
  azure.format = TraceFormat::csv;
  azure.csv.submit = "TIMESTAMP";
  azure.csv.runtime = {{"ContextTokens", 2e5}, {"GeneratedTokens", 2e7}};
  const auto llm = import_trace(traces / "AzureLLMInferenceTrace_code.csv.gz", azure);
  ASSERT_TRUE(llm.ok()) << llm.error().message;
  EXPECT_EQ(llm.value().used, 8819U);
}

}  // namespace
}  // namespace drydock::scenarios::swf_test

// Every kind of bad input ends with exit code 2 and one clear message that says where and what.
#include "tests/cli/binary.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <zlib.h>

namespace drydock::cli::bad_input_test {
namespace {

using Json = nlohmann::json;

Json good_scenario() {
  return Json::parse(R"({
    "name": "tiny", "seed": 1,
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 2, "memory": "4GiB"}]},
    "queues": [{"name": "default"}],
    "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
    "workload": [{"name": "w", "queue": "default", "count": 20, "arrivals": {"poisson": {"rate": "0.5/s"}},
                  "duration": {"exponential": {"mean": "3s"}}}],
    "policies": {"placement": {"type": "fcfs"}},
    "variants": [{"name": "fcfs"}, {"name": "sjf", "set": {"/policies/placement": {"type": "sjf"}}}]
  })");
}

void expect_refused(const Ran& ran, const std::vector<std::string>& parts) {
  EXPECT_EQ(ran.signal, 0);
  EXPECT_EQ(ran.code, 2) << ran.out << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("drydock: ")) << ran.err;
  for (const std::string& part : parts)
    EXPECT_NE(ran.err.find(part), std::string::npos) << "no \"" << part << "\" in: " << ran.err;
}

struct BadValue {
  std::string name;
  std::string pointer;
  std::string value;               // JSON to put there
  std::vector<std::string> parts;  // of the message, besides the file's name
};
void PrintTo(const BadValue& bad, std::ostream* out) { *out << bad.name; }

class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreRefusedByValidateAndSimulate) {
  const Folder folder;
  Json scenario = good_scenario();
  scenario[Json::json_pointer(GetParam().pointer)] = Json::parse(GetParam().value);
  const std::string file = folder.file("bad.json", scenario.dump(2));
  std::vector<std::string> parts = GetParam().parts;
  parts.emplace_back("bad.json");
  expect_refused(run_binary({"validate", file}), parts);
  expect_refused(run_binary({"simulate", file}), parts);
}

INSTANTIATE_TEST_SUITE_P(
    Cli, BadValues,
    testing::Values(
        BadValue{"UnknownKey", "/polices", "{}", {"/polices", "policies"}},
        BadValue{"UnknownNestedKey", "/cluster/hosts/0/cpu", "4", {"/cluster/hosts/0", "cpus"}},
        BadValue{"WrongUnit",
                 "/workload/0/duration/exponential/mean",
                 "\"3 parsecs\"",
                 {"/workload/0/duration/exponential/mean", "30s"}},
        BadValue{"WrongUnitOfSize", "/cluster/hosts/0/memory", "\"4 apples\"", {"/cluster/hosts/0/memory", "GiB"}},
        BadValue{"WrongType", "/workload/0/count", "\"many\"", {"/workload/0/count"}},
        BadValue{"NegativeCpus", "/cluster/hosts/0/cpus", "-2", {"/cluster/hosts/0/cpus"}},
        BadValue{"NegativeMemory", "/cluster/hosts/0/memory", "\"-4GiB\"", {"/cluster/hosts/0/memory"}},
        BadValue{"NegativeSpeed", "/cluster/hosts/0/speed", "-1", {"/cluster/hosts/0/speed"}},
        BadValue{"ZeroHosts", "/cluster/hosts/0/count", "0", {"/cluster/hosts/0/count"}},
        BadValue{"NegativeDuration", "/duration", "\"-5s\"", {"/duration"}},
        BadValue{"WarmupAboveAll", "/warmup", "\"120%\"", {"/warmup"}},
        BadValue{"ZeroRate", "/workload/0/arrivals/poisson/rate", "\"0/s\"", {"/workload/0/arrivals/poisson/rate"}},
        BadValue{"JobLargerThanEveryWorker", "/workload/0/cpus", "64", {"/workload/0"}},
        BadValue{"MoreTasksThanFit", "/workload/0/tasks", "1000", {"/workload/0"}},
        BadValue{"NoVariants", "/variants", "[]", {"/variants"}},
        BadValue{"VariantsWithOneName", "/variants/1/name", "\"fcfs\"", {"/variants/1", "fcfs"}},
        BadValue{"VariantInVariant", "/variants/1/set", R"({"/variants": []})", {"/variants/1/set"}},
        BadValue{"VariantSetsNothingThatExists",
                 "/variants/1/set",
                 R"({"/policies/placment/type": "sjf"})",
                 {"/variants/1/set", "placment"}},
        BadValue{"NoWorkload", "/workload", "[]", {"/workload"}},
        BadValue{"UnknownQueue", "/workload/0/queue", "\"defualt\"", {"/workload/0/queue", "default"}},
        BadValue{"UnknownHostsInPool", "/pools/0/hosts", "[\"nodes\"]", {"/pools/0/hosts", "node"}},
        BadValue{"UnknownPolicy", "/policies/placement/type", "\"fcfss\"", {"/policies/placement", "fcfs"}},
        BadValue{"UnknownParameter", "/policies/placement/oder", "\"sjf\"", {"/policies/placement"}},
        BadValue{"NotAnObject", "/cluster", "[]", {"/cluster"}},
        BadValue{"TooLarge", "/cluster/hosts/0/count", "1e30", {"/cluster/hosts/0/count"}},
        BadValue{"MissingTrace", "/workload/0", R"({"trace": {"format": "swf", "path": "none.swf"}})", {"none.swf"}},
        BadValue{"UnknownFault", "/faults", R"([{"type": "worker-crsh", "at": "1h"}])", {"/faults/0", "worker-crash"}},
        BadValue{"FaultOnUnknownHost",
                 "/faults",
                 R"([{"type": "worker-crash", "target": "nodes-7", "at": "1h"}])",
                 {"/faults/0/target"}}),
    [](const auto& tested) { return tested.param.name; });

TEST(BadFiles, GoodOneIsNotRefused) {
  const Folder folder;
  const std::string file = folder.file("good.json", good_scenario().dump());
  const Ran ran = run_binary({"validate", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("ok  ")) << ran.out;
}

TEST(BadFiles, MissingEmptyBrokenAndStrange) {
  const Folder folder;
  expect_refused(run_binary({"simulate", folder.path("none.json")}), {"none.json"});
  expect_refused(run_binary({"simulate", folder.path("")}), {});
  expect_refused(run_binary({"simulate", folder.file("empty.json", "")}), {"empty.json"});
  expect_refused(run_binary({"simulate", folder.file("broken.json", "{\"name\": \"x\",\n  \"seed\": }")}),
                 {"broken.json", ":2"});
  expect_refused(run_binary({"simulate", folder.file("list.json", "[]")}), {"list.json"});
  expect_refused(run_binary({"simulate", folder.file("nan.json", "{\"seed\": NaN}")}), {"nan.json"});
  expect_refused(run_binary({"simulate", folder.file("huge.json", "{\"seed\": 1e999}")}), {"huge.json"});
  expect_refused(run_binary({"simulate", folder.file("bytes.json", "{\"name\": \"\xff\xfe\"}")}), {"bytes.json"});
  expect_refused(run_binary({"simulate", folder.file("deep.json", std::string(200'000, '['))}), {"deep.json"});
}

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

std::string swf_of(int jobs) {
  std::string text = "; MaxProcs: 4\n";
  for (int i = 1; i <= jobs; ++i)
    text += std::to_string(i) + " " + std::to_string(i * 7 % 911 + i) + " 0 " + std::to_string(i * 31 % 97 + 1) +
            " 1 -1 -1 1 -1 -1 1 1 1 1 1 1 -1 -1\n";
  return text;
}

std::string trace_scenario(const Folder& folder, const std::string& trace) {
  Json scenario = good_scenario();
  scenario["workload"] = Json::array({{{"queue", "default"}, {"trace", {{"format", "swf"}, {"path", trace}}}}});
  return folder.file("traced.json", scenario.dump());
}

TEST(BadFiles, TracesCutOffOrGarbled) {
  const Folder folder;
  const std::string packed = gzipped(swf_of(2000));
  folder.file("whole.swf.gz", packed);
  EXPECT_EQ(run_binary({"validate", trace_scenario(folder, "whole.swf.gz")}).code, 0);
  folder.file("cut.swf.gz", packed.substr(0, packed.size() / 2));
  expect_refused(run_binary({"simulate", trace_scenario(folder, "cut.swf.gz")}), {"cut.swf.gz"});
  expect_refused(run_binary({"import", "swf", folder.path("cut.swf.gz")}), {"cut.swf.gz"});
  folder.file("words.swf", swf_of(3) + "these are no numbers at all\n");
  expect_refused(run_binary({"simulate", trace_scenario(folder, "words.swf")}), {"words.swf:5"});
  folder.file("nothing.swf", "; only a header\n");
  expect_refused(run_binary({"simulate", trace_scenario(folder, "nothing.swf")}), {"nothing.swf"});
}

TEST(BadFiles, Journals) {
  const Folder folder;
  for (const char* command : {"replay", "check"}) {
    expect_refused(run_binary({command, folder.path("none.journal")}), {"none.journal"});
    expect_refused(run_binary({command, folder.path("")}), {"folder"});
    expect_refused(run_binary({command, folder.file("text.journal", "hello\n")}), {"text.journal"});
    expect_refused(run_binary({command, folder.file("empty.journal", "")}), {"empty.journal"});
  }
}

TEST(BadUsage, CommandsAndOptions) {
  const Folder folder;
  const std::string file = folder.file("good.json", good_scenario().dump());
  expect_refused(run_binary({"simluate", file}), {"simluate", "did you mean \"simulate\""});
  expect_refused(run_binary({"--versoin"}), {"--versoin"});
  expect_refused(run_binary({"simulate", file, "--sedes", "1"}), {"--sedes", "did you mean \"--seeds\""});
  expect_refused(run_binary({"simulate"}), {"SCENARIO"});
  expect_refused(run_binary({"simulate", file, "another.json"}), {"another.json"});
  expect_refused(run_binary({"simulate", file, "--seeds", "1-20"}), {"--seeds", "1..20"});
  expect_refused(run_binary({"simulate", file, "--variant", "fcsf"}), {"fcsf", "did you mean \"fcfs\""});
  expect_refused(run_binary({"simulate", file, "--metrics", "wait"}), {"--metrics", "did you mean", "--metrics list"});
  expect_refused(run_binary({"simulate", file, "--metrics", ""}), {"--metrics", "--metrics list"});
  expect_refused(run_binary({"simulate", file, "--format", "xml"}), {"--format", "json"});
  expect_refused(run_binary({"simulate", file, "--jobs", "0"}), {"--jobs"});
  expect_refused(run_binary({"simulate", file, "--set", "seed"}), {"seed"});
  expect_refused(run_binary({"simulate", file, "--set", "/sed=3"}), {"/sed"});
  expect_refused(run_binary({"simulate", file, "--out", file}), {"--out", "good.json"});
  expect_refused(run_binary({"simulate", file, "--journal", file}), {"--journal", "folder"});
  expect_refused(run_binary({"simulate", file, "--out", "/dev/null/x"}), {"--out"});
  expect_refused(run_binary({"policies", "esy"}), {"esy", "easy"});
  expect_refused(run_binary({"scenarios", "no-such-scenario"}), {"no-such-scenario"});
  expect_refused(run_binary({"import", "xls", file}), {"xls", "swf"});
  expect_refused(run_binary({"import", "swf", file, "--first", "-1"}), {"-1", "negative"});
  expect_refused(run_binary({"hunt", "hunt", "--seed=-1"}), {"--seed=-1", "negative"});
  expect_refused(run_binary({"submit", "--", "echo", "\xff"}), {"word 2 of the command, \\xff, is not UTF-8"});
  expect_refused(run_binary({"drain", "1", "--timeout", "1s"}), {"--timeout", "--wait"});
  expect_refused(run_binary({"submit", "--jobs", file, "--queue", "default"}), {"--jobs FILE", "leave out --queue"});
  expect_refused(run_binary({"submit", "--count", "-1", "--sleep", "1s"}), {"--count -1", "negative"});
  expect_refused(run_binary({"submit", "--priority", "1", "-1", "--sleep", "1s"}), {"-1", "negative"});
}

// Refused for what they lack.
TEST(BadUsage, PrioritiesMayBeNegative) {
  for (const std::vector<std::string>& priority : {std::vector<std::string>{"--priority", "-1"}, {"--priority=-7"}}) {
    std::vector<std::string> arguments{"submit"};
    arguments.insert(arguments.end(), priority.begin(), priority.end());
    const Ran ran = run_binary(arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err.find("negative"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("--priority"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace drydock::cli::bad_input_test

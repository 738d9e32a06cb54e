// What a job says of itself: read strictly, with the place of every mistake, and written so that it reads the same.
#include "real-runtime/job_payload.hpp"

#include "real-runtime/base64.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime::job_payload_test {
namespace {

using namespace std::chrono_literals;

std::string problem(const std::string& text) {
  const auto read = parse_payload(text);
  return read.ok() ? "none" : read.error().message;
}

std::vector<JobPayload> examples() {
  JobSettings all{.environment = {{"A", "b c"}, {"EMPTY", ""}},
                  .files = {{.name = "in/a", .content = InputFile::Inline{"text\n"}},
                            {.name = "b", .content = InputFile::Inline{std::string("\0\xff", 2)}, .executable = true},
                            {.name = "c", .content = InputFile::Local{"/data/c"}},
                            {.name = "d", .content = InputFile::Local{"/data/d", true}}},
                  .time_limit = 90s,
                  .grace = 1500ms,
                  .pids = 7,
                  .parameters = R"({"a":[1,2]})"};
  return {SleepPayload{20ms},
          SleepPayload{1s, false},
          RequestsPayload{.durations = {2900ms, 0ms}, .tokens = 50, .delay = 100ms},
          CommandPayload{{"/bin/echo", "a b"}},
          {ScriptPayload{"sleep 60"}, all},
          {ContainerPayload{.image = "alpine"}, {}},
          {ContainerPayload{.image = "registry/x:1",
                            .words = {"run", "--fast"},
                            .memory_bytes = 1 << 20,
                            .cpus_milli = 1500,
                            .network = "none",
                            .pull = ContainerPayload::Pull::never},
           all}};
}

TEST(JobPayload, WrittenItReadsTheSame) {
  for (const JobPayload& payload : examples()) {
    const auto read = parse_payload(to_json(payload));
    ASSERT_TRUE(read.ok()) << to_json(payload) << "\n" << read.error().message;
    EXPECT_EQ(read.value(), payload) << to_json(payload);
  }
}

TEST(JobPayload, VersionOneMayBeSaidOrNot) {
  EXPECT_EQ(problem(R"({"script": "sleep 60"})"), "none");
  EXPECT_EQ(problem(R"({"version": 1, "script": "sleep 60"})"), "none");
  EXPECT_EQ(problem(R"({"version": 2, "script": "sleep 60"})"),
            "the payload of the job: /version: this program reads version 1");
}

TEST(JobPayload, SizesHaveUnits) {
  const auto memory = [](const std::string& size) {
    const auto read = parse_payload(R"({"container": {"image": "a", "memory": )" + size + "}}");
    return read.ok() ? std::get<ContainerPayload>(read.value().what).memory_bytes.value_or(-1) : -2;
  };
  EXPECT_EQ(memory("1000"), 1000);
  EXPECT_EQ(memory(R"("512MiB")"), 512 << 20);
  EXPECT_EQ(memory(R"("1.5GB")"), 1'500'000'000);
  EXPECT_EQ(memory(R"("7 B")"), 7);
  for (const char* bad : {"0", "-1", "1.5", R"("MiB")", R"("1")", R"("-1GiB")", R"("1e30GiB")", R"("1 XiB")", "null"}) {
    EXPECT_EQ(memory(bad), -2) << bad;
  }
}

TEST(JobPayload, ASleepHasAUnitAndMayHaveParameters) {
  const auto read = parse_payload(R"({"sleep": "10s", "parameters": {"a": 1}})");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read.value(), JobPayload(SleepPayload{std::chrono::seconds{10}, true}, {.parameters = R"({"a":1})"}));
  EXPECT_EQ(parse_payload(to_json(read.value())).value(), read.value());
}

// Each with the place, as the message has it after "the payload of the job: ".
TEST(JobPayload, MistakesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({})", "it needs one of command, script, container and sleep, and has 0"},
      {R"({"script": "a", "command": ["b"]})", "it needs one of command, script, container and sleep, and has 2"},
      {R"({"script": ""})", "/script: it is empty"},
      {R"({"script": 1})", "/script: it is not a text"},
      {R"({"script": "a\u0000b"})", "/script: it contains a NUL"},
      {R"({"command": "ls"})", "/command: it is not a list of a program and its arguments"},
      {R"({"command": []})", "/command: it is not a list of a program and its arguments"},
      {R"({"command": ["ls", 1]})", "/command/1: it is not a text"},
      {R"({"command": [""]})", "/command/0: it is not the name of a program"},
      {R"({"sleep_ns": -1})", "/sleep_ns: it is not a whole number between 0 and 9223372036854775807"},
      {R"({"sleep_ns": 18446744073709551615})", "/sleep_ns: it is not a whole number between 0 and 9223372036854775807"},
      {R"({"requests": {}})", "/requests/durations_ns: expected a list of 1 to 10000 numbers"},
      {R"({"requests": {"durations_ns": []}})", "/requests/durations_ns: expected a list of 1 to 10000 numbers"},
      {R"({"requests": {"durations_ns": [1, -1]}})",
       "/requests/durations_ns/1: it is not a whole number between 0 and 100000000000000"},
      {R"({"requests": {"durations_ns": [1], "tokens": "a"}})",
       "/requests/tokens: it is not a whole number between 0 and 1000000000"},
      {R"({"requests": {"durations_ns": [1]}, "files": []})", "/files: there is no such key; allowed: version, requests"},
      {R"({"sleep_ns": 1, "keeps": 1})", "/keeps: true or false"},
      {R"({"sleep_ns": 1, "files": []})",
       "/files: there is no such key; allowed: version, sleep, sleep_ns, keeps, parameters"},
      {R"({"sleep": 5})", "/sleep: it is not a duration such as \"30s\" (units: ns, us, ms, s, m, h, d, w)"},
      {R"({"sleep": "1s", "sleep_ns": 1})", "it needs one of command, script, container and sleep, and has 2"},
      {R"({"script": "a", "enviroment": {}})",
       "/enviroment: there is no such key; allowed: version, command, script, container, environment, files, time_limit_s, "
       "grace_s, "
       "pids, parameters"},
      {R"({"script": "a", "environment": []})", "/environment: it is not an object of texts"},
      {R"({"script": "a", "environment": {"A=B": "c"}})", "/environment/A=B: this cannot be the name of a variable"},
      {R"({"script": "a", "environment": {"A": 1}})", "/environment/A: it is not a text"},
      {R"({"script": "a", "environment": {"DRYDOCK_JOB": "1"}})",
       "/environment/DRYDOCK_JOB: names with DRYDOCK_ are set by the worker"},
      {R"({"script": "a", "time_limit_s": 0})", "/time_limit_s: it must be above 0"},
      {R"({"script": "a", "time_limit_s": "1h"})", "/time_limit_s: it is not a number between 0 and 1000000000"},
      {R"({"script": "a", "pids": 0})", "/pids: it is not a whole number between 1 and 1000000000"},
      {R"({"script": "a", "files": {}})", "/files: it is not a list"},
      {R"({"script": "a", "files": [1]})", "/files/0: it is not an object"},
      {R"({"script": "a", "files": [{"name": "a"}]})", "/files/0: it needs one of text, base64, path"},
      {R"({"script": "a", "files": [{"text": "a"}]})", "/files/0/name: it needs a name of at most 4096 bytes"},
      {R"({"script": "a", "files": [{"name": "/etc/x", "text": ""}]})",
       "/files/0/name: it is an absolute path: it must stay within the working directory"},
      {R"({"script": "a", "files": [{"name": "a/../../x", "text": ""}]})",
       "/files/0/name: a/../../x does not stay plainly within the working directory"},
      {R"({"script": "a", "files": [{"name": "a//x", "text": ""}]})",
       "/files/0/name: a//x does not stay plainly within the working directory"},
      {R"({"script": "a", "files": [{"name": "a/", "text": ""}]})", "/files/0/name: it ends with a slash"},
      {R"({"script": "a", "files": [{"name": "task.json", "text": ""}]})", "/files/0/name: task.json is made by the worker"},
      {R"({"script": "a", "files": [{"name": "results/x", "text": ""}]})", "/files/0/name: results is made by the worker"},
      {R"({"script": "a", "files": [{"name": "a", "text": ""}, {"name": "a", "text": ""}]})", "/files: a is there twice"},
      {R"({"script": "a", "files": [{"name": "a", "path": "/etc", "mode": "link"}, {"name": "a/b", "text": ""}]})",
       "/files: a/b cannot be within a, which is a file"},
      {R"({"script": "a", "files": [{"name": "a", "base64": "a"}]})", "/files/0/base64: it is not base64"},
      {R"({"script": "a", "files": [{"name": "a", "path": "x"}]})", "/files/0/path: it is not an absolute path"},
      {R"({"script": "a", "files": [{"name": "a", "path": "/x", "mode": "move"}]})", "/files/0/mode: copy or link"},
      {R"({"container": {}})", "/container/image: it needs the name of an image"},
      {R"({"container": {"image": "--privileged"}})", "/container/image: it needs the name of an image"},
      {R"({"container": {"image": "a", "network": "host"}})",
       "/container/network: it must be a network of its own: none, bridge, or the name of one"},
      {R"({"container": {"image": "a", "cpus": 0}})", "/container/cpus: it is not a number between 0.001 and 100000"},
      {R"({"container": {"image": "a", "pull": "often"}})", "/container/pull: missing, never or always"},
      {R"({"container": {"image": "a", "privileged": true}})",
       "/container/privileged: there is no such key; allowed: image, command, memory, cpus, network, pull"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(problem(text), "the payload of the job: " + message) << text;
  EXPECT_EQ(problem("[]"), "the payload of the job is not a JSON object");
  EXPECT_EQ(problem("{"), "the payload of the job is not valid JSON");
  EXPECT_EQ(problem(R"({"script": ")"
                    "\xff\"}"),
            "the payload of the job is not valid JSON");
}

TEST(JobPayload, TooManyFilesAreRefused) {
  std::string text = R"({"script": "a", "files": [)";
  for (std::size_t i = 0; i <= kMostInputFiles; ++i) text += (i == 0 ? "0" : ",0");
  EXPECT_EQ(problem(text + "]}"), "the payload of the job: /files: at most 10000 files");
}

// Whatever is done to a good one, it is read or refused, and what is read can be written and read again.
TEST(JobPayload, DamagedOnesAreReadOrRefused) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  std::vector<std::string> texts;
  for (const JobPayload& payload : examples()) texts.push_back(to_json(payload));
  const std::string bytes = "{}[]\",:0123456789-.eE \\ntruefals/\x01\xc3";
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = texts[random() % texts.size()];
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = bytes[random() % bytes.size()]; break;
        case 1: text.erase(at, 1 + random() % 8); break;
        default: text.insert(at, texts[random() % texts.size()].substr(random() % 30, random() % 12)); break;
      }
      if (text.empty()) text = "{";
    }
    const auto read = parse_payload(text);
    if (!read) {
      ++refused;
      EXPECT_FALSE(read.error().message.empty());
      continue;
    }
    const auto again = parse_payload(to_json(read.value()));
    ASSERT_TRUE(again.ok()) << text << "\n" << to_json(read.value()) << "\n" << again.error().message;
    EXPECT_EQ(again.value(), read.value()) << text;
  }
  EXPECT_GT(refused, 10'000U);
  EXPECT_LT(refused, 20'000U);
}

TEST(Base64, IsThatOfTheStandard) {
  const std::vector<std::pair<std::string, std::string>> pairs{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {std::string("\xff\0\xfe", 3), "/wD+"}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "====", "Z===", "Zg==Zg=="}) {
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace drydock::runtime::job_payload_test

// What clients may hand in, and what is said of the rest.
#include "real-runtime/job_request.hpp"

#include "real-runtime/job_payload.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::runtime::job_request_test {
namespace {

using namespace std::chrono_literals;

JobRequests read(const std::string& text) {
  auto requests = read_job_requests(text);
  EXPECT_TRUE(requests.ok()) << text << ": " << requests.error().message;
  return requests.ok() ? requests.value() : JobRequests{};
}

std::string problem(const std::string& text) {
  const auto requests = read_job_requests(text);
  return requests.ok() ? "" : requests.error().message;
}

TEST(JobRequest, HasTheOptionsOfSubmitAndAPayload) {
  const JobRequests all = read(
      R"({"script": "sleep 60", "cpus": 2.5, "memory": "4GiB", "gpus": 1, "tasks": 3, "priority": -2, "estimate": "10m",
          "queue": "short", "environment": {"A": "b"}, "time_limit_s": 5})");
  ASSERT_EQ(all.jobs.size(), 1U);
  EXPECT_FALSE(all.listed);
  const JobSpec& spec = all.jobs[0].job.spec;
  EXPECT_EQ(spec.per_task, make_resources({.cpus_milli = 2500, .memory_bytes = std::int64_t{4} << 30, .gpus = 1}));
  EXPECT_EQ(spec.tasks, 3U);
  EXPECT_EQ(spec.priority, -2);
  EXPECT_EQ(spec.estimate, 10min);
  EXPECT_EQ(all.jobs[0].queue, "short");
  const auto payload = parse_payload(all.jobs[0].job.payload);
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(payload.value(), JobPayload(ScriptPayload{"sleep 60"}, {.environment = {{"A", "b"}}, .time_limit = 5s}));
}

TEST(JobRequest, HasDefaults) {
  const JobRequests all = read(R"({"command": ["true"]})");
  EXPECT_EQ(all.jobs[0].job.spec.per_task, make_resources({.cpus_milli = 1000}));
  EXPECT_EQ(all.jobs[0].job.spec.estimate, 1min);
  EXPECT_EQ(all.jobs[0].queue, "");
  EXPECT_EQ(read(R"({"sleep": "3s"})").jobs[0].job.spec.estimate, 3s);
  EXPECT_EQ(read(R"({"sleep": "3s", "parameters": {"a": 1}})").jobs[0].job.spec.estimate, 3s);
  EXPECT_EQ(read(R"({"sleep": "3s", "estimate": "5s"})").jobs[0].job.spec.estimate, 5s);
  EXPECT_EQ(read(R"({"sleep": "3s", "memory": 1024})").jobs[0].job.spec.per_task.memory(), 1024);
}

TEST(JobRequest, MayBeAList) {
  const JobRequests all = read(R"({"jobs": [{"sleep": "1s"}, {"command": ["true"], "cpus": 4}], "unique_key": "k"})");
  EXPECT_TRUE(all.listed);
  EXPECT_EQ(all.unique_key, "k");
  ASSERT_EQ(all.jobs.size(), 2U);
  EXPECT_EQ(all.jobs[1].job.spec.per_task.cpus(), 4000);
}

TEST(JobRequest, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "not valid JSON: line 1"},
      {"{\n  \"script\": \"a\",\n  cpus: 4}", "line 3, column 3"},
      {"[1]", "it is not an object"},
      {"{\"script\": \"\xff\"}", "UTF-8"},
      {R"({"script": "a", "cpus": 1e999})", "not valid JSON"},
      {R"({"script": "a", "cpu": 4})", "/cpu: there is no such field; did you mean \"cpus\""},
      {R"({"script": "a", "cpus": "4"})", "/cpus: it is not a number between 0 and 1000000"},
      {R"({"script": "a", "cpus": -1})", "/cpus"},
      {R"({"script": "a", "cpus": 0.0001})", "/cpus: cores are given in thousandths: 0, or 0.001 and more"},
      {R"({"script": "a", "memory": "lots"})", "/memory"},
      {R"({"script": "a", "memory": -5})", "/memory"},
      {R"({"script": "a", "memory": "2000TiB"})", "/memory"},
      {R"({"script": "a", "gpus": 1.5})", "/gpus: it is not a whole number"},
      {R"({"script": "a", "tasks": 0})", "/tasks"},
      {R"({"script": "a", "tasks": 9, "memory": "1024TiB"})", "/tasks"},
      {R"({"script": "a", "tasks": 18446744073709551615})", "/tasks"},
      {R"({"script": "a", "priority": 3000000000})", "/priority"},
      {R"({"script": "a", "estimate": "soon"})", "/estimate"},
      {R"({"script": "a", "estimate": "0s"})", "/estimate: it must be more than 0"},
      {R"({"script": "a", "estimate": 5})", "/estimate: it is not a duration"},
      {R"({"script": "a", "queue": 7})", "/queue"},
      {R"({"cpus": 4})", "what shall run?"},
      {R"({"script": "a", "command": ["b"]})", "it needs one of command, script, container and sleep, and has 2"},
      {R"({"environment": {"A": "b"}})", "it needs one of command, script, container and sleep, and has 0"},
      {R"({"script": "a", "script": "b"})", "an object has the key \"script\" twice"},
      {R"({"script": "a:{\"b\":1}", "parameters": [{"x": {"y": 1, "z": 2, "\u0079": 3}}]})", "the key \"y\" twice"},
      {R"({"script": "a", "sleep": "1s"})", "it needs one of command, script, container and sleep, and has 2"},
      {R"({"sleep": "soon"})", "/sleep"},
      {R"({"sleep": "1s", "environment": {"A": "b"}})", "/environment: there is no such key; allowed: version, sleep"},
      {R"({"script": 5})", "/script: it is not a text"},
      {R"({"command": ["a", 1]})", "/command/1: it is not a text"},
      {R"({"script": "a", "files": [{"name": "../x", "text": ""}]})", "/files/0/name: ../x does not stay"},
      {R"({"script": "a", "files": [{"name": "/etc/x", "text": ""}]})", "/files/0/name: it is an absolute path"},
      {R"({"script": "a", "unique_key": ""})", "/unique_key"},
      {R"({"script": "a", "unique_key": "ä"})", "/unique_key"},
      {R"({"jobs": []})", "/jobs: it is not a list of 1 to 10000 jobs"},
      {R"({"jobs": [5]})", "/jobs/0: it is not an object"},
      {R"({"jobs": [{"script": "a"}, {"script": "a", "cpus": []}]})", "/jobs/1/cpus"},
      {R"({"jobs": [{"script": "a", "files": [{"name": "a/../../b", "text": ""}]}]})", "/jobs/0/files/0/name"},
      {R"({"jobs": [{"script": "a", "unique_key": "k"}]})", "/jobs/0/unique_key: it belongs beside"},
      {R"({"jobs": [{"script": "a"}], "cpus": 4})", "/cpus: there is no such field beside"},
      {R"({"script": "a", "parameters": )" + std::string(200, '[') + std::string(200, ']') + "}", "more than 100 deep"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(problem(text).find(expected), std::string::npos) << text << "\n  says: " << problem(text);
  }
}

// What takes JSON apart calls itself for each level.
TEST(JobRequest, ADeepOneEndsNoProcess) {
  const std::string deep(5'000'000, '[');
  EXPECT_NE(problem(R"({"script": "a", "parameters": )" + deep), "");
  EXPECT_FALSE(parse_payload(R"({"script": "a", "parameters": )" + deep).ok());
}

TEST(JobRequest, TheDigestIsOfWhatItSays) {
  const std::string one = read(R"({"script": "a", "cpus": 4, "unique_key": "k"})").digest;
  EXPECT_EQ(read(R"({ "cpus" : 4, "script":"a" })").digest, one);
  EXPECT_EQ(read(R"({"script": "a", "cpus": 4.0, "estimate": "60s", "tasks": 1})").digest, one) << "the same job";
  for (const char* other :
       {R"({"script": "a", "cpus": 5})", R"({"script": "b", "cpus": 4})", R"({"command": ["a"], "cpus": 4})",
        R"({"script": "a", "cpus": 4, "queue": "x"})", R"({"script": "a", "cpus": 4, "priority": 1})",
        R"({"script": "a", "cpus": 4, "memory": 1})", R"({"script": "a", "cpus": 4, "gpus": 1})",
        R"({"script": "a", "cpus": 4, "tasks": 2})", R"({"script": "a", "cpus": 4, "estimate": "61s"})",
        R"({"jobs": [{"script": "a", "cpus": 4}]})"}) {
    EXPECT_NE(read(other).digest, one) << other;
  }
}

TEST(JobRequest, QueuesAreFoundByName) {
  const std::vector<NamedQueue> names{{7, "default"}, {2, "short"}, {0, "gone", false}};
  const auto jobs = in_queues(read(R"({"jobs": [{"sleep": "1s"}, {"sleep": "1s", "queue": "short"}]})"), names);
  ASSERT_TRUE(jobs.ok());
  EXPECT_EQ(jobs.value()[0].spec.queue, QueueId{7}) << "the first";
  EXPECT_EQ(jobs.value()[1].spec.queue, QueueId{2});
  const auto none = in_queues(read(R"({"jobs": [{"sleep": "1s", "queue": "shrt"}]})"), names);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("/jobs/0/queue: there is no queue shrt; did you mean \"short\"?"), std::string::npos)
      << none.error().message;
  EXPECT_FALSE(in_queues(read(R"({"jobs": [{"sleep": "1s", "queue": "gone"}]})"), names).ok());
}

}  // namespace
}  // namespace drydock::runtime::job_request_test

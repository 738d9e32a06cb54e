// `drydock submit` of many jobs: --jobs FILE, and --count.
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/store_queries.hpp"
#include "tests/runtime/processes.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace drydock::cli::submit_file_test {
namespace {

// Jobs that differ.
std::string job_lines(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i)
    text += fmt::format("{{\"command\": [\"echo\", \"{}\"], \"queue\": \"other\", \"cpus\": 2}}\n", i);
  return text;
}

class SubmitFile : public OnGivenStores {
 protected:
  void SetUp() override {
    OnGivenStores::SetUp();
    if (HasFatalFailure()) return;
    auto store = runtime::PostgresClient::connect({.connection = postgres_->connection()});
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_ = std::move(store).value();
    ASSERT_TRUE(runtime::set_queues(*store_, {"default", "other"}).ok());
  }
  [[nodiscard]] std::vector<std::string> words(const std::string& file, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"submit", "--postgres", postgres_->connection(), "--jobs", file};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Ran submit(const std::string& file, const std::vector<std::string>& more = {}) { return run_binary(words(file, more)); }
  long number(const std::string& sql) {
    const auto result = store_->run(sql);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::atol(result.value().c_str()) : -1;
  }
  long jobs() { return number("select count(*) from drydock.jobs"); }
  long different_jobs() { return number("select count(distinct payload) from drydock.jobs"); }

  std::unique_ptr<runtime::PostgresClient> store_;
};

TEST_F(SubmitFile, TakesAHundredThousandJobsOnce) {
  const std::string file = folder_.file("jobs.jsonl", job_lines(0, 100'000));
  const Ran first = submit(file, {"--key", "nightly"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, "100000 jobs submitted: 1 to 100000\n");
  EXPECT_EQ(first.err, "");
  EXPECT_EQ(different_jobs(), 100'000);
  EXPECT_EQ(number("select count(*) from drydock.jobs where queue = 1 and cpus = 2000"), 100'000);
  const Ran again = submit(file, {"--key", "nightly", "--format", "json"});
  EXPECT_EQ(again.code, 0) << again.err;
  const auto told = nlohmann::json::parse(again.out, nullptr, false);
  EXPECT_EQ(told["schema"], "drydock-submitted-file/1");
  EXPECT_EQ(told["there_before"], 100'000);
  EXPECT_EQ(told["ranges"], nlohmann::json::parse("[[1, 100000]]"));
  EXPECT_EQ(jobs(), 100'000);
}

TEST_F(SubmitFile, WithoutAKeyARepetitionIsNewJobs) {
  const std::string file = folder_.file("jobs.jsonl", job_lines(0, 3));
  EXPECT_EQ(submit(file).out, "3 jobs submitted: 1 to 3\n");
  EXPECT_EQ(submit(file).out, "3 jobs submitted: 4 to 6\n");
}

TEST_F(SubmitFile, AKeyStandsForOneFile) {
  EXPECT_EQ(submit(folder_.file("a.jsonl", job_lines(0, 3)), {"--key", "k"}).code, 0);
  const Ran other = submit(folder_.file("b.jsonl", job_lines(1, 3)), {"--key", "k"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("lines 1 to 3 are not what was submitted under the key \"k\" before"), std::string::npos)
      << other.err;
  EXPECT_EQ(jobs(), 3);
}

TEST_F(SubmitFile, SaysWhereAMistakeIsBeforeItSubmitsAnything) {
  const auto refused = [&](const std::string& line, std::string_view why) {
    const std::string file = folder_.file("bad.jsonl", job_lines(0, 1500) + "\n" + line + "\n" + job_lines(0, 1));
    const Ran ran = submit(file);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_NE(ran.err.find(fmt::format("bad.jsonl:1502: {}", why)), std::string::npos) << ran.err.substr(0, 500);
    EXPECT_NE(ran.err.find("nothing was submitted"), std::string::npos) << ran.err.substr(0, 500);
    EXPECT_EQ(ran.out, "");
  };
  refused(R"({"command": ["true"],})", "it is not valid JSON: column 22");
  refused("{\"script\": \"\xff\"}", "it is not valid JSON: column ");
  refused("17", "it is not an object");
  refused(R"({"command": ["true"], "queue": "othre"})", R"(/queue: there is no queue othre; did you mean "other"?)");
  refused(R"({"command": ["true"], "cpus": -1})", "/cpus: it is not a number between 0 and");
  refused(R"({"command": ["true"], "files": [{"name": "../x", "text": ""}]})", "/files/0/name: ../x does not stay");
  refused(R"({"command": ["true"], "unique_key": "k"})", "/unique_key: there is one key for all of them");
  refused(R"({"jobs": [{"command": ["true"]}]})", "/jobs: it is one job on each line");
  EXPECT_EQ(jobs(), 0);
  const std::string long_line(std::size_t{17} << 20U, 'x');
  const Ran ran = submit(folder_.file("long.jsonl", job_lines(0, 1) + "{\"script\": \"" + long_line + "\"}\n"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("long.jsonl: line 2 is longer than 16777216 bytes"), std::string::npos) << ran.err.substr(0, 500);
  EXPECT_EQ(jobs(), 0);
}

TEST_F(SubmitFile, RefusesWhatMakesNoSense) {
  const std::string file = folder_.file("jobs.jsonl", job_lines(0, 3));
  EXPECT_EQ(submit(file, {"--queue", "other"}).code, 2);
  EXPECT_EQ(submit(file, {"--key", "\t"}).code, 2);
  EXPECT_EQ(submit(folder_.path("absent")).code, 2);
  EXPECT_EQ(submit(folder_.file("empty", "\n \n")).code, 2);
  EXPECT_EQ(run_binary({"submit", "--postgres", postgres_->connection(), "--key", "k", "--sleep", "1s"}).code, 2);
  EXPECT_EQ(jobs(), 0);
}

// A pipe cannot be read twice.
TEST_F(SubmitFile, OfAPipeWhatCameBeforeAMistakeIsSubmitted) {
  const std::string pipe = folder_.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Started started(words(pipe, {"--key", "k"}));
  std::ofstream(pipe) << job_lines(0, 1200) << "{}\n";
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("pipe:1201: what shall run?"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("1000 jobs had been submitted before it, those of lines 1 to 1000"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.out, "1000 jobs submitted: 1 to 1000\n");
  const Ran mended = submit(folder_.file("mended", job_lines(0, 1300)), {"--key", "k"});
  EXPECT_EQ(mended.out, "300 jobs submitted, 1000 were there before: 1 to 1300\n") << mended.err;
  EXPECT_EQ(different_jobs(), 1300);
}

TEST_F(SubmitFile, InterruptedAndRepeatedGivesEachJobOnce) {
  const std::string pipe = folder_.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Started started(words(pipe, {"--format", "json"}));
  std::ofstream writer(pipe);
  writer << job_lines(0, 2500) << std::flush;
  ASSERT_TRUE(until([&] { return jobs() == 2000; }));
  started.interrupt(SIGINT);
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_NE(ran.err.find("2000 jobs had been submitted before it, those of lines 1 to 2000"), std::string::npos) << ran.err;
  const auto told = nlohmann::json::parse(ran.out, nullptr, false);
  EXPECT_EQ(told["complete"], false);
  const std::string key = told["key"].get<std::string>();
  EXPECT_NE(ran.err.find("--key " + key), std::string::npos) << ran.err;
  const Ran whole = submit(folder_.file("whole", job_lines(0, 5000)), {"--key", key});
  EXPECT_EQ(whole.out, "3000 jobs submitted, 2000 were there before: 1 to 5000\n") << whole.err;
  EXPECT_EQ(jobs(), 5000);
  EXPECT_EQ(different_jobs(), 5000);
}

TEST_F(SubmitFile, OfACountItSaysWhichWereNotAccepted) {
  ASSERT_TRUE(store_
                  ->run("create function drydock.no() returns trigger language plpgsql as $$ begin raise exception 'not "
                        "that one'; end $$; "
                        "create trigger no before insert on drydock.jobs for each row when (new.id = 1500) execute function "
                        "drydock.no()")
                  .ok());
  const std::vector<std::string> words{"submit", "--postgres", postgres_->connection(), "--sleep", "1ms", "--count", "9500"};
  const Ran table = run_binary(words);
  EXPECT_EQ(table.code, 3);
  EXPECT_EQ(std::ranges::count(table.out, '\n'), 7000) << "eight transactions are on their way at once";
  EXPECT_NE(table.err.find("jobs 1001 to 2000 were not accepted: ERROR:  not that one"), std::string::npos) << table.err;
  EXPECT_NE(table.err.find("; jobs 8001 to 9500 were not handed in"), std::string::npos) << table.err;
  EXPECT_EQ(jobs(), 7000);
  ASSERT_TRUE(store_
                  ->run("drop trigger no on drydock.jobs; create trigger no before insert on drydock.jobs for each row when "
                        "(new.id = 10001) "
                        "execute function drydock.no()")
                  .ok());
  std::vector<std::string> as_json = words;
  as_json.insert(as_json.end(), {"--format", "json"});
  const Ran json = run_binary(as_json);
  EXPECT_EQ(json.code, 3);
  EXPECT_EQ(nlohmann::json::parse(json.out, nullptr, false)["jobs"].size(), 7000U) << json.out.substr(0, 500);
  EXPECT_EQ(jobs(), 14'000);
}

}  // namespace
}  // namespace drydock::cli::submit_file_test

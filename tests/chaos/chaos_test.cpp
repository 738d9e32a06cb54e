// Nothing lost, nothing twice: jobs are handed in while schedulers, workers, Redis, PostgreSQL and the connections between them are
// killed, paused, flushed and cut at random. Longer, and with more seeds: DRYDOCK_CHAOS_SEEDS=1..20, DRYDOCK_CHAOS_SECONDS=120,
// DRYDOCK_CHAOS_JOBS=10000 (`./dev chaos` does that).
#include "real-runtime/redis_client.hpp"
#include "tests/chaos/installation.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::chaos::chaos_test {
namespace {

using namespace std::chrono_literals;
using cli::Ran;
using cli::run_binary;
using cli::Started;

constexpr Duration kBetweenStrikes = 1500ms;  // on average
constexpr Duration kLongEnough = 120s;        // for one more job to end when everything works again
constexpr std::uint64_t kBatch = 100;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

std::pair<std::uint64_t, std::uint64_t> seeds() {
  const char* text = std::getenv("DRYDOCK_CHAOS_SEEDS");
  if (text == nullptr) return {1, 1};
  const std::string range = text;
  const std::size_t dots = range.find("..");
  const std::uint64_t first = std::stoull(range);
  return {first, dots == std::string::npos ? first : std::stoull(range.substr(dots + 2))};
}

// Hands in jobs, a batch at a time; a batch that was not accepted is handed in again.
class Client {
 public:
  Client(Installation& installation, std::uint64_t jobs) : installation_(installation), jobs_(jobs) {
    log_ = installation.folder().file("ran.log", "");
    std::filesystem::permissions(log_, std::filesystem::perms::all);
    const std::string script = fmt::format(R"(echo "$DRYDOCK_JOB $DRYDOCK_ATTEMPT" >> {})", log_);
    payload_ = installation.folder().file("payload.json", nlohmann::json{{"command", {"sh", "-c", script}}}.dump());
  }

  // Looks whether the last batch is in, and hands in the next one.
  void go_on() {
    if (submission_ != nullptr && submission_->ended()) {
      const Ran ran = submission_->wait();
      submission_.reset();
      ASSERT_TRUE(ran.signal == 0 && (ran.code == 0 || ran.code == 3)) << ran.code << ": " << ran.err;
      if (ran.code == 0) {
        const auto ids = nlohmann::json::parse(ran.out).at("jobs").get<std::vector<std::uint64_t>>();
        EXPECT_EQ(ids.size(), kBatch);
        accepted_.insert(ids.begin(), ids.end());
        ++batches_;
      }
    }
    if (submission_ != nullptr || done()) return;
    std::vector<std::string> words{
        "submit", "--postgres", installation_.postgres_url(), "--count", fmt::format("{}", kBatch), "--format", "json"};
    // Every fifth batch is of real processes, which leave a trace.
    if (batches_ % 5 == 4) words.insert(words.end(), {"--payload", payload_});
    else words.insert(words.end(), {"--sleep", batches_ % 5 == 2 ? "1s" : "100ms"});
    submission_ = std::make_unique<Started>(words);
  }
  [[nodiscard]] bool done() const { return batches_ * kBatch >= jobs_; }
  void hand_in_one_batch_more() { jobs_ = (batches_ + 1) * kBatch; }
  [[nodiscard]] const std::set<std::uint64_t>& accepted() const { return accepted_; }
  // The attempts that ran as processes: "job attempt".
  [[nodiscard]] std::multiset<std::string> ran() const {
    std::multiset<std::string> lines;
    std::ifstream file(log_);
    for (std::string line; std::getline(file, line);) lines.insert(line);
    return lines;
  }

 private:
  Installation& installation_;
  std::uint64_t jobs_;
  std::uint64_t batches_ = 0;
  std::set<std::uint64_t> accepted_;
  std::unique_ptr<Started> submission_;
  std::string log_;
  std::string payload_;
};

std::set<std::uint64_t> numbers(const std::string& text) {
  std::set<std::uint64_t> all;
  std::istringstream in(text);
  for (std::uint64_t n = 0; in >> n;) all.insert(n);
  return all;
}

// What is wrong in PostgreSQL when all have ended, a line each.
std::vector<std::string> problems_of_store(const Installation& installation, const Client& client) {
  std::vector<std::string> problems;
  const auto expect = [&](const char* what, const std::string& sql, const std::string& expected) {
    const std::string answer = installation.ask(sql).value_or("no answer");
    if (answer != expected) problems.push_back(fmt::format("{}: {}", what, answer));
  };
  const std::set<std::uint64_t> jobs =
      numbers(installation.ask("select coalesce(string_agg(id::text, ' '), '') from drydock.jobs").value_or(""));
  for (const std::uint64_t id : client.accepted()) {
    if (!jobs.contains(id)) problems.push_back(fmt::format("job {} was accepted and is gone", id));
  }
  expect("jobs that did not succeed, with the last reason",
         "select coalesce(string_agg(id || ':' || coalesce(last_reason, -1), ' '), '') from drydock.job_states "
         "where state <> 2 or last_reason <> 0",
         "");
  expect("jobs that succeeded more than once",
         "select count(*) from (select job from drydock.allocations where part = 0 and outcome = 0 group by job having "
         "count(*) > 1) a",
         "0");
  expect("attempts that are not released", "select count(*) from drydock.allocations where not released", "0");
  expect("what the database says is allocated", "select cpus || ' ' || allocations from drydock.truth", "0 0");
  // Each accepted result of a process is of an attempt that ran.
  std::istringstream winners(
      installation
          .ask("select coalesce(string_agg(a.job || ' ' || a.attempt, E'\\n'), '') from drydock.allocations a "
               "join drydock.jobs j on j.id = a.job where a.outcome = 0 and convert_from(j.payload, 'UTF8') like "
               "'%DRYDOCK_JOB%'")
          .value_or("no answer"));
  const std::multiset<std::string> ran = client.ran();
  for (std::string line; std::getline(winners, line);) {
    if (ran.count(line) != 1)
      problems.push_back(fmt::format("job and attempt {} succeeded, and ran {} times", line, ran.count(line)));
  }
  return problems;
}

// Whether the counter in Redis says that nothing is allocated, within a moment.
testing::AssertionResult counter_is_at_rest(Installation& installation, Duration moment) {
  auto redis = runtime::RedisClient::connect({.address = installation.redis_address()});
  if (!redis.ok()) return testing::AssertionFailure() << redis.error().message;
  redis::Reply answer;
  const bool rests = installation.run(moment, [&] {
    answer = redis.value()->execute(redis::GetCounter{});
    return answer == redis::Reply{redis::Value{0}};
  });
  if (rests) return testing::AssertionSuccess();
  const auto* const value = std::get_if<redis::Value>(&answer);
  if (value == nullptr) return testing::AssertionFailure() << "it does not answer";
  return testing::AssertionFailure() << (value->value ? fmt::format("it says {}", *value->value) : "it is not there");
}

void expect_good_journals(const Installation& installation) {
  const std::vector<std::string> journals = installation.journals();
  EXPECT_FALSE(journals.empty());
  std::vector<std::string> words{"check"};
  words.insert(words.end(), journals.begin(), journals.end());
  const Ran checked = run_binary(words);
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  for (const std::string& journal : journals) {
    const Ran replayed = run_binary({"replay", journal});
    EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
  }
}

[[nodiscard]] bool begin(Installation& installation) {
  return !testing::Test::HasFailure() &&
         installation.run(60s, [&] { return installation.ask("select 1 from drydock.queues") == "1"; });
}

// Journals go to the folder that DRYDOCK_CHAOS_KEEP names, for whoever looks into what went wrong.
void keep_journals(const Installation& installation) {
  const char* const keep = std::getenv("DRYDOCK_CHAOS_KEEP");
  if (keep == nullptr) return;
  std::error_code ignored;
  std::filesystem::copy(installation.folder().path("record"), keep, std::filesystem::copy_options::recursive, ignored);
}

// Else: what has not ended, and what the processes say.
[[nodiscard]] testing::AssertionResult wait_for_the_end(Installation& installation) {
  std::string left;
  for (auto changed = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - changed < kLongEnough;) {
    // The question costs the store more than a job does.
    (void)installation.run(500ms);
    const auto now = installation.ask("select count(*) from drydock.job_states where state <> 2");
    if (now == "0") return testing::AssertionSuccess();
    if (!now || *now == left) continue;
    left = *now;
    changed = std::chrono::steady_clock::now();
  }
  return testing::AssertionFailure()
         << installation
                .ask(
                    "select count(*) || ' have not ended: ' || coalesce(string_agg(s::text, ' '), '') from (select * from "
                    "drydock.job_states where state <> 2 order by 1 limit 10) s")
                .value_or("PostgreSQL does not answer")
         << installation
                .ask(
                    "select '; not released: ' || coalesce(string_agg(a::text, ' '), '') from (select * from "
                    "drydock.allocations where not released limit 10) a")
                .value_or("")
         << "\n"
         << installation.told();
}

void nothing_lost_nothing_twice(std::uint64_t seed) {
  SCOPED_TRACE(fmt::format("DRYDOCK_CHAOS_SEEDS={}", seed));
  Installation installation({});
  ASSERT_TRUE(begin(installation)) << "no scheduler leads";
  Client client(installation, from_environment("DRYDOCK_CHAOS_JOBS", 600));
  const auto length = std::chrono::seconds{from_environment("DRYDOCK_CHAOS_SECONDS", 15)};
  Rng rng(seed, "chaos");
  const auto start = std::chrono::steady_clock::now();
  while (!testing::Test::HasFailure() && (std::chrono::steady_clock::now() - start < length || !client.done())) {
    installation.strike(rng);
    const Duration pause{
        static_cast<std::int64_t>(2 * rng.uniform() * static_cast<double>(Duration{kBetweenStrikes}.count()))};
    (void)installation.run(pause, [&] {
      client.go_on();
      return false;
    });
  }
  installation.heal();
  EXPECT_TRUE(wait_for_the_end(installation));
  // A counter that was evicted when nothing changed any more is missed at the next change.
  client.hand_in_one_batch_more();
  EXPECT_TRUE(installation.run(kLongEnough, [&] {
    client.go_on();
    return client.done();
  }));
  EXPECT_TRUE(wait_for_the_end(installation));
  EXPECT_TRUE(counter_is_at_rest(installation, 30s));
  installation.end_schedulers();
  EXPECT_EQ(problems_of_store(installation, client), std::vector<std::string>{});
  expect_good_journals(installation);
  if (testing::Test::HasFailure()) keep_journals(installation);
  std::string done;
  for (const auto& [what, times] : installation.strikes())
    done += fmt::format("{}{} {}", done.empty() ? "" : ", ", times, what);
  std::cout << fmt::format("seed {}: {} jobs accepted, {} attempts; {}\n", seed, client.accepted().size(),
                           installation.ask("select count(*) from drydock.allocations").value_or("?"), done);
}

TEST(Chaos, NothingIsLostAndNothingHappensTwice) {
  const auto [first, last] = seeds();
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) nothing_lost_nothing_twice(seed);
}

// What the campaign looks at would show: a job that is gone, one that ended twice, one that never ran, what is still held.
TEST(Chaos, WhatIsWrongIsSeen) {
  Installation installation({.schedulers = 1, .workers = 4});
  ASSERT_TRUE(begin(installation));
  Client client(installation, 5 * kBatch);
  ASSERT_TRUE(installation.run(kLongEnough, [&] {
    client.go_on();
    return client.done();
  }));
  ASSERT_TRUE(wait_for_the_end(installation));
  EXPECT_TRUE(counter_is_at_rest(installation, 30s));
  installation.end_schedulers();
  ASSERT_EQ(problems_of_store(installation, client), std::vector<std::string>{});
  const std::uint64_t job = *client.accepted().begin();       // that slept
  const std::uint64_t process = *client.accepted().rbegin();  // that was one
  const auto plant = [&](const std::string& sql, const std::string& expected) {
    EXPECT_TRUE(installation.ask(sql)) << sql;
    const auto problems = problems_of_store(installation, client);
    EXPECT_FALSE(problems.empty()) << sql;
    EXPECT_NE(fmt::format("{}", fmt::join(problems, "; ")).find(expected), std::string::npos)
        << fmt::format("{}", fmt::join(problems, "; "));
  };
  plant(fmt::format("insert into drydock.allocations select job, attempt + 1, part, worker, tasks, cpus, memory, gpus, "
                    "slots, outcome, "
                    "job_ends, released from drydock.allocations where job = {}",
                    job),
        "more than once: 1");
  plant(fmt::format("update drydock.allocations set attempt = 9 where job = {}", process),
        fmt::format("{} 9 succeeded, and ran 0 times", process));
  plant(fmt::format("update drydock.allocations set outcome = 3, job_ends = false where job = {}", process),
        "did not succeed");
  plant(fmt::format("update drydock.allocations set released = false where job = {}", process), "not released: 1");
  plant("update drydock.truth set cpus = 1000", "allocated: 1000 0");
  plant(fmt::format("delete from drydock.jobs where id = {}", job), fmt::format("job {} was accepted and is gone", job));
  auto redis = runtime::RedisClient::connect({.address = installation.redis_address()});
  ASSERT_TRUE(redis.ok());
  (void)redis.value()->execute(redis::AddCounter{1});
  EXPECT_FALSE(counter_is_at_rest(installation, 100ms));
}

}  // namespace
}  // namespace drydock::chaos::chaos_test

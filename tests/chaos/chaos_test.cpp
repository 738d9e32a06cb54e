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
#include <vector>

namespace drydock::chaos::chaos_test {
namespace {

using namespace std::chrono_literals;
using cli::Ran;
using cli::run_binary;
using cli::Started;

constexpr Duration kBetweenStrikes = 1500ms;  // on average
constexpr Duration kLongEnough = 180s;        // for all to end when everything works again
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

// What must hold of the store when all have ended.
void expect_each_ended_once(const Installation& installation, const Client& client) {
  const auto is = [&](const char* what, const std::string& sql, const std::string& expected) {
    EXPECT_EQ(installation.ask(sql).value_or("no answer"), expected) << what;
  };
  const auto stored = installation.ask("select coalesce(string_agg(id::text, ' '), '') from drydock.jobs");
  ASSERT_TRUE(stored);
  const std::set<std::uint64_t> jobs = numbers(*stored);
  EXPECT_TRUE(std::ranges::includes(jobs, client.accepted())) << "a job that was accepted is gone";
  is("jobs that did not succeed",
     "select coalesce(string_agg(id || ':' || last_reason, ' '), '') from drydock.job_states where state <> 2 or "
     "last_reason <> 0",
     "");
  is("jobs that succeeded more than once",
     "select count(*) from (select job from drydock.allocations where part = 0 and outcome = 0 group by job having count(*) "
     "> 1) a",
     "0");
  is("attempts that are not released", "select count(*) from drydock.allocations where not released", "0");
  is("what the database says is allocated", "select cpus || ' ' || allocations from drydock.truth", "0 0");
  // Each accepted result of a process is of an attempt that ran.
  const auto winners = installation.ask(
      "select coalesce(string_agg(a.job || ' ' || a.attempt, E'\\n'), '') from drydock.allocations a join drydock.jobs j on "
      "j.id = a.job "
      "where a.outcome = 0 and convert_from(j.payload, 'UTF8') like '%DRYDOCK_JOB%'");
  ASSERT_TRUE(winners);
  const std::multiset<std::string> ran = client.ran();
  std::istringstream lines(*winners);
  for (std::string line; std::getline(lines, line);) EXPECT_EQ(ran.count(line), 1U) << "job and attempt " << line;
}

void expect_no_drift(Installation& installation) {
  auto redis = runtime::RedisClient::connect({.address = installation.redis_address()});
  ASSERT_TRUE(redis.ok()) << redis.error().message;
  const auto value = [&] { return redis.value()->execute(redis::GetCounter{}); };
  EXPECT_TRUE(installation.run(30s, [&] { return value() == redis::Reply(redis::Value{0}); })) << to_text(value());
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

void nothing_lost_nothing_twice(std::uint64_t seed) {
  SCOPED_TRACE(fmt::format("DRYDOCK_CHAOS_SEEDS={}", seed));
  Installation installation({});
  ASSERT_FALSE(testing::Test::HasFailure());
  ASSERT_TRUE(installation.run(60s, [&] { return installation.ask("select 1 from drydock.queues") == "1"; }))
      << "no scheduler leads";
  Client client(installation, from_environment("DRYDOCK_CHAOS_JOBS", 600));
  const auto length = std::chrono::seconds{from_environment("DRYDOCK_CHAOS_SECONDS", 15)};
  Rng rng(seed, "chaos");
  const auto begin = std::chrono::steady_clock::now();
  while (!testing::Test::HasFailure() && (std::chrono::steady_clock::now() - begin < length || !client.done())) {
    installation.strike(rng);
    const Duration pause{
        static_cast<std::int64_t>(2 * rng.uniform() * static_cast<double>(Duration{kBetweenStrikes}.count()))};
    (void)installation.run(pause, [&] {
      client.go_on();
      return false;
    });
  }
  installation.heal();
  const auto unfinished = [&] {
    return installation.ask("select count(*) from drydock.job_states where state <> 2").value_or("no answer");
  };
  EXPECT_TRUE(installation.run(kLongEnough, [&] { return unfinished() == "0"; })) << unfinished() << " jobs have not ended";
  expect_no_drift(installation);
  installation.end_schedulers();
  expect_each_ended_once(installation, client);
  expect_good_journals(installation);
  std::string done;
  for (const auto& [what, times] : installation.strikes())
    done += fmt::format("{}{} {}", done.empty() ? "" : ", ", times, what);
  std::cout << fmt::format("seed {}: {} jobs accepted, {} attempts; {}\n", seed, client.accepted().size(),
                           installation.ask("select count(*) from drydock.allocations").value_or("?"), done);
}

TEST(Chaos, NothingIsLostAndNothingHappensTwice) {
  const auto [first, last] = seeds();
  for (std::uint64_t seed = first; seed <= last && !HasFatalFailure(); ++seed) nothing_lost_nothing_twice(seed);
}

}  // namespace
}  // namespace drydock::chaos::chaos_test

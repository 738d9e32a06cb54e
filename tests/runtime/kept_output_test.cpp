// What a worker leaves in Redis of attempts that have ended: of which, how much, for how long.
#include "real-runtime/kept_output.hpp"

#include "real-runtime/private_redis.hpp"
#include "tests/runtime/job_world.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace drydock::runtime::kept_output_test {
namespace {

using namespace std::chrono_literals;
using Kind = AttemptOutcome::Kind;

class KeptInRedis : public testing::Test {
 protected:
  void SetUp() override {
    auto redis = PrivateRedis::start({});
    ASSERT_TRUE(redis.ok()) << redis.error().message;
    server_ = std::move(redis).value();
    auto client = RedisClient::connect(options());
    ASSERT_TRUE(client.ok()) << client.error().message;
    client_ = std::move(client).value();
    redis_ = std::make_unique<AsyncRedis>(loop_, options());
    ASSERT_TRUE(turn_until([&] { return redis_->connected(); }));
  }
  [[nodiscard]] RedisClientOptions options() const { return {.address = server_->address(), .key_prefix = "p:"}; }
  bool turn_until(const std::function<bool()>& so) {
    const Time end = later(loop_.now(), 30s);
    bool reached = false;
    std::unique_ptr<EventLoop::Timer> timer;
    timer = std::make_unique<EventLoop::Timer>(loop_, [&] {
      reached = so();
      if (reached || loop_.now() > end) loop_.stop();
      else timer->start(later(loop_.now(), 1ms));
    });
    timer->start_soon();
    loop_.run();
    return reached;
  }
  OutputKeeper keeper(KeepOutputOptions kept = {}) { return {*redis_, "p:", WorkerId{3}, kept}; }
  // Job N, attempt 1, with this stdout.
  void end(OutputKeeper& kept, std::uint64_t job, const std::string& printed, const AttemptOutcome& outcome = {}) {
    const std::string folder = std::to_string(job) + "-1";
    files_.put(folder + "/stdout", printed);
    files_.put(folder + "/stderr", "");
    kept.attempt_ended({JobId{job}, 1}, outcome, files_.path() / folder);
    ASSERT_TRUE(turn_until([&] { return redis_->unanswered() == 0; }));
  }
  std::optional<KeptOutput> read(std::uint64_t job, WorkerId worker = WorkerId{3}) {
    const auto kept = read_kept_output(*client_, {JobId{job}, 1}, worker);
    EXPECT_TRUE(kept.ok()) << kept.error().message;
    return kept.ok() ? kept.value() : std::nullopt;
  }

  TestFolder files_;
  EventLoop loop_;
  std::unique_ptr<PrivateRedis> server_;
  std::unique_ptr<RedisClient> client_;
  std::unique_ptr<AsyncRedis> redis_;
};

TEST_F(KeptInRedis, TheEndOfWhatWasPrintedAndHowItEnded) {
  auto kept = keeper({.most_of_stream = 5});
  end(kept, 7, "much more\xff");
  const auto output = read(7);
  ASSERT_TRUE(output);
  ASSERT_EQ(output->streams.size(), 1U) << "nothing went to stderr";
  EXPECT_EQ(output->streams.at("stdout").end, "more\xEF\xBF\xBD") << "what is no UTF-8 is replaced";
  EXPECT_EQ(output->streams.at("stdout").bytes, 10U);
  EXPECT_FALSE(read(7, WorkerId{4})) << "of another worker";

  const AttemptOutcome failed{.kind = Kind::failed, .reason = "it ended with exit status 3", .exit_status = 3};
  end(kept, 8, "", failed);
  const auto silent = read(8);
  ASSERT_TRUE(silent);
  EXPECT_EQ(silent->outcome, failed);
  EXPECT_TRUE(silent->streams.empty());
}

TEST_F(KeptInRedis, NothingOfSuccessesThatPrintedNothing) {
  auto kept = keeper();
  end(kept, 1, "");
  end(kept, 2, "", {.kind = Kind::stopped, .reason = "the worker was told to stop it"});
  EXPECT_FALSE(read(1));
  EXPECT_FALSE(read(2));
  auto off = keeper({.most_of_stream = 0});
  end(off, 3, "text", {.kind = Kind::failed});
  EXPECT_FALSE(read(3));
  EXPECT_EQ(client_->run({"DBSIZE"}).value().at(0), "0");
}

TEST_F(KeptInRedis, ItLapsesAndTheOldestGoWhenItIsTooMuch) {
  auto kept = keeper({.most_of_stream = 1000, .most_of_worker = 10'000, .for_how_long = 2h});
  for (std::uint64_t job = 1; job <= 40; ++job) end(kept, job, std::string(1000, 'x'));
  EXPECT_FALSE(read(1));
  EXPECT_TRUE(read(40));
  std::size_t left = 0;
  for (std::uint64_t job = 1; job <= 40; ++job) left += read(job) ? 1U : 0U;
  EXPECT_GE(left, 5U);
  EXPECT_LE(left, 10U);
  const auto ttl = client_->run({"TTL", "p:output:40:1:3"});
  ASSERT_TRUE(ttl.ok());
  EXPECT_GT(std::stoi(ttl.value().at(0)), 7000);
  EXPECT_LE(std::stoi(ttl.value().at(0)), 7200);
}

TEST_F(KeptInRedis, OneAttemptTakesAQuarterAtMost) {
  auto kept = keeper({.most_of_stream = 1000, .most_of_worker = 10'000});
  for (int task = 0; task < 12; ++task) files_.put("5-1/stdout-" + std::to_string(task), std::string(1000, 'x'));
  kept.attempt_ended({JobId{5}, 1}, {}, files_.path() / "5-1");
  ASSERT_TRUE(turn_until([&] { return redis_->unanswered() == 0; }));
  const auto output = read(5);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->streams.size(), 2U);
  EXPECT_TRUE(output->streams.contains("stdout-0") && output->streams.contains("stdout-1"));
  EXPECT_EQ(output->left_out, 10U);
}

TEST(OutputFiles, AreListedByTask) {
  TestFolder folder;
  for (const char* name :
       {"stdout-10", "stdout-9", "stderr-9", "stdout.tail", "stdout-9.tail.old", "stdout-x", "stdoutx", "work/stdout"}) {
    folder.put(name, "x");
  }
  EXPECT_EQ(output_files(folder.path()), (std::vector<std::string>{"stderr-9", "stdout-9", "stdout-10"}));
  EXPECT_TRUE(output_files(folder.path() / "none").empty());
}

}  // namespace
}  // namespace drydock::runtime::kept_output_test

// Two installations never have the same keys in Redis: who comes second is refused and says whose they are, who comes after
// one that is gone starts, and who finds another in its place ends.
#include "real-runtime/installation_claim.hpp"

#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"
#include "tests/runtime/processes.hpp"

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace drydock::cli::installation_claim_test {
namespace {

using namespace std::chrono_literals;
using runtime::Installation;
using runtime::KeysClaim;

const std::string kScenario = R"({
  "name": "real",
  "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 4}]},
  "queues": [{"name": "default"}],
  "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
  "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"queue": "default", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}, "accounting": {"type": "fenced-counter"}}
})";

const Installation kElsewhere{
    .id = "1/elsewhere/drydock", .place = "schema \"drydock\" of \"elsewhere\"", .scheduler = "far"};

TEST(KeysClaim, OneThatIsProlongedIsOfAnInstallationThatLives) {
  const KeysClaim earlier{.of = kElsewhere, .left = 5s};
  EXPECT_FALSE(is_prolonged(earlier, {}));
  EXPECT_FALSE(is_prolonged({.of = kElsewhere, .left = 4s}, earlier));
  EXPECT_TRUE(is_prolonged({.of = kElsewhere, .left = 6s}, earlier));
  EXPECT_FALSE(is_prolonged({.of = {.id = "another", .place = {}, .scheduler = {}}, .left = 6s}, earlier));
}

class Installations : public OnGivenStores {
 protected:
  void SetUp() override {
    OnGivenStores::SetUp();
    if (!HasFatalFailure()) scenario_ = folder_.file("real.json", kScenario);
  }
  [[nodiscard]] std::vector<std::string> words(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{
        "scheduler", "--config", scenario_, "--redis", redis_url(), "--postgres", postgres_->connection(), "--name", name};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::unique_ptr<Process> start(const std::string& name, const std::vector<std::string>& more = {}) {
    return std::make_unique<Process>(words(name, more));
  }
  static bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  [[nodiscard]] std::unique_ptr<runtime::RedisClient> redis(const std::string& prefix = {}) const {
    auto client = runtime::RedisClient::connect({.address = redis_->address(), .key_prefix = prefix});
    EXPECT_TRUE(client.ok()) << client.error().message;
    return client.ok() ? std::move(client).value() : nullptr;
  }
  // Whose the keys are; empty: nobody's.
  [[nodiscard]] std::string scheduler_of_claim() const {
    const auto client = redis();
    const auto claim = client != nullptr ? runtime::read_claim(*client) : Result<std::optional<KeysClaim>>(Error{"none"});
    return claim.ok() && claim.value() ? claim.value()->of.scheduler : std::string();
  }
  // As schedulers of another installation do.
  void prolong_elsewhere(Duration ttl, bool anew) const {
    const auto client = redis();
    ASSERT_NE(client, nullptr);
    if (anew) (void)client->run({"DEL", client->key("drydock:installation")});
    (void)runtime::claim_keys(*client, kElsewhere, ttl);
  }

  std::string scenario_;
};

TEST_F(Installations, ASchemaIsOneADatabaseIsOne) {
  auto one = runtime::PostgresClient::connect({.connection = postgres_->connection(), .schema = "one"});
  ASSERT_TRUE(one.ok()) << one.error().message;
  const auto first = runtime::read_installation(*one.value(), "one", "a");
  const auto again = runtime::read_installation(*one.value(), "one", "b");
  const auto other = runtime::read_installation(*one.value(), "other", "c");
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_EQ(first.value().id, again.value().id);
  EXPECT_NE(first.value().id, other.value().id);
  EXPECT_TRUE(says(first.value().place, "schema \"one\" of database \"")) << first.value().place;

  const auto client = redis("x:");
  ASSERT_NE(client, nullptr);
  const auto claimed = runtime::claim_keys(*client, first.value(), 60s);
  ASSERT_TRUE(claimed.ok()) << claimed.error().message;
  EXPECT_FALSE(claimed.value());
  EXPECT_FALSE(runtime::claim_keys(*client, again.value(), 30s).value()) << "its standby";
  const auto refused = runtime::claim_keys(*client, other.value(), 60s);
  ASSERT_TRUE(refused.ok() && refused.value());
  EXPECT_EQ(refused.value()->of.id, first.value().id);
  EXPECT_EQ(refused.value()->of.place, first.value().place);
  EXPECT_EQ(refused.value()->of.scheduler, "b");
  EXPECT_GT(refused.value()->left, 20s);
  EXPECT_LE(refused.value()->left, 30s);
  const auto elsewhere = redis("y:");
  ASSERT_NE(elsewhere, nullptr);
  EXPECT_FALSE(runtime::claim_keys(*elsewhere, other.value(), 60s).value()) << "other keys";
}

TEST_F(Installations, ASecondOneIsRefusedAndLeavesTheFirstAlone) {
  const auto first = start("a");
  ASSERT_TRUE(until([&] { return says(first->errors(), "leads, in epoch 1"); }));
  const Ran second = run_binary(words("b", {"--schema", "other"}));
  EXPECT_EQ(second.code, 2);
  for (const char* part : {"schema \"drydock\" of database \"", "without a prefix", "scheduler a", "--key-prefix"})
    EXPECT_TRUE(says(second.err, part)) << part << " in " << second.err;
  EXPECT_TRUE(says(second.err, redis_->address().unix_socket)) << second.err;
  const Ran doctor = run_binary({"doctor", "--no-machine", "--redis", redis_url(), "--postgres", postgres_->connection(),
                                 "--schema", "other", "--format", "json"});
  EXPECT_TRUE(says(doctor.out, "of another installation")) << doctor.out;

  const auto apart = start("c", {"--schema", "other", "--key-prefix", "other:"});
  EXPECT_TRUE(until([&] { return says(apart->errors(), "leads, in epoch 1"); })) << apart->errors();
  EXPECT_EQ(apart->end(SIGTERM).code, 0);
  const Ran ran = first->end(SIGTERM);
  EXPECT_EQ(ran.code, 0);
  EXPECT_FALSE(says(ran.err, "does not lead any more: ")) << ran.err;
}

TEST_F(Installations, AStandbyIsOfTheSame) {
  const auto first = start("a");
  ASSERT_TRUE(until([&] { return says(first->errors(), "leads, in epoch 1"); }));
  const auto second = start("b");
  ASSERT_TRUE(until([&] { return scheduler_of_claim() == "b"; }));
  EXPECT_EQ(first->end(SIGTERM).code, 0);
  EXPECT_TRUE(until([&] { return says(second->errors(), "leads, in epoch 2"); })) << second->errors();
  EXPECT_EQ(second->end(SIGTERM).code, 0);
}

// As after a database was made anew somewhere else.
TEST_F(Installations, OneThatIsGoneIsWaitedFor) {
  prolong_elsewhere(6s, false);
  const auto scheduler = start("a");
  EXPECT_TRUE(until([&] { return says(scheduler->errors(), "leads, in epoch 1"); })) << scheduler->errors();
  const Ran ran = scheduler->end(SIGTERM);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(says(ran.err, "waiting up to")) << ran.err;
  EXPECT_TRUE(says(ran.err, kElsewhere.place)) << ran.err;
}

TEST_F(Installations, AFlushedRedisIsClaimedAgain) {
  const auto scheduler = start("a");
  ASSERT_TRUE(until([&] { return scheduler_of_claim() == "a"; }));
  const auto client = redis();
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->run({"FLUSHALL"}).ok());
  EXPECT_TRUE(until([&] { return scheduler_of_claim() == "a"; }));
  EXPECT_EQ(scheduler->end(SIGTERM).code, 0);
}

// As where both were there when Redis was flushed, and the other was quicker.
TEST_F(Installations, OneThatFindsAnotherInItsPlaceEnds) {
  const Started scheduler(words("a"));
  ASSERT_TRUE(until([&] { return says(scheduler.errors(), "leads, in epoch 1"); }));
  prolong_elsewhere(30s, true);
  ASSERT_TRUE(until([&] {
    prolong_elsewhere(30s, false);
    return scheduler.ended();
  }));
  const Ran ran = scheduler.wait();
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(says(ran.err, kElsewhere.place)) << ran.err;
  EXPECT_TRUE(says(ran.err, "--key-prefix")) << ran.err;
  EXPECT_EQ(scheduler_of_claim(), "far");
  auto store = runtime::PostgresClient::connect({.connection = postgres_->connection()});
  ASSERT_TRUE(store.ok());
  const auto held =
      store.value()->run("select count(*) from drydock.leases where name = 'scheduler' and holder is not null");
  ASSERT_TRUE(held.ok()) << held.error().message;
  EXPECT_EQ(held.value(), "0") << "it gave its lease back";
}

}  // namespace
}  // namespace drydock::cli::installation_claim_test

#include "tests/contract/redis_under_test.hpp"

#include "sim/redis.hpp"
#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/private_redis.hpp"
#include "real-runtime/redis_client.hpp"
#endif

#include <algorithm>
#include <thread>

namespace drydock::redis {

namespace {

class Simulated : public RedisUnderTest {
 public:
  std::vector<Reply> apply(std::span<const Op> ops) override {
    std::vector<Reply> replies;
    replies.reserve(ops.size());
    for (const Op& op : ops) replies.push_back(server_.apply(now_, op));
    return replies;
  }
  void apply(const AdminOp& op) override { server_.apply(now_, op); }
  void pass(Duration time) override { now_ += time; }

 private:
  sim::SimRedis server_;
  Time now_ = time_at(1'000'000'007);  // no whole millisecond
};

#ifdef DRYDOCK_WITH_RUNTIME
using runtime::PrivateRedis;
using runtime::RedisClient;

// One server for all tests of the process, since to start one takes longer than most tests.
PrivateRedis* the_server() {
  static const Result<std::unique_ptr<PrivateRedis>> kServer = PrivateRedis::start();
  if (kServer.ok()) return kServer.value().get();
  ADD_FAILURE() << kServer.error().message;
  return nullptr;
}

class Real : public RedisUnderTest {
 public:
  Real(PrivateRedis& server, std::unique_ptr<RedisClient> client) : server_(server), client_(std::move(client)) {}
  std::vector<Reply> apply(std::span<const Op> ops) override {
    std::vector<Reply> replies;
    while (!ops.empty()) {
      const auto batch = ops.first(std::min(ops.size(), RedisClient::kMostInBatch));
      for (const Op& op : batch) client_->submit(op);
      for (Reply& reply : client_->collect()) replies.push_back(std::move(reply));
      ops = ops.subspan(batch.size());
    }
    return replies;
  }
  void apply(const AdminOp& op) override {
    if (!std::holds_alternative<Restart>(op)) {
      expect_ok(client_->execute(op));
      return;
    }
    expect_ok(server_.restart());
    expect_ok(client_->reconnect());
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }

 private:
  static void expect_ok(const Result<Done>& result) {
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  }

  PrivateRedis& server_;
  std::unique_ptr<RedisClient> client_;
};
#endif

}  // namespace

std::unique_ptr<RedisUnderTest> make_simulated_redis() { return std::make_unique<Simulated>(); }

#ifdef DRYDOCK_WITH_RUNTIME
std::unique_ptr<RedisUnderTest> make_real_redis() {
  PrivateRedis* server = the_server();
  if (server == nullptr) return nullptr;
  auto client = RedisClient::connect({.address = server->address(), .key_prefix = "test[1]:"});
  if (!client.ok()) {
    ADD_FAILURE() << client.error().message;
    return nullptr;
  }
  auto redis = std::make_unique<Real>(*server, std::move(client).value());
  redis->apply(AdminOp(LimitMemory{0}));
  redis->apply(AdminOp(Flush{}));
  redis->apply(AdminOp(Snapshot{}));
  return redis;
}

std::vector<World> redis_worlds() { return {{"simulated", make_simulated_redis}, {"real", make_real_redis}}; }
#else
std::unique_ptr<RedisUnderTest> make_real_redis() { return nullptr; }
std::vector<World> redis_worlds() { return {{"simulated", make_simulated_redis}}; }
#endif

}  // namespace drydock::redis

// Addresses of stores as people write them, and what is said of wrong ones.
#include "real-runtime/store_urls.hpp"

#include "real-runtime/async_redis.hpp"
#include "real-runtime/private_redis.hpp"

#include <gtest/gtest.h>

namespace drydock::runtime::store_urls_test {
namespace {

TEST(StoreUrls, OfRedis) {
  const auto full = parse_redis_url("redis://me:p%40ss@example.org:7000/3");
  ASSERT_TRUE(full.ok()) << full.error().message;
  EXPECT_EQ(full.value().user, "me");
  EXPECT_EQ(full.value().password, "p@ss");
  EXPECT_EQ(full.value().host, "example.org");
  EXPECT_EQ(full.value().port, 7000);
  EXPECT_EQ(full.value().database, 3);
  const auto plain = parse_redis_url("redis://localhost");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().port, 6379);
  EXPECT_EQ(parse_redis_url("redis://:secret@[::1]:1/").value().host, "::1");
  EXPECT_EQ(parse_redis_url("redis://:secret@[::1]:1/").value().password, "secret");
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock?db=2").value().unix_socket, "/run/redis.sock");
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock?db=2").value().database, 2);
  EXPECT_EQ(parse_redis_url("/run/redis.sock").value().unix_socket, "/run/redis.sock");
}

TEST(StoreUrls, WrongOnesAreNotRepeated) {
  for (const char* url : {"", "redis://", "redis://me:secret@", "redis://me:secret@host:0", "redis://me:secret@host:x",
                          "redis://me:secret@host/x", "redis://me:secret%4@host", "http://me:secret@host",
                          "rediss://me:secret@host", "unix:///path?db=secret"}) {
    const auto parsed = parse_redis_url(url);
    EXPECT_FALSE(parsed.ok()) << url;
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos) << parsed.error().message;
    }
  }
  for (const char* url :
       {"postgres:/me:secret@host", "secret", "nonsense=secret", "postgres://me:secret@host/db?nonsense=1"}) {
    const auto checked = check_postgres_url(url);
    EXPECT_FALSE(checked.ok()) << url;
    if (!checked.ok()) {
      EXPECT_EQ(checked.error().message.find("secret"), std::string::npos) << checked.error().message;
    }
  }
  EXPECT_TRUE(check_postgres_url("postgres://me:secret@host:5432/db").ok());
  EXPECT_TRUE(check_postgres_url("host=/run dbname=db").ok());
  EXPECT_TRUE(check_postgres_url("").ok()) << "PGHOST and its like";
}

// A real server with a password and an ACL user, and both clients.
class RedisLogin : public testing::Test {
 protected:
  void SetUp() override {
    auto server = PrivateRedis::start({.more_arguments = {"--user", "default", "on", "nopass", "-@all", "+ping", "--user",
                                                          "me", "on", ">secret", "allcommands", "allkeys"}});
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(server).value();
  }
  RedisAddress address(const std::string& password) {
    RedisAddress address = server_->address();
    address.user = "me";
    address.password = password;
    address.database = 2;
    return address;
  }
  // What an asynchronous client has to say after a while.
  std::string problem_of(const RedisAddress& address) {
    EventLoop loop;
    std::string problem;
    {
      AsyncRedis redis(loop, {.address = address}, [&] { loop.stop(); });
      EventLoop::Timer end(loop, [&] { loop.stop(); });
      end.start(later(loop.now(), std::chrono::seconds{2}));
      loop.run();
      problem = redis.problem();
    }
    return problem;
  }
  std::unique_ptr<PrivateRedis> server_;
};

TEST_F(RedisLogin, IsGivenByBothClients) {
  auto client = RedisClient::connect({.address = address("secret")});
  ASSERT_TRUE(client.ok()) << client.error().message;
  EXPECT_EQ(client.value()->execute(redis::GetCounter{}), redis::Reply(redis::Value{}));
  EXPECT_EQ(problem_of(address("secret")), "");
}

TEST_F(RedisLogin, AWrongOneIsSaidWithoutIt) {
  const auto client = RedisClient::connect({.address = address("guess")});
  ASSERT_FALSE(client.ok());
  const std::string problem = problem_of(address("guess"));
  for (const std::string& message : {client.error().message, problem}) {
    EXPECT_NE(message.find("does not let me in"), std::string::npos) << message;
    EXPECT_EQ(message.find("guess"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace drydock::runtime::store_urls_test

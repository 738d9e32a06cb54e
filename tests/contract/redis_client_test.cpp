// The client and the private server themselves: broken connections, forgotten scripts, prefixes, and servers that end.
#ifdef DRYDOCK_WITH_RUNTIME

#include "real-runtime/redis_client.hpp"

#include "real-runtime/private_redis.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drydock::runtime::redis_client_test {
namespace {

namespace fs = std::filesystem;
using namespace redis;
using namespace std::chrono_literals;
using Reason = Failed::Reason;

std::unique_ptr<PrivateRedis> started(PrivateRedisOptions options = {}) {
  auto server = PrivateRedis::start(std::move(options));
  EXPECT_TRUE(server.ok()) << (server.ok() ? "" : server.error().message);
  return server.ok() ? std::move(server).value() : nullptr;
}

std::unique_ptr<RedisClient> connected(RedisClientOptions options) {
  auto client = RedisClient::connect(std::move(options));
  EXPECT_TRUE(client.ok()) << (client.ok() ? "" : client.error().message);
  return client.ok() ? std::move(client).value() : nullptr;
}

// What a server says to one line, bypassing the client.
std::string say(const RedisAddress& address, const std::string& line) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.unix_socket.copy(name.sun_path, sizeof(name.sun_path) - 1);
  std::array<char, 256> buffer{};
  ssize_t length = -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 &&
      ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    length = ::read(fd, buffer.data(), buffer.size());
  }
  ::close(fd);
  return length < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(length));
}

class RedisClientTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = started();
    ASSERT_NE(server_, nullptr);
    client_ = connected({.address = server_->address()});
    ASSERT_NE(client_, nullptr);
  }
  Failed failure(const Op& op) {
    Reply reply = client_->execute(op);
    if (auto* failed = std::get_if<Failed>(&reply)) return *failed;
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }

  std::unique_ptr<PrivateRedis> server_;
  std::unique_ptr<RedisClient> client_;
};

TEST_F(RedisClientTest, KeysLieWhereTheSourceSystemsLookForThem) {
  EXPECT_EQ(client_->execute(SetCounter{4}), Reply(Done{}));
  EXPECT_EQ(say(server_->address(), "GET resource:allocated_cpus\r\n"), "$1\r\n4\r\n");
  EXPECT_EQ(client_->execute(SetWorker{"w1", {{"cpus", "96"}}}), Reply(Count{1}));
  EXPECT_EQ(say(server_->address(), "HGET worker:w1 cpus\r\n"), "$2\r\n96\r\n");
}

TEST_F(RedisClientTest, PrefixesKeepInstallationsApart) {
  const auto other = connected({.address = server_->address(), .key_prefix = "other:"});
  ASSERT_NE(other, nullptr);
  (void)client_->execute(FencedSet{1, 1, 1});
  (void)client_->execute(SetWorker{"w", {{"cpus", "1"}}});
  (void)client_->execute(Push{"q", "p"});
  EXPECT_EQ(other->execute(GetCounter{}), Reply(Value{}));
  EXPECT_EQ(other->execute(ReadWorkers{}), Reply(Workers{}));
  EXPECT_EQ(other->execute(Length{"q"}), Reply(Count{0}));
  EXPECT_EQ(other->execute(RaiseEpoch{0}), Reply(Verdict{Verdict::Outcome::applied, 0}));
}

TEST_F(RedisClientTest, ForgottenScriptsAreLoadedAgain) {
  EXPECT_EQ(say(server_->address(), "SCRIPT FLUSH\r\n"), "+OK\r\n");
  client_->submit(FencedSet{10, 1, 1});
  client_->submit(AddCounter{1});
  client_->submit(RaiseEpoch{2});
  const auto replies = client_->collect();
  EXPECT_EQ(replies.at(0), Reply(Verdict{Verdict::Outcome::applied, 10}));
  EXPECT_EQ(replies.at(1), Reply(Count{1})) << "the script ran behind the rest of its batch";
  EXPECT_EQ(replies.at(2), Reply(Verdict{Verdict::Outcome::applied, 2}));
}

TEST_F(RedisClientTest, AKeyOfAForeignTypeIsRefused) {
  EXPECT_EQ(say(server_->address(), "RPUSH resource:allocated_cpus x\r\n"), ":1\r\n");
  EXPECT_EQ(failure(GetCounter{}).reason, Reason::refused);
  EXPECT_NE(failure(AddCounter{1}).message.find("WRONGTYPE"), std::string::npos);
  EXPECT_EQ(say(server_->address(), "SET worker:string x\r\n"), "+OK\r\n");
  EXPECT_EQ(client_->execute(ReadWorkers{}), Reply(Workers{})) << "not a hash: not a worker";
}

TEST_F(RedisClientTest, AServerThatDiesLeavesAnswersUnknownThenUnreachable) {
  server_->kill();
  EXPECT_EQ(failure(AddCounter{1}).reason, Reason::unknown);
  EXPECT_FALSE(client_->connected());
  const Failed later = failure(AddCounter{1});
  EXPECT_EQ(later.reason, Reason::unreachable);
  EXPECT_NE(later.message.find(server_->address().unix_socket), std::string::npos) << later.message;
  EXPECT_FALSE(client_->reconnect().ok());
  EXPECT_TRUE(server_->restart().ok());
  EXPECT_TRUE(client_->reconnect().ok());
  EXPECT_EQ(client_->execute(AddCounter{1}), Reply(Count{1}));
}

TEST_F(RedisClientTest, AServerThatIsPausedTimesOut) {
  client_ = connected({.address = server_->address(), .reply_timeout = 50ms});
  ASSERT_NE(client_, nullptr);
  EXPECT_EQ(client_->execute(SetCounter{1}), Reply(Done{}));
  ::kill(server_->pid(), SIGSTOP);
  const Failed failed = failure(AddCounter{1});
  EXPECT_EQ(failed.reason, Reason::unknown);
  EXPECT_NE(failed.message.find("0.05 s"), std::string::npos) << failed.message;
  ::kill(server_->pid(), SIGCONT);
  EXPECT_TRUE(client_->reconnect().ok());
  const auto count = client_->execute(GetCounter{});
  EXPECT_TRUE(count == Reply(Value{1}) || count == Reply(Value{2})) << "it was unknown: " << to_text(count);
}

TEST_F(RedisClientTest, RestartIsForTheOwnerOfTheProcess) {
  const auto refused = client_->execute(AdminOp(Restart{}));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("owner"), std::string::npos);
}

TEST(RedisConnection, ErrorsSayWhere) {
  const auto path = RedisClient::connect({.address = {.unix_socket = "/nowhere/redis.sock"}});
  ASSERT_FALSE(path.ok());
  EXPECT_NE(path.error().message.find("/nowhere/redis.sock"), std::string::npos) << path.error().message;
  const auto port = RedisClient::connect({.address = {.port = 1}});
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.error().message.find("127.0.0.1:1"), std::string::npos) << port.error().message;
}

// --- the private server ---

class PrivateRedisTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "drydock-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
  }
  void TearDown() override { fs::remove_all(parent_); }
  [[nodiscard]] std::size_t folders() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(parent_), fs::directory_iterator()));
  }

  fs::path parent_;
};

TEST_F(PrivateRedisTest, LeavesNothingBehind) {
  auto server = started({.parent = parent_});
  ASSERT_NE(server, nullptr);
  const pid_t pid = server->pid();
  EXPECT_EQ(folders(), 1U);
  server.reset();
  EXPECT_EQ(folders(), 0U);
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(PrivateRedisTest, TwoDoNotDisturbEachOther) {
  const auto one = started({.parent = parent_});
  const auto two = started({.parent = parent_});
  ASSERT_TRUE(one != nullptr && two != nullptr);
  (void)connected({.address = one->address()})->execute(SetCounter{1});
  EXPECT_EQ(connected({.address = two->address()})->execute(GetCounter{}), Reply(Value{}));
}

TEST_F(PrivateRedisTest, SaysWhatIsMissing) {
  const auto absent = PrivateRedis::start({.program = "no-such-redis", .parent = parent_});
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find("apt-get install redis-server"), std::string::npos);
  const auto refused = PrivateRedis::start({.parent = parent_, .more_arguments = {"--no-such-option", "1"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("no-such-option"), std::string::npos) << refused.error().message;
  const auto too_long = PrivateRedis::start({.parent = parent_ / std::string(100, 'x')});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find("TMPDIR"), std::string::npos);
  EXPECT_EQ(folders(), 0U);
}

// A process that owns a server is killed: the server ends too, and the next one that starts removes what was left.
TEST_F(PrivateRedisTest, EndsWithItsOwner) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that the orphan can be waited for
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = ::fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    const auto server = PrivateRedis::start({.parent = parent_});
    const pid_t pid = server.ok() ? server.value()->pid() : -1;
    if (::write(pipe[1], &pid, sizeof(pid)) != sizeof(pid)) ::_exit(1);
    while (true) ::pause();
  }
  pid_t redis = -1;
  ASSERT_EQ(::read(pipe[0], &redis, sizeof(redis)), static_cast<ssize_t>(sizeof(redis)));
  ASSERT_GT(redis, 0);
  const auto other = started({.parent = parent_});
  EXPECT_EQ(folders(), 2U) << "the folder of a living owner stays";
  ::kill(owner, SIGKILL);
  EXPECT_EQ(::waitpid(owner, nullptr, 0), owner);
  int status = 0;
  EXPECT_EQ(::waitpid(redis, &status, 0), redis);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(folders(), 2U);
  const auto next = started({.parent = parent_});
  EXPECT_EQ(folders(), 2U) << "that of the dead owner is gone, those of the two living are there";
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace drydock::runtime::redis_client_test

#endif

// The client and the private server themselves: broken connections, commits in doubt, schemas, plans, and servers that end.
#ifdef DRYDOCK_WITH_RUNTIME

#include "real-runtime/postgres_client.hpp"

#include "real-runtime/private_postgres.hpp"
#include "tests/contract/postgres_under_test.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace drydock::runtime::postgres_client_test {
namespace {

namespace fs = std::filesystem;
using namespace postgres;
using namespace std::chrono_literals;
using Reason = Failed::Reason;
using Outcome = Verdict::Outcome;

std::unique_ptr<PrivatePostgres> started(PrivatePostgresOptions options = {}) {
  options.durable = false;
  auto server = PrivatePostgres::start(std::move(options));
  EXPECT_TRUE(server.ok()) << (server.ok() ? "" : server.error().message);
  return server.ok() ? std::move(server).value() : nullptr;
}

std::unique_ptr<PostgresClient> connected(PostgresClientOptions options) {
  auto client = PostgresClient::connect(std::move(options));
  EXPECT_TRUE(client.ok()) << (client.ok() ? "" : client.error().message);
  return client.ok() ? std::move(client).value() : nullptr;
}

#define DRYDOCK_NEEDS_POSTGRES() \
  if (!real_postgres_is_here()) GTEST_SKIP() << "the programs of PostgreSQL are not here"

class PostgresClientTest : public testing::Test {
 protected:
  // One server for all of them; those that break it start it anew.
  static void SetUpTestSuite() {
    if (real_postgres_is_here()) server = started();
  }
  static void TearDownTestSuite() { server.reset(); }
  void SetUp() override {
    DRYDOCK_NEEDS_POSTGRES();
    ASSERT_NE(server, nullptr);
    schema_ = fmt::format("client{}", ++schemas);
    client_ = connected(options());
    ASSERT_NE(client_, nullptr);
    const Reply lease = client_->execute(AcquireLease{"scheduler", "a", 1h, 1});
    epoch_ = std::get<Lease>(lease).epoch;
  }
  [[nodiscard]] PostgresClientOptions options() const { return {.connection = server->connection(), .schema = schema_}; }
  [[nodiscard]] CommitBatch batch(std::uint64_t request, std::vector<AssignedAttempt> assignments) const {
    CommitBatch result;
    result.fence = {"scheduler", epoch_};
    result.request = RequestId{request};
    result.assignments = std::move(assignments);
    return result;
  }
  Outcome outcome(const Op& op) {
    const Reply reply = client_->execute(op);
    if (const auto* verdict = std::get_if<Verdict>(&reply)) return verdict->outcome;
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }
  static Failed failure(PostgresClient& client, const Op& op) {
    Reply reply = client.execute(op);
    if (auto* failed = std::get_if<Failed>(&reply)) return *failed;
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }
  std::string value(const std::string& sql) {
    auto result = client_->run(sql);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return result.ok() ? result.value() : "";
  }

  static std::unique_ptr<PrivatePostgres> server;
  static int schemas;
  std::string schema_;
  std::unique_ptr<PostgresClient> client_;
  std::int64_t epoch_ = 0;
};
std::unique_ptr<PrivatePostgres> PostgresClientTest::server;
int PostgresClientTest::schemas = 0;

TEST_F(PostgresClientTest, AFailureDoesNotHinderWhatIsBehindIt) {
  (void)value(fmt::format("drop table {}.fired", schema_));
  client_->submit(SubmitJobs{{job(1)}});
  client_->submit(ReadLastDue{"beat"});
  client_->submit(LoadState{{"scheduler", epoch_}, 5});
  client_->submit(SubmitJobs{{job(2)}});
  const auto replies = client_->collect();
  ASSERT_EQ(replies.size(), 4U);
  EXPECT_EQ(replies[0], Reply(Submitted{1, 1}));
  EXPECT_EQ(replies[1], Reply(Failed{Reason::refused, {}})) << to_text(replies[1]);
  EXPECT_TRUE(std::holds_alternative<State>(replies[2])) << to_text(replies[2]);
  EXPECT_EQ(replies[3], Reply(Submitted{1, 2}));
}

TEST_F(PostgresClientTest, ATransactionOfSeveralStatementsThatFailsIsRolledBack) {
  (void)value(fmt::format("drop table {}.endings cascade", schema_));
  EXPECT_EQ(failure(*client_, LoadState{{"scheduler", epoch_}, 5}).reason, Reason::refused);
  EXPECT_EQ(client_->execute(ReadTotals{}), Reply(Totals{}));
}

TEST_F(PostgresClientTest, ABackendThatEndsLeavesAnswersUnknownThenUnreachable) {
  const auto other = connected(options());
  ASSERT_NE(other, nullptr);
  ASSERT_TRUE(other->run(fmt::format("select pg_terminate_backend({}, 10000)", client_->server_pid())).ok());
  client_->submit(ReadTotals{});
  client_->submit(ReadTotals{});
  const auto replies = client_->collect();
  EXPECT_TRUE(std::holds_alternative<Failed>(replies[0]) && std::holds_alternative<Failed>(replies[1]));
  EXPECT_FALSE(client_->connected());
  EXPECT_EQ(failure(*client_, ReadTotals{}).reason, Reason::unreachable);
  EXPECT_TRUE(client_->reconnect().ok());
  EXPECT_EQ(client_->execute(ReadTotals{}), Reply(Totals{}));
}

// The server dies while a commit waits in it for a lock: nobody can know, until it is settled.
TEST_F(PostgresClientTest, ACommitOnADyingServerIsUnknownAndSettled) {
  EXPECT_EQ(client_->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  const auto other = connected(options());
  ASSERT_TRUE(other->run(fmt::format("begin; select * from {}.truth for update", schema_)).ok());
  auto reply = std::async(std::launch::async, [&] { return client_->execute(batch(1, {assigned(1, 1)})); });
  while (other->run("select count(*) from pg_locks where not granted").value() == "0") std::this_thread::sleep_for(1ms);
  server->kill();
  EXPECT_EQ(commit_answer(reply.get()), Answer::unknown);
  ASSERT_TRUE(server->restart().ok());
  ASSERT_TRUE(client_->reconnect().ok());
  EXPECT_EQ(outcome(SettleBatch{{"scheduler", epoch_}, RequestId{1}}), Outcome::voided);
  EXPECT_EQ(outcome(batch(1, {assigned(1, 1)})), Outcome::voided);
  EXPECT_EQ(outcome(batch(2, {assigned(1, 1)})), Outcome::applied);
}

TEST_F(PostgresClientTest, SettlingWaitsForACommitThatIsCarriedOut) {
  EXPECT_EQ(client_->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  const auto slow = connected(options());
  ASSERT_TRUE(slow->run("begin").ok());
  EXPECT_EQ(commit_answer(slow->execute(batch(1, {assigned(1, 1)}))), Answer::done);
  auto settled = std::async(std::launch::async, [&] {
    return client_->execute(SettleBatch{{"scheduler", epoch_}, RequestId{1}});
  });
  while (slow->run("select count(*) from pg_locks where not granted").value() == "0") std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(slow->run("commit").ok());
  EXPECT_EQ(settled.get(), Reply(Verdict{Outcome::repeated, 0, 1, 0}));
}

TEST_F(PostgresClientTest, ATakeoverWaitsForACommitThatIsCarriedOut) {
  EXPECT_EQ(client_->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  const auto slow = connected(options());
  ASSERT_TRUE(slow->run("begin").ok());
  EXPECT_EQ(commit_answer(slow->execute(batch(1, {assigned(1, 1)}))), Answer::done);
  (void)slow->execute(ReleaseLease{"scheduler", "a", epoch_});
  auto taken = std::async(std::launch::async, [&] { return client_->execute(AcquireLease{"scheduler", "b", 1h, 1}); });
  while (slow->run("select count(*) from pg_locks where not granted").value() == "0") std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(slow->run("commit").ok());
  EXPECT_EQ(std::get<Lease>(taken.get()).epoch, epoch_ + 1);
  EXPECT_EQ(outcome(batch(2, {})), Outcome::wrong_epoch);
}

TEST_F(PostgresClientTest, AServerThatIsPausedTimesOut) {
  PostgresClientOptions hasty = options();
  hasty.reply_timeout = 100ms;
  const auto client = connected(hasty);
  ASSERT_NE(client, nullptr);
  const int pid = client->server_pid();
  ::kill(pid, SIGSTOP);
  const Failed failed = failure(*client, ReadTotals{});
  ::kill(pid, SIGCONT);
  EXPECT_EQ(failed.reason, Reason::unknown);
  EXPECT_NE(failed.message.find("0.1 s"), std::string::npos) << failed.message;
  EXPECT_TRUE(client->reconnect().ok());
  EXPECT_EQ(client->execute(ReadTotals{}), Reply(Totals{}));
}

// Plans are made while the tables are empty, and kept: none may read a whole table.
TEST_F(PostgresClientTest, CommitsDoNotReadWholeTables) {
  const auto scans = [&] {
    (void)value("select pg_stat_force_next_flush()");
    (void)value("select pg_stat_clear_snapshot()");
    return value(
        fmt::format("select sum(seq_scan) from pg_stat_user_tables where schemaname = '{}' and relname in "
                    "('jobs', 'allocations', 'endings', 'batches')",
                    schema_));
  };
  const auto round = [&](std::uint64_t first) {
    SubmitJobs submit;
    CommitBatch assign = batch(2 * first, {});
    CommitBatch release = batch(2 * first + 1, {});
    for (std::uint64_t id = first; id < first + 20; ++id) {
      submit.jobs.push_back(job(id));
      assign.assignments.push_back(assigned(id, 1));
      release.releases.push_back(released(id, 1, ReleaseReason::failed, false));
    }
    CommitBatch again = batch(2 * first + 2, {assigned(first, 2)});
    CommitBatch refused = batch(2 * first + 3, {assigned(first, 2)});
    (void)client_->execute(submit);
    EXPECT_EQ(outcome(assign), Outcome::applied);
    EXPECT_EQ(outcome(release), Outcome::applied);
    again.endings = {{JobId{first + 1}, ReleaseReason::failed}};
    EXPECT_EQ(outcome(again), Outcome::applied);
    EXPECT_EQ(outcome(refused), Outcome::stale_attempt);
    EXPECT_EQ(outcome(SettleBatch{refused.fence, RequestId{2 * first + 4}}), Outcome::voided);
    (void)client_->execute(ReadJob{JobId{first}});
    (void)client_->execute(LoadArrived{0, 5});
    EXPECT_EQ(outcome(FinishAttempt{.attempt = {JobId{first}, 2}, .release = false}), Outcome::applied);
    EXPECT_EQ(outcome(ReleaseEnded{refused.fence, 5}), Outcome::applied);
    EXPECT_EQ(outcome(RaiseMark{refused.fence}), Outcome::applied);
  };
  const std::string before = scans();
  for (std::uint64_t i = 1; i <= 30; ++i) round(1000 * i);
  EXPECT_EQ(scans(), before);
}

// Ending an attempt must not touch an index: else it costs half as much again.
TEST_F(PostgresClientTest, EndsAreHotUpdates) {
  SubmitJobs submit;
  CommitBatch assign = batch(1, {});
  CommitBatch release = batch(2, {});
  constexpr std::uint64_t kJobs = 500;
  for (std::uint64_t id = 1; id <= kJobs; ++id) {
    submit.jobs.push_back(job(id));
    assign.assignments.push_back(assigned(id, 1));
    release.releases.push_back(released(id, 1));
  }
  (void)client_->execute(submit);
  EXPECT_EQ(outcome(assign), Outcome::applied);
  EXPECT_EQ(outcome(release), Outcome::applied);
  (void)value("select pg_stat_force_next_flush()");
  EXPECT_EQ(value(fmt::format("select n_tup_upd - n_tup_hot_upd from pg_stat_user_tables where schemaname = '{}' and "
                              "relname = 'allocations'",
                              schema_)),
            "0");
}

// Jobs that lie side by side are looked at together: else each costs a descent of three indexes.
TEST_F(PostgresClientTest, JobsSideBySideAreLookedAtTogether) {
  SubmitJobs submit;
  CommitBatch assign = batch(1, {});
  for (std::uint64_t id = 1; id <= 500; ++id) {
    submit.jobs.push_back(job(id));
    assign.assignments.push_back(assigned(id, 1));
  }
  (void)client_->execute(submit);
  const auto looks = [&] {
    (void)value("select pg_stat_force_next_flush()");
    (void)value("select pg_stat_clear_snapshot()");
    return std::stoi(
        value(fmt::format("select sum(idx_scan) from pg_stat_user_tables where schemaname = '{}' and relname in ('jobs', "
                          "'allocations', 'endings')",
                          schema_)));
  };
  const int before = looks();
  EXPECT_EQ(outcome(assign), Outcome::applied);
  EXPECT_LE(looks() - before, 3);
}

// --- schemas ---

TEST_F(PostgresClientTest, SchemasKeepInstallationsApart) {
  PostgresClientOptions elsewhere = options();
  elsewhere.schema = "elsewhere";
  const auto other = connected(elsewhere);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->execute(Listen{std::string(kJobsChannel)}), Reply(Done{}));
  EXPECT_EQ(client_->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  EXPECT_EQ(other->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  EXPECT_EQ(other->execute(TakeHints{std::string(kJobsChannel)}), Reply(Count{1})) << "its own alone";
}

TEST_F(PostgresClientTest, ASchemaIsMadeOnce) {
  EXPECT_EQ(client_->execute(SubmitJobs{{job(1)}}), Reply(Submitted{1, 1}));
  const auto again = connected(options());
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->execute(SubmitJobs{{job(1)}}), Reply(Submitted{0, 1}));
}

TEST_F(PostgresClientTest, SeveralMayMakeASchemaAtTheSameTime) {
  PostgresClientOptions fresh = options();
  fresh.schema = "race";
  std::vector<std::future<bool>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::async(std::launch::async, [&] { return PostgresClient::connect(fresh).ok(); }));
  }
  for (auto& client : clients) EXPECT_TRUE(client.get());
}

TEST_F(PostgresClientTest, AnotherVersionIsRefused) {
  (void)value(fmt::format("update {}.meta set version = 99", schema_));
  const auto client = PostgresClient::connect(options());
  ASSERT_FALSE(client.ok());
  EXPECT_NE(client.error().message.find("version 99"), std::string::npos) << client.error().message;
}

TEST_F(PostgresClientTest, AForeignSchemaIsNotTouched) {
  (void)value("create schema foreigner; create table foreigner.jobs (x int)");
  PostgresClientOptions foreign = options();
  foreign.schema = "foreigner";
  const auto client = PostgresClient::connect(foreign);
  ASSERT_FALSE(client.ok());
  EXPECT_NE(client.error().message.find("foreigner"), std::string::npos) << client.error().message;
  EXPECT_EQ(value("select count(*) from pg_tables where schemaname = 'foreigner'"), "1");
}

TEST(PostgresConnection, ErrorsSayWhere) {
  const auto path = PostgresClient::connect({.connection = "host=/nowhere dbname=test"});
  ASSERT_FALSE(path.ok());
  EXPECT_NE(path.error().message.find("/nowhere"), std::string::npos) << path.error().message;
  const auto port = PostgresClient::connect({.connection = "postgresql://user:secret@127.0.0.1:1/test"});
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.error().message.find("127.0.0.1:1"), std::string::npos) << port.error().message;
  EXPECT_EQ(port.error().message.find("secret"), std::string::npos) << port.error().message;
  const auto schema = PostgresClient::connect({.connection = "host=/nowhere", .schema = "Robert'; drop table"});
  ASSERT_FALSE(schema.ok());
  EXPECT_NE(schema.error().message.find("a-z"), std::string::npos) << schema.error().message;
}

// --- the private server ---

class PrivatePostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    DRYDOCK_NEEDS_POSTGRES();
    std::string name = (fs::temp_directory_path() / "drydock-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
    fs::permissions(parent_,
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);  // as root: for another user
  }
  void TearDown() override { fs::remove_all(parent_); }
  [[nodiscard]] std::size_t folders() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(parent_), fs::directory_iterator()));
  }

  fs::path parent_ = "/nowhere";
};

TEST_F(PrivatePostgresTest, LeavesNothingBehind) {
  auto server = started({.parent = parent_});
  ASSERT_NE(server, nullptr);
  const pid_t pid = server->pid();
  EXPECT_EQ(folders(), 1U);
  server.reset();
  EXPECT_EQ(folders(), 0U);
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(PrivatePostgresTest, SaysWhatIsMissing) {
  const auto absent = PrivatePostgres::start({.programs = parent_, .parent = parent_});
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find("apt-get install postgresql"), std::string::npos) << absent.error().message;
  EXPECT_FALSE(PrivatePostgres::available({.programs = parent_}));
  const auto refused = PrivatePostgres::start({.parent = parent_, .settings = {"no_such_setting=1"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("no_such_setting"), std::string::npos) << refused.error().message;
  const auto too_long = PrivatePostgres::start({.parent = parent_ / std::string(100, 'x')});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find("TMPDIR"), std::string::npos);
  EXPECT_EQ(folders(), 0U);
}

// A process that owns a server is killed: the server ends too, and the next one that starts removes what was left.
TEST_F(PrivatePostgresTest, EndsWithItsOwner) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that the orphan can be waited for
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = ::fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    const auto server = PrivatePostgres::start({.parent = parent_, .durable = false});
    const pid_t pid = server.ok() ? server.value()->pid() : -1;
    if (::write(pipe[1], &pid, sizeof(pid)) != sizeof(pid)) ::_exit(1);
    while (true) ::pause();
  }
  pid_t postmaster = -1;
  ASSERT_EQ(::read(pipe[0], &postmaster, sizeof(postmaster)), static_cast<ssize_t>(sizeof(postmaster)));
  ASSERT_GT(postmaster, 0);
  EXPECT_EQ(folders(), 1U);
  ::kill(owner, SIGKILL);
  EXPECT_EQ(::waitpid(owner, nullptr, 0), owner);
  EXPECT_EQ(::waitpid(postmaster, nullptr, 0), postmaster);
  EXPECT_EQ(folders(), 1U);
  const auto next = started({.parent = parent_});
  EXPECT_EQ(folders(), 1U) << "that of the dead owner is gone";
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace drydock::runtime::postgres_client_test

#endif

// A store that an earlier version made: it is brought up to date, and keeps what it holds.
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/postgres_schema.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/store_queries.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <string>

namespace drydock::runtime::schema_test {
namespace {

using postgres::Verdict;

class OldSchema : public testing::Test {
 protected:
  void SetUp() override {
    auto server = PrivatePostgres::start({.durable = false});
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(server).value();
    // A client has a schema of its own, and SQL for the old one.
    auto other = PostgresClient::connect({.connection = server_->connection(), .schema = "other"});
    ASSERT_TRUE(other.ok()) << other.error().message;
    other_ = std::move(other).value();
    std::ifstream file(DRYDOCK_SOURCE_DIR "/tests/runtime/schema_2.sql");
    const std::string sql{std::istreambuf_iterator<char>(file), {}};
    const auto made = other_->run(sql);
    ASSERT_TRUE(made.ok()) << made.error().message;
    const auto job = other_->run(
        "select added from drydock.submit_jobs('{7}', '{0}', '{0}', '{1}', '{1000}', '{0}', '{0}', '{1}', '{1000000000}', "
        "'{0}', "
        "'{0}', '{0}', '{1}', array['x'::bytea])");
    ASSERT_TRUE(job.ok()) << job.error().message;
    ASSERT_EQ(job.value(), "1");
  }
  Result<std::unique_ptr<PostgresClient>> connect(bool may_install) {
    return PostgresClient::connect({.connection = server_->connection(), .may_install = may_install});
  }
  std::string value(const std::string& sql) {
    const auto result = other_->run(sql);
    return result.ok() ? result.value() : result.error().message;
  }

  std::unique_ptr<PrivatePostgres> server_;
  std::unique_ptr<PostgresClient> other_;
};

TEST_F(OldSchema, IsBroughtUpToDateAndKeepsItsJobs) {
  auto client = connect(true);
  ASSERT_TRUE(client.ok()) << client.error().message;
  EXPECT_EQ(value("select version from drydock.meta"), std::to_string(kSchemaVersion));
  const auto reply = client.value()->execute(postgres::LoadArrived{0, 10});
  const auto* jobs = std::get_if<postgres::Jobs>(&reply);
  ASSERT_NE(jobs, nullptr) << to_text(reply);
  ASSERT_EQ(jobs->jobs.size(), 1U);
  EXPECT_EQ(jobs->jobs[0].job.spec.id, JobId{7});
  EXPECT_EQ(jobs->jobs[0].job.payload, "x");
  const auto cancelled = client.value()->execute(postgres::RequestCancel{JobId{7}});
  EXPECT_EQ(cancelled, postgres::Reply(Verdict{Verdict::Outcome::applied, 7}));
  EXPECT_EQ(client.value()->execute(postgres::ReserveIds{1}), postgres::Reply(postgres::Count{8}));
  EXPECT_TRUE(connect(false).ok()) << "nothing is left to do";
}

// Of version 5: numbers were places in the scenario that came last.
TEST_F(OldSchema, QueuesKeepTheirNamesWhateverComesNext) {
  ASSERT_TRUE(connect(true).ok());
  ASSERT_EQ(value("drop index drydock.jobs_in_line; drop table drydock.periodic; drop index drydock.queues_by_name; alter "
                  "table drydock.queues drop "
                  "column place; "
                  "alter table drydock.intake drop column next_queue; delete from drydock.queues; "
                  "insert into drydock.queues values (0, 'short'), (1, 'long'); "
                  "insert into drydock.jobs select 8, 2, 3, priority, tasks, cpus, memory, gpus, slots, estimate_ns, "
                  "input_bytes, output_bytes, on_failure, on_preemption, payload from drydock.jobs where id = 7; "
                  "update drydock.meta set version = 5; select 'done'"),
            "done");
  auto client = connect(true);
  ASSERT_TRUE(client.ok()) << client.error().message;
  EXPECT_EQ(value("select string_agg(number || ' ' || name || ' ' || coalesce(place, -1), ', ' order by number) from "
                  "drydock.queues"),
            "0 short 0, 1 long 1, 3 number 3 of before schema 6 -1");
  ASSERT_TRUE(set_queues(*client.value(), {"long", "new", "a \"b\" \\ ü'"}).ok());
  EXPECT_EQ(value("select string_agg(number || ' ' || name || ' ' || coalesce(place, -1), ', ' order by number) from "
                  "drydock.queues"),
            "0 short -1, 1 long 0, 3 number 3 of before schema 6 -1, 10000 new 1, 10001 a \"b\" \\ ü' 2");
  const auto queues = read_queues(*client.value(), "drydock");
  ASSERT_TRUE(queues.ok());
  ASSERT_EQ(queues.value().size(), 5U);
  EXPECT_EQ(queues.value()[0].name, "long") << "the first of the scenario";
  EXPECT_FALSE(queues.value()[3].is_served);
}

// Tables and functions are those of a new schema.
TEST_F(OldSchema, BecomesWhatANewOneIs) {
  ASSERT_TRUE(connect(true).ok());
  const auto columns = [&](const std::string& schema) {
    return value(
        "select string_agg(c, ' ') from (select table_name || '.' || column_name || ':' || data_type as c from "
        "information_schema.columns where table_schema = '" +
        schema + "' order by 1) t");
  };
  EXPECT_EQ(columns("drydock"), columns("other"));
  const auto functions = [&](const std::string& schema) {
    return value("select string_agg(f, ' ') from (select proname || md5(replace(prosrc, '" + schema +
                 ".', '')) as f from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = '" + schema +
                 "' and prosrc not like '%" + schema + ":%' order by 1) t");
  };
  EXPECT_EQ(functions("drydock"), functions("other"));
  const auto states = [&](const std::string& schema) {
    return value("select replace(pg_get_viewdef('" + schema + ".job_states'), '" + schema + ".', '')");
  };
  EXPECT_EQ(states("drydock"), states("other"));
}

// However much has ended, and however much waits behind what is wanted.
TEST_F(OldSchema, LoadingWaitingJobsCostsWhatIsTaken) {
  ASSERT_TRUE(connect(true).ok());
  ASSERT_EQ(value("insert into drydock.jobs select i, i, 0, i % 3, 1, 1000, 0, 0, 1, 0, 0, 0, 0, 0, '' from "
                  "generate_series(100, 20099) i; "
                  "insert into drydock.endings select i, 4 from generate_series(100, 10099) i; "
                  "update drydock.intake set mark = 10100, low_job = 10100, last_arrival = 20099; "
                  "analyze drydock.jobs; select 'done'"),
            "done");
  const auto rows = [&](const std::string& which) {
    const std::string answer = value("begin; " + std::string(kSessionSettings) +
                                     " create temporary table taken as select id from drydock.waiting_jobs(" + which +
                                     "); select count(*) || ' from ' || min(id) || ', ' || (select case when read < 1000 "
                                     "then 'few' else read::text end from "
                                     "(select idx_tup_fetch + seq_tup_read as read from pg_stat_xact_user_tables where "
                                     "relid = 'drydock.jobs'::regclass) r) "
                                     "|| ' read' from taken");
    value("rollback");
    return answer;
  };
  EXPECT_EQ(rows("0, null, null, 30"), "30 from 10100, few read") << "the first of priority 2";
  EXPECT_EQ(rows("0, 1, 15000, 30"), "30 from 15001, few read");
  EXPECT_EQ(rows("0, 1, 20090, 30"), "30 from 10101, few read") << "goes on with priority 0";
}

TEST_F(OldSchema, IsLeftAloneByWhoMayNot) {
  const auto client = connect(false);
  ASSERT_FALSE(client.ok());
  EXPECT_NE(client.error().message.find("start a scheduler of this version"), std::string::npos) << client.error().message;
  EXPECT_EQ(value("select version from drydock.meta"), "2");
}

TEST_F(OldSchema, OfBeforeAllUpgradesIsRefused) {
  ASSERT_EQ(value("update drydock.meta set version = 1 returning 'done'"), "done");
  const auto client = connect(true);
  ASSERT_FALSE(client.ok());
  EXPECT_NE(client.error().message.find("too old"), std::string::npos) << client.error().message;
  EXPECT_EQ(value("select version from drydock.meta"), "1");
}

}  // namespace
}  // namespace drydock::runtime::schema_test

// What ended long ago is removed, and nothing else.
#include "real-runtime/history.hpp"

#include "real-runtime/private_postgres.hpp"
#include "tests/runtime/real_world.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace drydock::runtime::history_test {
namespace {

using namespace std::chrono_literals;

bool go_on(const PruneCount& /*so_far*/) { return true; }

class History : public testing::Test {
 protected:
  void SetUp() override {
    auto server = PrivatePostgres::start({.durable = false});
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(server).value();
    auto store = PostgresClient::connect({.connection = server_->connection()});
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_ = std::move(store).value();
  }
  std::string sql(const std::string& statement) {
    const auto result = store_->run(statement);
    return result.ok() ? result.value() : result.error().message;
  }
  PruneCount prune(bool only_count = false) {
    const auto count = prune_history(*store_, {.age = 1h, .only_count = only_count}, go_on);
    EXPECT_TRUE(count.ok()) << count.error().message;
    return count.ok() ? count.value() : PruneCount{};
  }

  std::unique_ptr<PrivatePostgres> server_;
  std::unique_ptr<PostgresClient> store_;
};

TEST_F(History, GoesWithItsAttemptsWhereItEndedLongAgo) {
  ASSERT_EQ(
      sql("insert into drydock.jobs select i, i, 0, 0, 1, 1000, 0, 0, 1, 0, 0, 0, 0, 0, '', now() - interval '3 h' "
          "from generate_series(1, 5) i; "
          "insert into drydock.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots, outcome, "
          "job_ends, released, created_at, ended_at) select job, attempt, 0, 1, 1, 1000, 0, 0, 1, 0, true, released, "
          "now(), now() - ended::interval from (values (1, 1, true, '2 h'), (2, 1, true, '2.5 h'), (2, 2, true, '2 h'), "
          "(3, 1, true, '5 min'), (5, 1, false, null)) v (job, attempt, released, ended); "
          "insert into drydock.endings values (4, 4, now() - interval '2 h'); "
          "insert into drydock.fired values ('a', 1, 1), ('a', 2, 4), ('b', 1, 2); "
          "update drydock.intake set mark = 5, low_job = 5, last_arrival = 5; select 'done'"),
      "done");
  const std::string left =
      "select (select string_agg(id::text, ' ' order by id) from drydock.jobs) || ', ' || "
      "(select string_agg(job || '-' || attempt, ' ' order by job, attempt) from drydock.allocations) || ', ' || "
      "(select count(*) from drydock.endings) || ', ' || (select string_agg(name || due_ns, ' ' order by name, due_ns) from "
      "drydock.fired)";
  const PruneCount counted = prune(true);
  EXPECT_EQ(counted.looked, 4U);
  EXPECT_EQ(counted.old, 3U);
  EXPECT_EQ(sql(left), "1 2 3 4 5, 1-1 2-1 2-2 3-1 5-1, 1, a1 a2 b1") << "they were only counted";
  EXPECT_EQ(prune().old, 3U);
  EXPECT_EQ(sql(left), "3 5, 3-1 5-1, 0, a2 b1") << "3 ended lately, 5 runs, and the last firings stay";
  const PruneCount again = prune();
  EXPECT_EQ(again.looked, 1U);
  EXPECT_EQ(again.old, 0U);
}

TEST_F(History, GoesInBatchesAndStopsWhenToldTo) {
  ASSERT_EQ(sql("insert into drydock.jobs select i, i, 0, 0, 1, 1000, 0, 0, 1, 0, 0, 0, 0, 0, '', now() - interval '3 h' "
                "from generate_series(1, 12000) i; "
                "insert into drydock.endings select i, 4, now() - interval '2 h' from generate_series(1, 12000) i; "
                "update drydock.intake set mark = 12001, low_job = 12001, last_arrival = 12000; select 'done'"),
            "done");
  int batches = 0;
  const auto first =
      prune_history(*store_, {.age = 1h}, [&](const PruneCount& so_far) { return ++batches < 1 || so_far.old == 0; });
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first.value().old, kPruneBatch);
  EXPECT_EQ(sql("select count(*) from drydock.jobs"), "7000");
  EXPECT_EQ(prune().old, 7000U);
  EXPECT_EQ(sql("select count(*) from drydock.jobs"), "0");
  EXPECT_EQ(sql("select drydock.reserve_ids(1) > 0"), "t");
}

TEST(HistoryOfALeader, GoesByItself) {
  RealWorld world({.keep_history = 1h});
  ASSERT_TRUE(world.start());
  auto store = PostgresClient::connect(world.postgres_options());
  ASSERT_TRUE(store.ok()) << store.error().message;
  const auto sql = [&](const std::string& statement) {
    const auto result = store.value()->run(statement);
    return result.ok() ? result.value() : result.error().message;
  };
  world.submit(5, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until_all_ended());
  ASSERT_EQ(sql("update drydock.jobs set submitted_at = now() - interval '3 h'; "
                "update drydock.allocations set ended_at = now() - interval '2 h' where job <> 3; select 'done'"),
            "done");
  ASSERT_TRUE(world.run_until([&] { return sql("select count(*) from drydock.jobs") == "1"; }));
  EXPECT_EQ(sql("select id from drydock.jobs"), "3");
  world.submit(5, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until_all_ended()) << "nothing else is touched";
}

}  // namespace
}  // namespace drydock::runtime::history_test

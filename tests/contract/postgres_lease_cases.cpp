// Leases on the server's clock, periodic jobs, and hints.

#include "tests/contract/postgres_under_test.hpp"

namespace drydock::postgres {
namespace {

using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;

constexpr Duration kSlack = 10min;  // real time passes while the real server works

Lease acquire(PostgresDriver& db, const std::string& holder, Duration ttl, std::int64_t epoch_min = 1) {
  return db.ask<Lease>(AcquireLease{"beat", holder, ttl, epoch_min});
}
Lease read(PostgresDriver& db) { return db.ask<Lease>(ReadLease{"beat"}); }

void a_lease_has_one_holder(PostgresDriver& db) {
  EXPECT_EQ(read(db), (Lease{}));
  const Lease taken = acquire(db, "a", 1h);
  EXPECT_EQ(taken.holder, "a");
  EXPECT_EQ(taken.epoch, 1);
  EXPECT_LE(taken.left, 1h);
  EXPECT_GT(taken.left, 1h - kSlack);
  const Lease refused = acquire(db, "b", 5h);
  EXPECT_EQ(refused.holder, "a");
  EXPECT_EQ(refused.epoch, 1);
  EXPECT_LE(refused.left, 1h);
  EXPECT_EQ(read(db).holder, "a");
  EXPECT_EQ(db.ask<Lease>(ReadLease{"scheduler"}).holder, "a") << "leases have names";
}

void its_holder_prolongs_it_in_the_same_epoch(PostgresDriver& db) {
  acquire(db, "a", 1h);
  const Lease prolonged = acquire(db, "a", 3h);
  EXPECT_EQ(prolonged.epoch, 1);
  EXPECT_GT(prolonged.left, 2h);
  EXPECT_LE(acquire(db, "a", 30min).left, 30min) << "and shortens it";
}

void a_lapsed_lease_is_taken_with_a_higher_epoch(PostgresDriver& db) {
  acquire(db, "a", 40ms);
  EXPECT_TRUE(db.soon([&] { return read(db).holder.empty(); }));
  EXPECT_EQ(read(db), (Lease{{}, 1, {}})) << "its epoch stays known";
  EXPECT_EQ(acquire(db, "b", 1h).epoch, 2);
  EXPECT_EQ(acquire(db, "a", 1h).holder, "b");
}

void each_taking_has_a_higher_epoch(PostgresDriver& db) {
  acquire(db, "a", 40ms);
  EXPECT_TRUE(db.soon([&] { return read(db).holder.empty(); }));
  EXPECT_EQ(acquire(db, "a", 1h).epoch, 2) << "by the same holder too";
}

void the_end_of_a_lease_alone_refuses_nothing(PostgresDriver& db) {
  const Lease lease = acquire(db, "a", 40ms);
  EXPECT_TRUE(db.soon([&] { return read(db).holder.empty(); }));
  const Fence fence{"beat", lease.epoch};
  EXPECT_EQ(db.commit({.fence = fence}).outcome, Outcome::applied) << "nobody else has taken it";
  const Lease next = acquire(db, "b", 1h);
  EXPECT_EQ(db.commit({.fence = fence}), (Verdict{Outcome::wrong_epoch, next.epoch}));
}

void epochs_are_at_least_what_is_asked(PostgresDriver& db) {
  EXPECT_EQ(acquire(db, "a", 1h, 7).epoch, 7);
  EXPECT_EQ(acquire(db, "a", 1h, 5).epoch, 7);
  EXPECT_EQ(acquire(db, "a", 1h, 9).epoch, 9);
  EXPECT_EQ(acquire(db, "b", 1h, 20).epoch, 9) << "not for one who does not hold it";
}

void only_its_holder_gives_it_back(PostgresDriver& db) {
  acquire(db, "a", 1h);
  EXPECT_FALSE(db.ask<Found>(ReleaseLease{"beat", "b", 1}).found);
  EXPECT_FALSE(db.ask<Found>(ReleaseLease{"beat", "a", 2}).found);
  EXPECT_TRUE(db.ask<Found>(ReleaseLease{"beat", "a", 1}).found);
  EXPECT_FALSE(db.ask<Found>(ReleaseLease{"beat", "a", 1}).found);
  EXPECT_EQ(read(db), (Lease{{}, 1, {}}));
  EXPECT_EQ(acquire(db, "b", 1h).epoch, 2);
}

void names_are_any_text(PostgresDriver& db) {
  const std::string name = "it's \"a\" \\lease\n{name}, \xc3\xa9";
  EXPECT_EQ(db.ask<Lease>(AcquireLease{name, name, 1h, 1}).holder, name);
  EXPECT_EQ(db.ask<Lease>(ReadLease{name}).holder, name);
}

// --- periodic jobs ---

void a_due_time_fires_once(PostgresDriver& db) {
  const Time noon = time_at(43'200'000'000'007);
  const auto fire = [&](const std::string& name, Time due, std::uint64_t id) {
    return db.ask<Verdict>(FireDue{db.fence(), name, due, job(id)});
  };
  EXPECT_EQ(db.ask<LastDue>(ReadLastDue{"metrics"}).due, std::nullopt);
  EXPECT_EQ(fire("metrics", noon, 1), (Verdict{Outcome::applied, 1}));
  EXPECT_EQ(fire("metrics", noon, 2), (Verdict{Outcome::repeated}));
  EXPECT_FALSE(db.view(2).found);
  EXPECT_EQ(fire("metrics", noon + Duration{1}, 2), (Verdict{Outcome::applied, 2}));
  EXPECT_EQ(fire("scan", noon, 3), (Verdict{Outcome::applied, 3}));
  EXPECT_EQ(fire("metrics", noon - 1min, 4), (Verdict{Outcome::applied, 4})) << "catching up";
  EXPECT_EQ(db.ask<LastDue>(ReadLastDue{"metrics"}).due, noon + Duration{1});
  EXPECT_EQ(db.view(1).state, JobState::waiting);
}

void a_due_time_does_not_fire_without_its_job(PostgresDriver& db) {
  db.submit({job(1)});
  EXPECT_EQ(db.ask<Verdict>(FireDue{db.fence(), "metrics", time_at(1), job(1)}), (Verdict{Outcome::duplicate_job}));
  EXPECT_EQ(db.ask<LastDue>(ReadLastDue{"metrics"}).due, std::nullopt);
  EXPECT_EQ(db.ask<Verdict>(FireDue{db.fence(), "metrics", time_at(1), job(2)}), (Verdict{Outcome::applied, 2}));
}

// --- hints ---

std::int64_t hints(PostgresDriver& db, const std::string& channel, std::uint32_t session = 0) {
  return db.ask<Count>(TakeHints{channel}, session).value;
}

void a_listener_counts_its_own_hints(PostgresDriver& db) {
  db.ask<Done>(Notify{"wake"});
  EXPECT_EQ(hints(db, "wake"), 0);
  db.ask<Done>(Listen{"wake"});
  db.ask<Done>(Listen{"wake"});
  EXPECT_EQ(hints(db, "wake"), 0) << "not what was before";
  db.ask<Done>(Notify{"wake"});
  db.ask<Done>(Notify{"wake"});
  db.ask<Done>(Notify{"other"});
  EXPECT_EQ(hints(db, "wake"), 2);
  EXPECT_EQ(hints(db, "wake"), 0);
  EXPECT_EQ(hints(db, "other"), 0);
}

void hints_reach_other_connections(PostgresDriver& db) {
  db.ask<Done>(Listen{"wake"}, 1);
  db.ask<Done>(Notify{"wake"}, 0);
  EXPECT_TRUE(db.soon([&] { return hints(db, "wake", 1) == 1; }));
  EXPECT_EQ(hints(db, "wake", 0), 0);
}

void new_jobs_are_hinted_at(PostgresDriver& db) {
  const std::string channel(kJobsChannel);
  db.ask<Done>(Listen{channel});
  db.submit({job(1), job(2)});
  EXPECT_EQ(hints(db, channel), 1) << "one for a transaction";
  db.submit({job(1)});
  EXPECT_EQ(hints(db, channel), 0) << "nothing is new";
  db.ask<Verdict>(FireDue{db.fence(), "metrics", time_at(1), job(3)});
  EXPECT_EQ(hints(db, channel), 1);
}

void a_restart_ends_listening(PostgresDriver& db) {
  db.ask<Done>(Listen{"wake"});
  db.ask<Done>(Notify{"wake"});
  db.store().apply(AdminOp(Restart{}));
  EXPECT_EQ(hints(db, "wake"), 0);
  db.ask<Done>(Notify{"wake"});
  EXPECT_EQ(hints(db, "wake"), 0);
}

}  // namespace

std::vector<PostgresCase> postgres_lease_cases() {
  return {{"ALeaseHasOneHolder", a_lease_has_one_holder},
          {"ItsHolderProlongsItInTheSameEpoch", its_holder_prolongs_it_in_the_same_epoch},
          {"ALapsedLeaseIsTakenWithAHigherEpoch", a_lapsed_lease_is_taken_with_a_higher_epoch},
          {"EachTakingHasAHigherEpoch", each_taking_has_a_higher_epoch},
          {"TheEndOfALeaseAloneRefusesNothing", the_end_of_a_lease_alone_refuses_nothing},
          {"EpochsAreAtLeastWhatIsAsked", epochs_are_at_least_what_is_asked},
          {"OnlyItsHolderGivesItBack", only_its_holder_gives_it_back},
          {"NamesAreAnyText", names_are_any_text},
          {"ADueTimeFiresOnce", a_due_time_fires_once},
          {"ADueTimeDoesNotFireWithoutItsJob", a_due_time_does_not_fire_without_its_job},
          {"AListenerCountsItsOwnHints", a_listener_counts_its_own_hints},
          {"HintsReachOtherConnections", hints_reach_other_connections},
          {"NewJobsAreHintedAt", new_jobs_are_hinted_at},
          {"ARestartEndsListening", a_restart_ends_listening}};
}

}  // namespace drydock::postgres

// One interface over the simulated and the real PostgreSQL store, for the tests that both must pass.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace drydock::postgres {

class PostgresUnderTest {
 public:
  virtual ~PostgresUnderTest() = default;
  // Over one of two connections, 0 and 1.
  virtual std::vector<Reply> apply(std::span<const Op> ops, std::uint32_t session) = 0;
  virtual void apply(const AdminOp& op) = 0;
  // Lets time go on: virtual time, or by sleeping.
  virtual void pass(Duration time) = 0;
};

using Maker = std::function<std::unique_ptr<PostgresUnderTest>()>;

// Empty stores.
std::unique_ptr<PostgresUnderTest> make_simulated_postgres();
// Null, with a failure recorded, if no server can be started.
std::unique_ptr<PostgresUnderTest> make_real_postgres();

// The programs of PostgreSQL are here, and the runtime was built.
bool real_postgres_is_here();

struct PostgresWorld {
  std::string name;
  Maker make;
};
inline void PrintTo(const PostgresWorld& world, std::ostream* out) { *out << world.name; }  // GoogleTest calls it
std::vector<PostgresWorld> postgres_worlds();

inline void PrintTo(const Verdict& verdict, std::ostream* out) { *out << to_text(Reply(verdict)); }
inline void PrintTo(const JobView& view, std::ostream* out) { *out << to_text(Reply(view)); }
inline void PrintTo(const Totals& totals, std::ostream* out) { *out << to_text(Reply(totals)); }
inline void PrintTo(const Reply& reply, std::ostream* out) { *out << to_text(reply); }

// --- shorthand ---

[[nodiscard]] Job job(std::uint64_t id, std::uint32_t queue = 0, std::int32_t priority = 0);
[[nodiscard]] Resources cpus(std::int64_t milli);
// An attempt on one worker.
[[nodiscard]] AssignedAttempt assigned(std::uint64_t job, std::uint32_t number, std::uint32_t worker = 0,
                                       std::int64_t cpus_milli = 1000);
[[nodiscard]] ReleasedAttempt released(std::uint64_t job, std::uint32_t number,
                                       ReleaseReason reason = ReleaseReason::succeeded, bool job_ends = true);

// A store with a leader, and the questions that tests ask of it.
class PostgresDriver {
 public:
  explicit PostgresDriver(std::unique_ptr<PostgresUnderTest> store) : store_(std::move(store)) {}

  Reply ask(const Op& op, std::uint32_t session = 0) { return store_->apply(std::span(&op, 1), session).front(); }
  // The reply, if it is of the kind that belongs to the operation; else a failure.
  template <class Expected>
  Expected ask(const Op& op, std::uint32_t session = 0) {
    Reply reply = ask(op, session);
    if (auto* expected = std::get_if<Expected>(&reply)) return std::move(*expected);
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }
  PostgresUnderTest& store() { return *store_; }

  // Takes the lease "scheduler", whose epoch then stands in fence().
  void lead(const std::string& holder = "a");
  [[nodiscard]] Fence fence() const { return {"scheduler", epoch_}; }
  std::int64_t submit(std::vector<Job> jobs);
  // With the next request id, or with this one.
  Verdict commit(CommitBatch batch);
  Verdict commit_as(std::uint64_t request, CommitBatch batch);
  [[nodiscard]] RequestId last_request() const { return RequestId{requests_}; }
  JobView view(std::uint64_t job) { return ask<JobView>(ReadJob{JobId{job}}); }
  Totals totals() { return ask<Totals>(ReadTotals{}); }
  // What must hold always: the row of the truth equals the sum of the allocations.
  void expect_consistent();
  // Lets time pass in small steps until it is so; false if it never is.
  bool soon(const std::function<bool()>& is_so);

 private:
  std::unique_ptr<PostgresUnderTest> store_;
  std::int64_t epoch_ = 0;
  std::uint64_t requests_ = 0;
};

// The conformance suite: each case is given an empty store with a leader, and records failures. Not tests by themselves, so that they
// can also be run on stores with planted bugs.
struct PostgresCase {
  std::string name;
  void (*run)(PostgresDriver& db);
};
inline void PrintTo(const PostgresCase& which, std::ostream* out) { *out << which.name; }
[[nodiscard]] std::vector<PostgresCase> postgres_batch_cases();
[[nodiscard]] std::vector<PostgresCase> postgres_fault_cases();
[[nodiscard]] std::vector<PostgresCase> postgres_state_cases();
[[nodiscard]] std::vector<PostgresCase> postgres_lease_cases();
[[nodiscard]] std::vector<PostgresCase> all_postgres_cases();
// On a new store; a failure if it cannot be made.
void run_case(const PostgresCase& which, const Maker& make);

}  // namespace drydock::postgres

#include "tests/contract/postgres_under_test.hpp"

#include "sim/postgres.hpp"
#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/private_postgres.hpp"
#endif

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <thread>

namespace drydock::postgres {

namespace {

class Simulated : public PostgresUnderTest {
 public:
  std::vector<Reply> apply(std::span<const Op> ops, std::uint32_t session) override {
    std::vector<Reply> replies;
    replies.reserve(ops.size());
    for (const Op& op : ops) replies.push_back(server_.apply(now_, op, session));
    return replies;
  }
  void apply(const AdminOp& op) override { server_.apply(op); }
  void pass(Duration time) override { now_ += time; }

 private:
  sim::SimPostgres server_;
  Time now_ = time_at(1'000'000'007);  // no whole microsecond
};

#ifdef DRYDOCK_WITH_RUNTIME
using runtime::PostgresClient;
using runtime::PrivatePostgres;

// One server for all tests of the process, since to start one takes longer than most tests; each test has a schema of its own.
PrivatePostgres* the_server() {
  static const Result<std::unique_ptr<PrivatePostgres>> kServer = PrivatePostgres::start({.durable = false});
  if (kServer.ok()) return kServer.value().get();
  ADD_FAILURE() << kServer.error().message;
  return nullptr;
}

class Real : public PostgresUnderTest {
 public:
  Real(PrivatePostgres& server, std::string schema) : server_(server), schema_(std::move(schema)) { connect(); }
  ~Real() override {
    for (auto& client : clients_) {
      if (client != nullptr && &client != &clients_[0]) client.reset();
    }
    if (clients_[0] != nullptr) expect_ok(clients_[0]->run(fmt::format("drop schema {} cascade", schema_)));
  }
  std::vector<Reply> apply(std::span<const Op> ops, std::uint32_t session) override {
    std::vector<Reply> replies;
    PostgresClient& client = *clients_[session];
    while (!ops.empty()) {
      // A fault is for the first commit of the next operations.
      const auto is_commit = [](const Op& op) { return std::holds_alternative<CommitBatch>(op); };
      auto end = ops.end();
      if (fault_) end = std::find_if(ops.begin(), ops.end(), is_commit);
      const auto batch = ops.first(std::min(static_cast<std::size_t>(end - ops.begin()), PostgresClient::kMostInBatch));
      for (const Op& op : batch) client.submit(op);
      for (Reply& reply : client.collect()) replies.push_back(std::move(reply));
      ops = ops.subspan(batch.size());
      if (fault_ && !ops.empty() && is_commit(ops.front())) {
        replies.push_back(faulty(client, ops.front(), *std::exchange(fault_, std::nullopt)));
        ops = ops.subspan(1);
      }
    }
    return replies;
  }
  void apply(const AdminOp& op) override {
    if (std::holds_alternative<AbortNextCommit>(op) || std::holds_alternative<LoseNextAnswer>(op)) {
      fault_ = op;
    } else if (std::holds_alternative<GoDown>(op)) {
      server_.kill();
      for (auto& client : clients_) EXPECT_FALSE(client->reconnect().ok());  // so that it knows
    } else {
      expect_ok(server_.restart());
      for (auto& client : clients_) expect_ok(client->reconnect());
    }
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }

 private:
  template <class Value>
  static void expect_ok(const Result<Value>& result) {
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  }
  // A real transaction that is really rolled back, or whose answer nobody reads.
  static Reply faulty(PostgresClient& client, const Op& op, const AdminOp& fault) {
    const auto* lost = std::get_if<LoseNextAnswer>(&fault);
    const bool committed = lost != nullptr && lost->committed;
    expect_ok(client.run("begin"));
    (void)client.execute(op);
    expect_ok(client.run(committed ? "commit" : "rollback"));
    if (lost == nullptr) return Failed{Failed::Reason::aborted, "rolled back"};
    return Failed{Failed::Reason::unknown, "lost"};
  }
  void connect() {
    for (auto& client : clients_) {
      auto made = PostgresClient::connect({.connection = server_.connection(), .schema = schema_});
      if (!made.ok()) {
        ADD_FAILURE() << made.error().message;
        std::abort();  // the tests behind this one would say no more
      }
      client = std::move(made).value();
    }
  }

  PrivatePostgres& server_;
  std::string schema_;
  std::array<std::unique_ptr<PostgresClient>, 2> clients_;
  std::optional<AdminOp> fault_;
};
#endif

}  // namespace

std::unique_ptr<PostgresUnderTest> make_simulated_postgres() { return std::make_unique<Simulated>(); }

#ifdef DRYDOCK_WITH_RUNTIME
bool real_postgres_is_here() { return PrivatePostgres::available(); }

std::unique_ptr<PostgresUnderTest> make_real_postgres() {
  static int made = 0;
  PrivatePostgres* server = the_server();
  if (server == nullptr) return nullptr;
  return std::make_unique<Real>(*server, fmt::format("test{}", ++made));
}

std::vector<PostgresWorld> postgres_worlds() {
  std::vector<PostgresWorld> worlds{{"simulated", make_simulated_postgres}};
  if (real_postgres_is_here()) worlds.push_back({"real", make_real_postgres});
  return worlds;
}
#else
bool real_postgres_is_here() { return false; }
std::unique_ptr<PostgresUnderTest> make_real_postgres() { return nullptr; }
std::vector<PostgresWorld> postgres_worlds() { return {{"simulated", make_simulated_postgres}}; }
#endif

// --- shorthand ---

Job job(std::uint64_t id, std::uint32_t queue, std::int32_t priority) {
  Job result;
  result.spec.id = JobId{id};
  result.spec.queue = QueueId{queue};
  result.spec.priority = priority;
  result.spec.per_task = cpus(1000);
  result.spec.estimate = std::chrono::seconds{60};
  return result;
}

Resources cpus(std::int64_t milli) { return make_resources({.cpus_milli = milli}); }

AssignedAttempt assigned(std::uint64_t job, std::uint32_t number, std::uint32_t worker, std::int64_t cpus_milli) {
  return {{JobId{job}, number}, {{WorkerId{worker}, 1, cpus(cpus_milli)}}};
}

ReleasedAttempt released(std::uint64_t job, std::uint32_t number, ReleaseReason reason, bool job_ends) {
  return {{JobId{job}, number}, reason, job_ends, {}};
}

void PostgresDriver::lead(const std::string& holder) {
  const auto before = ask<Lease>(ReadLease{"scheduler"});
  if (!before.holder.empty()) ask<Found>(ReleaseLease{"scheduler", before.holder, before.epoch});
  epoch_ = ask<Lease>(AcquireLease{"scheduler", holder, std::chrono::hours{1}, 1}).epoch;
}

std::int64_t PostgresDriver::submit(std::vector<Job> jobs) { return ask<Submitted>(SubmitJobs{std::move(jobs)}).added; }

Verdict PostgresDriver::commit(CommitBatch batch) { return commit_as(requests_ + 1, std::move(batch)); }

Verdict PostgresDriver::commit_as(std::uint64_t request, CommitBatch batch) {
  requests_ = std::max(requests_, request);
  if (batch.fence.lease.empty()) batch.fence = fence();
  batch.request = RequestId{request};
  return ask<Verdict>(batch);
}

bool PostgresDriver::soon(const std::function<bool()>& is_so) {
  constexpr int kSteps = 6000;  // 30 s
  for (int step = 0; step < kSteps; ++step) {
    if (is_so()) return true;
    store_->pass(std::chrono::milliseconds{5});
  }
  return false;
}

void PostgresDriver::expect_consistent() { EXPECT_EQ(ask<Totals>(RecountTotals{}), totals()); }

std::vector<PostgresCase> all_postgres_cases() {
  std::vector<PostgresCase> all;
  for (const auto& some : {postgres_batch_cases(), postgres_fault_cases(), postgres_state_cases(), postgres_lease_cases()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void run_case(const PostgresCase& which, const Maker& make) {
  auto store = make();
  if (store == nullptr) return;
  PostgresDriver db(std::move(store));
  db.lead();
  which.run(db);
  db.expect_consistent();
}

}  // namespace drydock::postgres

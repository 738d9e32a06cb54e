// A simulated PostgreSQL store: the operations of policies/ports/postgres.hpp with the effects of the real one, in virtual time.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"
#include "sim/postgres_tables.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace drydock::sim {

struct SimPostgresOptions {
  // Without, jobs are forgotten once they ended and are released: memory for live jobs alone. ReadJob then does not find them, and
  // their ids could be submitted again.
  bool keep_ended = true;
};

// Each operation costs O(log n) per row, n counting live jobs (all jobs with keep_ended); RecountTotals reads all rows. Each is one
// transaction that is carried out at `now`: latency, queueing and loss are the matter of who calls. Time may go back, as the clock
// of a server may.
class SimPostgres {
 public:
  explicit SimPostgres(const SimPostgresOptions& options = {}) : tables_(options.keep_ended) {}

  // `session` numbers the connection: hints are counted for each.
  [[nodiscard]] postgres::Reply apply(Time now, const postgres::Op& op, std::uint32_t session = 0);
  void apply(const postgres::AdminOp& op);
  // A connection ends: it listens no more.
  void disconnect(std::uint32_t session) { hints_.erase(session); }

  [[nodiscard]] bool down() const { return down_; }
  [[nodiscard]] const PostgresTables& tables() const { return tables_; }

 private:
  struct Handler;
  struct AdminHandler;
  struct LeaseRow {
    std::string holder;  // empty: given back, or never taken
    std::int64_t epoch = 0;
    std::int64_t expires_us = 0;
    RequestId settled_below;                                   // in this epoch
    std::map<RequestId, std::optional<std::int64_t>> batches;  // in this epoch; version, none: voided
  };

  [[nodiscard]] std::optional<postgres::Verdict> refuses(const postgres::Fence& fence) const;
  // What is known of a batch before its rows are looked at.
  [[nodiscard]] std::optional<postgres::Verdict> known(const LeaseRow& lease, RequestId request) const;
  [[nodiscard]] postgres::Verdict commit(const postgres::CommitBatch& op);
  [[nodiscard]] std::optional<postgres::Verdict> apply_rows(const postgres::CommitBatch& op);
  [[nodiscard]] postgres::Verdict changed(std::int64_t detail);
  [[nodiscard]] postgres::Lease lease_now(const LeaseRow& row) const;
  void notify(const std::string& channel);

  PostgresTables tables_;
  std::int64_t clock_us_ = 0;
  std::int64_t version_ = 0;
  std::map<std::string, LeaseRow, std::less<>> leases_;
  std::map<std::string, std::set<Time>, std::less<>> fired_;
  std::uint64_t next_id_ = 1;                // for ReserveIds: above all that were submitted or given out
  std::map<std::int64_t, JobId> cancels_;    // by number
  std::map<JobId, std::int64_t> cancelled_;  // the same by job
  std::map<std::uint32_t, std::map<std::string, std::int64_t, std::less<>>> hints_;  // by session, then channel
  bool down_ = false;
  std::optional<postgres::AdminOp> fault_;  // of the next commit
};

}  // namespace drydock::sim

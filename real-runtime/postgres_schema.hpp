// The tables, functions and statements with which a PostgreSQL carries out the operations of policies/ports/postgres.hpp. Each
// operation is one function of the server, so that it is one round trip and one transaction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace drydock::runtime {

// Rises with each change of what install_schema() makes.
inline constexpr int kSchemaVersion = 9;
// The oldest that upgrade_schema() knows.
inline constexpr int kOldestSchema = 2;

// The names of schemas: letters a-z, digits and '_', a letter first, at most 20 (names of channels are made from them).
[[nodiscard]] bool is_schema_name(std::string_view name);

// SQL that makes the schema with all that is in it, and notes its version.
[[nodiscard]] std::string install_schema(std::string_view schema);

// SQL that brings a schema of an older version (from kOldestSchema on) up to date, and notes that. What it holds stays. To be carried out
// in one transaction that has locked its table `meta`.
[[nodiscard]] std::string upgrade_schema(std::string_view schema, int from);

// What each connection sets. Plans are fixed to walk through indexes: made while tables were small, or without statistics, they
// would read whole tables for ever. That makes whatever reads a whole table look expensive, so nothing may be compiled (jit).
inline constexpr std::string_view kSessionSettings =
    "set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off; set enable_bitmapscan = off; "
    "set plan_cache_mode = force_generic_plan; set jit = off; "
    "set client_min_messages = warning; set bytea_output = hex; set datestyle = iso;";

// The channel of a schema: installations in one database do not hear each other.
[[nodiscard]] std::string channel_name(std::string_view schema, std::string_view channel);

// Prepared on each connection.
enum class PostgresStatement : std::uint8_t {
  submit_jobs,
  submit_once,
  read_job,
  reserve_ids,
  request_cancel,
  commit_batch,
  settle_batch,
  finish_attempt,
  release_ended,
  read_totals,
  recount_totals,
  read_allocations,
  raise_mark,
  load_header,
  load_all_waiting,
  load_held,
  load_waiting,
  load_arrived,
  load_cancels,
  name_queues,
  lead_queues,
  acquire_lease,
  release_lease,
  read_lease,
  fire_due,
  read_last_due,
  notify,
  begin_snapshot,
  end_snapshot,
  prune_history,
  lead_beat,
};
inline constexpr std::size_t kPostgresStatements = 31;

[[nodiscard]] const char* name_of(PostgresStatement statement);
[[nodiscard]] std::string text_of(PostgresStatement statement, std::string_view schema);

}  // namespace drydock::runtime

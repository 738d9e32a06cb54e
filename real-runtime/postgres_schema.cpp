#include "real-runtime/postgres_schema.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/postgres_functions.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace drydock::runtime {

namespace {

// "@." stands for the schema. Enumerations are numbers, in the order of their C++ types.
//
// Jobs are never updated, and allocations have no index but their key, so that recording an end is a HOT update: with fillfactor 50
// there is room for the new version of a row beside the old one, and the key does not change. Rows that each transaction updates
// lie alone on a page nearly empty, for the same reason.
constexpr std::string_view kTables = R"sql(
create table @.meta (version int not null);

-- of one task: cpus (thousandths of a core), memory (bytes), gpus, slots
create table @.jobs (
  id bigint primary key, arrival bigint not null unique, queue int not null, priority int not null, tasks int not null,
  cpus bigint not null, memory bigint not null, gpus bigint not null, slots bigint not null,
  estimate_ns bigint not null, input_bytes bigint not null, output_bytes bigint not null,
  on_failure smallint not null, on_preemption smallint not null, payload bytea not null,
  submitted_at timestamptz not null default now());

-- part: 0, 1, ... in the order of an assignment; all parts of an attempt end and are released together
create table @.allocations (
  job bigint not null, attempt int not null, part int not null, worker int not null, tasks int not null,
  cpus bigint not null, memory bigint not null, gpus bigint not null, slots bigint not null,
  outcome smallint, job_ends boolean not null default false, released boolean not null default false,
  progress_ns bigint not null default 0, created_at timestamptz not null default now(), ended_at timestamptz,
  primary key (job, attempt, part)) with (fillfactor = 50);

-- attempts that ended and are not released: few, so that the safety net need not look at all
create table @.finished (job bigint not null, attempt int not null, primary key (job, attempt));

-- jobs that ended without an attempt that ended them
create table @.endings (job bigint primary key, reason smallint not null, ended_at timestamptz not null default now());

create table @.leases (
  name text primary key, holder text, epoch bigint not null default 0, expires_at timestamptz,
  settled_below bigint not null default 0) with (fillfactor = 10);

-- batches of the epoch that stands; version null: voided
create table @.batches (lease text not null, request bigint not null, version bigint, primary key (lease, request));

-- one row: what is unreleased; locked first by each transaction that changes an allocation
create table @.truth (
  version bigint not null, cpus bigint not null, allocations bigint not null) with (fillfactor = 10);
insert into @.truth values (0, 0, 0);

-- one row: locked first by each transaction that adds jobs, until it ends, so that arrivals rise in the order of commits. All jobs
-- below arrival `mark` are ended and released; all others have ids from low_job on.
create table @.intake (last_arrival bigint not null, mark bigint not null, low_job bigint not null) with (fillfactor = 10);
insert into @.intake values (0, 1, 9223372036854775807);

create table @.fired (name text not null, due_ns bigint not null, job bigint not null, primary key (name, due_ns));

-- Jobs with what their attempts tell. state: 0 waiting, 1 held, 2 ended.
create view @.job_states as
  select j.*, case when a.held then 1 when a.ended or e.job is not null then 2 else 0 end as state,
    coalesce(a.attempts, 0) as attempts, a.failures, a.losses, coalesce(a.progress_ns, 0) as progress_ns,
    coalesce(e.reason, a.last_outcome % 8) as last_reason
  from @.jobs j left join @.endings e on e.job = j.id
  cross join lateral (
    select max(attempt) as attempts, count(*) filter (where outcome in (1, 5)) as failures,
      count(*) filter (where outcome in (3, 6)) as losses, max(progress_ns) as progress_ns,
      max(attempt::bigint * 8 + outcome) as last_outcome, bool_or(not released) as held, bool_or(job_ends) as ended
    from @.allocations where job = j.id and part = 0) a;

create type @.verdict as (outcome int, detail bigint, version bigint, cpus bigint);
)sql";

// What each version added to the tables of the one before, from kOldestSchema + 1 on. A new schema is made the same way, so that there is
// one way to each version.
constexpr std::string_view kUpgrades[] = {
    R"sql(
-- 3: requests to cancel jobs, numbered in the order of commits under the lock of intake; ids for who submits, and the names of queues
create table @.cancels (number bigint primary key, job bigint not null unique, requested_at timestamptz not null default now());
alter table @.intake add column last_cancel bigint not null default 0, add column next_id bigint not null default 1;
create table @.queues (number int primary key, name text not null);
)sql",
    R"sql(
-- 4: which ids the jobs got that a client submitted under a key of its own, and what they were
create table @.submissions (
  key text primary key, digest text not null, first_job bigint not null, submitted_at timestamptz not null default now());
)sql",
    R"sql(
-- 5: keys are kept for a day
create index submissions_at on @.submissions (submitted_at);
)sql",
    R"sql(
-- 6: a number of a queue means its name for good. place: in the scenario of the scheduler that led last; null: that has no such queue.
-- Before, a number was a place; what it meant is known of the last scenario alone. Other numbers of jobs get names that say so, or, where
-- such jobs have ended, are not given again: no scenario was that long.
alter table @.queues add column place int;
update @.queues set place = number;
insert into @.queues (number, name)
  select distinct queue, 'number ' || queue || ' of before schema 6' from @.jobs
  where arrival >= (select mark from @.intake) and queue not in (select number from @.queues);
create unique index queues_by_name on @.queues (name);
alter table @.intake add column next_queue int not null default 0;
update @.intake set next_queue = greatest((select coalesce(max(number) + 1, 0) from @.queues),
  case when exists (select from @.jobs) then 10000 else 0 end);
)sql",
    R"sql(
-- 7: the order in which the jobs of a queue are wanted
create index jobs_in_line on @.jobs (queue, (-priority::bigint), id);
-- 7: since when the beat that leads has each of its jobs (microseconds since 1970): due times before that do not count
create table @.periodic (name text primary key, since_us bigint not null);
)sql",
    R"sql(
-- 8: the same view, read at the cost of a job's last attempt: of those before it nothing is read where there are none, or where nobody asks.
-- An attempt comes after one that was released and did not end the job.
create or replace view @.job_states as
  select j.*, case when not a.released then 1 when a.job_ends or e.job is not null then 2 else 0 end as state,
    coalesce(a.attempt, 0) as attempts,
    case when a.attempt > 1 then (select count(*) from @.allocations where job = j.id and part = 0 and outcome in (1, 5))
      else (a.outcome is not null and a.outcome in (1, 5))::int::bigint end as failures,
    case when a.attempt > 1 then (select count(*) from @.allocations where job = j.id and part = 0 and outcome in (3, 6))
      else (a.outcome is not null and a.outcome in (3, 6))::int::bigint end as losses,
    case when a.attempt > 1 then (select max(progress_ns) from @.allocations where job = j.id and part = 0)
      else coalesce(a.progress_ns, 0) end as progress_ns,
    coalesce(e.reason, a.outcome, case when a.attempt > 1 then (select outcome from @.allocations
      where job = j.id and part = 0 and outcome is not null order by attempt desc limit 1) end)::bigint as last_reason
  from @.jobs j left join @.endings e on e.job = j.id
  left join lateral (select attempt, outcome, job_ends, released, progress_ns from @.allocations
    where job = j.id and part = 0 order by attempt desc limit 1) a on true;
)sql",
    R"sql(
-- 9: functions alone
)sql",
};
static_assert(std::size(kUpgrades) == kSchemaVersion - kOldestSchema);

// The columns of a job, as postgres_decode reads them.
constexpr std::string_view kJobColumns =
    "id, arrival, queue, priority, tasks, cpus, memory, gpus, slots, estimate_ns, input_bytes, output_bytes, on_failure, "
    "on_preemption, payload, state, attempts, failures, losses, progress_ns, last_reason, "
    "(date_part('epoch', clock_timestamp() - submitted_at) * 1000000)::bigint as age_us";

std::string with_schema(std::string_view text, std::string_view schema) {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    if (c == '@') result += schema;
    else result += c;
  }
  return result;
}

std::string jobs_where(std::string_view condition) {
  return fmt::format("select {} from @.job_states where arrival >= (select mark from @.intake) and {}", kJobColumns,
                     condition);
}

constexpr std::string_view kAllocationsHeld =
    "select job, attempt, worker, tasks, cpus, memory, gpus, slots, outcome is not null from @.allocations "
    "where job >= (select low_job from @.intake) and not released and ($1::int is null or worker = $1) "
    "order by job, attempt, part";

std::string all_waiting() {
  return fmt::format(
      "with recursive q (number) as ((select queue from @.jobs order by queue limit 1) union all "
      "select (select queue from @.jobs where queue > q.number order by queue limit 1) from q where q.number is not null) "
      "select {} from q cross join lateral @.waiting_jobs(q.number, null, null, $1::bigint)",
      kJobColumns);
}

std::string waiting() { return fmt::format("select {} from @.waiting_jobs($1, $2, $3, $4)", kJobColumns); }

// Only jobs with an allocation can be held: cheaper than to ask all that wait.
std::string held() {
  return fmt::format(
      "select {} from @.job_states where id in (select job from @.allocations where job >= (select low_job from @.intake) "
      "and not released) order by id",
      kJobColumns);
}

std::string generic_text(PostgresStatement statement) {
  switch (statement) {
    case PostgresStatement::submit_jobs:
      return "select * from @.submit_jobs($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    case PostgresStatement::submit_once:
      return "select * from @.submit_once($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    case PostgresStatement::read_job:
      return "select state, attempts, failures, losses, progress_ns, last_reason from @.job_states where id = $1";
    case PostgresStatement::reserve_ids: return "select @.reserve_ids($1)";
    case PostgresStatement::request_cancel: return "select * from @.request_cancel($1)";
    case PostgresStatement::commit_batch:
      return "select * from @.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
             "$19, $20)";
    case PostgresStatement::settle_batch: return "select * from @.settle_batch($1, $2, $3)";
    case PostgresStatement::finish_attempt: return "select * from @.finish_attempt($1, $2, $3, $4, $5, $6)";
    case PostgresStatement::release_ended: return "select * from @.release_ended($1, $2, $3)";
    case PostgresStatement::read_totals: return "select cpus, allocations, version from @.truth";
    case PostgresStatement::recount_totals:
      return "select coalesce(sum(a.cpus), 0)::bigint, count(a.cpus), t.version from @.truth t "
             "left join @.allocations a on not a.released group by t.version";
    case PostgresStatement::read_allocations: return std::string(kAllocationsHeld);
    case PostgresStatement::raise_mark: return "select * from @.raise_mark($1, $2)";
    case PostgresStatement::load_header:
      return "select coalesce((select epoch from @.leases where name = $1), 0), cpus, allocations, version, last_arrival "
             "from @.truth, @.intake";
    case PostgresStatement::load_all_waiting: return all_waiting();
    case PostgresStatement::load_held: return held();
    case PostgresStatement::load_waiting: return waiting();
    case PostgresStatement::load_arrived: return jobs_where("state = 0 and arrival > $1 order by arrival limit $2");
    case PostgresStatement::load_cancels:
      return "select number, job from @.cancels c where number > $1 and (select state from @.job_states where id = c.job) < "
             "2 "
             "order by number limit $2";
    case PostgresStatement::name_queues: return "select @.name_queues($1)";
    case PostgresStatement::lead_queues: return "select @.lead_queues($1, $2, $3)";
    case PostgresStatement::acquire_lease: return "select * from @.acquire_lease($1, $2, $3, $4)";
    case PostgresStatement::release_lease: return "select * from @.release_lease($1, $2, $3)";
    case PostgresStatement::read_lease: return "select * from @.read_lease($1)";
    case PostgresStatement::fire_due:
      return "select * from @.fire_due($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    case PostgresStatement::read_last_due: return "select max(due_ns) from @.fired where name = $1";
    case PostgresStatement::notify: return "select pg_notify($1, '')";
    case PostgresStatement::begin_snapshot: return "begin isolation level repeatable read read only";
    case PostgresStatement::end_snapshot: return "commit";
    case PostgresStatement::prune_history: return "select * from @.prune_history($1, $2, $3, $4)";
    case PostgresStatement::lead_beat: return "select * from @.lead_beat($1, $2, $3, $4)";
  }
  return {};
}

constexpr const char* kNames[kPostgresStatements] = {
    "submit_jobs",  "submit_once",    "read_job",         "reserve_ids",    "request_cancel", "commit_batch",
    "settle_batch", "finish_attempt", "release_ended",    "read_totals",    "recount_totals", "read_allocations",
    "raise_mark",   "load_header",    "load_all_waiting", "load_held",      "load_waiting",   "load_arrived",
    "load_cancels", "name_queues",    "lead_queues",      "acquire_lease",  "release_lease",  "read_lease",
    "fire_due",     "read_last_due",  "notify",           "begin_snapshot", "end_snapshot",   "prune_history",
    "lead_beat"};

}  // namespace

bool is_schema_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= 20 && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), fits) && !name.starts_with("pg_");
}

std::string install_schema(std::string_view schema) {
  DRYDOCK_CHECK(is_schema_name(schema), "the name of a schema is made of a-z, 0-9 and '_'");
  return fmt::format("create schema {0};{1}insert into {0}.meta values ({2});{3}", schema, with_schema(kTables, schema),
                     kOldestSchema, upgrade_schema(schema, kOldestSchema));
}

// Functions are replaced: what they take and return may change with a new name only, since a program of before may still run.
std::string upgrade_schema(std::string_view schema, int from) {
  DRYDOCK_CHECK(is_schema_name(schema), "the name of a schema is made of a-z, 0-9 and '_'");
  DRYDOCK_CHECK(from >= kOldestSchema && from <= kSchemaVersion, "there is a way from this version to the present one");
  std::string sql;
  for (int version = from; version < kSchemaVersion; ++version) {
    sql += with_schema(kUpgrades[version - kOldestSchema], schema);
  }
  return fmt::format("{}{}update {}.meta set version = {};", sql, with_schema(postgres_functions(), schema), schema,
                     kSchemaVersion);
}

std::string channel_name(std::string_view schema, std::string_view channel) { return fmt::format("{}:{}", schema, channel); }

const char* name_of(PostgresStatement statement) { return kNames[static_cast<std::size_t>(statement)]; }
std::string text_of(PostgresStatement statement, std::string_view schema) {
  return with_schema(generic_text(statement), schema);
}

}  // namespace drydock::runtime

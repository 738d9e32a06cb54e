// The scheduler's batches: what a commit does in the server. Verdicts and plans as in postgres_functions.cpp.
#include "real-runtime/postgres_functions.hpp"

namespace drydock::runtime {

namespace {

// What the rows of a batch have in common is said once: then an array has one element, whatever the number of rows.
constexpr const char* kSaidOnce = R"sql(
create or replace function @.for_each(p_array anyarray, p_rows int) returns anyarray language sql immutable as $$
  select case when cardinality(p_array) = 1 and p_rows > 1 then array_fill(p_array[1], array[p_rows]) else p_array end;
$$;
)sql";

// All rows of a batch at once. An error where any is refused.
constexpr const char* kApplyAtOnce = R"sql(
create or replace function @.release_at_once(r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    out cpus_less bigint, out rows_less bigint)
  language plpgsql as $$
declare
  rows int := cardinality(r_job);
  attempts bigint;
begin
  if 1 = all(array[cardinality(r_attempt), cardinality(r_reason), cardinality(r_ends), cardinality(r_progress)]) then
    with done as (
      update @.allocations a set released = true, outcome = coalesce(a.outcome, r_reason[1]),
        job_ends = case when a.outcome is null then r_ends[1] else a.job_ends end,
        progress_ns = case when a.outcome is null then r_progress[1] else a.progress_ns end, ended_at = coalesce(a.ended_at, now())
      where a.job = any(r_job) and a.attempt = r_attempt[1] and not a.released
      returning a.part, a.cpus)
    select coalesce(sum(cpus), 0), count(*), count(*) filter (where part = 0) into cpus_less, rows_less, attempts from done;
  else
    with done as (
      update @.allocations a set released = true, outcome = coalesce(a.outcome, r.reason),
        job_ends = case when a.outcome is null then r.ends else a.job_ends end,
        progress_ns = case when a.outcome is null then r.progress else a.progress_ns end, ended_at = coalesce(a.ended_at, now())
      from (select unnest(r_job) as job, unnest(@.for_each(r_attempt, rows)) as attempt, unnest(@.for_each(r_reason, rows)) as reason,
        unnest(@.for_each(r_ends, rows)) as ends, unnest(@.for_each(r_progress, rows)) as progress) r
      where a.job = r.job and a.attempt = r.attempt and not a.released
      returning a.part, a.cpus)
    select coalesce(sum(cpus), 0), count(*), count(*) filter (where part = 0) into cpus_less, rows_less, attempts from done;
  end if;
  if attempts <> rows then raise sqlstate 'DD001'; end if;
  if exists (select from @.finished) then
    delete from @.finished f using unnest(r_job, @.for_each(r_attempt, rows)) as r(job, attempt)
      where f.job = r.job and f.attempt = r.attempt;
  end if;
end $$;

-- Whether all of these are jobs that have neither ended nor any attempt. A batch nearly always has jobs side by side, in which nothing was
-- ever written of any of them: then one look finds nothing, and the jobs are counted where they lie.
create or replace function @.are_new(a_job bigint[], p_jobs bigint) returns boolean language plpgsql as $$
declare
  low bigint;
  high bigint;
begin
  select min(j), max(j) into low, high from (select unnest(a_job) as j) each;
  if exists (select from @.allocations where job between low and high) and
    exists (select from @.allocations where job = any(a_job)) then return false; end if;
  if exists (select from @.endings where job between low and high) and
    exists (select from @.endings where job = any(a_job)) then return false; end if;
  if high - low + 1 = p_jobs then return (select count(*) from @.jobs where id between low and high) = p_jobs; end if;
  return (select count(*) from @.jobs where id = any(a_job)) = p_jobs;
end $$;

create or replace function @.assign_at_once(a_job bigint[], a_attempt int[], a_part int[], a_worker int[], a_tasks int[],
    a_cpus bigint[], a_memory bigint[], a_gpus bigint[], a_slots bigint[]) returns void
  language plpgsql as $$
declare
  rows int := cardinality(a_job);
  added bigint;
begin
  if 1 = all(a_attempt) then  -- nearly always. No such job may have a row yet
    if not @.are_new(a_job, case when a_part = '{0}' then rows else (select count(*) from unnest(a_part) p where p = 0) end) then
      raise sqlstate 'DD001';
    end if;
    if 1 = all(array[cardinality(a_part), cardinality(a_tasks), cardinality(a_cpus), cardinality(a_memory), cardinality(a_gpus),
        cardinality(a_slots)]) then
      insert into @.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots)
        select unnest(a_job), 1, a_part[1], unnest(@.for_each(a_worker, rows)), a_tasks[1], a_cpus[1], a_memory[1], a_gpus[1], a_slots[1];
    else
      insert into @.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots)
        select unnest(a_job), 1, unnest(@.for_each(a_part, rows)), unnest(@.for_each(a_worker, rows)),
          unnest(@.for_each(a_tasks, rows)), unnest(@.for_each(a_cpus, rows)), unnest(@.for_each(a_memory, rows)),
          unnest(@.for_each(a_gpus, rows)), unnest(@.for_each(a_slots, rows));
    end if;
  else
    insert into @.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots)
      select a.* from (select unnest(a_job) as job, unnest(@.for_each(a_attempt, rows)) as attempt,
        unnest(@.for_each(a_part, rows)) as part, unnest(@.for_each(a_worker, rows)) as worker,
        unnest(@.for_each(a_tasks, rows)) as tasks, unnest(@.for_each(a_cpus, rows)) as cpus,
        unnest(@.for_each(a_memory, rows)) as memory, unnest(@.for_each(a_gpus, rows)) as gpus,
        unnest(@.for_each(a_slots, rows)) as slots) a
      where (select true from @.jobs j where j.id = a.job) and (select true from @.endings e where e.job = a.job) is null
        and (select p.released and not p.job_ends and p.attempt < a.attempt from @.allocations p where p.job = a.job
             order by p.attempt desc, p.part desc limit 1) is not false;
  end if;
  get diagnostics added = row_count;
  if added <> rows then raise sqlstate 'DD001'; end if;
end $$;

create or replace function @.apply_at_once(r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    e_job bigint[], e_reason smallint[],
    a_job bigint[], a_attempt int[], a_part int[], a_worker int[], a_tasks int[],
    a_cpus bigint[], a_memory bigint[], a_gpus bigint[], a_slots bigint[],
    out cpus_less bigint, out rows_less bigint)
  language plpgsql as $$
declare n bigint;
begin
  cpus_less := 0;
  rows_less := 0;
  if cardinality(r_job) > 0 then
    select * into cpus_less, rows_less from @.release_at_once(r_job, r_attempt, r_reason, r_ends, r_progress);
  end if;
  if cardinality(e_job) > 0 then
    insert into @.endings select e.job, e.reason from unnest(e_job, e_reason) as e(job, reason)
      where exists (select from @.jobs j where j.id = e.job) and not exists (
        select from @.allocations a where a.job = e.job and a.part = 0 and (not a.released or a.job_ends));
    get diagnostics n = row_count;
    if n <> cardinality(e_job) then raise sqlstate 'DD001'; end if;
  end if;
  if cardinality(a_job) > 0 then
    perform @.assign_at_once(a_job, a_attempt, a_part, a_worker, a_tasks, a_cpus, a_memory, a_gpus, a_slots);
    n := cardinality(a_job);
    cpus_less := cpus_less - case when cardinality(a_cpus) = 1 then n * a_cpus[1] else (select sum(c) from unnest(a_cpus) c) end;
    rows_less := rows_less - n;
  end if;
end $$;
)sql";

// The same row by row: which one is refused first, and why. Leaves the rows before it applied, for the caller to roll back.
constexpr const char* kRefusal = R"sql(
create or replace function @.assignment_refusal(p_job bigint, p_attempt int) returns int language plpgsql as $$
declare last record;
begin
  if not exists (select from @.jobs where id = p_job) then return 6; end if;
  select attempt, job_ends, released into last from @.allocations where job = p_job and part = 0 order by attempt desc limit 1;
  if last.job_ends or exists (select from @.endings where job = p_job) then return 7; end if;
  if coalesce(last.attempt, 0) >= p_attempt then return 5; end if;
  return case when last.released = false then 8 else 0 end;
end $$;

create or replace function @.ending_refusal(p_job bigint) returns int language plpgsql as $$
begin
  if not exists (select from @.jobs where id = p_job) then return 6; end if;
  if exists (select from @.endings where job = p_job) or
    exists (select from @.allocations where job = p_job and part = 0 and job_ends) then return 7; end if;
  return case when exists (select from @.allocations where job = p_job and part = 0 and not released) then 8 else 0 end;
end $$;

create or replace function @.first_refusal(r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    e_job bigint[], e_reason smallint[], a_job bigint[], a_attempt int[], a_part int[],
    out refusal int, out refused bigint)
  language plpgsql as $$
begin
  for i in 1 .. cardinality(r_job) loop
    refused := r_job[i];
    update @.allocations a set released = true, outcome = coalesce(outcome, r_reason[i]),
        job_ends = case when outcome is null then r_ends[i] else job_ends end
      where job = refused and attempt = r_attempt[i] and not released;
    if not found then refusal := 5; return; end if;
  end loop;
  for i in 1 .. cardinality(e_job) loop
    refused := e_job[i];
    refusal := @.ending_refusal(refused);
    if refusal <> 0 then return; end if;
    insert into @.endings values (refused, e_reason[i]);
  end loop;
  for i in 1 .. cardinality(a_job) loop
    continue when a_part[i] <> 0;
    refused := a_job[i];
    refusal := @.assignment_refusal(refused, a_attempt[i]);
    if refusal <> 0 then return; end if;
  end loop;
  raise exception 'a batch was refused, but none of its rows is';
end $$;
)sql";

constexpr const char* kCommit = R"sql(
create or replace function @.commit_batch(p_lease text, p_epoch bigint, p_request bigint, p_settled bigint,
    r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    e_job bigint[], e_reason smallint[],
    a_job bigint[], a_attempt int[], a_part int[], a_worker int[], a_tasks int[],
    a_cpus bigint[], a_memory bigint[], a_gpus bigint[], a_slots bigint[]) returns @.verdict language plpgsql as $$
declare
  stands bigint;
  known @.verdict;
  less record;
  first record;
  result @.verdict;
begin
  stands := @.wrong_epoch(p_lease, p_epoch);
  if stands is not null then return (4, stands, 0, 0)::@.verdict; end if;
  known := @.known_batch(p_lease, p_request);
  if known is not null then return known; end if;
  perform from @.truth for update;
  begin
    less := @.apply_at_once(r_job, r_attempt, r_reason, r_ends, r_progress, e_job, e_reason,
      a_job, a_attempt, a_part, a_worker, a_tasks, a_cpus, a_memory, a_gpus, a_slots);
  exception when sqlstate 'DD001' or unique_violation then
    begin
      first := @.first_refusal(r_job, @.for_each(r_attempt, cardinality(r_job)), @.for_each(r_reason, cardinality(r_job)),
        @.for_each(r_ends, cardinality(r_job)), @.for_each(r_progress, cardinality(r_job)), e_job, e_reason,
        a_job, @.for_each(a_attempt, cardinality(a_job)), @.for_each(a_part, cardinality(a_job)));
      raise sqlstate 'DD002';
    exception when sqlstate 'DD002' then
      return (first.refusal, first.refused, 0, 0)::@.verdict;
    end;
  end;
  update @.truth set version = version + 1, cpus = cpus - less.cpus_less, allocations = allocations - less.rows_less
    returning 0, 0, version, cpus into result;
  insert into @.batches values (p_lease, p_request, result.version);
  if p_settled > 0 then
    update @.leases set settled_below = p_settled where name = p_lease and settled_below < p_settled;
    if found then delete from @.batches where lease = p_lease and request < p_settled; end if;
  end if;
  return result;
end $$;

create or replace function @.settle_batch(p_lease text, p_epoch bigint, p_request bigint) returns @.verdict language plpgsql as $$
declare
  stands bigint := @.wrong_epoch(p_lease, p_epoch);
  known @.verdict;
begin
  if stands is not null then return (4, stands, 0, 0)::@.verdict; end if;
  known := @.known_batch(p_lease, p_request);
  if known is not null then return known; end if;
  insert into @.batches values (p_lease, p_request, null);
  return (2, 0, 0, 0)::@.verdict;
end $$;
)sql";

}  // namespace

std::string postgres_batch_functions() {
  std::string all;
  for (const char* part : {kSaidOnce, kApplyAtOnce, kRefusal, kCommit}) all += part;
  return all;
}

}  // namespace drydock::runtime

#include "real-runtime/postgres_functions.hpp"

namespace drydock::runtime {

namespace {

// Verdicts are numbers, in the order of postgres::Verdict::Outcome: 0 applied, 1 repeated, 2 voided, 3 settled, 4 wrong epoch, 5 stale
// attempt, 6 unknown job, 7 job ended, 8 held, 9 duplicate job.
// All rely on kSessionSettings (postgres_schema.hpp) for their plans.

// Locks the lease's row, so that takings wait for what runs, and the other way round. The epoch that stands if it is another one.
constexpr const char* kFence = R"sql(
create or replace function @.wrong_epoch(p_lease text, p_epoch bigint) returns bigint language plpgsql as $$
declare stands bigint;
begin
  select epoch into stands from @.leases where name = p_lease for update;
  return case when stands is distinct from p_epoch then coalesce(stands, 0) end;
end $$;

-- What is known of a batch before its rows are looked at; null: nothing. The lease's row is locked.
create or replace function @.known_batch(p_lease text, p_request bigint) returns @.verdict language plpgsql as $$
declare at bigint;
begin
  if p_request < (select settled_below from @.leases where name = p_lease) then return (3, 0, 0, 0)::@.verdict; end if;
  select version into at from @.batches where lease = p_lease and request = p_request;
  if not found then return null; end if;
  return case when at is null then (2, 0, 0, 0)::@.verdict else (1, 0, at, 0)::@.verdict end;
end $$;
)sql";

constexpr const char* kSubmit = R"sql(
-- What is the same of all these jobs may be said once: then all arrays but those of ids and payloads have one element.
create or replace function @.submit_jobs(p_id bigint[], p_queue int[], p_priority int[], p_tasks int[], p_cpus bigint[], p_memory bigint[],
    p_gpus bigint[], p_slots bigint[], p_estimate bigint[], p_input bigint[], p_output bigint[], p_on_failure smallint[],
    p_on_preemption smallint[], p_payload bytea[], out added bigint, out last bigint)
  language plpgsql as $$
begin
  select last_arrival into last from @.intake for update;
  if (select max(id) from @.jobs) >= any(p_id) and exists (select from @.jobs where id = any(p_id)) then
    insert into @.jobs
      select id, last + row_number() over (order by nr), coalesce(queue, p_queue[1]), coalesce(priority, p_priority[1]),
        coalesce(tasks, p_tasks[1]), coalesce(cpus, p_cpus[1]), coalesce(memory, p_memory[1]), coalesce(gpus, p_gpus[1]),
        coalesce(slots, p_slots[1]), coalesce(estimate, p_estimate[1]), coalesce(input, p_input[1]), coalesce(output, p_output[1]),
        coalesce(on_failure, p_on_failure[1]), coalesce(on_preemption, p_on_preemption[1]), payload
      from unnest(p_id, p_queue, p_priority, p_tasks, p_cpus, p_memory, p_gpus, p_slots, p_estimate, p_input, p_output,
          p_on_failure, p_on_preemption, p_payload) with ordinality
        as n(id, queue, priority, tasks, cpus, memory, gpus, slots, estimate, input, output, on_failure, on_preemption, payload, nr)
      where not exists (select from @.jobs j where j.id = n.id);
  elsif cardinality(p_queue) < cardinality(p_id) then  -- the same, for less: often
    insert into @.jobs
      select unnest(p_id), last + generate_series(1, cardinality(p_id)), p_queue[1], p_priority[1], p_tasks[1], p_cpus[1],
        p_memory[1], p_gpus[1], p_slots[1], p_estimate[1], p_input[1], p_output[1], p_on_failure[1], p_on_preemption[1],
        unnest(p_payload);
  else  -- likewise: nearly always
    insert into @.jobs
      select unnest(p_id), last + generate_series(1, cardinality(p_id)), unnest(p_queue), unnest(p_priority), unnest(p_tasks),
        unnest(p_cpus), unnest(p_memory), unnest(p_gpus), unnest(p_slots), unnest(p_estimate), unnest(p_input), unnest(p_output),
        unnest(p_on_failure), unnest(p_on_preemption), unnest(p_payload);
  end if;
  get diagnostics added = row_count;
  if added = 0 then return; end if;
  last := last + added;
  update @.intake set last_arrival = last, low_job = least(low_job, (select min(id) from unnest(p_id) id));
  perform pg_notify('@:drydock_jobs', '');
end $$;
)sql";

// What clients ask for beside submitting.
constexpr const char* kClients = R"sql(
create or replace function @.reserve_ids(p_count int) returns bigint language plpgsql as $$
declare first bigint;
begin
  update @.intake set next_id = greatest(next_id, (select coalesce(max(id) + 1, 1) from @.jobs)) + p_count
    returning next_id - p_count into first;
  return first;
end $$;

-- Who comes with the same key meanwhile waits, and gets the same ids.
create or replace function @.reserve_ids_once(p_key text, p_digest text, p_count int, out first bigint, out is_new boolean, out stands text)
  language plpgsql as $$
begin
  insert into @.submissions (key, digest, first_job) values (p_key, p_digest, 0) on conflict do nothing;
  is_new := found;
  if is_new then
    first := @.reserve_ids(p_count);
    update @.submissions set first_job = first where key = p_key;
  end if;
  select first_job, digest into first, stands from @.submissions where key = p_key;
end $$;

-- Jobs under new ids; with a key (not ''), once for that key.
create or replace function @.submit_once(p_key text, p_digest text, p_queue int[], p_priority int[], p_tasks int[], p_cpus bigint[],
    p_memory bigint[], p_gpus bigint[], p_slots bigint[], p_estimate bigint[], p_input bigint[], p_output bigint[],
    p_on_failure smallint[], p_on_preemption smallint[], p_payload bytea[], out first bigint, out is_new boolean, out stands text)
  language plpgsql as $$
declare n int := cardinality(p_queue);
begin
  if p_key = '' then
    select @.reserve_ids(n), true, p_digest into first, is_new, stands;
  else
    select * into first, is_new, stands from @.reserve_ids_once(p_key, p_digest, n);
    if stands <> p_digest then return; end if;
  end if;
  perform @.submit_jobs(array(select first + i - 1 from generate_series(1, n) i), p_queue, p_priority, p_tasks, p_cpus, p_memory,
    p_gpus, p_slots, p_estimate, p_input, p_output, p_on_failure, p_on_preemption, p_payload);
end $$;

-- The numbers of these queues, in order: new ones for names that have none.
create or replace function @.number_queues(p_names text[]) returns int[] language plpgsql as $$
declare
  fresh text[];
  first int;
begin
  lock table @.queues in share row exclusive mode;
  fresh := array(select name from unnest(p_names) with ordinality as n(name, nr)
    where not exists (select from @.queues q where q.name = n.name) order by nr);
  if cardinality(fresh) > 0 then
    update @.intake set next_queue = next_queue + cardinality(fresh) returning next_queue - cardinality(fresh) into first;
    insert into @.queues (number, name) select first + i - 1, fresh[i] from generate_series(1, cardinality(fresh)) i;
  end if;
  return array(select q.number from unnest(p_names) with ordinality as n(name, nr) join @.queues q on q.name = n.name
    order by nr);
end $$;

-- Likewise; the places of all are those in this list from now on.
create or replace function @.name_queues(p_names text[]) returns int[] language plpgsql as $$
declare numbers int[] := @.number_queues(p_names);
begin
  update @.queues set place = array_position(p_names, name) - 1 where place is distinct from array_position(p_names, name) - 1;
  return numbers;
end $$;

-- The same of a leader; null where it leads no more.
create or replace function @.lead_queues(p_lease text, p_epoch bigint, p_names text[]) returns int[] language plpgsql as $$
begin
  if @.wrong_epoch(p_lease, p_epoch) is not null then return null; end if;
  return @.name_queues(p_names);
end $$;

create or replace function @.request_cancel(p_job bigint) returns @.verdict language plpgsql as $$
declare last bigint;
begin
  select last_cancel into last from @.intake for update;
  if not exists (select from @.jobs where id = p_job) then return (6, p_job, 0, 0)::@.verdict; end if;
  if (select state from @.job_states where id = p_job) = 2 then return (7, p_job, 0, 0)::@.verdict; end if;
  if exists (select from @.cancels where job = p_job) then return (1, p_job, 0, 0)::@.verdict; end if;
  insert into @.cancels (number, job) values (last + 1, p_job);
  update @.intake set last_cancel = last + 1;
  perform pg_notify('@:drydock_jobs', '');
  return (0, p_job, 0, 0)::@.verdict;
end $$;
)sql";

constexpr const char* kBeside = R"sql(
create or replace function @.finish_attempt(p_job bigint, p_attempt int, p_reason smallint, p_ends boolean, p_progress bigint,
    p_release boolean) returns @.verdict language plpgsql as $$
declare
  cpus_less bigint;
  rows_less bigint;
  result @.verdict;
begin
  perform from @.truth for update;
  with done as (
    update @.allocations set outcome = p_reason, job_ends = p_ends, progress_ns = p_progress, released = p_release,
      ended_at = now()
    where job = p_job and attempt = p_attempt and not released and outcome is null returning cpus)
  select sum(cpus), count(*) into cpus_less, rows_less from done;
  if rows_less = 0 then return (5, p_job, 0, 0)::@.verdict; end if;
  if p_release then
    update @.truth set version = version + 1, cpus = cpus - cpus_less, allocations = allocations - rows_less;
  else
    insert into @.finished values (p_job, p_attempt);
  end if;
  select 0, 0, version, cpus into result from @.truth;
  return result;
end $$;

create or replace function @.release_ended(p_lease text, p_epoch bigint, p_limit int) returns @.verdict
  language plpgsql as $$
declare
  stands bigint := @.wrong_epoch(p_lease, p_epoch);
  cpus_less bigint;
  rows_less bigint;
  attempts bigint;
  result @.verdict;
begin
  if stands is not null then return (4, stands, 0, 0)::@.verdict; end if;
  perform from @.truth for update;
  with picked as (
    select f.job, f.attempt from @.finished f join @.jobs j on j.id = f.job order by j.arrival limit p_limit),
  gone as (
    delete from @.finished f using picked p where f.job = p.job and f.attempt = p.attempt),
  done as (
    update @.allocations a set released = true from picked p
    where a.job = p.job and a.attempt = p.attempt and not a.released returning a.part, a.cpus)
  select coalesce(sum(cpus), 0), count(*), count(*) filter (where part = 0) into cpus_less, rows_less, attempts from done;
  if rows_less > 0 then
    update @.truth set version = version + 1, cpus = cpus - cpus_less, allocations = allocations - rows_less;
  end if;
  select 0, attempts, version, cpus into result from @.truth;
  return result;
end $$;

-- Looks before it locks, for the look may take long: what ended stays so, and what comes meanwhile has a higher arrival than `seen`.
create or replace function @.raise_mark(p_lease text, p_epoch bigint) returns @.verdict language plpgsql as $$
declare
  seen bigint := (select last_arrival from @.intake);
  first bigint;
  low bigint;
  stands bigint;
begin
  select arrival into first from @.job_states
    where arrival >= (select mark from @.intake) and arrival <= seen and state < 2 order by arrival limit 1;
  first := coalesce(first, seen + 1);
  low := (select min(id) from @.jobs where arrival >= first and arrival <= seen);
  stands := @.wrong_epoch(p_lease, p_epoch);
  if stands is not null then return (4, stands, 0, 0)::@.verdict; end if;
  perform from @.intake for update;
  low := least(low, (select min(id) from @.jobs where arrival > seen), 9223372036854775807);
  update @.intake set mark = first, low_job = low where mark <= first;
  delete from @.cancels c using @.jobs j where j.id = c.job and j.arrival < first;
  delete from @.submissions where submitted_at < now() - interval '1 day';
  return (0, first, 0, 0)::@.verdict;
end $$;

create or replace function @.fire_due(p_lease text, p_epoch bigint, p_name text, p_due bigint, p_id bigint[], p_queue int[],
    p_priority int[], p_tasks int[], p_cpus bigint[], p_memory bigint[], p_gpus bigint[], p_slots bigint[], p_estimate bigint[],
    p_input bigint[], p_output bigint[], p_on_failure smallint[], p_on_preemption smallint[], p_payload bytea[])
  returns @.verdict language plpgsql as $$
declare
  stands bigint := @.wrong_epoch(p_lease, p_epoch);
  submitted record;
begin
  if stands is not null then return (4, stands, 0, 0)::@.verdict; end if;
  perform from @.intake for update;
  if exists (select from @.fired where name = p_name and due_ns = p_due) then return (1, 0, 0, 0)::@.verdict; end if;
  submitted := @.submit_jobs(p_id, p_queue, p_priority, p_tasks, p_cpus, p_memory, p_gpus, p_slots, p_estimate, p_input,
    p_output, p_on_failure, p_on_preemption, p_payload);
  if submitted.added = 0 then return (9, 0, 0, 0)::@.verdict; end if;
  insert into @.fired values (p_name, p_due, p_id[1]);
  return (0, submitted.last, 0, 0)::@.verdict;
end $$;

-- What a beat that begins to lead must know of its jobs, which are those of these names from now on. last_due -1: it never fired. All
-- null: it leads no more.
create or replace function @.lead_beat(p_lease text, p_epoch bigint, p_names text[], p_queues text[], out now_us bigint,
    out since_us bigint[], out last_due bigint[], out last_job bigint[], out waits int[], out queues int[])
  language plpgsql as $$
begin
  if @.wrong_epoch(p_lease, p_epoch) is not null then return; end if;
  now_us := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  delete from @.periodic where name <> all(p_names);
  insert into @.periodic as p (name, since_us) select n, now_us from unnest(p_names) n on conflict do nothing;
  select array_agg(p.since_us order by nr), array_agg(coalesce(f.due_ns, -1) order by nr),
      array_agg(coalesce(f.job, 0) order by nr), array_agg(case when s.state = 0 and s.attempts = 0 then 1 else 0 end order by nr)
    into since_us, last_due, last_job, waits
    from unnest(p_names) with ordinality as n(name, nr) join @.periodic p on p.name = n.name
    left join lateral (select due_ns, job from @.fired where name = n.name order by due_ns desc limit 1) f on true
    left join lateral (select state, attempts from @.job_states where id = f.job) s on true;
  queues := @.number_queues(p_queues);
end $$;
)sql";

// Of each priority, highest first, those from low_job on, by the index jobs_in_line: what ended long ago is passed over, however much that
// is, and what waits behind `p_limit` is not looked at. Where nothing was ever written of any job from `start` on, which is so where a
// leader reads ahead, all of them wait: that spares a look for each.
constexpr const char* kWaiting = R"sql(
create or replace function @.waiting_jobs(p_queue int, p_after_priority int, p_after_job bigint, p_limit bigint)
  returns setof @.job_states language plpgsql stable as $$
declare
  first bigint;
  since bigint;
  rank bigint := -p_after_priority::bigint;  -- of a priority: lower goes first
  start bigint;
  found_now bigint;
begin
  select low_job, mark into first, since from @.intake;
  start := greatest(first, p_after_job + 1);
  if rank is null then
    select -priority::bigint into rank from @.jobs where queue = p_queue order by -priority::bigint limit 1;
    start := first;
  end if;
  while rank is not null and p_limit > 0 loop
    if exists (select from @.allocations where job >= start) or exists (select from @.endings where job >= start) then
      return query select * from @.job_states
        where queue = p_queue and -priority::bigint = rank and id >= start and arrival >= since and state = 0 order by id limit p_limit;
    else
      return query select *, 0, 0, 0::bigint, 0::bigint, 0::bigint, null::bigint from @.jobs
        where queue = p_queue and -priority::bigint = rank and id >= start and arrival >= since order by id limit p_limit;
    end if;
    get diagnostics found_now = row_count;
    p_limit := p_limit - found_now;
    select -priority::bigint into rank from @.jobs where queue = p_queue and -priority::bigint > rank order by -priority::bigint limit 1;
    start := first;
  end loop;
end $$;
)sql";

// Jobs that ended more than p_age_us ago, with all that is known of them, from those behind arrival p_after: of the next p_limit that were
// submitted before, all below the mark. Few stay of these: jobs that took long. The last firing of each periodic job is kept, too.
constexpr const char* kPrune = R"sql(
create or replace function @.prune_history(p_age_us bigint, p_after bigint, p_limit int, p_delete boolean,
    out looked int, out old int, out last bigint) language plpgsql as $$
declare
  ended_by timestamptz := now() - p_age_us * interval '1 microsecond';
  looked_at bigint[];
  gone bigint[];
begin
  select array_agg(id order by arrival), count(*), max(arrival) into looked_at, looked, last from (
    select id, arrival from @.jobs where arrival > p_after and arrival < (select mark from @.intake) and submitted_at < ended_by
    order by arrival limit p_limit) j;
  gone := array(select id from unnest(looked_at) id
    where not exists (select from @.allocations a where a.job = id and (not a.released or a.ended_at >= ended_by))
      and not exists (select from @.endings e where e.job = id and e.ended_at >= ended_by));
  old := cardinality(gone);
  if not p_delete then return; end if;
  delete from @.allocations where job = any(gone);
  delete from @.endings where job = any(gone);
  delete from @.jobs where id = any(gone);
  if looked < p_limit then
    delete from @.fired f where not exists (select from @.jobs j where j.id = f.job)
      and due_ns < (select max(due_ns) from @.fired g where g.name = f.name);
  end if;
end $$;
)sql";

// Time left is counted from the server's clock after the row was locked: a transaction may have waited for it.
constexpr const char* kLeases = R"sql(
create or replace function @.lease_at(p_lease text, p_now timestamptz, out holder text, out epoch bigint, out left_us bigint)
  language plpgsql as $$
declare row record;
begin
  select * into row from @.leases where name = p_lease;
  epoch := coalesce(row.epoch, 0);
  if row.holder is null or p_now >= row.expires_at then
    holder := '';
    left_us := 0;
  else
    holder := row.holder;
    left_us := (extract(epoch from row.expires_at - p_now) * 1000000)::bigint;
  end if;
end $$;

create or replace function @.read_lease(p_lease text, out holder text, out epoch bigint, out left_us bigint) language sql as $$
  select * from @.lease_at(p_lease, clock_timestamp());
$$;

create or replace function @.acquire_lease(p_lease text, p_holder text, p_ttl_us bigint, p_epoch_min bigint, out holder text,
    out epoch bigint, out left_us bigint) language plpgsql as $$
declare
  row record;
  at timestamptz;
  held boolean;
  next bigint;
begin
  insert into @.leases (name) values (p_lease) on conflict do nothing;
  select * into row from @.leases where name = p_lease for update;
  at := clock_timestamp();
  held := row.holder is not null and at < row.expires_at;
  if not held or row.holder = p_holder then
    next := row.epoch;
    if not held or row.epoch < p_epoch_min then
      next := greatest(row.epoch + 1, p_epoch_min);
      delete from @.batches where lease = p_lease;
    end if;
    update @.leases l set holder = p_holder, epoch = next, expires_at = at + p_ttl_us * interval '1 microsecond',
      settled_below = case when next = row.epoch then l.settled_below else 0 end where name = p_lease;
  end if;
  select * into holder, epoch, left_us from @.lease_at(p_lease, at);
end $$;

create or replace function @.release_lease(p_lease text, p_holder text, p_epoch bigint) returns boolean language plpgsql as $$
begin
  update @.leases set holder = null
    where name = p_lease and holder = p_holder and epoch = p_epoch and clock_timestamp() < expires_at;
  return found;
end $$;
)sql";

}  // namespace

std::string postgres_functions() {
  std::string all;
  for (const char* part : {kFence, kSubmit, kClients}) all += part;
  all += postgres_batch_functions();
  for (const char* part : {kBeside, kWaiting, kPrune, kLeases}) all += part;
  return all;
}

}  // namespace drydock::runtime

-- The schema of Drydock at version 2, as its programs made it: a store from then must be brought up to date.
create schema drydock;
create table drydock.meta (version int not null);

-- of one task: cpus (thousandths of a core), memory (bytes), gpus, slots
create table drydock.jobs (
  id bigint primary key, arrival bigint not null unique, queue int not null, priority int not null, tasks int not null,
  cpus bigint not null, memory bigint not null, gpus bigint not null, slots bigint not null,
  estimate_ns bigint not null, input_bytes bigint not null, output_bytes bigint not null,
  on_failure smallint not null, on_preemption smallint not null, payload bytea not null,
  submitted_at timestamptz not null default now());

-- part: 0, 1, ... in the order of an assignment; all parts of an attempt end and are released together
create table drydock.allocations (
  job bigint not null, attempt int not null, part int not null, worker int not null, tasks int not null,
  cpus bigint not null, memory bigint not null, gpus bigint not null, slots bigint not null,
  outcome smallint, job_ends boolean not null default false, released boolean not null default false,
  progress_ns bigint not null default 0, created_at timestamptz not null default now(), ended_at timestamptz,
  primary key (job, attempt, part)) with (fillfactor = 50);

-- attempts that ended and are not released: few, so that the safety net need not look at all
create table drydock.finished (job bigint not null, attempt int not null, primary key (job, attempt));

-- jobs that ended without an attempt that ended them
create table drydock.endings (job bigint primary key, reason smallint not null, ended_at timestamptz not null default now());

create table drydock.leases (
  name text primary key, holder text, epoch bigint not null default 0, expires_at timestamptz,
  settled_below bigint not null default 0) with (fillfactor = 10);

-- batches of the epoch that stands; version null: voided
create table drydock.batches (lease text not null, request bigint not null, version bigint, primary key (lease, request));

-- one row: what is unreleased; locked first by each transaction that changes an allocation
create table drydock.truth (
  version bigint not null, cpus bigint not null, allocations bigint not null) with (fillfactor = 10);
insert into drydock.truth values (0, 0, 0);

-- one row: locked first by each transaction that adds jobs, until it ends, so that arrivals rise in the order of commits. All jobs
-- below arrival `mark` are ended and released; all others have ids from low_job on.
create table drydock.intake (last_arrival bigint not null, mark bigint not null, low_job bigint not null) with (fillfactor = 10);
insert into drydock.intake values (0, 1, 9223372036854775807);

create table drydock.fired (name text not null, due_ns bigint not null, job bigint not null, primary key (name, due_ns));

-- Jobs with what their attempts tell. state: 0 waiting, 1 held, 2 ended.
create view drydock.job_states as
  select j.*, case when a.held then 1 when a.ended or e.job is not null then 2 else 0 end as state,
    coalesce(a.attempts, 0) as attempts, a.failures, a.losses, coalesce(a.progress_ns, 0) as progress_ns,
    coalesce(e.reason, a.last_outcome % 8) as last_reason
  from drydock.jobs j left join drydock.endings e on e.job = j.id
  cross join lateral (
    select max(attempt) as attempts, count(*) filter (where outcome in (1, 5)) as failures,
      count(*) filter (where outcome in (3, 6)) as losses, max(progress_ns) as progress_ns,
      max(attempt::bigint * 8 + outcome) as last_outcome, bool_or(not released) as held, bool_or(job_ends) as ended
    from drydock.allocations where job = j.id and part = 0) a;

create type drydock.verdict as (outcome int, detail bigint, version bigint, cpus bigint);

create function drydock.wrong_epoch(p_lease text, p_epoch bigint) returns bigint language plpgsql as $$
declare stands bigint;
begin
  select epoch into stands from drydock.leases where name = p_lease for update;
  return case when stands is distinct from p_epoch then coalesce(stands, 0) end;
end $$;

-- What is known of a batch before its rows are looked at; null: nothing. The lease's row is locked.
create function drydock.known_batch(p_lease text, p_request bigint) returns drydock.verdict language plpgsql as $$
declare at bigint;
begin
  if p_request < (select settled_below from drydock.leases where name = p_lease) then return (3, 0, 0, 0)::drydock.verdict; end if;
  select version into at from drydock.batches where lease = p_lease and request = p_request;
  if not found then return null; end if;
  return case when at is null then (2, 0, 0, 0)::drydock.verdict else (1, 0, at, 0)::drydock.verdict end;
end $$;

create function drydock.submit_jobs(p_id bigint[], p_queue int[], p_priority int[], p_tasks int[], p_cpus bigint[], p_memory bigint[],
    p_gpus bigint[], p_slots bigint[], p_estimate bigint[], p_input bigint[], p_output bigint[], p_on_failure smallint[],
    p_on_preemption smallint[], p_payload bytea[], out added bigint, out last bigint)
  language plpgsql as $$
begin
  select last_arrival into last from drydock.intake for update;
  insert into drydock.jobs
    select id, last + row_number() over (order by nr), queue, priority, tasks, cpus, memory, gpus, slots, estimate, input,
      output, on_failure, on_preemption, payload
    from unnest(p_id, p_queue, p_priority, p_tasks, p_cpus, p_memory, p_gpus, p_slots, p_estimate, p_input, p_output,
        p_on_failure, p_on_preemption, p_payload) with ordinality
      as n(id, queue, priority, tasks, cpus, memory, gpus, slots, estimate, input, output, on_failure, on_preemption, payload, nr)
    where not exists (select from drydock.jobs j where j.id = n.id);
  get diagnostics added = row_count;
  if added = 0 then return; end if;
  last := last + added;
  update drydock.intake set last_arrival = last, low_job = least(low_job, (select min(id) from unnest(p_id) id));
  perform pg_notify('drydock:drydock_jobs', '');
end $$;

create function drydock.apply_at_once(r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
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
    with done as (
      update drydock.allocations a set released = true, outcome = coalesce(a.outcome, r.reason),
        job_ends = case when a.outcome is null then r.ends else a.job_ends end,
        progress_ns = case when a.outcome is null then r.progress else a.progress_ns end, ended_at = coalesce(a.ended_at, now())
      from unnest(r_job, r_attempt, r_reason, r_ends, r_progress) as r(job, attempt, reason, ends, progress)
      where a.job = r.job and a.attempt = r.attempt and not a.released
      returning a.part, a.cpus)
    select coalesce(sum(cpus), 0), count(*), count(*) filter (where part = 0) into cpus_less, rows_less, n from done;
    if n <> cardinality(r_job) then raise sqlstate 'DD001'; end if;
    if exists (select from drydock.finished) then
      delete from drydock.finished f using unnest(r_job, r_attempt) as r(job, attempt) where f.job = r.job and f.attempt = r.attempt;
    end if;
  end if;
  if cardinality(e_job) > 0 then
    insert into drydock.endings select e.job, e.reason from unnest(e_job, e_reason) as e(job, reason)
      where exists (select from drydock.jobs j where j.id = e.job) and not exists (
        select from drydock.allocations a where a.job = e.job and a.part = 0 and (not a.released or a.job_ends));
    get diagnostics n = row_count;
    if n <> cardinality(e_job) then raise sqlstate 'DD001'; end if;
  end if;
  if cardinality(a_job) > 0 then
    insert into drydock.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots)
      select a.* from unnest(a_job, a_attempt, a_part, a_worker, a_tasks, a_cpus, a_memory, a_gpus, a_slots)
        as a(job, attempt, part, worker, tasks, cpus, memory, gpus, slots)
      where (select true from drydock.jobs j where j.id = a.job) and (select true from drydock.endings e where e.job = a.job) is null
        and (select p.released and not p.job_ends and p.attempt < a.attempt from drydock.allocations p where p.job = a.job
             order by p.attempt desc, p.part desc limit 1) is not false;
    get diagnostics n = row_count;
    if n <> cardinality(a_job) then raise sqlstate 'DD001'; end if;
    cpus_less := cpus_less - (select sum(c) from unnest(a_cpus) c);
    rows_less := rows_less - n;
  end if;
end $$;

create function drydock.assignment_refusal(p_job bigint, p_attempt int) returns int language plpgsql as $$
declare last record;
begin
  if not exists (select from drydock.jobs where id = p_job) then return 6; end if;
  select attempt, job_ends, released into last from drydock.allocations where job = p_job and part = 0 order by attempt desc limit 1;
  if last.job_ends or exists (select from drydock.endings where job = p_job) then return 7; end if;
  if coalesce(last.attempt, 0) >= p_attempt then return 5; end if;
  return case when last.released = false then 8 else 0 end;
end $$;

create function drydock.ending_refusal(p_job bigint) returns int language plpgsql as $$
begin
  if not exists (select from drydock.jobs where id = p_job) then return 6; end if;
  if exists (select from drydock.endings where job = p_job) or
    exists (select from drydock.allocations where job = p_job and part = 0 and job_ends) then return 7; end if;
  return case when exists (select from drydock.allocations where job = p_job and part = 0 and not released) then 8 else 0 end;
end $$;

create function drydock.first_refusal(r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    e_job bigint[], e_reason smallint[], a_job bigint[], a_attempt int[], a_part int[],
    out refusal int, out refused bigint)
  language plpgsql as $$
begin
  for i in 1 .. cardinality(r_job) loop
    refused := r_job[i];
    update drydock.allocations a set released = true, outcome = coalesce(outcome, r_reason[i]),
        job_ends = case when outcome is null then r_ends[i] else job_ends end
      where job = refused and attempt = r_attempt[i] and not released;
    if not found then refusal := 5; return; end if;
  end loop;
  for i in 1 .. cardinality(e_job) loop
    refused := e_job[i];
    refusal := drydock.ending_refusal(refused);
    if refusal <> 0 then return; end if;
    insert into drydock.endings values (refused, e_reason[i]);
  end loop;
  for i in 1 .. cardinality(a_job) loop
    continue when a_part[i] <> 0;
    refused := a_job[i];
    refusal := drydock.assignment_refusal(refused, a_attempt[i]);
    if refusal <> 0 then return; end if;
  end loop;
  raise exception 'a batch was refused, but none of its rows is';
end $$;

create function drydock.commit_batch(p_lease text, p_epoch bigint, p_request bigint, p_settled bigint,
    r_job bigint[], r_attempt int[], r_reason smallint[], r_ends boolean[], r_progress bigint[],
    e_job bigint[], e_reason smallint[],
    a_job bigint[], a_attempt int[], a_part int[], a_worker int[], a_tasks int[],
    a_cpus bigint[], a_memory bigint[], a_gpus bigint[], a_slots bigint[]) returns drydock.verdict language plpgsql as $$
declare
  stands bigint;
  known drydock.verdict;
  less record;
  first record;
  result drydock.verdict;
begin
  stands := drydock.wrong_epoch(p_lease, p_epoch);
  if stands is not null then return (4, stands, 0, 0)::drydock.verdict; end if;
  known := drydock.known_batch(p_lease, p_request);
  if known is not null then return known; end if;
  perform from drydock.truth for update;
  begin
    less := drydock.apply_at_once(r_job, r_attempt, r_reason, r_ends, r_progress, e_job, e_reason,
      a_job, a_attempt, a_part, a_worker, a_tasks, a_cpus, a_memory, a_gpus, a_slots);
  exception when sqlstate 'DD001' or unique_violation then
    begin
      first := drydock.first_refusal(r_job, r_attempt, r_reason, r_ends, r_progress, e_job, e_reason, a_job, a_attempt, a_part);
      raise sqlstate 'DD002';
    exception when sqlstate 'DD002' then
      return (first.refusal, first.refused, 0, 0)::drydock.verdict;
    end;
  end;
  update drydock.truth set version = version + 1, cpus = cpus - less.cpus_less, allocations = allocations - less.rows_less
    returning 0, 0, version, cpus into result;
  insert into drydock.batches values (p_lease, p_request, result.version);
  if p_settled > 0 then
    update drydock.leases set settled_below = p_settled where name = p_lease and settled_below < p_settled;
    if found then delete from drydock.batches where lease = p_lease and request < p_settled; end if;
  end if;
  return result;
end $$;

create function drydock.settle_batch(p_lease text, p_epoch bigint, p_request bigint) returns drydock.verdict language plpgsql as $$
declare
  stands bigint := drydock.wrong_epoch(p_lease, p_epoch);
  known drydock.verdict;
begin
  if stands is not null then return (4, stands, 0, 0)::drydock.verdict; end if;
  known := drydock.known_batch(p_lease, p_request);
  if known is not null then return known; end if;
  insert into drydock.batches values (p_lease, p_request, null);
  return (2, 0, 0, 0)::drydock.verdict;
end $$;

create function drydock.finish_attempt(p_job bigint, p_attempt int, p_reason smallint, p_ends boolean, p_progress bigint,
    p_release boolean) returns drydock.verdict language plpgsql as $$
declare
  cpus_less bigint;
  rows_less bigint;
  result drydock.verdict;
begin
  perform from drydock.truth for update;
  with done as (
    update drydock.allocations set outcome = p_reason, job_ends = p_ends, progress_ns = p_progress, released = p_release,
      ended_at = now()
    where job = p_job and attempt = p_attempt and not released and outcome is null returning cpus)
  select sum(cpus), count(*) into cpus_less, rows_less from done;
  if rows_less = 0 then return (5, p_job, 0, 0)::drydock.verdict; end if;
  if p_release then
    update drydock.truth set version = version + 1, cpus = cpus - cpus_less, allocations = allocations - rows_less;
  else
    insert into drydock.finished values (p_job, p_attempt);
  end if;
  select 0, 0, version, cpus into result from drydock.truth;
  return result;
end $$;

create function drydock.release_ended(p_lease text, p_epoch bigint, p_limit int) returns drydock.verdict
  language plpgsql as $$
declare
  stands bigint := drydock.wrong_epoch(p_lease, p_epoch);
  cpus_less bigint;
  rows_less bigint;
  attempts bigint;
  result drydock.verdict;
begin
  if stands is not null then return (4, stands, 0, 0)::drydock.verdict; end if;
  perform from drydock.truth for update;
  with picked as (
    select f.job, f.attempt from drydock.finished f join drydock.jobs j on j.id = f.job order by j.arrival limit p_limit),
  gone as (
    delete from drydock.finished f using picked p where f.job = p.job and f.attempt = p.attempt),
  done as (
    update drydock.allocations a set released = true from picked p
    where a.job = p.job and a.attempt = p.attempt and not a.released returning a.part, a.cpus)
  select coalesce(sum(cpus), 0), count(*), count(*) filter (where part = 0) into cpus_less, rows_less, attempts from done;
  if rows_less > 0 then
    update drydock.truth set version = version + 1, cpus = cpus - cpus_less, allocations = allocations - rows_less;
  end if;
  select 0, attempts, version, cpus into result from drydock.truth;
  return result;
end $$;

-- Looks before it locks, for the look may take long: what ended stays so, and what comes meanwhile has a higher arrival than `seen`.
create function drydock.raise_mark(p_lease text, p_epoch bigint) returns drydock.verdict language plpgsql as $$
declare
  seen bigint := (select last_arrival from drydock.intake);
  first bigint;
  low bigint;
  stands bigint;
begin
  select arrival into first from drydock.job_states
    where arrival >= (select mark from drydock.intake) and arrival <= seen and state < 2 order by arrival limit 1;
  first := coalesce(first, seen + 1);
  low := (select min(id) from drydock.jobs where arrival >= first and arrival <= seen);
  stands := drydock.wrong_epoch(p_lease, p_epoch);
  if stands is not null then return (4, stands, 0, 0)::drydock.verdict; end if;
  perform from drydock.intake for update;
  low := least(low, (select min(id) from drydock.jobs where arrival > seen), 9223372036854775807);
  update drydock.intake set mark = first, low_job = low where mark <= first;
  return (0, first, 0, 0)::drydock.verdict;
end $$;

create function drydock.fire_due(p_lease text, p_epoch bigint, p_name text, p_due bigint, p_id bigint[], p_queue int[],
    p_priority int[], p_tasks int[], p_cpus bigint[], p_memory bigint[], p_gpus bigint[], p_slots bigint[], p_estimate bigint[],
    p_input bigint[], p_output bigint[], p_on_failure smallint[], p_on_preemption smallint[], p_payload bytea[])
  returns drydock.verdict language plpgsql as $$
declare
  stands bigint := drydock.wrong_epoch(p_lease, p_epoch);
  submitted record;
begin
  if stands is not null then return (4, stands, 0, 0)::drydock.verdict; end if;
  perform from drydock.intake for update;
  if exists (select from drydock.fired where name = p_name and due_ns = p_due) then return (1, 0, 0, 0)::drydock.verdict; end if;
  submitted := drydock.submit_jobs(p_id, p_queue, p_priority, p_tasks, p_cpus, p_memory, p_gpus, p_slots, p_estimate, p_input,
    p_output, p_on_failure, p_on_preemption, p_payload);
  if submitted.added = 0 then return (9, 0, 0, 0)::drydock.verdict; end if;
  insert into drydock.fired values (p_name, p_due, p_id[1]);
  return (0, submitted.last, 0, 0)::drydock.verdict;
end $$;

create function drydock.lease_at(p_lease text, p_now timestamptz, out holder text, out epoch bigint, out left_us bigint)
  language plpgsql as $$
declare row record;
begin
  select * into row from drydock.leases where name = p_lease;
  epoch := coalesce(row.epoch, 0);
  if row.holder is null or p_now >= row.expires_at then
    holder := '';
    left_us := 0;
  else
    holder := row.holder;
    left_us := (extract(epoch from row.expires_at - p_now) * 1000000)::bigint;
  end if;
end $$;

create function drydock.read_lease(p_lease text, out holder text, out epoch bigint, out left_us bigint) language sql as $$
  select * from drydock.lease_at(p_lease, clock_timestamp());
$$;

create function drydock.acquire_lease(p_lease text, p_holder text, p_ttl_us bigint, p_epoch_min bigint, out holder text,
    out epoch bigint, out left_us bigint) language plpgsql as $$
declare
  row record;
  at timestamptz;
  held boolean;
  next bigint;
begin
  insert into drydock.leases (name) values (p_lease) on conflict do nothing;
  select * into row from drydock.leases where name = p_lease for update;
  at := clock_timestamp();
  held := row.holder is not null and at < row.expires_at;
  if not held or row.holder = p_holder then
    next := row.epoch;
    if not held or row.epoch < p_epoch_min then
      next := greatest(row.epoch + 1, p_epoch_min);
      delete from drydock.batches where lease = p_lease;
    end if;
    update drydock.leases l set holder = p_holder, epoch = next, expires_at = at + p_ttl_us * interval '1 microsecond',
      settled_below = case when next = row.epoch then l.settled_below else 0 end where name = p_lease;
  end if;
  select * into holder, epoch, left_us from drydock.lease_at(p_lease, at);
end $$;

create function drydock.release_lease(p_lease text, p_holder text, p_epoch bigint) returns boolean language plpgsql as $$
begin
  update drydock.leases set holder = null
    where name = p_lease and holder = p_holder and epoch = p_epoch and clock_timestamp() < expires_at;
  return found;
end $$;
insert into drydock.meta values (2);

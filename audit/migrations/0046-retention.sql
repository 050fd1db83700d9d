-- How long entries are kept, and the one way in which they go: a function that removes what the approved policy lets go,
-- notes every removed entry in a bitmap first, and spares what a hold names. Leaf hashes stay in the full tiles.

create table audit.retention_policy (
  tenant_id uuid not null references db.tenant (id),
  revision integer not null check (revision > 0),
  days jsonb not null check (jsonb_typeof(days) = 'object'),
  text text not null check (length(text) between 1 and 2000),
  approval_id uuid not null,
  proposed_by uuid not null,
  approved_by uuid not null check (approved_by <> proposed_by),
  created_at timestamptz not null,
  primary key (tenant_id, revision)
);
comment on table audit.retention_policy is 'Append-only: what two people decided about how long entries are kept; the newest revision is in force';
comment on column audit.retention_policy.days is 'Days by category of event; a category that is left out is kept for ever';
comment on column audit.retention_policy.text is 'What outsiders are told';

create table audit.prune_run (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  policy_revision integer not null,
  floor bigint not null check (floor > 0 and floor % 256 = 0),
  approval_id uuid not null,
  begun_at timestamptz not null,
  groups_before timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, policy_revision) references audit.retention_policy (tenant_id, revision)
);
comment on table audit.prune_run is 'Append-only: pruning runs; the largest floor is the minimum index of the log (c2sp.org/tlog-tiles)';
comment on column audit.prune_run.approval_id is 'The audit.prune that two people approved for this revision of the policy';
comment on column audit.prune_run.groups_before is 'Sealed groups and details made before this belong to entries below the floor only';
create index prune_run_floor on audit.prune_run (tenant_id, floor);
create index prune_run_policy on audit.prune_run (tenant_id, policy_revision);

create table audit.prune_progress (
  tenant_id uuid not null,
  run_id uuid not null,
  next_seq bigint not null default 0,
  removed bigint not null default 0,
  kept bigint not null default 0,
  finished_at timestamptz,
  primary key (tenant_id, run_id),
  foreign key (tenant_id, run_id) references audit.prune_run (tenant_id, id)
);
comment on table audit.prune_progress is 'How far each pruning run is; any process carries on an unfinished one';
create index prune_progress_open on audit.prune_progress (tenant_id) where finished_at is null;

create table audit.pruned_tile (
  tenant_id uuid not null,
  run_id uuid not null,
  tile bigint not null check (tile >= 0),
  removed bytea not null check (length(removed) = 32),
  primary key (tenant_id, run_id, tile),
  foreign key (tenant_id, run_id) references audit.prune_run (tenant_id, id)
);
comment on table audit.pruned_tile is 'Append-only: which entries of a tile a run removed; audit.entries_pruned in the log has the digest of these rows';
comment on column audit.pruned_tile.removed is '256 bits, as get_bit counts them; bit n set: entry tile * 256 + n was removed';
create index pruned_tile_place on audit.pruned_tile (tenant_id, tile);

call db.protect_tenant_table('audit.retention_policy');
call db.protect_tenant_table('audit.prune_run');
call db.protect_tenant_table('audit.prune_progress');
call db.protect_tenant_table('audit.pruned_tile');

alter table audit.detail add column created_at timestamptz not null default now();
comment on column audit.detail.created_at is 'When it was first needed';

-- The functions below run as the owner, inside the tenant wall like everybody.
do $$
declare
  name text;
begin
  foreach name in array array['entry', 'entry_subject', 'tile', 'head', 'pending', 'sealed_group', 'detail', 'hold', 'hold_release', 'retention_policy', 'prune_run', 'pruned_tile'] loop
    execute format('create policy prune_base on audit.%I as permissive for all to gatehouse_owner using (true) with check (true)', name);
  end loop;
  foreach name in array array['retention_policy', 'prune_run', 'pruned_tile'] loop
    execute format('create trigger refuse_change before update or delete on audit.%I for each row execute function db.refuse_change()', name);
    execute format('create trigger refuse_truncate before truncate on audit.%I for each statement execute function db.refuse_change()', name);
  end loop;
end
$$;
create policy prune_base on crypto.approval as permissive for select to gatehouse_owner using (true);

create function audit.refuse_unless_pruned() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from audit.pruned_tile p
             where p.tenant_id = old.tenant_id and p.tile = old.seq / 256 and get_bit(p.removed, old.seq % 256) = 1) then
    return old;
  end if;
  raise exception '% on %.% is refused: entry % was not pruned', tg_op, tg_table_schema, tg_table_name, old.seq
    using errcode = '42501';
end
$$;
comment on function audit.refuse_unless_pruned() is 'Lets a row of the log go only when a pruning run has noted its entry as removed';

create function audit.refuse_unless_unreferenced() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_user = 'gatehouse_owner' and exists (
    select from audit.prune_run r where r.tenant_id = old.tenant_id and old.created_at < r.groups_before) then
    return old;
  end if;
  raise exception '% on %.% is refused: the table is append-only', tg_op, tg_table_schema, tg_table_name using errcode = '42501';
end
$$;
comment on function audit.refuse_unless_unreferenced() is 'Lets groups and details go only inside audit.prune_unreferenced';

do $$
declare
  name text;
begin
  foreach name in array array['entry', 'entry_subject', 'sealed_group', 'detail'] loop
    execute format('drop trigger refuse_change on audit.%I', name);
    execute format('create trigger refuse_change before update on audit.%I for each row execute function db.refuse_change()', name);
    execute format('create trigger refuse_delete before delete on audit.%I for each row execute function %s()', name,
      case when name like 'entry%' then 'audit.refuse_unless_pruned' else 'audit.refuse_unless_unreferenced' end);
  end loop;
end
$$;

create function audit.category_of(body bytea) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select substring(convert_from(body, 'UTF8') from '"category":"([a-z]+)"') $$;
comment on function audit.category_of(bytea) is 'The category that a leaf names; no field before it can hold that text';

create function audit.require_prunable(run uuid, to_seq bigint) returns audit.retention_policy
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid := db.current_tenant();
  allowed audit.retention_policy;
begin
  select p.* into allowed from audit.prune_run r
    join audit.retention_policy p on p.tenant_id = r.tenant_id and p.revision = r.policy_revision
    join crypto.approval a on a.tenant_id = r.tenant_id and a.id = r.approval_id
    join crypto.approval c on c.tenant_id = p.tenant_id and c.id = p.approval_id
    where r.tenant_id = tenant and r.id = run and to_seq <= r.floor
      and a.action = 'audit.prune' and a.state in ('executing', 'executed', 'interrupted')
      and (a.payload::jsonb ->> 'policyRevision')::integer = p.revision
      and c.action = 'audit.change_retention' and c.state in ('executing', 'executed', 'interrupted')
      and c.payload::jsonb -> 'days' = p.days
      and p.revision = (select max(n.revision) from audit.retention_policy n where n.tenant_id = tenant);
  if not found then
    raise exception 'pruning to % is not what two people approved', to_seq using errcode = '42501';
  end if;
  return allowed;
end
$$;
comment on function audit.require_prunable(uuid, bigint) is 'The policy under which a run may prune so far; raises 42501 when the approvals do not cover it';

create function audit.prune_batch(run uuid, from_seq bigint, to_seq bigint)
returns table (removed integer, kept integer, digest bytea)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid := db.current_tenant();
  allowed audit.retention_policy;
  gone bigint[];
  total integer;
begin
  if from_seq % 256 <> 0 or to_seq % 256 <> 0 or to_seq <= from_seq or to_seq - from_seq > 1048576 then
    raise exception 'a batch is whole tiles' using errcode = '22023';
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('audit.hold:' || tenant::text, 0));
  allowed := audit.require_prunable(run, to_seq);
  select array_agg(e.seq) filter (where
      e.received_at < now() - make_interval(days => (allowed.days ->> audit.category_of(e.body))::integer)
      and e.action not in ('audit.entries_pruned', 'audit.retention_changed', 'audit.prune_begun', 'audit.hold_placed', 'audit.hold_released')
      and not exists (
        select from audit.hold h
        where h.tenant_id = tenant and (h.until is null or h.until > now())
          and not exists (select from audit.hold_release r where r.tenant_id = tenant and r.hold_id = h.id)
          and (h.kind = 'log' or h.actor_id = e.actor_id or e.actor_id = h.subject_id::text
            or (e.occurred_at >= h.from_at and e.occurred_at < h.to_at)
            or exists (select from audit.entry_subject s where s.tenant_id = tenant and s.subject_id = h.subject_id and s.seq = e.seq)))),
    count(*) into gone, total
    from audit.entry e where e.tenant_id = tenant and e.seq >= from_seq and e.seq < to_seq;
  removed := coalesce(cardinality(gone), 0);
  kept := total - removed;
  if removed = 0 then
    return next;
    return;
  end if;
  if exists (select from (select distinct s / 256 as tile from unnest(gone) s) w
             where not exists (select from audit.tile t where t.tenant_id = tenant and t.level = 0 and t.index = w.tile)) then
    raise exception 'a tile below % is not stored; its hashes would be lost', to_seq using errcode = '22023';
  end if;
  with bits as (
    select s / 256 as tile, (s % 256)::integer as bit from unnest(gone) s),
  bytes as (
    select t.tile, b.at, coalesce(sum(1 << (x.bit % 8)), 0)::integer as value
    from (select distinct tile from bits) t cross join generate_series(0, 31) as b (at)
    left join bits x on x.tile = t.tile and x.bit / 8 = b.at group by t.tile, b.at),
  noted as (
    insert into audit.pruned_tile (tenant_id, run_id, tile, removed)
    select tenant, run, tile, decode(string_agg(lpad(to_hex(value), 2, '0'), '' order by at), 'hex') from bytes group by tile
    returning pruned_tile.tile, pruned_tile.removed)
  select sha256(string_agg(int8send(n.tile) || n.removed, ''::bytea order by n.tile)) into digest from noted n;
  delete from audit.entry_subject s using unnest(gone) g (seq)
    where s.tenant_id = tenant and s.seq >= from_seq and s.seq < to_seq and s.seq = g.seq;
  delete from audit.entry e using unnest(gone) g (seq)
    where e.tenant_id = tenant and e.seq >= from_seq and e.seq < to_seq and e.seq = g.seq;
  return next;
end
$$;
comment on function audit.prune_batch(uuid, bigint, bigint) is
  'Removes the entries of whole tiles that the approved policy lets go and no hold names; digest covers the bitmaps it noted';

create function audit.prune_unreferenced(run uuid, most integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid := db.current_tenant();
  wanted audit.prune_run;
  count_groups integer;
  count_details integer;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('audit.hold:' || tenant::text, 0));
  select r.* into wanted from audit.prune_run r where r.tenant_id = tenant and r.id = run;
  perform audit.require_prunable(run, wanted.floor);
  with kept as materialized (
    select distinct decode(c.value, 'hex') as commitment from audit.entry e
    cross join lateral jsonb_each_text(coalesce(convert_from(e.body, 'UTF8')::jsonb -> 'commitments', '{}'::jsonb)) c
    where e.tenant_id = tenant and e.seq < wanted.floor),
  doomed as (
    select g.commitment from audit.sealed_group g
    where g.tenant_id = tenant and g.created_at < wanted.groups_before
      and not exists (select from kept k where k.commitment = g.commitment) limit most)
  delete from audit.sealed_group g using doomed d where g.tenant_id = tenant and g.commitment = d.commitment;
  get diagnostics count_groups = row_count;
  if count_groups < most and exists (select from audit.detail d where d.tenant_id = tenant and d.created_at < wanted.groups_before) then
    -- A detail may be named again at any time: nobody adds one while those that are named are looked up.
    lock table audit.detail in share row exclusive mode;
    with named as materialized (
      select decode(substring(convert_from(e.body, 'UTF8') from '"detailDigest":"([0-9a-f]{64})"'), 'hex') as digest
      from (select body from audit.entry where tenant_id = tenant union all select body from audit.pending where tenant_id = tenant) e
      where position('"detailDigest":"'::bytea in e.body) > 0)
    delete from audit.detail d where d.tenant_id = tenant and d.created_at < wanted.groups_before
      and not exists (select from named n where n.digest = d.digest);
    get diagnostics count_details = row_count;
  end if;
  return count_groups + coalesce(count_details, 0);
end
$$;
comment on function audit.prune_unreferenced(uuid, integer) is
  'Removes sealed groups and details that only removed entries named, at most so many groups at once';

revoke execute on function audit.refuse_unless_pruned(), audit.refuse_unless_unreferenced(), audit.category_of(bytea),
  audit.require_prunable(uuid, bigint), audit.prune_batch(uuid, bigint, bigint), audit.prune_unreferenced(uuid, integer) from public;
grant execute on function audit.prune_batch(uuid, bigint, bigint), audit.prune_unreferenced(uuid, integer) to gatehouse_app;
grant select, insert on audit.retention_policy, audit.prune_run to gatehouse_app;
grant select on audit.pruned_tile to gatehouse_app;
grant select, insert, update on audit.prune_progress to gatehouse_app;

-- Requests of people: what was asked, when it is due, what was planned, approved, done and proved.
-- Personal data stands here only as ciphertext under a key of the request's own, which is destroyed when the request is over.

create table dsr.allowed_transition (
  request_type text not null check (request_type in ('access', 'erasure')),
  from_state text not null,
  to_state text not null,
  primary key (request_type, from_state, to_state)
);
comment on table dsr.allowed_transition is 'Platform: the state machine of dsr/state-machine.ts, enforced by a trigger; a test compares the two';

insert into dsr.allowed_transition (request_type, from_state, to_state)
select t, f, x from (values
  ('received', 'verifying'), ('received', 'verified'), ('verifying', 'verified'),
  ('verified', 'planned'), ('planned', 'planned'), ('executing', 'partially_completed'),
  ('partially_completed', 'executing'), ('received', 'expired'), ('verifying', 'expired'),
  ('received', 'refused'), ('verifying', 'refused'), ('verified', 'refused'), ('planned', 'refused'), ('approved', 'refused'),
  ('received', 'withdrawn'), ('verifying', 'withdrawn'), ('verified', 'withdrawn'), ('planned', 'withdrawn'),
  ('approved', 'withdrawn')
) as step(f, x) cross join (values ('access'), ('erasure')) as types(t)
union all values
  ('access', 'planned', 'executing'), ('access', 'executing', 'completed'),
  ('erasure', 'planned', 'approved'), ('erasure', 'approved', 'executing'), ('erasure', 'approved', 'verified'),
  ('erasure', 'executing', 'verifying_absence'), ('erasure', 'verifying_absence', 'executing'),
  ('erasure', 'verifying_absence', 'completed'), ('erasure', 'verifying_absence', 'partially_completed'),
  ('erasure', 'completed', 'executing');

create table dsr.request (
  tenant_id uuid not null,
  id uuid not null,
  type text not null check (type in ('access', 'erasure')),
  law text not null check (length(law) between 1 and 40),
  law_version integer not null check (law_version > 0),
  state text not null default 'received',
  version integer not null default 1 check (version > 0),
  channel text not null check (channel in ('portal', 'operator', 'api')),
  language text not null check (language in ('en', 'pl')),
  received_at timestamptz not null,
  due_at timestamptz not null,
  acknowledge_at timestamptz,
  clock jsonb not null,
  linked_to uuid,
  identity_hash bytea check (octet_length(identity_hash) = 32),
  ticket_hash bytea check (octet_length(ticket_hash) = 32),
  sealed bytea,
  search_sealed bytea,
  subject_label text check (length(subject_label) <= 200),
  identity_level text not null default 'none' check (identity_level in ('none', 'mailbox', 'operator')),
  identity_method text check (length(identity_method) <= 100),
  verified_at timestamptz,
  plan_hash text check (plan_hash ~ '^[0-9a-f]{64}$'),
  subject_ids uuid[] not null default '{}' check (cardinality(subject_ids) <= 1000),
  receipts_root text check (receipts_root ~ '^[0-9a-f]{64}$'),
  fence bigint not null default 0,
  lease_until timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  full_scan text not null default 'none' check (full_scan in ('none', 'deferred', 'done')),
  closed_at timestamptz,
  forgotten_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, linked_to) references dsr.request (tenant_id, id)
);
comment on table dsr.request is 'One request of one person';
comment on column dsr.request.version is 'Grows with every transition; (version, state) must stand in dsr.timeline when the transaction commits';
comment on column dsr.request.received_at is 'When anybody at the controller got it; the clock starts here';
comment on column dsr.request.clock is 'Explanation and citation of the deadline as computed, and the pauses';
comment on column dsr.request.linked_to is 'An earlier open request of the same person and type; both clocks run';
comment on column dsr.request.identity_hash is 'Keyed hash of the normalised identity; stays after the identity itself is gone';
comment on column dsr.request.ticket_hash is 'SHA-256 of the 256-bit ticket that the person holds';
comment on column dsr.request.sealed is 'Identities, ticket and message of the person under the request''s own key; null once forgotten';
comment on column dsr.request.search_sealed is 'What the absence scan looks for, under the same key; null once forgotten';
comment on column dsr.request.subject_label is 'Masked identity for lists; null once forgotten';
comment on column dsr.request.fence is 'Grows with every lease, so that a worker that lost its lease cannot write';
create index request_by_state on dsr.request (tenant_id, state, due_at, id);
create index request_by_age on dsr.request (tenant_id, received_at desc, id desc);
create index request_by_ticket on dsr.request (tenant_id, ticket_hash);
create index request_by_identity on dsr.request (tenant_id, identity_hash, type, state);
create index request_by_link on dsr.request (tenant_id, linked_to);
create index request_by_version on dsr.request (tenant_id, id, version, state);
create index request_to_forget on dsr.request (tenant_id, closed_at) where forgotten_at is null and closed_at is not null;
create index request_full_scan on dsr.request (tenant_id, id) where full_scan = 'deferred';
call db.protect_tenant_table('dsr.request');

create table dsr.timeline (
  tenant_id uuid not null,
  request_id uuid not null,
  version integer not null,
  state text not null,
  at timestamptz not null,
  actor text not null check (length(actor) between 1 and 200),
  actor_id text not null check (length(actor_id) between 1 and 100),
  note text check (length(note) <= 2000),
  primary key (tenant_id, request_id, version),
  unique (tenant_id, request_id, version, state),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.timeline is 'Every state a request was in. Append-only';
call db.protect_tenant_table('dsr.timeline');
create trigger timeline_is_append_only before update or delete on dsr.timeline for each row execute function db.refuse_change();

-- A state without its timeline row cannot be committed.
alter table dsr.request add constraint request_state_is_in_timeline
  foreign key (tenant_id, id, version, state) references dsr.timeline (tenant_id, request_id, version, state)
  deferrable initially deferred;

create table dsr.verification (
  tenant_id uuid not null,
  request_id uuid not null,
  code_hash bytea not null check (octet_length(code_hash) = 32),
  tries integer not null default 0 check (tries between 0 and 5),
  sent integer not null default 1 check (sent between 1 and 5),
  expires_at timestamptz not null,
  used_at timestamptz,
  primary key (tenant_id, request_id),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.verification is 'The current single-use mailbox code of a request, as a keyed hash';
call db.protect_tenant_table('dsr.verification');

create table dsr.plan (
  tenant_id uuid not null,
  request_id uuid not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  document text not null check (hash = encode(sha256(convert_to(document, 'UTF8')), 'hex')),
  created_at timestamptz not null,
  created_by uuid not null,
  primary key (tenant_id, request_id, hash),
  unique (tenant_id, request_id, hash, created_by),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.plan is 'Plans as canonical bytes with their hash. Append-only';
call db.protect_tenant_table('dsr.plan');
create trigger plan_is_append_only before update or delete on dsr.plan for each row execute function db.refuse_change();

create table dsr.approval (
  tenant_id uuid not null,
  request_id uuid not null,
  plan_hash text not null,
  planned_by uuid not null,
  approved_by uuid not null,
  approved_at timestamptz not null,
  assurance_level integer not null check (assurance_level >= 2),
  authenticated_at timestamptz not null check (authenticated_at > approved_at - interval '5 minutes'),
  primary key (tenant_id, request_id, plan_hash, approved_by),
  constraint approval_names_the_planner foreign key (tenant_id, request_id, plan_hash, planned_by)
    references dsr.plan (tenant_id, request_id, hash, created_by),
  constraint approval_takes_two_people check (approved_by <> planned_by)
);
comment on table dsr.approval is 'Who approved which plan; the planner cannot, whoever writes the row. Append-only';
comment on column dsr.approval.planned_by is 'Bound by the foreign key to who made the plan';
create index approval_by_plan on dsr.approval (tenant_id, request_id, plan_hash, planned_by);
call db.protect_tenant_table('dsr.approval');
create trigger approval_is_append_only before update or delete on dsr.approval for each row execute function db.refuse_change();

create function dsr.guard_transition() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'received' or new.version <> 1 then
      raise exception 'a request begins in state received' using errcode = '23514', constraint = 'request_transition';
    end if;
    return new;
  end if;
  if new.type <> old.type or new.received_at <> old.received_at or new.law <> old.law then
    raise exception 'type, law and receipt of a request never change' using errcode = '23514', constraint = 'request_transition';
  end if;
  if new.version = old.version and new.state = old.state then
    return new;
  end if;
  if new.version <> old.version + 1 or not exists (
    select 1 from dsr.allowed_transition a
    where a.request_type = old.type and a.from_state = old.state and a.to_state = new.state
  ) then
    raise exception 'request: % to % is not a transition of the machine', old.state, new.state
      using errcode = '23514', constraint = 'request_transition';
  end if;
  if old.type = 'erasure' and new.state in ('approved', 'executing') and not exists (
    select 1 from dsr.approval a
    where a.tenant_id = new.tenant_id and a.request_id = new.id and a.plan_hash = new.plan_hash
  ) then
    raise exception 'request: an erasure needs the approval of a second person for exactly this plan'
      using errcode = '23514', constraint = 'request_four_eyes';
  end if;
  if new.state = 'verified' and new.identity_level = 'none' then
    raise exception 'request: verified without a proof of identity' using errcode = '23514', constraint = 'request_identity';
  end if;
  return new;
end
$$;
comment on function dsr.guard_transition() is 'Refuses every step that is not in dsr.allowed_transition, and execution without a second person';
create trigger request_transition before insert or update on dsr.request for each row execute function dsr.guard_transition();

create table dsr.task (
  tenant_id uuid not null,
  request_id uuid not null,
  system text not null check (length(system) between 1 and 100),
  action text not null check (action in ('erase', 'export')),
  plan_hash text not null,
  state text not null default 'pending' check (state in ('pending', 'running', 'done', 'failed')),
  attempts integer not null default 0,
  fence bigint not null default 0,
  counts jsonb not null default '{}',
  receipt text,
  error text check (length(error) <= 1000),
  started_at timestamptz,
  ended_at timestamptz,
  primary key (tenant_id, request_id, system, action, plan_hash),
  foreign key (tenant_id, request_id, plan_hash) references dsr.plan (tenant_id, request_id, hash)
);
comment on table dsr.task is 'What is done in one system for one plan; the primary key is the idempotency key';
comment on column dsr.task.receipt is 'Canonical JSON; the leaves of the certificate''s receipts root';
create index task_by_plan on dsr.task (tenant_id, request_id, plan_hash);
call db.protect_tenant_table('dsr.task');

create table dsr.absence (
  tenant_id uuid not null,
  request_id uuid not null,
  run integer not null check (run > 0),
  scope text not null check (scope in ('indexed', 'full')),
  plan_hash text not null,
  at timestamptz not null,
  result jsonb not null,
  clean boolean not null,
  primary key (tenant_id, request_id, run),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.absence is 'Results of absence scans: tables, columns and counts, never values. Append-only';
call db.protect_tenant_table('dsr.absence');
create trigger absence_is_append_only before update or delete on dsr.absence for each row execute function db.refuse_change();

create table dsr.certificate (
  tenant_id uuid not null,
  request_id uuid not null,
  id uuid not null,
  version integer not null,
  jws text not null check (length(jws) <= 200000),
  issued_at timestamptz not null,
  primary key (tenant_id, request_id, version),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.certificate is 'Signed certificates of erasure; version is that of the request''s completion. Append-only';
call db.protect_tenant_table('dsr.certificate');
create trigger certificate_is_append_only before update or delete on dsr.certificate for each row execute function db.refuse_change();

create table dsr.certificate_key (
  key_id text primary key check (length(key_id) between 1 and 200),
  public_key bytea not null check (octet_length(public_key) = 32),
  created_at timestamptz not null
);
comment on table dsr.certificate_key is 'Platform: public keys that certificates were signed with; published';

create table dsr.package (
  tenant_id uuid not null,
  request_id uuid not null,
  sha256 text not null,
  bytes bigint not null,
  chunks integer not null,
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at <= created_at + interval '7 days'),
  downloaded_at timestamptz,
  primary key (tenant_id, request_id),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.package is 'An access package that waits for its one download';
create index package_by_expiry on dsr.package (tenant_id, expires_at);
call db.protect_tenant_table('dsr.package');

create table dsr.package_chunk (
  tenant_id uuid not null,
  request_id uuid not null,
  position integer not null,
  content bytea not null,
  primary key (tenant_id, request_id, position),
  foreign key (tenant_id, request_id) references dsr.package (tenant_id, request_id) on delete cascade
);
comment on table dsr.package_chunk is 'Pieces of a package, each ciphertext under the request''s own key';
call db.protect_tenant_table('dsr.package_chunk');

create table dsr.suppression (
  tenant_id uuid not null,
  kind text not null check (kind in ('email', 'phone')),
  hash bytea not null check (octet_length(hash) = 32),
  purpose text not null check (length(purpose) between 1 and 100),
  scope text not null check (scope in ('erased')),
  request_id uuid not null,
  created_at timestamptz not null,
  primary key (tenant_id, kind, hash, purpose),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.suppression is 'Keyed hashes of identities that must not be taken in again (11 CCR 7022(e), GDPR Art. 17)';
comment on column dsr.suppression.purpose is 'A purpose of the data map, or * for every purpose';
create index suppression_by_request on dsr.suppression (tenant_id, request_id);
call db.protect_tenant_table('dsr.suppression');

create table dsr.message (
  tenant_id uuid not null,
  id uuid not null,
  request_id uuid not null,
  template text not null check (length(template) <= 60),
  language text not null check (language in ('en', 'pl')),
  sealed bytea,
  state text not null default 'pending' check (state in ('pending', 'sent', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  created_at timestamptz not null,
  sent_at timestamptz,
  error text check (length(error) <= 500),
  primary key (tenant_id, id),
  foreign key (tenant_id, request_id) references dsr.request (tenant_id, id)
);
comment on table dsr.message is 'Outbox of messages to people; the text is ciphertext under the request''s key and goes once sent';
create index message_due on dsr.message (tenant_id, next_attempt_at) where state = 'pending';
create index message_by_request on dsr.message (tenant_id, request_id, created_at);
call db.protect_tenant_table('dsr.message');

grant usage on schema dsr to gatehouse_app;
grant select on dsr.allowed_transition to gatehouse_app;
grant select, insert on dsr.timeline, dsr.plan, dsr.approval, dsr.absence, dsr.certificate, dsr.certificate_key to gatehouse_app;
grant select, insert, update on dsr.request, dsr.task, dsr.message, dsr.verification to gatehouse_app;
grant select, insert, update, delete on dsr.package, dsr.package_chunk to gatehouse_app;
grant select, insert, delete on dsr.suppression to gatehouse_app;

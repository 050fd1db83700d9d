-- When each log was last verified from its first to its last byte.

create table audit.verification (
  tenant_id uuid primary key references db.tenant (id),
  at timestamptz not null,
  state text not null check (state in ('sound', 'unsound', 'too_large', 'failed')),
  size bigint not null check (size >= 0),
  findings integer not null check (findings >= 0),
  first_bad_seq bigint,
  detail text check (length(detail) <= 500),
  milliseconds bigint not null check (milliseconds >= 0)
);
comment on table audit.verification is 'The last full verification of each log; every one is an event audit.log_verified as well';
comment on column audit.verification.state is 'too_large: longer than the scheduled run goes through; failed: it could not be carried to the end';
comment on column audit.verification.first_bad_seq is 'First sequence number that does not fit; null when all fit or no entry is to blame';
call db.protect_tenant_table('audit.verification');
grant select, insert, update on audit.verification to gatehouse_app;

-- Encrypting a column that holds plaintext, on a live table. The table is shared by all tenants, so what is done to its
-- schema stands once (column_layout, written by the owner alone); how far each tenant's rows are stands per tenant.

create table crypto.column_layout (
  id uuid primary key,
  schema_name text not null check (length(schema_name) between 1 and 63),
  table_name text not null check (length(table_name) between 1 and 63),
  plain_column text not null check (length(plain_column) between 1 and 63),
  ciphertext_column text not null check (length(ciphertext_column) between 1 and 63),
  index_columns text[] not null check (cardinality(index_columns) <= 4),
  row_id_column text not null check (length(row_id_column) between 1 and 63),
  subject_column text check (length(subject_column) between 1 and 63),
  column_type text not null,
  row_id_type text not null,
  not_null boolean not null,
  state text not null check (state in ('preparing', 'prepared', 'dropping', 'dropped')),
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  unique (schema_name, table_name, plain_column)
);
comment on table crypto.column_layout is
  'Platform: tables with a plaintext column that is being encrypted and what was added to them; holds no personal data';
comment on column crypto.column_layout.state is
  'preparing: columns, trigger and indexes are being added; prepared: tenants may move; dropping: the plaintext is neither read nor written any more; dropped: it is gone';
comment on column crypto.column_layout.not_null is 'Whether the plaintext column refused NULL, so that the ciphertext will';

create table crypto.column_migration (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  layout_id uuid not null,
  service text not null check (length(service) between 1 and 128),
  collection text not null check (length(collection) between 1 and 128),
  field text not null check (length(field) between 1 and 128),
  state text not null check (state in ('dual_write', 'backfilled', 'verified', 'cut_over', 'reverted')),
  pass_cursor text,
  pass_found bigint not null default 0 check (pass_found >= 0),
  sealed bigint not null default 0 check (sealed >= 0),
  checked bigint not null default 0 check (checked >= 0),
  rows_per_second integer not null default 0,
  findings jsonb not null default '[]',
  differing bigint not null default 0 check (differing >= 0),
  verified_at timestamptz,
  lease_token uuid,
  lease_until timestamptz,
  drop_approved_at timestamptz,
  drop_proposal text check (length(drop_proposal) <= 200),
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (tenant_id, id),
  unique (tenant_id, layout_id)
);
comment on table crypto.column_migration is 'How far the rows of one tenant are in the encryption of one column';
comment on column crypto.column_migration.state is
  'dual_write: writers write both columns; backfilled: no row is left unsealed; verified: every ciphertext was opened and compared; cut_over: reads come from the ciphertext; reverted: plaintext alone';
comment on column crypto.column_migration.pass_cursor is 'Row id of the last row of this pass of the backfill, as text; null at the beginning of a pass';
comment on column crypto.column_migration.pass_found is 'Unsealed rows found in this pass; a pass that finds fewer than a batch ends the backfill';
comment on column crypto.column_migration.findings is 'At most 100 objects of row id and what is wrong with it; never a value';
comment on column crypto.column_migration.lease_token is 'Whoever holds it may write progress; taken over once lease_until has passed';
call db.protect_tenant_table('crypto.column_migration');

grant select on crypto.column_layout to gatehouse_app;
grant select, insert, update on crypto.column_migration to gatehouse_app;

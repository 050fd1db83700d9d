-- Which batches of example people were generated, so that an interrupted run is finished by the next one.

create table examples.generated_batch (
  tenant_id uuid not null,
  seed text not null check (length(seed) between 1 and 200),
  batch integer not null check (batch >= 0),
  people integer not null check (people > 0),
  created_at timestamptz not null default now(),
  primary key (tenant_id, seed, batch)
);
comment on table examples.generated_batch is
  'One row per batch of generated people, written with them in one transaction; holds no personal data';
call db.protect_tenant_table('examples.generated_batch');

grant usage on schema examples to gatehouse_app;
grant select, insert on examples.generated_batch to gatehouse_app;

-- Which creates were done, so that a repeated one answers with the first record instead of making a second.

create table gateway.idempotency (
  tenant_id uuid not null,
  principal_id uuid not null,
  key text not null check (length(key) between 1 and 255),
  collection text not null,
  request_mac bytea not null check (length(request_mac) = 32),
  record_id text not null check (length(record_id) between 1 and 200),
  created_at timestamptz not null,
  primary key (tenant_id, principal_id, key)
);
comment on table gateway.idempotency is 'Creates by Idempotency-Key; an entry is as good as gone after a day';
comment on column gateway.idempotency.request_mac is 'HMAC of the request under a key of the tenant: a plain hash of personal data could be guessed';
call db.protect_tenant_table('gateway.idempotency');

grant usage on schema gateway to gatehouse_app;
grant select, insert, update, delete on gateway.idempotency to gatehouse_app;

-- What the trail is searched by beyond its indexed columns: a projection with a cursor of its own, outside the append.

create table audit.search_cursor (
  tenant_id uuid primary key references db.tenant (id),
  next_seq bigint not null default 0 check (next_seq >= 0)
);
comment on table audit.search_cursor is 'Up to where each log was projected for search; entries from here on are scanned';
call db.protect_tenant_table('audit.search_cursor');

create table audit.search_entry (
  tenant_id uuid not null,
  seq bigint not null,
  terms tsvector not null,
  primary key (tenant_id, seq)
);
comment on table audit.search_entry is 'Projection of audit.entry for search; may be emptied and made again at any time';
comment on column audit.search_entry.terms is
  'Words and typed terms such as session:…, each with the first eight hex digits of the tenant in front, so that the index serves one tenant at a time';
create index search_entry_terms on audit.search_entry using gin (terms) with (fastupdate = on);
comment on index audit.search_entry_terms is 'Not by tenant: every term begins with its tenant, so that a search touches one tenant''s terms only';
call db.protect_tenant_table('audit.search_entry');

grant select, insert, update, delete on audit.search_cursor, audit.search_entry to gatehouse_app;

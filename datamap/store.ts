import { statement } from '../db/index.ts';

/** A stored map. */
export type StoredService = { readonly key: string; readonly yaml: string; readonly revision: string };

/** The maps of the transaction's tenant. */
export const selectServices = statement(
  'datamap.select_services',
  'select key, yaml, revision from datamap.service where tenant_id = $1 order by key',
);

/** $1 tenant, $2 key, $3 yaml, $4 revision, $5 instant, $6 who */
export const upsertService = statement(
  'datamap.upsert_service',
  `insert into datamap.service (tenant_id, key, yaml, revision, loaded_at, loaded_by) values ($1, $2, $3, $4, $5, $6)
   on conflict (tenant_id, key) do update
     set yaml = excluded.yaml, revision = excluded.revision, loaded_at = excluded.loaded_at, loaded_by = excluded.loaded_by`,
);

/** $1 tenant; tells every replica at commit. */
export const notifyChanged = statement(
  'datamap.notify_changed',
  `select pg_notify('datamap_changed', $1::text)`,
);

/** $1 schemas; their columns as the catalog has them. */
export const selectColumns = statement(
  'datamap.select_columns',
  `select n.nspname as schema, c.relname as table, a.attname as column,
     format_type(a.atttypid, null) as type, not a.attnotnull as nullable
   from pg_class c
   join pg_namespace n on n.oid = c.relnamespace
   join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where n.nspname = any($1::text[]) and c.relkind in ('r', 'p') and not c.relispartition
   order by 1, 2, a.attnum`,
);

/** Every statement of the room, for the test that PREPAREs them. */
export const dataMapStatements = Object.freeze([selectServices, upsertService, notifyChanged, selectColumns]);

import { statement } from '../db/index.ts';

/** Tables of the mapped schemas with columns, keys, rights, indexes and foreign keys. $1 schemas */
export const readCatalog = statement(
  'dsr.read_catalog',
  `select n.nspname as schema, c.relname as table,
     has_table_privilege(c.oid, 'SELECT') as can_select,
     has_table_privilege(c.oid, 'UPDATE') as can_update,
     has_table_privilege(c.oid, 'DELETE') as can_delete,
     exists (select 1 from pg_index x where x.indrelid = c.oid and x.indisprimary) as has_primary_key,
     (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, null),
         'category', t.typcategory, 'notNull', a.attnotnull,
         'indexed', exists (select 1 from pg_index x where x.indrelid = c.oid and x.indisvalid and x.indpred is null
           and (x.indkey[0] = a.attnum or (x.indkey[1] = a.attnum and x.indkey[0] =
             (select b.attnum from pg_attribute b where b.attrelid = c.oid and b.attname = 'tenant_id'))))) order by a.attnum), '[]')
       from pg_attribute a join pg_type t on t.oid = a.atttypid
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
     (select coalesce(json_agg(distinct rn.nspname || '.' || r.relname), '[]')
       from pg_constraint k join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
       where k.conrelid = c.oid and k.contype = 'f') as references
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition
   order by 1, 2`,
);

/** Tables anywhere that point at tables of the mapped schemas. $1 schemas */
export const readIncomingReferences = statement(
  'dsr.read_incoming_references',
  `select distinct fn.nspname || '.' || f.relname as "from", n.nspname || '.' || c.relname as "to"
   from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_namespace fn on fn.oid = f.relnamespace
     join pg_class c on c.oid = k.confrelid join pg_namespace n on n.oid = c.relnamespace
   where k.contype = 'f' and n.nspname = any($1)`,
);

/** Pages of the mapped tables. $1 schemas */
export const readPages = statement(
  'dsr.read_pages',
  `select coalesce(sum(pg_relation_size(c.oid) / 8192), 0)::bigint as pages
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = any($1) and c.relkind = 'r'`,
);

/**
 * Changes whenever {@link readCatalog} or {@link readIncomingReferences} might answer otherwise: the row versions of
 * what they read. Cheap, because it looks at catalog rows of the mapped schemas only. $1 schemas
 */
export const readCatalogVersion = statement(
  'dsr.read_catalog_version',
  `with mapped as materialized (
     select c.oid, c.xmin from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p'))
   select concat_ws('/', session_user, current_user,
     (select concat(count(*), ':', sum(hashtextextended(oid || ' ' || xmin, 1))) from mapped),
     (select concat(count(*), ':', sum(hashint8extended((a.attrelid::bigint << 32) + a.xmin::text::bigint, a.attnum)))
      from pg_attribute a join mapped m on m.oid = a.attrelid where a.attnum > 0),
     (select concat(count(*), ':', sum(hashtextextended(x.indexrelid || ' ' || x.xmin, 3)))
      from pg_index x join mapped m on m.oid = x.indrelid),
     (select concat(count(*), ':', sum(hashtextextended(k.oid || ' ' || k.xmin, 4)))
      from pg_constraint k where k.contype = 'f' and (k.confrelid in (select oid from mapped) or k.conrelid in (select oid from mapped))),
     (select concat(count(*), ':', sum(hashtextextended(r.oid || ' ' || r.xmin, 5))) from pg_auth_members r)) as version`,
);

import { statement } from '../../db/index.ts';

/** Live versions, and the tenant's first index key with every row. $1 tenant */
export const readIndexVersions = statement(
  'crypto.read_index_versions',
  `select f.kid as first_kid, v.collection, v.field, v.name, v.version, v.kid, v.state
   from (select kid from crypto.dek where tenant_id = $1 and purpose = 'index' order by created_at, kid limit 1) f
   left join crypto.index_version v on v.tenant_id = $1 and v.state <> 'dropped' limit 10000`,
);

/** $1 tenant $2 collection $3 field $4 name */
export const lockIndexVersions = statement(
  'crypto.lock_index_versions',
  `select version, kid, state from crypto.index_version
   where tenant_id = $1 and collection = $2 and field = $3 and name = $4 order by version for update`,
);

/** $1 tenant $2 collection $3 field $4 name $5 version $6 kid $7 state */
export const insertIndexVersion = statement(
  'crypto.insert_index_version',
  `insert into crypto.index_version (tenant_id, collection, field, name, version, kid, state) values ($1, $2, $3, $4, $5, $6, $7)
   on conflict do nothing`,
);

/** What was written is from now on read only. $1 tenant $2 collection $3 field $4 name */
export const stopWriting = statement(
  'crypto.stop_writing_index_version',
  `update crypto.index_version set state = 'reading', changed_at = clock_timestamp()
   where tenant_id = $1 and collection = $2 and field = $3 and name = $4 and state = 'writing'`,
);

/** $1 tenant $2 collection $3 field $4 name $5 version */
export const startWriting = statement(
  'crypto.start_writing_index_version',
  `update crypto.index_version set state = 'writing', changed_at = clock_timestamp()
   where tenant_id = $1 and collection = $2 and field = $3 and name = $4 and version = $5 and state = 'reading'`,
);

/** $1 tenant $2 collection $3 field $4 name */
export const dropOlderVersions = statement(
  'crypto.drop_older_index_versions',
  `update crypto.index_version set state = 'dropped', changed_at = clock_timestamp()
   where tenant_id = $1 and collection = $2 and field = $3 and name = $4 and state = 'reading'`,
);

/** Held to the end of the transaction, so that the same value is not written twice under two versions. $1 text */
export const lockTerm = statement(
  'crypto.lock_index_term',
  `select pg_advisory_xact_lock(hashtextextended($1, 7))`,
);

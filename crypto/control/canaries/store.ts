import { statement } from '../../../db/index.ts';

/** $1 tenant, $2 person: the key of a canary is marked once and for all */
export const poisonKey = statement(
  'crypto.poison_key',
  `update crypto.dek set poison = true where tenant_id = $1 and subject_id = $2 and state = 'active' returning kid`,
);

/** $1 tenant, $2 id, $3 kid, $4 label, $5 collection, $6 row id, $7 planted by, $8 now */
export const insertCanary = statement(
  'crypto.insert_canary',
  `insert into crypto.canary (tenant_id, id, kid, label, collection, row_id, planted_by, planted_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** $1 tenant, $2 kid, $3 now */
export const markCanaryOpened = statement(
  'crypto.mark_canary_opened',
  `update crypto.canary set opened = opened + 1, last_opened_at = $3 where tenant_id = $1 and kid = $2 returning id, label`,
);

/** $1 tenant, $2 last id seen or null, $3 limit: newest first */
export const listCanaries = statement(
  'crypto.list_canaries',
  `select id, kid, label, collection, row_id, planted_by, planted_at, opened, last_opened_at from crypto.canary
   where tenant_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3`,
);

/** $1 tenant, $2 opened since */
export const countCanaries = statement(
  'crypto.count_canaries',
  `select count(*)::integer as planted, (count(*) filter (where last_opened_at >= $2))::integer as opened
   from crypto.canary where tenant_id = $1`,
);

import { statement } from '../../db/index.ts';

/** $1 tenant $2 id $3 effect $4 at */
export const insertIntent = statement(
  'audit.insert_intent',
  `insert into audit.intent (tenant_id, id, effect, begun_at) values ($1, $2, $3, $4)`,
);

/** Settles once. $1 tenant $2 id $3 at */
export const settleIntent = statement(
  'audit.settle_intent',
  `update audit.intent set settled_at = $3 where tenant_id = $1 and id = $2 and settled_at is null returning effect`,
);

/** Orphans that nobody was told of. $1 tenant $2 begun before $3 now */
export const markOrphans = statement(
  'audit.mark_orphans',
  `update audit.intent i set orphaned_at = $3 from (
     select id from audit.intent where tenant_id = $1 and settled_at is null and orphaned_at is null and begun_at < $2
     order by begun_at limit 100 for update skip locked) o
   where i.tenant_id = $1 and i.id = o.id returning i.id, i.effect, i.begun_at as "begunAt"`,
);

/** Settled long ago: both events stand in the log. $1 tenant $2 settled before */
export const forgetIntents = statement(
  'audit.forget_intents',
  `delete from audit.intent where tenant_id = $1 and settled_at < $2`,
);

/** $1 tenant */
export const countOrphans = statement(
  'audit.count_orphans',
  `select count(*)::integer as count from audit.intent where tenant_id = $1 and settled_at is null and orphaned_at is not null`,
);

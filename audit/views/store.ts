import { statement } from '../../db/index.ts';

const columns = `id, owner_id as "ownerId", name, shared, filter, schedule, next_run_at as "nextRunAt", last_run_at as "lastRunAt",
  last_error as "lastError", created_at as "createdAt"`;

/** $1 owner; his own and the shared ones */
export const selectViews = statement(
  'audit.select_views',
  `select ${columns} from audit.saved_view where owner_id = $1 or shared order by name, id limit 500`,
);

/** $1 id $2 owner */
export const selectView = statement(
  'audit.select_view',
  `select ${columns} from audit.saved_view where id = $1 and (owner_id = $2 or shared)`,
);

/** $1 id $2 owner $3 name $4 shared $5 filter $6 schedule $7 sealed recipient $8 next run $9 delivered to $10 now */
export const insertView = statement(
  'audit.insert_view',
  `insert into audit.saved_view (tenant_id, id, owner_id, name, shared, filter, schedule, sealed_recipient, next_run_at, delivered_to, created_at)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, $8, $9, $10)
   on conflict (tenant_id, owner_id, name) do nothing returning id`,
);

/** Only the owner's. $1 id $2 owner $3 name $4 shared $5 filter $6 schedule $7 sealed recipient $8 next run $9 delivered to */
export const updateView = statement(
  'audit.update_view',
  `update audit.saved_view set name = $3, shared = $4, filter = $5::jsonb, schedule = $6::jsonb, sealed_recipient = $7, next_run_at = $8,
     delivered_to = coalesce(delivered_to, $9), last_error = null
   where id = $1 and owner_id = $2`,
);

/** Only the owner's. $1 id $2 owner */
export const deleteView = statement(
  'audit.delete_view',
  `delete from audit.saved_view where id = $1 and owner_id = $2`,
);

/** Takes one that is due; the next run is set at once, so that nobody else takes it. $1 now $2 provisional next run */
export const takeDueView = statement(
  'audit.take_due_view',
  `update audit.saved_view v set next_run_at = $2 where id = (
     select id from audit.saved_view where next_run_at <= $1 order by next_run_at limit 1 for update skip locked)
   returning id, owner_id as "ownerId", name, filter, schedule, sealed_recipient as "sealedRecipient", delivered_to as "deliveredTo"`,
);

/** $1 id $2 next run $3 delivered to $4 now $5 error */
export const finishView = statement(
  'audit.finish_view',
  `update audit.saved_view set next_run_at = $2, delivered_to = coalesce($3, delivered_to), last_run_at = $4, last_error = $5
   where id = $1 and schedule is not null`,
);

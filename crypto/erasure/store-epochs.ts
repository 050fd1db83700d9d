import { statement } from '../../db/index.ts';

const epochColumns = `k.epoch, k.provider, k.state, k.created_at,
     coalesce(k.superseded_at, (select n.created_at from crypto.kek n where n.tenant_id = k.tenant_id and n.epoch = k.epoch + 1)) as superseded_at,
     k.destroy_at, k.destroyed_at, k.destroy_tried_at, k.destroy_error`;

/** $1 tenant: newest first */
export const readEpochLives = statement(
  'crypto.read_epoch_lives',
  `select ${epochColumns},
     (select count(*)::integer from crypto.dek d where d.tenant_id = k.tenant_id and d.epoch = k.epoch and d.state <> 'shredded') as keys
   from crypto.kek k where k.tenant_id = $1 order by k.epoch desc limit 1000`,
);

/** $1 tenant, $2 kids: every epoch under which one of the keys may stand wrapped in some backup */
export const readEpochsOfKeys = statement(
  'crypto.read_epochs_of_keys',
  `select distinct ${epochColumns}, 0 as keys
   from crypto.dek d join crypto.kek k on k.tenant_id = d.tenant_id and k.epoch <= d.epoch
   where d.tenant_id = $1 and d.kid = any($2::bytea[])
     and not exists (select from crypto.kek n where n.tenant_id = $1 and n.epoch = k.epoch + 1 and n.created_at <= d.created_at)`,
);

/** $1 tenant, $2 request: the same for every key that was destroyed for it, however many people and keys it had */
export const readEpochsOfRequest = statement(
  'crypto.read_epochs_of_request',
  `select distinct ${epochColumns}, 0 as keys
   from crypto.shred_ledger l
     join crypto.dek d on d.tenant_id = l.tenant_id and d.kid = l.kid
     join crypto.kek k on k.tenant_id = d.tenant_id and k.epoch <= d.epoch
   where l.tenant_id = $1 and l.request_id = $2
     and not exists (select from crypto.kek n where n.tenant_id = $1 and n.epoch = k.epoch + 1 and n.created_at <= d.created_at)`,
);

/** $1 tenant, $2 through epoch, $3 superseded before, $4 tried before: what may be destroyed now */
export const readDestroyable = statement(
  'crypto.read_destroyable_keks',
  `select ${epochColumns}, 0 as keys from crypto.kek k
   where k.tenant_id = $1 and k.state = 'superseded' and k.epoch <= $2
     and ($3::timestamptz is null or coalesce(k.superseded_at, (select n.created_at from crypto.kek n where n.tenant_id = k.tenant_id and n.epoch = k.epoch + 1)) <= $3)
     and (k.destroy_tried_at is null or k.destroy_tried_at <= $4)
     and not exists (select from crypto.dek d where d.tenant_id = k.tenant_id and d.epoch = k.epoch and d.state <> 'shredded')
   order by k.epoch limit 1000`,
);

/** $1 tenant, $2 now, $3 tried before: what the provider was to have destroyed by now */
export const readDueScheduled = statement(
  'crypto.read_due_scheduled_keks',
  `select ${epochColumns}, 0 as keys from crypto.kek k
   where k.tenant_id = $1 and k.state = 'scheduled' and k.destroy_at <= $2
     and (k.destroy_tried_at is null or k.destroy_tried_at <= $3) order by k.epoch limit 1000`,
);

/** $1 tenant, $2 epoch, $3 state, $4 destroy at, $5 destroyed at, $6 now */
export const markEpochEnding = statement(
  'crypto.mark_kek_ending',
  `update crypto.kek set state = $3, destroy_at = $4, destroyed_at = $5, destroy_tried_at = $6, destroy_error = null
   where tenant_id = $1 and epoch = $2 and state in ('superseded', 'scheduled') and state <> $3 returning epoch`,
);

/** $1 tenant, $2 epoch, $3 now, $4 error */
export const noteDestroyFailed = statement(
  'crypto.note_kek_destroy_failed',
  `update crypto.kek set destroy_tried_at = $3, destroy_error = $4
   where tenant_id = $1 and epoch = $2 and state in ('superseded', 'scheduled')`,
);

/** $1 tenant */
export const readSchedule = statement(
  'crypto.read_life_schedule',
  `select rotate_every_days, retire_after_days, approval_id, changed_at from crypto.life_schedule where tenant_id = $1`,
);

/** $1 tenant, $2 rotate every days, $3 retire after days, $4 approval, $5 now */
export const writeSchedule = statement(
  'crypto.write_life_schedule',
  `insert into crypto.life_schedule (tenant_id, rotate_every_days, retire_after_days, approval_id, changed_at) values ($1, $2, $3, $4, $5)
   on conflict (tenant_id) do update set rotate_every_days = excluded.rotate_every_days,
     retire_after_days = excluded.retire_after_days, approval_id = excluded.approval_id, changed_at = excluded.changed_at`,
);

/** $1 tenant, $2 rotate every days, $3 retire after days, $4 now: only where there is none */
export const adoptSchedule = statement(
  'crypto.adopt_life_schedule',
  `insert into crypto.life_schedule (tenant_id, rotate_every_days, retire_after_days, changed_at) values ($1, $2, $3, $4)
   on conflict (tenant_id) do nothing`,
);

/** $1 tenant, $2 id, $3 through epoch, $4 begun by, $5 now */
export const insertRetirement = statement(
  'crypto.insert_retirement',
  `insert into crypto.retirement (tenant_id, id, through_epoch, begun_by, begun_at) values ($1, $2, $3, $4, $5)`,
);

/** $1 tenant */
export const readOpenRetirements = statement(
  'crypto.read_open_retirements',
  `select id, through_epoch, begun_by, begun_at, error from crypto.retirement
   where tenant_id = $1 and state = 'running' order by begun_at limit 100`,
);

/** $1 tenant, $2 id, $3 error */
export const noteRetirement = statement(
  'crypto.note_retirement',
  `update crypto.retirement set error = $3 where tenant_id = $1 and id = $2 and state = 'running'`,
);

/** $1 tenant, $2 id, $3 now */
export const finishRetirement = statement(
  'crypto.finish_retirement',
  `update crypto.retirement set state = 'done', finished_at = $3, error = null
   where tenant_id = $1 and id = $2 and state = 'running'
     and not exists (select from crypto.kek k where k.tenant_id = $1 and k.epoch <= through_epoch and k.state not in ('scheduled', 'destroyed'))`,
);

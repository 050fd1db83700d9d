import { statement } from '../../db/index.ts';

/** Whoever prunes or destroys keys holds this with others; whoever places a hold waits for them, and they for him. $1 tenant */
export const shareHoldLock = statement(
  'audit.share_hold_lock',
  `select pg_advisory_xact_lock_shared(hashtextextended('audit.hold:' || $1::text, 0))`,
);

/** Alone: no pruning and no shredding is under way, and none begins before this commits. $1 tenant */
export const takeHoldLock = statement(
  'audit.take_hold_lock',
  `select pg_advisory_xact_lock(hashtextextended('audit.hold:' || $1::text, 0))`,
);

/** Places a hold. */
export const insertHold = statement(
  'audit.insert_hold',
  `insert into audit.hold (tenant_id, id, kind, subject_id, actor_id, from_at, to_at, reason, until, placed_by, placed_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
);

const columns = `h.id, h.kind, h.subject_id as "subjectId", h.actor_id as "actorId", h.from_at as "fromAt", h.to_at as "toAt", h.reason,
  h.until, h.placed_by as "placedBy", h.placed_at as "placedAt", r.released_at as "releasedAt", r.approved_by as "approvedBy"`;
const joined = `audit.hold h left join audit.hold_release r on r.tenant_id = h.tenant_id and r.hold_id = h.id`;

/** Holds, newest first; ids rise with time. $1 tenant $2 before id or null $3 limit $4 now, or null for all of them */
export const selectHolds = statement(
  'audit.select_holds',
  `select ${columns} from ${joined} where h.tenant_id = $1 and ($2::uuid is null or h.id < $2)
     and ($4::timestamptz is null or (r.hold_id is null and (h.until is null or h.until > $4)))
   order by h.id desc limit $3`,
);

/** $1 tenant $2 id */
export const selectHold = statement(
  'audit.select_hold',
  `select ${columns} from ${joined} where h.tenant_id = $1 and h.id = $2`,
);

/** Lifts a hold; none when somebody was faster. */
export const insertHoldRelease = statement(
  'audit.insert_hold_release',
  `insert into audit.hold_release (tenant_id, hold_id, approval_id, proposed_by, approved_by, released_at)
   values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, hold_id) do nothing`,
);

/**
 * Of some people those that a hold concerns: by name, as actor, by what an actor did to them, by an event in a time.
 * $1 tenant $2 people $3 now
 */
export const selectHeldSubjects = statement(
  'audit.select_held_subjects',
  `select s.id::text as "subjectId", held.id::text as "holdId", held.until
   from unnest($2::uuid[]) as s (id) cross join lateral (
     select h.id, h.until from ${joined}
     where h.tenant_id = $1 and r.hold_id is null and (h.until is null or h.until > $3::timestamptz) and (
       h.kind = 'log' or h.subject_id = s.id or h.actor_id = s.id::text
       or (h.kind in ('actor', 'time') and exists (
         select from audit.entry_subject x join audit.entry e on e.tenant_id = x.tenant_id and e.seq = x.seq
         where x.tenant_id = $1 and x.subject_id = s.id
           and (e.actor_id = h.actor_id or (e.occurred_at >= h.from_at and e.occurred_at < h.to_at))))
       or (h.kind = 'time' and exists (
         select from audit.entry e
         where e.tenant_id = $1 and e.actor_id = s.id::text and e.occurred_at >= h.from_at and e.occurred_at < h.to_at))
       or (h.kind in ('actor', 'time') and exists (
         select from audit.pending p
         where p.tenant_id = $1 and (s.id = any(p.subjects) or p.actor_id = s.id::text)
           and (p.actor_id = h.actor_id or (p.occurred_at >= h.from_at and p.occurred_at < h.to_at)))))
     order by h.id limit 1) held`,
);

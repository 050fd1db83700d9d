import { statement } from '../db/index.ts';

/** The head with everything it says. */
export const selectHeadRow = statement(
  'audit.select_head_row',
  `select size, root, frontier, checkpoint as note from audit.head where tenant_id = $1`,
);

/** Everything the verifier compares, in order; subjects are read beside it. */
export const selectForVerification = statement(
  'audit.select_for_verification',
  `select seq, id, occurred_at as "occurredAt", received_at as "receivedAt", action, outcome, actor_id as "actorId", targets,
     idempotency_key as "idempotencyKey", leaf_hash as "leafHash", body
   from audit.entry where tenant_id = $1 and seq >= $2 order by seq limit $3`,
);

/** Which of these (person, entry) pairs stand in the histories. */
export const selectSubjectsOf = statement(
  'audit.select_subjects_of',
  `select s.seq, s.subject_id as "subjectId" from audit.entry_subject s
   join unnest($2::uuid[], $3::bigint[]) as g(subject_id, seq) on s.subject_id = g.subject_id and s.seq = g.seq
   where s.tenant_id = $1`,
);

/** How many rows the histories have. */
export const countSubjects = statement(
  'audit.count_subjects',
  `select count(*)::integer as count from audit.entry_subject where tenant_id = $1`,
);

/** The first row of a history that no event explains; slow, only asked when the counts differ. */
export const selectStraySubject = statement(
  'audit.select_stray_subject',
  `select s.seq from audit.entry_subject s
   left join audit.entry e on e.tenant_id = s.tenant_id and e.seq = s.seq
   where s.tenant_id = $1 and (e.seq is null or position(convert_to(s.subject_id::text, 'UTF8') in e.body) = 0)
   order by s.seq limit 1`,
);

/** A stored tile with the root of its subtree. */
export const selectTileWithRoot = statement(
  'audit.select_tile_with_root',
  `select hashes, root from audit.tile where tenant_id = $1 and level = $2 and index = $3`,
);

/** Checkpoints kept, in order. */
export const selectCheckpoints = statement(
  'audit.select_checkpoints',
  `select size, root, note from audit.checkpoint where tenant_id = $1 and size > $2 order by size limit $3`,
);

import { statement } from '../db/index.ts';

// Not in a store file: PREPARE does not take COPY, so the test of the statements cannot look at them; the append test runs them.

/** Binary COPY of entries, columns in this order. */
export const copyEntries = statement(
  'audit.copy_entries',
  `copy audit.entry (tenant_id, seq, id, occurred_at, received_at, action, outcome, actor_id, targets, idempotency_key, leaf_hash, body) from stdin (format binary)`,
);

/** Binary COPY of subjects, columns in this order. */
export const copySubjects = statement(
  'audit.copy_subjects',
  `copy audit.entry_subject (tenant_id, subject_id, seq) from stdin (format binary)`,
);

import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const place = {
  migrationId: z.string().max(36),
  service: z.string().max(128),
  collection: z.string().max(128),
  field: z.string().max(128),
};
const state = z.enum(['none', 'dual_write', 'backfilled', 'verified', 'cut_over', 'reverted']);

/** A migration went a step on or back. */
export const columnStateChanged = defineEvent({
  action: 'crypto.column_state_changed',
  version: 1,
  category: 'key',
  summary: 'The encryption of an existing column went a step on or back for this tenant.',
  detail: z.object({ ...place, from: state, to: state, sealed: z.number().int().min(0) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Every ciphertext of a column was opened and compared with its plaintext. */
export const columnVerified = defineEvent({
  action: 'crypto.column_verified',
  version: 1,
  category: 'key',
  summary: 'Every ciphertext of a column that is being encrypted was opened and compared with its plaintext.',
  detail: z.object({
    ...place,
    checked: z.number().int().min(0),
    differing: z.number().int().min(0),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Two people agreed that the plaintext column goes. */
export const columnDropApproved = defineEvent({
  action: 'crypto.column_drop_approved',
  version: 1,
  category: 'key',
  summary: 'Two people agreed that the plaintext column of an encrypted field is dropped.',
  detail: z.object({ ...place, proposalId: z.string().max(200) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** The plaintext column is gone; backups from before still hold it. */
export const columnPlaintextDropped = defineEvent({
  action: 'crypto.column_plaintext_dropped',
  version: 1,
  category: 'key',
  summary: 'The plaintext column of an encrypted field was dropped; backups from before still hold it.',
  detail: z.object({ ...place, droppedAt: z.iso.datetime() }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** Every event of column migrations. */
export const columnEvents: readonly EventDefinition[] = Object.freeze([
  columnStateChanged,
  columnVerified,
  columnDropApproved,
  columnPlaintextDropped,
]);

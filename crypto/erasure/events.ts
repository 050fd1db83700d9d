import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** The provider has named the day on which it destroys an epoch. */
export const epochScheduled = defineEvent({
  action: 'crypto.epoch_destruction_scheduled',
  version: 1,
  category: 'key',
  summary:
    'The root provider will destroy a superseded key-encryption key on the day named; backups open until then.',
  detail: z.object({ epoch: z.number().int(), provider: z.string().max(100), destroyAt: z.iso.datetime() }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** The provider did not destroy an epoch. */
export const epochNotDestroyed = defineEvent({
  action: 'crypto.epoch_destruction_failed',
  version: 1,
  category: 'key',
  summary: 'The root provider did not destroy a superseded key-encryption key; it is asked again.',
  detail: z.object({ epoch: z.number().int(), provider: z.string().max(100), code: z.string().max(100) }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** The standing schedule of a tenant was laid down or changed. */
export const scheduleChanged = defineEvent({
  action: 'crypto.life_schedule_changed',
  version: 1,
  category: 'key',
  summary: 'When key epochs are rotated and destroyed by themselves was laid down anew.',
  detail: z.object({
    rotateEveryDays: z.number().int().nullable(),
    retireAfterDays: z.number().int().nullable(),
    approvalId: z.string().max(36).nullable(),
  }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Two people want epochs destroyed. */
export const retirementBegun = defineEvent({
  action: 'crypto.retirement_begun',
  version: 1,
  category: 'key',
  summary: 'Key epochs are being retired: their data keys move on, then the provider destroys them.',
  detail: z.object({ approvalId: z.string().max(36), throughEpoch: z.number().int() }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** All of them are destroyed, or their destruction has a day. */
export const retirementFinished = defineEvent({
  action: 'crypto.retirement_finished',
  version: 1,
  category: 'key',
  summary: 'Every epoch of a retirement is destroyed at the provider, or the provider has named the day.',
  detail: z.object({ approvalId: z.string().max(36), throughEpoch: z.number().int() }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** A database was older than the shred ledger. */
export const ledgerReplayed = defineEvent({
  action: 'crypto.ledger_replayed',
  version: 1,
  category: 'key',
  summary:
    'Keys that the shred ledger knew as destroyed were there again, as after a restore, and were destroyed anew; rows of these requests must be deleted again.',
  detail: z.object({
    kids: z.array(z.string().length(16)).max(500),
    requests: z.array(z.string().max(200)).max(500),
  }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** The ledger outside the database is not what it was. */
export const ledgerDamaged = defineEvent({
  action: 'crypto.ledger_damaged',
  version: 1,
  category: 'key',
  summary: 'A file of the shred ledger is missing, shorter, changed or signed by an unknown key.',
  detail: z.object({
    findings: z.array(z.object({ file: z.string().max(200), fault: z.string().max(40) })).max(100),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Every event of this folder. */
export const erasureEvents: readonly EventDefinition[] = Object.freeze([
  epochScheduled,
  epochNotDestroyed,
  scheduleChanged,
  retirementBegun,
  retirementFinished,
  ledgerReplayed,
  ledgerDamaged,
]);

import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** A legal hold began. */
export const holdPlaced = defineEvent({
  action: 'audit.hold_placed',
  version: 1,
  category: 'administration',
  summary: 'A legal hold was placed; what it names is neither pruned nor made unreadable.',
  detail: z.strictObject({
    holdId: z.uuid(),
    scope: z.string().max(300),
    reason: z.string().max(500),
    until: z.iso.datetime().nullable(),
  }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** Two people lifted a legal hold. */
export const holdReleased = defineEvent({
  action: 'audit.hold_released',
  version: 1,
  category: 'administration',
  summary: 'A legal hold was released by two people.',
  detail: z.strictObject({ holdId: z.uuid(), approvalId: z.uuid(), proposedBy: z.uuid() }),
  ocsf: { classUid: 3004, activityId: 4 },
});

const runId = z.uuid();
const seq = z.int().nonnegative();

/** Two people decided how long entries are kept. */
export const retentionChanged = defineEvent({
  action: 'audit.retention_changed',
  version: 1,
  category: 'administration',
  summary: 'How long the entries of the trail are kept was changed by two people.',
  detail: z.strictObject({
    revision: z.int().positive(),
    days: z.record(z.string().max(30), z.int()),
    approvalId: z.uuid(),
    proposedBy: z.uuid(),
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** A pruning run began: the minimum index of the log is its floor from now on. */
export const pruneBegun = defineEvent({
  action: 'audit.prune_begun',
  version: 1,
  category: 'administration',
  summary: 'Pruning of the trail began; entries below the floor go as the policy says.',
  detail: z.strictObject({
    runId,
    floor: seq,
    policyRevision: z.int().positive(),
    approvalId: z.uuid(),
    standing: z.boolean(),
    /** Receivers whose cursor stands below the floor: they do not get what is removed. */
    sinksBehind: z.int().nonnegative(),
  }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** One batch of entries was removed; the digest covers the bitmaps that say which. */
export const entriesPruned = defineEvent({
  action: 'audit.entries_pruned',
  version: 1,
  category: 'administration',
  summary: 'Entries of the trail were removed as the retention policy says; their hashes stay.',
  detail: z.strictObject({
    runId,
    from: seq,
    to: seq,
    removed: z.int().positive(),
    kept: z.int().nonnegative(),
    digest: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** Every event of this folder. */
export const keepingEvents: readonly EventDefinition[] = Object.freeze([
  holdPlaced,
  holdReleased,
  retentionChanged,
  pruneBegun,
  entriesPruned,
]);

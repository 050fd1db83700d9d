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

/** Every event of this folder. */
export const keepingEvents: readonly EventDefinition[] = Object.freeze([holdPlaced, holdReleased]);

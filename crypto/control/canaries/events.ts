import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../../kernel/index.ts';

/** Somebody laid out a canary. */
export const canaryPlanted = defineEvent({
  action: 'crypto.canary_planted',
  version: 1,
  category: 'key',
  summary: 'A canary was laid out: a ciphertext that nobody has a reason to open.',
  detail: z.object({
    canaryId: z.string().max(36),
    kid: z.string().length(16),
    collection: z.string().max(300),
    inserted: z.boolean(),
  }),
  ocsf: { classUid: 6003, activityId: 1 },
});

/** Somebody opened a canary: an alert. */
export const poisonOpened = defineEvent({
  action: 'crypto.poison_opened',
  version: 1,
  category: 'key',
  summary: 'A canary was opened: somebody reads ciphertext that nobody has a reason to read.',
  detail: z.object({
    severity: z.literal('high'),
    canaryId: z.string().max(36).nullable(),
    kid: z.string().length(16),
    collection: z.string().max(300),
    field: z.string().max(200),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Every event of this folder. */
export const canaryEvents: readonly EventDefinition[] = Object.freeze([canaryPlanted, poisonOpened]);

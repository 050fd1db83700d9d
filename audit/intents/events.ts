import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const intent = { intentId: z.uuid(), effect: z.string().max(100) };

/** Something is about to be done outside the house. */
export const effectIntent = defineEvent({
  action: 'audit.effect_intent',
  version: 1,
  category: 'system',
  summary: 'An effect outside the house is about to be brought about.',
  detail: z.strictObject(intent),
  ocsf: { classUid: 6003, activityId: 99 },
});

/** How it went. */
export const effectOutcome = defineEvent({
  action: 'audit.effect_outcome',
  version: 1,
  category: 'system',
  summary: 'An effect outside the house was brought about, or was not; the outcome says which.',
  detail: z.strictObject(intent),
  ocsf: { classUid: 6003, activityId: 99 },
});

/** Nobody said how it went: perhaps it was done, perhaps not. */
export const intentOrphaned = defineEvent({
  action: 'audit.intent_orphaned',
  version: 1,
  category: 'system',
  summary: 'An effect outside the house was begun and nobody said how it went; look whether it was done.',
  detail: z.strictObject({ ...intent, begunAt: z.iso.datetime() }),
  ocsf: { classUid: 2004, activityId: 1 },
});

/** Every event of this folder. */
export const intentEvents: readonly EventDefinition[] = Object.freeze([
  effectIntent,
  effectOutcome,
  intentOrphaned,
]);

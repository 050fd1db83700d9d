import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** A log was verified from end to end, or should have been. */
export const logVerified = defineEvent({
  action: 'audit.log_verified',
  version: 1,
  category: 'system',
  summary: 'The whole log was verified where it is stored; the outcome says whether it is sound.',
  detail: z.strictObject({
    state: z.enum(['sound', 'unsound', 'too_large', 'failed']),
    size: z.int().nonnegative(),
    findings: z.int().nonnegative(),
    firstBadSeq: z.int().nonnegative().nullable(),
    milliseconds: z.int().nonnegative(),
  }),
  ocsf: { classUid: 2003, activityId: 1 },
});

/** Every event of this folder. */
export const healthEvents: readonly EventDefinition[] = Object.freeze([logVerified]);

import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** What happens to reads that cannot be recorded was decided. */
export const failureChoiceChanged = defineEvent({
  action: 'audit.failure_choice_changed',
  version: 1,
  category: 'administration',
  summary: 'It was decided whether reads go on while the trail cannot be written.',
  detail: z.strictObject({ reads: z.enum(['closed', 'spooled']) }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Records of reads that waited on disk entered the log. */
export const spoolReplayed = defineEvent({
  action: 'audit.spool_replayed',
  version: 1,
  category: 'system',
  summary: 'Reads that were recorded on disk while the trail could not be written entered the log.',
  detail: z.strictObject({
    file: z.string().max(100),
    count: z.int().nonnegative(),
    firstAt: z.iso.datetime().nullable(),
    lastAt: z.iso.datetime().nullable(),
    /** Lines that were changed or are missing. */
    damaged: z.int().nonnegative(),
  }),
  ocsf: { classUid: 6002, activityId: 99 },
});

/** Every event of this folder. */
export const spoolEvents: readonly EventDefinition[] = Object.freeze([failureChoiceChanged, spoolReplayed]);

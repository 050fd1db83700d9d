import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** New data keys or index keys take the place of older ones. */
export const keyJobStarted = defineEvent({
  action: 'crypto.key_job_started',
  version: 1,
  category: 'key',
  summary:
    'Data keys or index keys are being replaced; what they protect is sealed again under the new ones.',
  detail: z.object({
    kind: z.enum(['rewrap', 'data_key', 'blind_index']),
    scope: z.enum(['person', 'purpose', 'overdue', 'index', 'epoch']),
    things: z.number().int().min(0),
  }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** What was begun has ended. */
export const keyJobFinished = defineEvent({
  action: 'crypto.key_job_finished',
  version: 1,
  category: 'key',
  summary: 'Data keys or index keys were replaced, and what they protect is sealed under the new ones.',
  detail: z.object({ kind: z.enum(['rewrap', 'data_key', 'blind_index']), done: z.number().int().min(0) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Events of this folder. */
export const rotationEvents: readonly EventDefinition[] = Object.freeze([keyJobStarted, keyJobFinished]);

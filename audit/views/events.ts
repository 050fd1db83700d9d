import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** A search was kept, changed or forgotten; its schedule decides what leaves by mail. */
export const viewChanged = defineEvent({
  action: 'audit.view_changed',
  version: 1,
  category: 'administration',
  summary: 'A saved view of the audit trail was made, changed or removed.',
  detail: z.strictObject({
    viewId: z.uuid(),
    change: z.enum(['created', 'replaced', 'removed']),
    shared: z.boolean(),
    scheduled: z.boolean(),
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Every event of this folder. */
export const viewEvents: readonly EventDefinition[] = Object.freeze([viewChanged]);

import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** Values were opened to judge an index. */
export const indexAdvised = defineEvent({
  action: 'crypto.index_advised',
  version: 1,
  category: 'key',
  summary:
    'A sample of an encrypted field was opened in the process to judge which indexes are safe; only numbers left it.',
  detail: z.object({
    collection: z.string().max(300),
    field: z.string().max(200),
    sampled: z.number().int().min(0),
    verdict: z.enum(['safe', 'low_cardinality', 'skewed', 'too_few']),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Events of this folder. */
export const searchEvents: readonly EventDefinition[] = Object.freeze([indexAdvised]);

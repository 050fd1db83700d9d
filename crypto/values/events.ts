import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const detail = z.object({
  items: z.number().int().min(0),
  refused: z.number().int().min(0),
  /** Where the values belong, `service.collection`. */
  collections: z.array(z.string().max(130)).max(200),
  purposes: z.array(z.string().max(63)).max(200),
  /** How often each code was answered. */
  codes: z.record(z.string().max(60), z.number().int()),
});

/** Values were sealed over HTTP. */
export const valuesSealed = defineEvent({
  action: 'crypto.values_sealed',
  version: 1,
  category: 'data',
  summary: 'A service had values encrypted; each batch is one event.',
  detail,
  ocsf: { classUid: 6003, activityId: 1 },
});

/** Values were opened over HTTP. */
export const valuesOpened = defineEvent({
  action: 'crypto.values_opened',
  version: 1,
  category: 'data',
  summary:
    'A service had values decrypted; each batch is one event, and each refusal has its cause in crypto.value_refused.',
  detail,
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Terms of blind indexes were made over HTTP. */
export const valuesIndexed = defineEvent({
  action: 'crypto.values_indexed',
  version: 1,
  category: 'data',
  summary: 'A service had terms of blind indexes made, to search or to store; each batch is one event.',
  detail,
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Every event of this folder. */
export const valuesEvents: readonly EventDefinition[] = Object.freeze([
  valuesSealed,
  valuesOpened,
  valuesIndexed,
]);

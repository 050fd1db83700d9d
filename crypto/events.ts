import { z } from 'zod';
import { rotationEvents } from './rotation/events.ts';
import { searchEvents } from './search/events.ts';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';
import { providerEvents } from './providers/events.ts';
import { columnEvents } from './columns/events.ts';
import { canaryEvents } from './control/canaries/events.ts';
import { controlEvents } from './control/events.ts';
import { erasureEvents } from './erasure/events.ts';
import { escrowEvents } from './escrow/events.ts';
import { pkiEvents } from './pki/events.ts';
import { valuesEvents } from './values/events.ts';

/** Keys of people were destroyed; what they sealed is gone. */
export const keysShredded = defineEvent({
  action: 'crypto.keys_shredded',
  version: 1,
  category: 'key',
  summary: 'The encryption keys of one or more people were destroyed; their data can no longer be read.',
  detail: z.object({
    requestId: z.string().max(200),
    reason: z.string().max(500),
    kids: z.array(z.string().length(16)).max(20_000),
    ledgerIds: z.array(z.string().max(36)).max(20_000),
    withoutKey: z.number().int().min(0),
  }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** A rotation began: a new epoch wraps new keys. */
export const rotationStarted = defineEvent({
  action: 'crypto.rotation_started',
  version: 1,
  category: 'key',
  summary: 'A new key-encryption key of the tenant was made; its data keys are being wrapped again.',
  detail: z.object({ epoch: z.number().int(), previousEpoch: z.number().int() }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** A rotation ended: no data key is left on an older epoch. */
export const rotationFinished = defineEvent({
  action: 'crypto.rotation_finished',
  version: 1,
  category: 'key',
  summary: 'Every data key of the tenant is wrapped under its newest key-encryption key.',
  detail: z.object({ epoch: z.number().int(), rewrapped: z.number().int() }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** The root provider forgot an epoch: nothing that was wrapped under it opens again, backups included. */
export const epochDestroyed = defineEvent({
  action: 'crypto.epoch_destroyed',
  version: 1,
  category: 'key',
  summary:
    'A superseded key-encryption key of the tenant was destroyed at the root provider; no backup opens it again.',
  detail: z.object({ epoch: z.number().int(), provider: z.string().max(100) }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** A stored value did not decrypt: damaged, moved or forged. */
export const dataUnreadable = defineEvent({
  action: 'crypto.value_refused',
  version: 1,
  category: 'key',
  summary: 'A stored value did not decrypt: it is damaged, was moved from its place, or was forged.',
  detail: z.object({
    cause: z.enum([
      'format',
      'unknown_key',
      'scope',
      'authentication',
      'packing',
      'encoding',
      'data_key',
      'tenant_key',
    ]),
    kid: z.string().length(16).nullable(),
    collection: z.string().max(300),
    field: z.string().max(200),
  }),
  ocsf: { classUid: 6005, activityId: 10 },
});

/** Every event of this room. */
export const cryptoEvents: readonly EventDefinition[] = Object.freeze([
  keysShredded,
  rotationStarted,
  rotationFinished,
  epochDestroyed,
  dataUnreadable,
  ...rotationEvents,
  ...searchEvents,
  ...providerEvents,
  ...controlEvents,
  ...canaryEvents,
  ...erasureEvents,
  ...escrowEvents,
  ...valuesEvents,
  ...columnEvents,
  ...pkiEvents,
]);

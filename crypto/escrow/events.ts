import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** Keys are about to leave the house, sealed to somebody else's key; written before they do. */
export const keysExported = defineEvent({
  action: 'crypto.keys_exported',
  version: 1,
  category: 'key',
  summary:
    'Two people had the key-encryption keys of the tenant sealed to a public key of theirs; whoever holds its private half opens everything of the tenant.',
  detail: z.object({
    approvalId: z.string().max(36),
    format: z.enum(['jwe', 'rsa-aes-key-wrap']),
    recipient: z.string().max(64),
    epochs: z.array(z.number().int()).max(200),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Events of exporting keys. */
export const escrowEvents: readonly EventDefinition[] = Object.freeze([keysExported]);

import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

/** A root provider was asked to wrap, unwrap or forget a tenant's key. */
export const providerCalled = defineEvent({
  action: 'crypto.provider_called',
  version: 1,
  category: 'key',
  summary: 'A root key provider was asked to wrap, unwrap or forget a key-encryption key of a tenant.',
  detail: z.object({
    provider: z.string().max(100),
    operation: z.enum(['wrap', 'unwrap', 'schedule_destroy']),
    epoch: z.number().int(),
    outcome: z.enum([
      'success',
      'timed_out',
      'unavailable',
      'revoked',
      'failed',
      'wrong_answer',
      'abandoned',
    ]),
    attempts: z.number().int().min(1),
    milliseconds: z.number().int().min(0),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

const name = z.string().max(100);

/** A tenant laid down a key service of its own. */
export const providerConfigured = defineEvent({
  action: 'crypto.provider_configured',
  version: 1,
  category: 'key',
  summary: 'A root key provider of the tenant was configured; nothing uses it yet.',
  detail: z.object({ provider: name, kind: name }),
  ocsf: { classUid: 6003, activityId: 1 },
});

/** A provider was tried with a key that nobody uses. */
export const providerTried = defineEvent({
  action: 'crypto.provider_tried',
  version: 1,
  category: 'key',
  summary: 'A root key provider was tried with a key that nobody uses.',
  detail: z.object({ provider: name, ok: z.boolean(), failedStep: name.nullable() }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** From now on another provider wraps the tenant's epochs. */
export const providerChanged = defineEvent({
  action: 'crypto.provider_changed',
  version: 1,
  category: 'key',
  summary: 'Two people let another root key provider wrap the key-encryption keys of the tenant.',
  detail: z.object({ from: name, to: name, proposalId: z.string().max(36), proposedBy: z.string().max(36) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** A provider was forgotten. */
export const providerRemoved = defineEvent({
  action: 'crypto.provider_removed',
  version: 1,
  category: 'key',
  summary: 'A root key provider of the tenant that no epoch needed any more was forgotten.',
  detail: z.object({ provider: name }),
  ocsf: { classUid: 6003, activityId: 4 },
});

/** Enough people gave their shares, and the house opened. */
export const houseUnsealed = defineEvent({
  action: 'crypto.house_unsealed',
  version: 1,
  category: 'key',
  summary: 'Enough shares of the root key were given, and the house opened.',
  detail: z.object({
    threshold: z.number().int(),
    shares: z.number().int(),
    givenAt: z.array(z.iso.datetime()).max(20),
    refused: z.number().int(),
  }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Every event of this folder. */
export const providerEvents: readonly EventDefinition[] = Object.freeze([
  providerCalled,
  providerConfigured,
  providerTried,
  providerChanged,
  providerRemoved,
  houseUnsealed,
]);

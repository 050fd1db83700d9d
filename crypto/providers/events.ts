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

/** Every event of this folder. */
export const providerEvents: readonly EventDefinition[] = Object.freeze([providerCalled]);

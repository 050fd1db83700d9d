import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';

const revision = z.number().int().nonnegative();

/** A role was made, replaced or removed. */
export const roleChanged = defineEvent({
  action: 'policy.role_changed',
  version: 1,
  category: 'administration',
  summary: 'A role and its rules were changed',
  detail: z.object({
    role: z.string(),
    change: z.enum(['installed', 'replaced', 'removed']),
    rules: z.number().int().nonnegative(),
    rulesSha256: z.string(),
    revision,
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Somebody was given a role. */
export const grantCreated = defineEvent({
  action: 'policy.grant_created',
  version: 1,
  category: 'administration',
  summary: 'A role was granted',
  detail: z.object({ grantId: z.string(), role: z.string(), expiresAt: z.string().nullable(), revision }),
  ocsf: { classUid: 3005, activityId: 1 },
});

/** A role was taken away. */
export const grantRevoked = defineEvent({
  action: 'policy.grant_revoked',
  version: 1,
  category: 'administration',
  summary: 'A granted role was taken away',
  detail: z.object({ grantId: z.string(), role: z.string(), revision }),
  ocsf: { classUid: 3005, activityId: 2 },
});

/** A subject of a tenant's own application was stored or removed. */
export const subjectChanged = defineEvent({
  action: 'policy.subject_changed',
  version: 1,
  category: 'administration',
  summary: 'A subject of an own application was changed',
  detail: z.object({
    subjectHash: z.string(),
    roles: z.array(z.string()),
    change: z.enum(['stored', 'removed']),
    revision,
  }),
  ocsf: { classUid: 3005, activityId: 1 },
});

/** A resource type of a tenant's own application was stored. */
export const resourceTypeChanged = defineEvent({
  action: 'policy.resource_type_changed',
  version: 1,
  category: 'administration',
  summary: 'A resource type of an own application was changed',
  detail: z.object({ type: z.string(), fields: z.number().int().nonnegative(), revision }),
  ocsf: { classUid: 3004, activityId: 3 },
});

const item = z.object({
  action: z.string(),
  resourceType: z.string(),
  subjectHash: z.string(),
  resourceHash: z.string(),
  decision: z.boolean(),
  code: z.string(),
  rule: z.string().nullable(),
});

/** Someone asked for a decision over AuthZEN or `explain`. */
export const evaluated = defineEvent({
  action: 'policy.evaluated',
  version: 1,
  category: 'access',
  summary: 'An access evaluation was answered',
  detail: item,
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Someone asked for several decisions at once. */
export const batchEvaluated = defineEvent({
  action: 'policy.batch_evaluated',
  version: 1,
  category: 'access',
  summary: 'A batch of access evaluations was answered',
  detail: z.object({
    semantic: z.string(),
    allowed: z.number().int(),
    denied: z.number().int(),
    items: z.array(item).max(100),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** All events of this room. */
export const policyEvents: readonly EventDefinition[] = Object.freeze([
  roleChanged,
  grantCreated,
  grantRevoked,
  subjectChanged,
  resourceTypeChanged,
  evaluated,
  batchEvaluated,
]);

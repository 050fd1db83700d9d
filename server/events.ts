import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';

/** A call was refused by policy before its handler ran. */
export const routeDenied = defineEvent({
  action: 'server.route_denied',
  version: 1,
  category: 'access',
  summary: 'A call was refused by policy',
  detail: z.strictObject({ method: z.string().max(10), path: z.string().max(200) }),
  ocsf: { classUid: 6003, activityId: 99 },
});

/** The process began to serve. */
export const houseStarted = defineEvent({
  action: 'server.house_started',
  version: 1,
  category: 'system',
  summary: 'A Gatehouse process started',
  detail: z.strictObject({ version: z.string().max(50), mode: z.string().max(20) }),
  ocsf: { classUid: 6002, activityId: 3 },
});

/** The process stopped in order. */
export const houseStopped = defineEvent({
  action: 'server.house_stopped',
  version: 1,
  category: 'system',
  summary: 'A Gatehouse process stopped',
  detail: z.strictObject({ reason: z.string().max(50) }),
  ocsf: { classUid: 6002, activityId: 4 },
});

/** A customer organisation was added. */
export const tenantCreated = defineEvent({
  action: 'server.tenant_created',
  version: 1,
  category: 'administration',
  summary: 'A tenant was created',
  detail: z.strictObject({ slug: z.string().max(63) }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** Every event of this room. */
export const serverEvents: readonly EventDefinition[] = Object.freeze([
  routeDenied,
  houseStarted,
  houseStopped,
  tenantCreated,
]);

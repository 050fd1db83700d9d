import { z } from 'zod';
import { defineEvent } from '../kernel/index.ts';

const name = z.string().max(128);
const names = z.array(name).max(2_000);
const place = { service: name, collection: name, purpose: name.nullable() };

/** Rows left the gateway. */
export const recordsRead = defineEvent({
  action: 'gateway.records_read',
  version: 1,
  category: 'data',
  summary: 'Records of a data service were read',
  detail: z.strictObject({
    ...place,
    operation: z.enum(['list', 'get']),
    count: z.int().min(0),
    fields: names,
    masked: names,
    filters: names,
  }),
  // OCSF 1.8.0: Datastore Activity, Read
  ocsf: { classUid: 6005, activityId: 1 },
});

/** A row was added. */
export const recordCreated = defineEvent({
  action: 'gateway.record_created',
  version: 1,
  category: 'data',
  summary: 'A record of a data service was created',
  detail: z.strictObject({ ...place, fields: names, returned: names }),
  ocsf: { classUid: 6005, activityId: 6 },
});

/** Fields of a row were replaced. */
export const recordUpdated = defineEvent({
  action: 'gateway.record_updated',
  version: 1,
  category: 'data',
  summary: 'A record of a data service was changed',
  detail: z.strictObject({ ...place, fields: names, returned: names }),
  ocsf: { classUid: 6005, activityId: 2 },
});

/** A row was removed. */
export const recordDeleted = defineEvent({
  action: 'gateway.record_deleted',
  version: 1,
  category: 'data',
  summary: 'A record of a data service was deleted',
  detail: z.strictObject({ ...place }),
  ocsf: { classUid: 6005, activityId: 7 },
});

/** A call was refused by decision, obligation, suppression or restriction. */
export const accessDenied = defineEvent({
  action: 'gateway.access_denied',
  version: 1,
  category: 'access',
  summary: 'A call to a data service was refused',
  detail: z.strictObject({ ...place, operation: z.enum(['read', 'create', 'update', 'delete']), code: name }),
  ocsf: { classUid: 6003, activityId: 99 },
});

/** Every event of the room. */
export const gatewayEvents = Object.freeze([
  recordsRead,
  recordCreated,
  recordUpdated,
  recordDeleted,
  accessDenied,
]);

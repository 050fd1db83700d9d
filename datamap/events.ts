import { z } from 'zod';
import { defineEvent } from '../kernel/index.ts';

/** A tenant's own service was wrapped, or its map replaced. */
export const serviceLoaded = defineEvent({
  action: 'datamap.service_loaded',
  version: 1,
  category: 'administration',
  summary: 'A data map of a service was loaded for the tenant',
  detail: z.strictObject({
    service: z.string().max(63),
    revision: z.string().length(64),
    replaced: z.string().length(64).nullable(),
  }),
  // OCSF 1.8.0: Entity Management, Update
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Every event of the room. */
export const dataMapEvents = Object.freeze([serviceLoaded]);

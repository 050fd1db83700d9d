import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';

const bounded = z.string().max(500);
const ocsfRead = { classUid: 6005, activityId: 1 };

/** Somebody read the trail. */
export const trailRead = defineEvent({
  action: 'audit.trail_read',
  version: 1,
  category: 'access',
  summary: 'Somebody read the audit trail.',
  detail: z.strictObject({
    what: z.enum(['search', 'event', 'proof', 'histogram', 'facets']),
    /** Which filters were set, never what was typed into the free-text one. */
    filters: z.record(z.string().max(50), bounded).optional(),
    seq: z.int().nonnegative().optional(),
    returned: z.int().nonnegative(),
  }),
  ocsf: ocsfRead,
});

/** An evidence pack left the house. */
export const evidenceExported = defineEvent({
  action: 'audit.evidence_exported',
  version: 1,
  category: 'access',
  summary: 'An evidence pack of the audit trail was downloaded.',
  detail: z.strictObject({
    from: z.int().nonnegative(),
    to: z.int().nonnegative(),
    treeSize: z.int().nonnegative(),
  }),
  ocsf: { classUid: 6005, activityId: 6 },
});

/** Every event of this room. */
export const auditEvents: readonly EventDefinition[] = Object.freeze([trailRead, evidenceExported]);

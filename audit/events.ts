import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';
import { keepingEvents } from './keeping/events.ts';
import { alertEvents } from './alerts/events.ts';
import { healthEvents } from './health/events.ts';
import { sinkEvents } from './sinks/events.ts';
import { intentEvents } from './intents/events.ts';
import { spoolEvents } from './spool/events.ts';
import { viewEvents } from './views/events.ts';

const bounded = z.string().max(500);
const ocsfRead = { classUid: 6005, activityId: 1 };

/** Somebody read the trail. */
export const trailRead = defineEvent({
  action: 'audit.trail_read',
  version: 1,
  category: 'access',
  summary: 'Somebody read the audit trail.',
  detail: z.strictObject({
    what: z.enum(['search', 'event', 'proof', 'histogram', 'facets', 'tail', 'timeline', 'blast_radius']),
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

/** A witness holds a checkpoint of ours that our log does not continue: an old backup was restored, or the log forked. */
export const rollbackDetected = defineEvent({
  action: 'audit.rollback_detected',
  version: 1,
  category: 'system',
  summary: 'A witness knows a checkpoint that the log does not continue; nothing more is signed.',
  detail: z.strictObject({
    witness: z.string().max(300),
    kind: z.enum(['rolled back', 'forked']),
    size: z.int().nonnegative(),
    witnessSize: z.int().nonnegative(),
  }),
  ocsf: { classUid: 2004, activityId: 1 },
});

/** Every event of this room. */
export const auditEvents: readonly EventDefinition[] = Object.freeze([
  trailRead,
  evidenceExported,
  rollbackDetected,
  ...sinkEvents,
  ...viewEvents,
  ...keepingEvents,
  ...alertEvents,
  ...spoolEvents,
  ...intentEvents,
  ...healthEvents,
]);

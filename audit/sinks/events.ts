import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const sink = { sinkId: z.uuid(), kind: z.string().max(20) };

/** A receiver of the trail was set up. */
export const sinkCreated = defineEvent({
  action: 'audit.sink_created',
  version: 1,
  category: 'administration',
  summary: 'A receiver of the audit trail was set up.',
  detail: z.strictObject({ ...sink, from: z.int().nonnegative(), personalData: z.boolean() }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** A receiver was paused, resumed, replayed, or got new secrets. */
export const sinkChanged = defineEvent({
  action: 'audit.sink_changed',
  version: 1,
  category: 'administration',
  summary: 'A receiver of the audit trail was paused, resumed, replayed, or got new secrets.',
  detail: z.strictObject({
    ...sink,
    change: z.enum(['paused', 'resumed', 'replayed', 'secrets']),
    from: z.int().nonnegative().optional(),
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Somebody sent a made-up event to a receiver. */
export const sinkTested = defineEvent({
  action: 'audit.sink_tested',
  version: 1,
  category: 'administration',
  summary: 'A made-up event was sent to a receiver of the audit trail, to see what it says.',
  detail: z.strictObject({ ...sink, answer: z.enum(['delivered', 'refused', 'away']) }),
  ocsf: { classUid: 3004, activityId: 2 },
});

/** A receiver was removed. */
export const sinkRemoved = defineEvent({
  action: 'audit.sink_removed',
  version: 1,
  category: 'administration',
  summary: 'A receiver of the audit trail was removed; it gets no more events.',
  detail: z.strictObject({ ...sink, cursor: z.int().nonnegative() }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** A receiver has not taken anything for several attempts. */
export const sinkFailing = defineEvent({
  action: 'audit.sink_failing',
  version: 1,
  category: 'system',
  summary: 'A receiver of the audit trail does not take events; they wait and nothing is lost.',
  detail: z.strictObject({ ...sink, attempts: z.int(), lag: z.int().nonnegative() }),
  ocsf: { classUid: 2004, activityId: 1, severityId: 4 },
});

/** It takes events again. */
export const sinkRecovered = defineEvent({
  action: 'audit.sink_recovered',
  version: 1,
  category: 'system',
  summary: 'A receiver of the audit trail takes events again.',
  detail: z.strictObject({ ...sink }),
  ocsf: { classUid: 2004, activityId: 3, severityId: 1 },
});

/** A receiver refuses one event as it is. */
export const eventUndeliverable = defineEvent({
  action: 'audit.event_undeliverable',
  version: 1,
  category: 'system',
  summary: 'A receiver of the audit trail refused one event; it was set aside and the others went on.',
  detail: z.strictObject({ ...sink, seq: z.int().nonnegative() }),
  ocsf: { classUid: 2004, activityId: 1, severityId: 3 },
});

/** Every event of this folder. */
export const sinkEvents: readonly EventDefinition[] = Object.freeze([
  sinkCreated,
  sinkChanged,
  sinkTested,
  sinkRemoved,
  sinkFailing,
  sinkRecovered,
  eventUndeliverable,
]);

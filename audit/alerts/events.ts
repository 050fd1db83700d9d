import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';
import { severitySchema } from './rule.ts';
import { alertRaisedAction } from './seen-event.ts';

const kind = z.string().max(30);

/** A rule found something; the severity of the rule goes before the one here. */
export const alertRaised = defineEvent({
  action: alertRaisedAction,
  version: 1,
  category: 'system',
  summary: 'A rule over the audit trail found what it looks for.',
  detail: z.strictObject({
    alertId: z.uuid(),
    ruleId: z.uuid(),
    rule: z.string().max(100),
    kind,
    severity: severitySchema,
    /** Id of the actor, the target or the data subject that it is about; empty: about nobody. */
    key: z.string().max(500),
    seqs: z.array(z.int().nonnegative()).max(100),
    events: z.int().nonnegative(),
    note: z.string().max(500).nullable(),
    /** 1: an alert made it, and nothing follows from it. */
    depth: z.union([z.literal(0), z.literal(1)]),
  }),
  ocsf: { classUid: 2004, activityId: 1, severityId: 4 },
});

/** An alert was acknowledged, closed or opened again. */
export const alertChanged = defineEvent({
  action: 'audit.alert_changed',
  version: 1,
  category: 'administration',
  summary: 'Somebody acknowledged, closed or reopened an alert.',
  detail: z.strictObject({
    alertId: z.uuid(),
    ruleId: z.uuid(),
    state: z.enum(['open', 'acknowledged', 'closed']),
  }),
  ocsf: { classUid: 2004, activityId: 2 },
});

/** A rule was made, changed, switched or removed. */
export const ruleChanged = defineEvent({
  action: 'audit.rule_changed',
  version: 1,
  category: 'administration',
  summary:
    'An alert rule was made, changed, switched on or off, or removed, or somebody asked for its mails.',
  detail: z.strictObject({
    ruleId: z.uuid(),
    change: z.enum(['created', 'replaced', 'enabled', 'disabled', 'removed', 'subscribed', 'unsubscribed']),
    kind,
    /** SHA-256 of what it looks for. */
    digest: z.string().length(64),
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** A rule was tried on history. */
export const ruleTested = defineEvent({
  action: 'audit.rule_tested',
  version: 1,
  category: 'access',
  summary: 'A rule was tried on events of the past; nothing was raised.',
  detail: z.strictObject({
    kind,
    digest: z.string().length(64),
    from: z.int().nonnegative(),
    to: z.int().nonnegative(),
    state: z.enum(['begun', 'finished']),
    alerts: z.int().nonnegative(),
    /** Client addresses that were opened for it. */
    opened: z.int().nonnegative(),
  }),
  ocsf: { classUid: 6005, activityId: 4 },
});

/** The table that says where networks are was replaced. */
export const networksReplaced = defineEvent({
  action: 'audit.networks_replaced',
  version: 1,
  category: 'administration',
  summary: 'The table that says where networks are was replaced.',
  detail: z.strictObject({ networks: z.int().nonnegative() }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** Client addresses were opened for a rule about impossible travel. */
export const originsOpened = defineEvent({
  action: 'audit.origins_opened',
  version: 1,
  category: 'access',
  summary: 'Sealed client addresses were opened to judge how fast somebody travels.',
  detail: z.strictObject({
    count: z.int().positive(),
    from: z.int().nonnegative(),
    to: z.int().nonnegative(),
  }),
  ocsf: { classUid: 6005, activityId: 10 },
});

/** Every event of this folder. */
export const alertEvents: readonly EventDefinition[] = Object.freeze([
  alertRaised,
  alertChanged,
  ruleChanged,
  ruleTested,
  networksReplaced,
  originsOpened,
]);

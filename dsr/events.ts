import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../kernel/index.ts';
import { requestStates } from './state-machine.ts';

const requestId = z.uuid();
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0);
const state = z.enum(requestStates);
/** Entity Management, Update: the request is the entity. */
const ocsf = { classUid: 3004, activityId: 3 } as const;
const base = { version: 1, category: 'privacy' } as const;

/** A request came in. */
export const requestReceived = defineEvent({
  ...base,
  action: 'dsr.request_received',
  summary: 'A person asked for access or erasure',
  ocsf: { classUid: 3004, activityId: 1 },
  detail: z.object({
    requestId,
    type: z.string(),
    law: z.string(),
    lawVersion: z.number().int(),
    channel: z.string(),
    dueAt: z.string(),
    linkedTo: requestId.nullable(),
  }),
});
/** The request went from one state to another. */
export const stateChanged = defineEvent({
  ...base,
  action: 'dsr.state_changed',
  summary: 'A request moved to another state',
  ocsf,
  detail: z.object({ requestId, from: state, to: state, version: z.number().int() }),
});
/** The deadline was extended. */
export const deadlineExtended = defineEvent({
  ...base,
  action: 'dsr.deadline_extended',
  summary: 'The deadline of a request was extended, and the person told why',
  ocsf,
  detail: z.object({ requestId, from: z.string(), to: z.string(), citation: z.string() }),
});
/** A certificate does not stand any more. */
export const certificateSuperseded = defineEvent({
  ...base,
  action: 'dsr.certificate_superseded',
  summary:
    'The scan of everything found something after a certificate was signed; it does not stand any more',
  ocsf,
  detail: z.object({ requestId, version: z.number().int(), certificates: count }),
});
/** Proof of identity was given or failed. */
export const identityChecked = defineEvent({
  ...base,
  action: 'dsr.identity_checked',
  summary: 'The identity behind a request was checked',
  ocsf,
  detail: z.object({ requestId, level: z.string(), method: z.string(), dueAt: z.string().nullable() }),
});
/** A plan was made. */
export const planCreated = defineEvent({
  ...base,
  action: 'dsr.plan_created',
  summary: 'A plan was made from the data map',
  ocsf: { classUid: 3004, activityId: 1 },
  detail: z.object({
    requestId,
    planHash: hash,
    collections: count,
    rowsToDelete: count,
    rowsToChange: count,
    rowsToKeep: count,
    rowsToExport: count,
  }),
});
/** A second person approved. */
export const planApproved = defineEvent({
  ...base,
  action: 'dsr.plan_approved',
  summary: 'A second person approved exactly this plan',
  ocsf: { classUid: 3004, activityId: 10 },
  detail: z.object({ requestId, planHash: hash, plannedBy: z.uuid() }),
});
/** Execution was refused. */
export const executionRefused = defineEvent({
  ...base,
  action: 'dsr.execution_refused',
  summary: 'Execution was refused because the data moved away from the plan',
  ocsf,
  detail: z.object({
    requestId,
    planHash: hash,
    drifted: z.array(z.object({ collection: z.string(), planned: z.number(), found: z.number() })).max(1000),
  }),
});
/** Rows were erased. */
export const systemErased = defineEvent({
  ...base,
  action: 'dsr.system_erased',
  summary: 'A system carried out its part of an erasure',
  ocsf: { classUid: 6005, activityId: 7 },
  detail: z.object({
    requestId,
    system: z.string(),
    planHash: hash,
    rows: z.record(z.string(), count),
    receiptHash: hash,
  }),
});
/** An execution attempt failed. */
export const executionFailed = defineEvent({
  ...base,
  action: 'dsr.execution_failed',
  summary: 'An attempt to execute failed; nothing of it was kept',
  ocsf,
  detail: z.object({ requestId, planHash: hash, attempt: count, code: z.string() }),
});
/** The absence scan ended. */
export const absenceScanned = defineEvent({
  ...base,
  action: 'dsr.absence_scanned',
  summary: 'An independent scan looked for what is left of the person',
  ocsf: { classUid: 6005, activityId: 4 },
  detail: z.object({
    requestId,
    planHash: hash,
    scope: z.string(),
    tables: count,
    columns: count,
    findings: count,
    outsideExemptions: count,
  }),
});
/** The request was completed. */
export const requestCompleted = defineEvent({
  ...base,
  action: 'dsr.request_completed',
  summary: 'A request was completed',
  ocsf,
  detail: z.object({
    requestId,
    type: z.string(),
    law: z.string(),
    planHash: hash,
    receiptsRoot: hash.nullable(),
    subjectHash: z.string().nullable(),
    version: z.number().int(),
  }),
});
/** A certificate was issued. */
export const certificateIssued = defineEvent({
  ...base,
  action: 'dsr.certificate_issued',
  summary: 'A signed certificate of erasure was issued',
  ocsf: { classUid: 3004, activityId: 1 },
  detail: z.object({ requestId, certificateId: z.uuid(), keyId: z.string(), planHash: hash, jwsHash: hash }),
});
/** A package was made. */
export const packageCreated = defineEvent({
  ...base,
  action: 'dsr.package_created',
  summary: 'An access package was sealed',
  ocsf: { classUid: 3004, activityId: 1 },
  detail: z.object({
    requestId,
    sha256: hash,
    bytes: count,
    collections: count,
    rows: count,
    expiresAt: z.string(),
  }),
});
/** A package was fetched. */
export const packageDownloaded = defineEvent({
  ...base,
  action: 'dsr.package_downloaded',
  summary: 'The access package was fetched by the ticket holder',
  ocsf: { classUid: 3004, activityId: 2 },
  detail: z.object({ requestId, sha256: hash }),
});
/** Entries in the suppression list. */
export const suppressionAdded = defineEvent({
  ...base,
  action: 'dsr.suppression_added',
  summary: 'Keyed hashes of a person were put on the suppression list',
  ocsf: { classUid: 3004, activityId: 1 },
  detail: z.object({ requestId, entries: count, purpose: z.string(), scope: z.string() }),
});
/** The request's own personal data was destroyed. */
export const requestForgotten = defineEvent({
  ...base,
  action: 'dsr.request_forgotten',
  summary: 'Identities inside a closed request were destroyed; keyed hashes stay',
  ocsf: { classUid: 3004, activityId: 4 },
  detail: z.object({ requestId }),
});
/** A message went out. */
export const messageSent = defineEvent({
  ...base,
  action: 'dsr.message_sent',
  summary: 'A message to the person was handed to the mail system',
  ocsf: { classUid: 6003, activityId: 1 },
  detail: z.object({ requestId, messageId: z.uuid(), template: z.string(), language: z.string() }),
});
/** Somebody looked at a request. */
export const requestRead = defineEvent({
  ...base,
  action: 'dsr.request_read',
  summary: 'A request was opened by a member of staff',
  ocsf: { classUid: 3004, activityId: 2 },
  detail: z.object({ requestId }),
});

/** Every event of this room. */
export const dsrEvents: readonly EventDefinition[] = Object.freeze([
  requestReceived,
  stateChanged,
  deadlineExtended,
  certificateSuperseded,
  identityChecked,
  planCreated,
  planApproved,
  executionRefused,
  systemErased,
  executionFailed,
  absenceScanned,
  requestCompleted,
  certificateIssued,
  packageCreated,
  packageDownloaded,
  suppressionAdded,
  requestForgotten,
  messageSent,
  requestRead,
]);

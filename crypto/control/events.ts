import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const proposal = {
  approvalId: z.string().max(36),
  action: z.string().max(100),
  digest: z.string().length(64),
} as const;

/** Somebody proposed what needs two people. */
export const approvalProposed = defineEvent({
  action: 'crypto.approval_proposed',
  version: 1,
  category: 'administration',
  summary: 'A person proposed an action that takes effect only when a second person approves it.',
  detail: z.object({ ...proposal, reason: z.string().max(500), expiresAt: z.iso.datetime() }),
  ocsf: { classUid: 6003, activityId: 1 },
});

/** A second person approved exactly what he was shown; it is carried out now. */
export const approvalGiven = defineEvent({
  action: 'crypto.approval_given',
  version: 1,
  category: 'administration',
  summary: 'A second person approved a proposal; it is carried out once.',
  detail: z.object({ ...proposal, proposedBy: z.string().max(36) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** An approval was tried and not accepted. */
export const approvalDenied = defineEvent({
  action: 'crypto.approval_denied',
  version: 1,
  category: 'administration',
  summary: 'An approval was not accepted: the same person, another digest, or a proposal that is not open.',
  detail: z.object({ approvalId: z.string().max(36), cause: z.string().max(60) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** What was approved is done, or failed. */
export const approvalFinished = defineEvent({
  action: 'crypto.approval_finished',
  version: 1,
  category: 'administration',
  summary: 'An approved proposal was carried out, or carrying it out failed; the outcome says which.',
  detail: z.object({
    ...proposal,
    state: z.enum(['executed', 'failed']),
    code: z.string().max(100).nullable(),
  }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Somebody refused or withdrew a proposal. */
export const approvalRefused = defineEvent({
  action: 'crypto.approval_refused',
  version: 1,
  category: 'administration',
  summary: 'A proposal was refused, or withdrawn by who made it.',
  detail: z.object({ ...proposal, reason: z.string().max(500), withdrawn: z.boolean() }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Nobody decided in time, or the process ended while carrying out. */
export const approvalLapsed = defineEvent({
  action: 'crypto.approval_lapsed',
  version: 1,
  category: 'administration',
  summary:
    'A proposal ran out undecided, or the process that carried it out ended before it said how it went.',
  detail: z.object({ ...proposal, state: z.enum(['expired', 'interrupted']) }),
  ocsf: { classUid: 6003, activityId: 3 },
});

/** Every event of this folder. */
export const controlEvents: readonly EventDefinition[] = Object.freeze([
  approvalProposed,
  approvalGiven,
  approvalDenied,
  approvalFinished,
  approvalRefused,
  approvalLapsed,
]);

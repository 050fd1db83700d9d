import { z } from 'zod';
import { lawIds, requestTypes } from './law-packs.ts';
import { languages } from './messages.ts';
import { requestStates } from './state-machine.ts';

const lower = <T extends readonly [string, ...string[]]>(values: T) =>
  z.string().max(40).toLowerCase().pipe(z.enum(values));
const email = z.string().trim().max(320).pipe(z.email());
const phone = z
  .string()
  .trim()
  .min(5)
  .max(40)
  .regex(/^[+0-9 ().-]+$/);
const ticket = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

/** `{id}` in a path. */
export const idParams = z.object({ id: z.uuid() });
/** `{slug}` in a path. */
export const slugParams = z.object({ slug });
/** A page of requests. */
export const listQuery = z.object({
  state: z.enum(requestStates).optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
/** An operator's entry. */
export const createBody = z.strictObject({
  type: lower(requestTypes),
  law: lower(lawIds),
  email: email.optional(),
  phone: phone.optional(),
  language: z.enum(languages).default('en'),
  /** When anybody at the controller got it; default now. */
  receivedAt: z.iso.datetime({ offset: true }).optional(),
  message: z.string().max(4_000).optional(),
  /** How the operator proved the identity; left out, the person gets a code by mail. */
  identity: z.strictObject({ method: z.string().min(1).max(100) }).optional(),
});
/** A portal's form. */
export const portalBody = z.strictObject({
  type: lower(requestTypes),
  law: lower(lawIds),
  email,
  phone: phone.optional(),
  language: z.enum(languages).default('en'),
  message: z.string().max(4_000).optional(),
});
/** A ticket and the code that was mailed. */
export const verifyBody = z.strictObject({
  ticket,
  code: z
    .string()
    .trim()
    .regex(/^\d{8}$/),
});
/** A ticket. */
export const ticketBody = z.strictObject({ ticket });
/** A ticket in a URL. */
export const ticketQuery = z.object({ ticket });
/** Which plan is approved. */
export const approveBody = z.strictObject({ planHash: hash });
/** Why nothing is done; the person reads both. */
export const refuseBody = z.strictObject({
  reason: z.string().min(1).max(2_000),
  citation: z.string().min(1).max(300),
});
/** Why more time is needed; the person reads it. */
export const extendBody = z.strictObject({ reason: z.string().trim().min(1).max(2_000) });
/** A certificate to check. */
export const certificateBody = z.strictObject({ certificate: z.string().min(1).max(200_000) });

const at = z.string();
const step = z.object({ state: z.string(), done: z.boolean(), at: at.nullable() });

/** A request in a list. */
export const requestItem = z.object({
  id: z.uuid(),
  type: z.enum(requestTypes),
  law: z.enum(lawIds),
  state: z.enum(requestStates),
  channel: z.string(),
  receivedAt: at,
  dueAt: at,
  acknowledgeBy: at.nullable(),
  dueExplanation: z.string(),
  subjectLabel: z.string(),
  urgency: z.string(),
  linkedTo: z.uuid().nullable(),
});
/** A page of requests. */
export const requestPage = z.object({ items: z.array(requestItem), nextCursor: z.string().nullable() });
/** Everything about one request. */
export const requestDetail = requestItem.extend({
  timeline: z.array(
    z.object({
      at,
      state: z.string(),
      /** What a person reads: a name where there is one, else the id. */
      actor: z.string(),
      actorId: z.string(),
      actorName: z.string().nullable(),
      note: z.string().nullable(),
      /** Where the step stands in the log, once it does. */
      auditSeq: z.number().int().nullable(),
    }),
  ),
  identity: z.object({ level: z.string(), method: z.string().nullable(), verifiedAt: at.nullable() }),
  message: z.string().nullable(),
  plan: z
    .object({
      hash,
      createdAt: at,
      createdBy: z.string(),
      createdByName: z.string().nullable(),
      document: z.unknown(),
    })
    .nullable(),
  approvals: z.array(z.object({ by: z.string(), byName: z.string().nullable(), at, planHash: hash })),
  tasks: z.array(
    z.object({
      system: z.string(),
      action: z.string(),
      state: z.string(),
      counts: z.record(z.string(), z.number()),
      error: z.string().nullable(),
      attempts: z.number(),
      startedAt: at.nullable(),
      endedAt: at.nullable(),
    }),
  ),
  absence: z
    .object({
      state: z.enum(['clean', 'left_behind', 'pending']),
      scope: z.string(),
      fullScan: z.string(),
      at,
      findings: z.array(z.unknown()),
      exempted: z.array(z.unknown()),
    })
    .nullable(),
  certificate: z
    .object({
      id: z.uuid(),
      kind: z.string(),
      issuedAt: at,
      supersededAt: at.nullable(),
      /** Local day until which backups could bring the person back. */
      backupsUntil: z.string().nullable(),
    })
    .nullable(),
  package: z.object({ expiresAt: at, downloadedAt: at.nullable() }).nullable(),
  clock: z.object({
    dueAt: at,
    targetAt: at,
    citation: z.string(),
    explanation: z.string(),
    trail: z.array(z.string()),
    extendedAt: at.nullable(),
    extensionReason: z.string().nullable(),
  }),
});
/** What the portal offers. */
export const portalInfo = z.object({
  tenant: z.object({ name: z.string() }),
  laws: z.array(z.string()),
  types: z.array(z.string()),
  languages: z.array(z.string()),
});
/** What the holder of a ticket sees. */
export const portalStatus = z.object({
  state: z.string(),
  type: z.string(),
  law: z.string(),
  receivedAt: at,
  dueAt: at,
  steps: z.array(step),
  certificateAvailable: z.boolean(),
  backupsUntil: z.string().nullable(),
  packageAvailable: z.boolean(),
});
/** What a verification found. */
export const verificationResult = z.object({
  /** `superseded`: genuine, but what it says does not stand any more. */
  status: z.enum(['valid', 'superseded', 'invalid']),
  valid: z.boolean(),
  supersededAt: at.nullable(),
  reason: z.string().nullable(),
  keyId: z.string().nullable(),
  checks: z.array(z.string()),
  claims: z.unknown(),
});

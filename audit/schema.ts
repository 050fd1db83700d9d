import { z } from 'zod';

const outcome = z.enum(['success', 'failure', 'denied']);
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const seq = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Filters of the trail, as they stand in a URL. */
export const trailFilterSchema = z.object({
  actor: z.string().min(1).max(200).optional(),
  /** An action, or a prefix ending in `.*`. */
  action: z.string().min(1).max(200).optional(),
  outcome: outcome.optional(),
  subject: z.uuid().optional(),
  session: z.string().min(1).max(200).optional(),
  /** Trace id of a W3C traceparent, 32 hex digits. */
  trace: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/)
    .optional(),
  /** Request id. */
  request: z.string().min(1).max(200).optional(),
  /** `type/id` or an id alone. */
  target: z.string().min(1).max(200).optional(),
  category: z.string().min(1).max(50).optional(),
  from: instant.optional(),
  to: instant.optional(),
  /** Beginnings of words in actions, ids, targets, reasons and details; understands `actor: action: outcome: subject: session: trace: request: target: category:`. */
  q: z.string().max(200).optional(),
});

/** A page of the trail. */
export const trailQuerySchema = trailFilterSchema.extend({
  cursor: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Filters, parsed. */
export type TrailFilter = z.output<typeof trailFilterSchema>;
/** A page, parsed. */
export type TrailQuery = z.output<typeof trailQuerySchema>;

/** `{seq}` in a path. */
export const seqParamsSchema = z.object({ seq });
/** `{logId}` in a path. */
export const logParamsSchema = z.object({ logId: z.string().max(64) });
/** `{logId}/tile/{path*}` in a path. */
export const tileParamsSchema = z.object({ logId: z.string().max(64), path: z.string().max(100) });
/** A run of sequence numbers, `to` exclusive. */
export const rangeQuerySchema = z.object({ from: seq.default(0), to: seq.optional() });
/** For a proof against an older checkpoint. */
export const proofQuerySchema = z.object({ size: seq.optional() });
/** Two sizes of one log. */
export const consistencyQuerySchema = z.object({ from: seq, to: seq.optional() });

const erased = z.object({ erased: z.literal(true), requestId: z.string().nullable() });
const target = z.object({ type: z.string(), id: z.string() });
const decision = z.object({
  engine: z.string(),
  revision: z.string(),
  rule: z.string().nullable(),
  obligations: z.array(z.string()),
});

/** An event in a list. */
export const trailItemSchema = z.object({
  seq: z.number().int(),
  id: z.string(),
  occurredAt: z.string(),
  receivedAt: z.string(),
  action: z.string(),
  version: z.number().int(),
  category: z.string(),
  outcome,
  reason: z.string().nullable(),
  actor: z.object({
    type: z.string(),
    id: z.string(),
    displayName: z.string().nullable(),
    email: z.string().nullable().optional(),
    erased: z.literal(true).optional(),
    requestId: z.string().nullable().optional(),
  }),
  targets: z.array(target),
  subjects: z.array(z.string()),
  decision: decision.nullable(),
  requestId: z.string().nullable(),
  summary: z.string(),
});

/** One event with everything that can still be read. */
export const trailEventSchema = trailItemSchema.extend({
  detail: z.unknown(),
  origin: z.union([
    erased,
    z.object({ ip: z.string().nullable(), userAgent: z.string().nullable(), service: z.string().nullable() }),
  ]),
  session: z.string().nullable(),
  traceparent: z.string().nullable(),
  assurance: z.object({ level: z.number().int().nullable(), methods: z.array(z.string()) }),
  leafHash: z.string(),
  canonical: z.string(),
  commitments: z.array(
    z.object({
      kind: z.enum(['actor', 'origin']),
      commitment: z.string(),
      state: z.enum(['open', 'erased', 'missing', 'broken']),
      salt: z.string().nullable(),
      value: z.string().nullable(),
    }),
  ),
});

/** A page of events. */
export const trailPageSchema = z.object({
  items: z.array(trailItemSchema),
  nextCursor: z.string().nullable(),
});

/** Where a log stands. */
export const logSchema = z.object({
  logId: z.string(),
  origin: z.string(),
  vkey: z.string(),
  /** Ed25519 and ML-DSA-44. */
  vkeys: z.array(z.string()),
  platform: z.object({ origin: z.string(), vkeys: z.array(z.string()), size: z.number().int() }),
  size: z.number().int(),
  rootHash: z.string(),
  checkpointAt: z.string(),
});

/** An inclusion proof. */
export const inclusionSchema = z.object({
  index: z.number().int(),
  treeSize: z.number().int(),
  leafHash: z.string(),
  hashes: z.array(z.string()),
  /** Empty when the entry was pruned; the leaf hash is proved all the same. */
  entry: z.string(),
  checkpoint: z.string(),
  vkey: z.string(),
});

/** A consistency proof between two signed checkpoints. */
export const consistencySchema = z.object({
  from: z.number().int(),
  to: z.number().int(),
  hashes: z.array(z.string()),
  fromCheckpoint: z.string().nullable(),
  toCheckpoint: z.string(),
});

/** From an event up to the platform checkpoint; proofs in the form of c2sp.org/tlog-proof. */
export const platformProofSchema = z.object({
  entry: z.string(),
  event: z.string(),
  leaf: z.string(),
  platform: z.string(),
  platformVkeys: z.array(z.string()),
});

/** A page of kept checkpoints. */
export const checkpointsQuerySchema = z.object({
  cursor: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Kept checkpoints, largest first. */
export const checkpointPageSchema = z.object({
  items: z.array(
    z.object({ size: z.number().int(), rootHash: z.string(), signedAt: z.string(), checkpoint: z.string() }),
  ),
  nextCursor: z.string().nullable(),
});

/** Who cosigns the platform log. */
export const witnessesSchema = z.object({
  state: z.enum(['none', 'met', 'behind', 'halted']),
  detail: z.string(),
  size: z.number().int(),
  witnessedSize: z.number().int(),
  witnesses: z.array(
    z.object({
      witness: z.string(),
      /** Its verifier key; null when the policy does not name it any more. */
      vkey: z.string().nullable(),
      size: z.number().int(),
      outcome: z.enum(['cosigned', 'contradicted', 'refused', 'unreachable']),
      detail: z.string(),
      askedAt: z.string(),
      cosignedAt: z.string().nullable(),
    }),
  ),
});

/** Events per slice of time. */
export const histogramSchema = z.object({
  from: z.string(),
  to: z.string(),
  stepSeconds: z.number(),
  buckets: z.array(
    z.object({ at: z.string(), success: z.number(), failure: z.number(), denied: z.number() }),
  ),
});

const facet = z.array(z.object({ value: z.string(), count: z.number().int() }));
/** Counts over the newest matches. */
export const facetsSchema = z.object({
  scanned: z.number().int(),
  actions: facet,
  outcomes: facet,
  actors: facet,
});

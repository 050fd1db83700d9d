import { isIP } from 'node:net';
import { z } from 'zod';
import { ruleDefinitionSchema, severitySchema } from './rule.ts';

const seq = z.int().nonnegative();
const time = z.iso.datetime();

/** `{id}` in a path. */
export const idParamsSchema = z.object({ id: z.uuid() });

/** `POST /v1/audit/rules` and `PUT /v1/audit/rules/{id}`. */
export const ruleInputSchema = z.strictObject({
  name: z.string().min(1).max(100),
  severity: severitySchema,
  definition: ruleDefinitionSchema,
});

/** A rule. */
export const ruleSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  severity: severitySchema,
  definition: ruleDefinitionSchema,
  /** SHA-256 of the definition. */
  digest: z.string(),
  enabled: z.boolean(),
  /** First event that counts since it was switched on. */
  sinceSeq: seq.nullable(),
  /** When this definition was last back-tested to the end; null: never, and it cannot be switched on. */
  testedAt: time.nullable(),
  /** Since it was switched on: raised; held back as too soon or too many; remembered events given up because they were too many. */
  counts: z.object({ raised: seq, quiet: seq, flooded: seq, forgotten: seq }),
  createdBy: z.string(),
  createdAt: time,
  changedAt: time,
});
/** Every rule of the tenant; at most 200. */
export const rulesSchema = z.object({ items: z.array(ruleSchema) });

/** `GET /v1/audit/rules/templates`. */
export const templatesSchema = z.object({
  items: z.array(
    z.object({
      key: z.string(),
      name: z.string(),
      summary: z.string(),
      severity: severitySchema,
      definition: ruleDefinitionSchema,
    }),
  ),
});

/** `POST /v1/audit/rules/backtest`. */
export const backtestInputSchema = z
  .strictObject({
    /** A rule that is stored … */
    ruleId: z.uuid().optional(),
    /** … or one that is not. */
    definition: ruleDefinitionSchema.optional(),
    from: seq.optional(),
    since: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
    to: seq.optional(),
  })
  .refine(
    ({ ruleId, definition }) => (ruleId === undefined) !== (definition === undefined),
    'give "ruleId" or "definition"',
  )
  .refine(({ from, since }) => from === undefined || since === undefined, 'give "from" or "since"');

const alertState = z.enum(['open', 'acknowledged', 'closed']);
/** `GET /v1/audit/alerts`. */
export const alertsQuerySchema = z.object({
  state: alertState.optional(),
  rule: z.uuid().optional(),
  cursor: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** `POST /v1/audit/alerts/{id}/change`. */
export const alertChangeSchema = z.strictObject({ state: alertState });

/** An alert. */
export const alertSchema = z.object({
  id: z.uuid(),
  ruleId: z.uuid(),
  ruleName: z.string(),
  kind: z.string(),
  severity: severitySchema,
  key: z.string(),
  at: time,
  seqs: z.array(seq),
  events: seq,
  note: z.string().nullable(),
  state: alertState,
  raisedAt: time,
  changedBy: z.string().nullable(),
  changedAt: time.nullable(),
});
/** A page of alerts, newest first. */
export const alertPageSchema = z.object({
  items: z.array(alertSchema),
  open: seq,
  nextCursor: z.string().nullable(),
});

const cidr = z
  .string()
  .max(60)
  .refine(isNetwork, 'is not a network such as 192.0.2.0/24 or 2001:db8::/32 without bits behind its length');
/** `PUT /v1/audit/rules/networks`. */
export const networksSchema = z.strictObject({
  items: z
    .array(
      z.strictObject({
        network: cidr,
        place: z.string().min(1).max(100),
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
      }),
    )
    .max(10_000),
});

/** The bits behind the length must be zero, as PostgreSQL's cidr demands. */
function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || bits === undefined || more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  const width = family === 4 ? 32 : 128;
  if (Number(bits) > width) return false;
  return (bitsOf(address, family) & ((1n << BigInt(width - Number(bits))) - 1n)) === 0n;
}

function bitsOf(address: string, family: number): bigint {
  if (family === 4) return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = '', tail] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const right = groups(tail ?? '');
  const left = groups(head);
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...middle, ...right].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
}

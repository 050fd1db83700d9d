import { z } from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../hash.ts';
import { keptFilterSchema } from '../views/schema.ts';

/** Longest window of a rule: 31 days. */
export const maxWindowSeconds = 2_678_400;

const windowSeconds = z.int().min(1).max(maxWindowSeconds);
/** After an alert the rule says nothing more about the same key for this long, by the times of events. */
const quietSeconds = z.int().min(0).max(maxWindowSeconds).default(3_600);
const filter = keptFilterSchema;
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);
const timeZone = z
  .string()
  .max(60)
  .refine(isTimeZone, 'is not a time zone of the IANA database, such as Europe/Warsaw');

const threshold = z.strictObject({
  kind: z.literal('threshold'),
  filter,
  by: z.enum(['actor', 'target', 'subject', 'none']),
  count: z.int().min(1).max(10_000),
  windowSeconds,
  quietSeconds,
});

const sequence = z.strictObject({
  kind: z.literal('sequence'),
  /** Each by the same actor, in this order. */
  steps: z.array(filter).min(2).max(3),
  windowSeconds,
  quietSeconds,
});

const absence = z.strictObject({
  kind: z.literal('absence'),
  filter,
  windowSeconds: windowSeconds.min(60),
  quietSeconds,
});

const impossibleTravel = z.strictObject({
  kind: z.literal('impossible_travel'),
  filter: filter.default({ action: 'identity.sign_in_succeeded' }),
  kilometresPerHour: z.int().min(50).max(10_000).default(900),
  /** Shorter ways are never impossible: networks are not that exact. */
  leastKilometres: z.int().min(1).max(20_000).default(100),
  /** Where a place is not known: a network this person was not seen in before, within this time of another one. */
  newNetworkSeconds: z.int().min(0).max(86_400).default(900),
  quietSeconds,
});

const massExport = z.strictObject({
  kind: z.literal('mass_export'),
  filter: filter.default({}),
  rows: z.int().min(1).max(1_000_000_000),
  windowSeconds,
  quietSeconds,
});

const selfGrant = z.strictObject({
  kind: z.literal('self_grant'),
  filter: filter.default({ action: 'policy.grant_created' }),
  quietSeconds: quietSeconds.default(0),
});

const offHours = z.strictObject({
  kind: z.literal('off_hours'),
  filter,
  timeZone,
  /** Working days, 1 is Monday, 7 is Sunday. A shift over midnight belongs to the day on which it begins. */
  days: z.array(z.int().min(1).max(7)).max(7),
  from: clockTime,
  /** Exclusive; the same as `from`: the whole day. */
  to: clockTime,
  /** Whether services and the house itself count too. */
  peopleOnly: z.boolean().default(true),
  quietSeconds,
});

/** What a rule looks for. */
export const ruleDefinitionSchema = z.discriminatedUnion('kind', [
  threshold,
  sequence,
  absence,
  impossibleTravel,
  massExport,
  selfGrant,
  offHours,
]);
/** @see ruleDefinitionSchema */
export type RuleDefinition = z.output<typeof ruleDefinitionSchema>;
/** A definition of one kind. */
export type RuleOf<Kind extends RuleDefinition['kind']> = Extract<RuleDefinition, { readonly kind: Kind }>;

/** How bad it is when a rule fires. */
export const severitySchema = z.enum(['low', 'medium', 'high', 'critical']);
/** @see severitySchema */
export type Severity = z.output<typeof severitySchema>;

/** SHA-256 of what a rule looks for; two rules that look for the same have the same. */
export const digestOf = (definition: RuleDefinition): Buffer =>
  sha256(Buffer.from(canonicalJson(definition), 'utf8'));

/** Every filter of a definition. */
export const filtersOf = (definition: RuleDefinition): readonly z.output<typeof filter>[] =>
  definition.kind === 'sequence' ? definition.steps : [definition.filter];

/** How long ago an event may be that still matters, in milliseconds. */
export function windowMilliseconds(definition: RuleDefinition): number {
  if ('windowSeconds' in definition) return definition.windowSeconds * 1_000;
  return definition.kind === 'impossible_travel' ? maxWindowSeconds * 1_000 : 0;
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }) !== null;
  } catch {
    return false;
  }
}

import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _');
/** Name of a role. */
export const roleNameSchema = name;
/** Name of an action: `read`, `dsr.approve`, `can_update_todo`. */
export const actionSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.:-]{0,99}$/, 'must be a plain action name');
/** Name of a resource type: `contacts.contact`, `audit`, `todo`. */
export const typeSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9_.:/-]{0,99}$/, 'must be a plain type name');
const field = z.string().regex(/^[a-z][A-Za-z0-9_]{0,62}$/, 'must be a plain field name');
const purpose = z.string().regex(/^[a-z][a-z0-9_.-]{0,62}$/, 'must be a plain purpose name');

const oneOrMore = <Item extends z.ZodType>(item: Item, max: number) =>
  z.union([item, z.array(item).min(1).max(max)]);
const maxConditionsLength = 16_384;

// Not z.record: that drops a "__proto__" key silently, and a rule without its conditions would match every row.
const conditions = z
  .unknown()
  .refine(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object',
  )
  .refine(
    (value) => (JSON.stringify(value) ?? '').length <= maxConditionsLength,
    `must be at most ${maxConditionsLength} characters of JSON`,
  );

/** One rule, as tenants write and the database stores it. */
export const ruleSchema = z
  .strictObject({
    action: oneOrMore(actionSchema, 50),
    subject: oneOrMore(typeSchema, 50),
    /** Fields the rule is about; absent: all of them. */
    fields: z.array(field).min(1).max(200).optional(),
    /** Those of `fields` that are given in masked form only. */
    mask: z.array(field).min(1).max(200).optional(),
    conditions: conditions.optional(),
    /** The rule counts only when one of these purposes is declared. */
    purposes: z.array(purpose).min(1).max(50).optional(),
    /** The rule forbids; it then wins over every rule that permits. */
    inverted: z.boolean().optional(),
    reason: z.string().min(1).max(500).optional(),
  })
  .refine(
    (rule) => (rule.mask ?? []).every((masked) => rule.fields?.includes(masked) === true),
    'mask must be part of fields',
  )
  .refine(
    (rule) => rule.inverted !== true || rule.mask === undefined,
    'a forbidding rule cannot mask; leave the field out instead',
  )
  .refine(
    (rule) => rule.inverted !== true || rule.purposes === undefined,
    'a forbidding rule cannot depend on the purpose that the caller declares',
  );

/** A rule after parsing. */
export type PolicyRule = z.output<typeof ruleSchema>;

/** Rules of one role. */
export const rulesSchema = z.array(ruleSchema).max(2_000);

/** What `PUT /v1/policy/roles/{name}` takes. */
export const roleBodySchema = z.strictObject({
  description: z.string().max(500).default(''),
  rules: rulesSchema,
});

/** Types that a tenant's own resource type may give its fields. */
export const resourceFieldSchema = z.strictObject({
  name: field,
  type: z.enum(['text', 'uuid', 'integer', 'numeric', 'boolean', 'timestamptz', 'date', 'json', 'text[]']),
});

/** What `PUT /v1/policy/resource-types/{type}` takes. */
export const resourceTypeBodySchema = z.strictObject({ fields: z.array(resourceFieldSchema).max(200) });

const maxPropertiesLength = 16_384;
/** What `PUT /v1/policy/subjects/{type}/{id}` takes. */
export const subjectBodySchema = z.strictObject({
  properties: z
    .record(z.string().max(100), z.unknown())
    .refine(
      (value) => JSON.stringify(value).length <= maxPropertiesLength,
      `must be at most ${maxPropertiesLength} characters of JSON`,
    )
    .default({}),
  roles: z.array(roleNameSchema).max(100).default([]),
});

import { z } from 'zod';

const key = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, 'a key of letters, digits, "_", "." or "-"');
const column = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a lower-case SQL name');
const text = (max: number): z.ZodString => z.string().max(max);
const duration = z.string().regex(/^P\d{1,4}[DWMY]$/, 'an ISO 8601 duration such as P10Y');

const exemption = z.strictObject({
  code: key,
  basis: text(300).min(1),
  citation: text(300).min(1),
  until: duration.optional(),
});

const fieldErasure = z.strictObject({
  action: z.enum(['delete', 'null', 'pseudonymise', 'keep']),
  exemption: exemption.optional(),
});

const blindIndex = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/),
  kind: z.enum(['exact', 'domain', 'prefix', 'range']),
  normaliser: z.enum(['email', 'phone', 'text']).default('text'),
  column,
  bits: z.int().min(16).max(256).default(128),
  /** Characters of a prefix; an index and a column for each length. */
  length: z.int().min(1).max(64).optional(),
  buckets: z
    .union([
      z.strictObject({ from: z.number(), to: z.number(), width: z.number().positive() }),
      z.strictObject({ from: z.iso.date(), to: z.iso.date(), unit: z.enum(['day', 'month', 'year']) }),
    ])
    .optional(),
  unique: z.boolean().optional(),
  /** Set by who was told that the column has few values and wants the index all the same. */
  accept_low_entropy: z.boolean().optional(),
});

const encryption = z.strictObject({
  scope: z.union([z.literal('subject'), z.strictObject({ tenant_purpose: key })]),
  indexes: z.array(blindIndex).max(8).default([]),
  /** Where the ciphertext goes while the field's own column still holds plaintext. */
  column: column.optional(),
});

const fieldBlock = z.strictObject({
  column: column.optional(),
  type: z
    .enum(['uuid', 'text', 'integer', 'numeric', 'boolean', 'timestamptz', 'date', 'json', 'inet'])
    .optional(),
  nullable: z.boolean().optional(),
  sensitivity: z.enum(['none', 'personal', 'sensitive']).optional(),
  identity: z.enum(['email', 'phone', 'external_id']).optional(),
  encryption: encryption.optional(),
  erasure: fieldErasure.optional(),
  mask: z.enum(['none', 'full', 'partial', 'email', 'phone']).optional(),
  exportable: z.boolean().optional(),
  writable: z.boolean().optional(),
  values: z.array(text(100)).min(1).max(200).optional(),
  max_length: z.int().min(1).max(1_000_000).optional(),
});

const collectionBlock = z.strictObject({
  table: column.optional(),
  subject: z
    .union([
      z.strictObject({ field: text(128) }),
      z.strictObject({ via: z.strictObject({ field: text(128), to: text(128), to_field: text(128) }) }),
    ])
    .optional(),
  retention: z.strictObject({ days: z.int().min(1).max(36_500), after: text(128) }).optional(),
  erasure: z
    .strictObject({ action: z.enum(['delete', 'keep', 'fields']), exemption: exemption.optional() })
    .optional(),
  managed: z
    .strictObject({
      created_at: text(128).optional(),
      updated_at: text(128).optional(),
      restricted: text(128).optional(),
    })
    .optional(),
  operations: z.array(z.enum(['read', 'create', 'update', 'delete'])).optional(),
});

const datasetBlock = z.strictObject({
  kind: z.literal('postgres'),
  schema: column,
  region: key,
  purposes: z
    .array(
      z.strictObject({
        key,
        name: text(200).min(1),
        legal_basis: z.enum([
          'consent',
          'contract',
          'legal_obligation',
          'vital_interests',
          'public_task',
          'legitimate_interests',
        ]),
        aliases: z.array(key).max(10).default([]),
      }),
    )
    .min(1)
    .max(50),
  processors: z
    .array(
      z.strictObject({
        key,
        name: text(200).min(1),
        country: text(100).min(1),
        safeguard: text(300).optional(),
      }),
    )
    .max(100)
    .default([]),
  maintenance: z
    .strictObject({ team: text(200).optional(), reviewed_at: z.iso.date().optional() })
    .default({}),
});

const overrideSchema = z.looseObject({ strategy: text(100).min(1) });

const fieldMeta = z.looseObject({
  primary_key: z.boolean().nullish(),
  identity: text(100).nullish(),
  data_type: text(100).nullish(),
  length: z.int().min(1).nullish(),
  references: z
    .array(
      z.looseObject({ dataset: text(128), field: text(300), direction: z.enum(['from', 'to']).nullish() }),
    )
    .max(20)
    .nullish(),
  masking_strategy_override: overrideSchema.nullish(),
});

const names = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.$-]{0,127}$/, 'a name of letters, digits, "_", ".", "$" or "-"');
const categories = z.array(text(200)).max(50).nullish();
const shared = {
  description: text(5_000).nullish(),
  data_categories: categories,
  data_qualifier: text(200).nullish(),
  retention: text(200).nullish(),
};

/** A field of a Fides dataset file with our block. */
export type FieldDocument = {
  name: string;
  description?: string | null | undefined;
  data_categories?: string[] | null | undefined;
  fides_meta?: z.output<typeof fieldMeta> | null | undefined;
  masking_strategy_override?: z.output<typeof overrideSchema> | null | undefined;
  gatehouse?: z.output<typeof fieldBlock> | undefined;
  fields?: FieldDocument[] | null | undefined;
};

const field: z.ZodType<FieldDocument> = z.lazy(() =>
  z.strictObject({
    name: names,
    ...shared,
    fides_meta: fieldMeta.nullish(),
    fidesctl_meta: z.unknown().optional(),
    masking_strategy_override: overrideSchema.nullish(),
    fields: z.array(field).max(2_000).nullish(),
    gatehouse: fieldBlock.optional(),
  }),
);

const collection = z.strictObject({
  name: names,
  ...shared,
  fides_meta: z.looseObject({}).nullish(),
  fields: z.array(field).min(1).max(2_000),
  gatehouse: collectionBlock.optional(),
});

const dataset = z.strictObject({
  fides_key: key,
  organization_fides_key: text(200).nullish(),
  tags: z.array(text(200)).nullish(),
  name: text(300).nullish(),
  meta: z.unknown().optional(),
  ...shared,
  fides_meta: z.looseObject({}).nullish(),
  fidesctl_meta: z.unknown().optional(),
  joint_controller: z.unknown().optional(),
  third_country_transfers: z.array(text(100)).nullish(),
  collections: z.array(collection).max(2_000),
  gatehouse: datasetBlock.optional(),
});

/** The file: Fides' `dataset` list, strict where Fides is silent, so that a misspelt block is an error and not ignored. */
export const dataMapFile = z.strictObject({ dataset: z.array(dataset).min(1).max(200) });

/** One dataset of a file. */
export type DatasetDocument = z.output<typeof dataset>;
/** One collection of a file. */
export type CollectionDocument = z.output<typeof collection>;

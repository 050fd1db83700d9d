import { z } from 'zod';

const exemption = z.object({
  code: z.string(),
  basis: z.string(),
  citation: z.string(),
  until: z.string().optional(),
});
const encryption = z.union([
  z.object({ mode: z.literal('none') }),
  z.object({
    mode: z.literal('field'),
    scope: z.union([z.literal('subject'), z.object({ tenantPurpose: z.string() })]),
    indexes: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        normaliser: z.string(),
        column: z.string(),
        bits: z.int(),
      }),
    ),
  }),
]);

const field = z.object({
  name: z.string(),
  column: z.string(),
  description: z.string(),
  type: z.string(),
  nullable: z.boolean(),
  categories: z.array(z.string()),
  sensitivity: z.enum(['none', 'personal', 'sensitive']),
  identity: z.string().nullable(),
  references: z.object({ service: z.string(), collection: z.string(), field: z.string() }).nullable(),
  encryption,
  twin: z.object({ column: z.string(), encryption, written: z.boolean() }).nullable(),
  erasure: z.object({ action: z.string(), exemption: exemption.optional() }),
  mask: z.string(),
  exportable: z.boolean(),
  writable: z.boolean(),
  values: z.array(z.string()).nullable(),
  maxLength: z.int(),
  parts: z.array(z.object({ path: z.string(), categories: z.array(z.string()) })),
});

const collection = z.object({
  service: z.string(),
  name: z.string(),
  type: z.string(),
  description: z.string(),
  schema: z.string(),
  table: z.string(),
  primaryKey: z.string(),
  tenantColumn: z.string(),
  subject: z
    .union([
      z.object({ field: z.string() }),
      z.object({ via: z.object({ field: z.string(), to: z.string(), toField: z.string() }) }),
    ])
    .nullable(),
  fields: z.array(field),
  retention: z.object({ days: z.int(), after: z.string() }).nullable(),
  erasure: z.object({ action: z.string(), exemption: exemption.optional() }),
  managed: z.object({
    createdAt: z.string().nullable(),
    updatedAt: z.string().nullable(),
    restricted: z.string().nullable(),
  }),
  operations: z.array(z.string()),
});

const service = z.object({
  key: z.string(),
  name: z.string(),
  description: z.string(),
  kind: z.literal('postgres'),
  schema: z.string(),
  region: z.string(),
  purposes: z.array(
    z.object({ key: z.string(), name: z.string(), legalBasis: z.string(), aliases: z.array(z.string()) }),
  ),
  processors: z.array(
    z.object({ key: z.string(), name: z.string(), country: z.string(), safeguard: z.string().nullable() }),
  ),
  collections: z.array(collection),
  maintenance: z.object({ team: z.string().nullable(), reviewedAt: z.string().nullable() }),
});

/** `GET /v1/datamap/services` */
export const servicesResponse = z.object({
  items: z.array(service),
  nextCursor: z.null(),
  revision: z.string(),
  gaps: z.array(z.object({ type: z.string(), problem: z.string() })),
});

/** `GET /v1/datamap/drift` */
export const driftResponse = z.object({
  items: z.array(
    z.object({ kind: z.string(), severity: z.enum(['high', 'low']), object: z.string(), detail: z.string() }),
  ),
  nextCursor: z.null(),
  revision: z.string(),
});

import { z } from 'zod';

/** Values in one call. */
export const maxItems = 200;
/** Decoded bytes of one value. */
export const maxValueBytes = 64 * 1024;
/** Decoded bytes of all values of one call. */
export const maxBatchBytes = 1024 * 1024;
/** Bytes of a whole request. */
export const bodyLimitBytes = 2 * 1024 * 1024;

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _');
// Without a colon: purposes with one belong to the house.
const purpose = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,62}$/, 'must be a plain purpose name')
  .refine((value) => value !== 'index', 'must not be "index": that key makes blind indexes only');
const place = {
  service: name,
  collection: name,
  field: name,
  rowId: z.string().min(1).max(200),
  purpose,
};
const base64 = z
  .string()
  .max(Math.ceil(maxValueBytes / 3) * 4)
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be base64 with padding');

const scope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('subject'), subjectId: z.uuid() }),
  z.strictObject({ kind: z.literal('tenant') }),
]);

/** `POST /v1/crypto/seal`. */
export const sealBodySchema = z.strictObject({
  items: z
    .array(
      z.strictObject({
        ...place,
        /** Whose key: a person's, or the tenant's for the item's purpose. */
        scope,
        plaintext: base64,
        /** Names the key beyond doubt (suite 04): for values that leave the database. */
        portable: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(maxItems),
});

/** `POST /v1/crypto/open`. */
export const openBodySchema = z.strictObject({
  items: z
    .array(z.strictObject({ ...place, ciphertext: z.string().max(95_000) }))
    .min(1)
    .max(maxItems),
});

/** `POST /v1/crypto/index`. */
export const indexBodySchema = z.strictObject({
  items: z
    .array(
      z.strictObject({
        service: name,
        collection: name,
        field: name,
        index: name,
        value: z.string().min(1).max(2_000),
      }),
    )
    .min(1)
    .max(maxItems),
});

const refused = z.object({ state: z.literal('refused'), code: z.string() });

/** Answer of `seal`, in the order of the items. */
export const sealedSchema = z.object({
  results: z.array(
    z.discriminatedUnion('state', [
      z.object({ state: z.literal('sealed'), ciphertext: z.string() }),
      refused,
    ]),
  ),
});

/** Answer of `open`, in the order of the items. */
export const openedSchema = z.object({
  results: z.array(
    z.discriminatedUnion('state', [
      z.object({ state: z.literal('opened'), plaintext: z.string() }),
      z.object({ state: z.literal('shredded'), requestId: z.string().nullable() }),
      refused,
    ]),
  ),
});

/** Answer of `index`, in the order of the items. */
export const indexedSchema = z.object({
  results: z.array(
    z.discriminatedUnion('state', [
      z.object({ state: z.literal('indexed'), terms: z.array(z.string()) }),
      refused,
    ]),
  ),
});

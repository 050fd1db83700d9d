import { z } from 'zod';

const word = z.string().min(1).max(64);

/** `/v1/data/{service}/{collection}` */
export const collectionParams = z.strictObject({ service: word, collection: word });

/** `/v1/data/{service}/{collection}/{id}` */
export const recordParams = z.strictObject({
  service: word,
  collection: word,
  id: z.string().min(1).max(200),
});

const text = z.string().max(10_000);

/** Filters are written `filter[field]=value` or `filter[field][op]=value`; the data map says which fields there are. */
export const listQuery = z
  .object({
    sort: z
      .string()
      .max(130)
      .optional()
      .describe('A clear field, descending with a leading "-"; the id by default'),
    fields: text.optional().describe('Names apart by commas; all you may read by default'),
    cursor: z.string().max(20_000).optional().describe('nextCursor of the page before'),
    limit: z.string().max(3).optional().describe('1 to 200, default 50'),
  })
  .catchall(z.union([text, z.array(text).max(200)]));

/** Query of a single record. */
export const recordQuery = z.strictObject({ fields: text.optional() });

/** Fields by name. Not `z.record`: that drops a "__proto__" key silently, and an unknown field is an error here. */
export const recordBody = z
  .unknown()
  .refine(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object of fields',
  )
  .refine(
    (value) => typeof value !== 'object' || value === null || Object.keys(value).length <= 500,
    'has more than 500 fields',
  )
  .transform((value) => value as Readonly<Record<string, unknown>>); // just checked

const record = z
  .looseObject({})
  .describe('Fields by name; a value whose key was destroyed is { tombstone: true, requestId }');

/** A page of records. */
export const listResponse = z.object({
  items: z.array(record),
  nextCursor: z.string().nullable(),
  masked: z.array(z.string()).describe('Fields that you may see in masked form only'),
});

/** One record. */
export const recordResponse = record;

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import type { FieldMap } from '../datamap/index.ts';
import { queryBuilder, sql } from '../db/index.ts';
import { createTestDatabase, type TestDatabase } from '../tests/support/database.ts';
import { maskInSql, maskValue } from './mask.ts';

const email = loadBuiltInDataMap()
  .collection('contacts.contact')
  ?.fields.find(({ name }) => name === 'email');
if (email === undefined) throw new Error('the map has no e-mail field');
const fieldWith = (mask: FieldMap['mask']): FieldMap => ({ ...email, mask, encryption: { mode: 'none' } });

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

async function maskedBySql(field: FieldMap, value: string | null): Promise<unknown> {
  const query =
    sql`select ${maskInSql(field, sql`t.value`)} as masked from (select ${value}::text as value) t`.compile(
      queryBuilder,
    );
  const result = await db.database.withSystem((tx) =>
    tx.run<{ masked: unknown }>({ sql: query.sql, parameters: query.parameters }),
  );
  return result.rows[0]?.masked;
}

describe('a mask', () => {
  test.each(['none', 'full', 'partial', 'email', 'phone'] as const)(
    '"%s" is the same by SQL and in the process, for any text',
    async (mask) => {
      const anything = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.emailAddress(),
        fc.constantFrom(null, '', '@', 'a@', '@b', 'a.b', '+48 12-34', '😀x@y.z'),
      );
      await fc.assert(
        fc.asyncProperty(
          anything.filter((text) => text === null || (!text.includes('\u0000') && text.isWellFormed())),
          async (text) => {
            expect(await maskedBySql(fieldWith(mask), text)).toEqual(maskValue(fieldWith(mask), text));
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  test.each([
    ['email', 'anna.nowak@example.com', 'a***@***.com'],
    ['phone', '+48 000 123 456', '***56'],
    ['partial', 'Nowak', 'N***'],
    ['full', 'Nowak', '***'],
    ['none', 'Nowak', '***'],
  ] as const)('"%s" of %s is %s', (mask, value, masked) => {
    expect(maskValue(fieldWith(mask), value)).toBe(masked);
  });

  test('of what is not text is nothing', async () => {
    expect(maskValue({ ...fieldWith('full'), type: 'integer' }, 7)).toBeNull();
    expect(await maskedBySql({ ...fieldWith('partial'), type: 'json' }, '{}')).toBeNull();
  });
});

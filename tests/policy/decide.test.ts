import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { queryBuilder } from '../../db/index.ts';
import { compileRowFilter } from '../../policy/index.ts';
import type { PolicyRule } from '../../policy/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { contactFields, createTestPolicy, person } from './support.ts';

let db: TestDatabase;
let tenant: TenantId;
beforeAll(async () => {
  db = await createTestDatabase();
  tenant = await db.createTenant();
});
afterAll(() => db.close());

const region = { region: '${principal.attributes.region}' };
const marketer: readonly PolicyRule[] = [
  {
    action: 'read',
    subject: 'contacts.contact',
    fields: ['id', 'region', 'lifecycle', 'first_name', 'email', 'phone'],
    mask: ['email', 'phone'],
    conditions: region,
  },
  {
    action: 'read',
    subject: 'contacts.contact',
    fields: ['email', 'phone'],
    purposes: ['support'],
    conditions: region,
  },
  { action: 'delete', subject: 'contacts.contact', conditions: region },
];

test('a marketer sees the rows of the own region, with mail and phone masked', async () => {
  const { policy } = createTestPolicy(db);
  await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx, { marketer }));
  const principal = person(tenant, { roles: ['marketer'], attributes: { region: 'PL' } });
  const decision = await policy.decide(
    principal,
    'read',
    { type: 'contacts.contact' },
    { purpose: 'marketing' },
  );
  expect(decision).toMatchObject({ decision: true, reasons: [{ code: 'ALLOWED', rule: 'marketer#1' }] });
  expect(decision.fieldMask).toEqual({
    readable: ['id', 'region', 'lifecycle', 'first_name'],
    masked: ['email', 'phone'],
  });
  const sql = queryBuilder
    .selectFrom('contact')
    .select('id')
    .where(compileRowFilter(decision.rowFilter, { fields: contactFields }))
    .compile();
  expect(sql).toMatchObject({
    sql: 'select "id" from "contact" where ("region" = $1::text)',
    parameters: ['PL'],
  });
  const supporting = await policy.decide(
    principal,
    'read',
    { type: 'contacts.contact' },
    { purpose: 'support' },
  );
  expect(supporting.fieldMask).toEqual({
    readable: ['id', 'region', 'lifecycle', 'email', 'phone', 'first_name'],
    masked: [],
  });
  const own = await policy.decide(
    principal,
    'read',
    { type: 'contacts.contact', properties: { region: 'PL' } },
    { purpose: 'marketing' },
  );
  const foreign = await policy.decide(
    principal,
    'read',
    { type: 'contacts.contact', properties: { region: 'DE' } },
    { purpose: 'marketing' },
  );
  expect([own.decision, foreign.decision]).toEqual([true, false]);
  expect(own.fieldMask.masked).toEqual(['email', 'phone']);
});

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { createTestDatabase, type TestDatabase } from '../tests/support/database.ts';
import { systemClock, type AuditEvent, type TenantId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { createDataMapRegistry, findDrift, type DataMapRegistry } from './index.ts';

const yaml = (more = ''): string => `
dataset:
  - fides_key: shop
    gatehouse: { kind: postgres, schema: shop, region: eu, purposes: [{ key: sell, name: Selling, legal_basis: contract }] }
    collections:
      - name: person
        fields:
          - { name: id, fides_meta: { primary_key: true }, gatehouse: { type: uuid } }
          - { name: email, data_categories: [user.contact.email], gatehouse: { encryption: { scope: { tenant_purpose: shop } } } }
${more}`;
const actor = { kind: 'system', id: 'test', displayName: 'test' } as const;

let db: TestDatabase;
let tenantId: TenantId;
let registry: DataMapRegistry;
const events: AuditEvent[] = [];
const audit = {
  append: async (_tx: Tx, event: unknown) => void events.push(event as AuditEvent),
  record: async () => undefined,
};
const newRegistry = (): DataMapRegistry =>
  createDataMapRegistry({ database: db.database, builtIn: loadBuiltInDataMap(), clock: systemClock });
const load = (text: string) =>
  db.database.withTenant(tenantId, (tx) =>
    registry.loadService(tx, { name: 'shop.yaml', yaml: text, actor, audit }),
  );

beforeAll(async () => {
  db = await createTestDatabase();
  tenantId = await db.createTenant();
  registry = newRegistry();
});
afterAll(() => db.close());

describe('the registry', () => {
  test('gives the built-in services to everybody and a loaded one to its tenant, in every replica', async () => {
    const replica = newRegistry();
    expect((await replica.current(tenantId)).services).toHaveLength(3);
    await load(yaml());
    expect((await registry.current(tenantId)).collection('shop.person')).not.toBeNull();
    expect((await registry.current(await db.createTenant())).collection('shop.person')).toBeNull();
    for (let tries = 0; tries < 100 && (await replica.current(tenantId)).services.length === 3; tries += 1) {
      await new Promise((wake) => setTimeout(wake, 10));
    }
    expect((await replica.current(tenantId)).collection('shop.person')).not.toBeNull();
    expect(events.at(-1)).toMatchObject({ tenantId, detail: { service: 'shop', replaced: null } });
  });

  test.each([
    [
      'a service of the house',
      yaml().replace('fides_key: shop', 'fides_key: contacts'),
      /"contacts" stands twice/,
    ],
    [
      'a table that another service maps',
      yaml().replace('schema: shop', 'schema: marketing_contacts').replace('name: person', 'name: contact'),
      /mapped twice/,
    ],
    [
      'a file without a gatehouse block',
      'dataset: [{ fides_key: bare, collections: [] }]',
      /no gatehouse block/,
    ],
  ])('refuses %s and stores nothing', async (_what, text, message) => {
    await expect(load(text)).rejects.toThrow(message);
    expect((await db.admin('select key from datamap.service')).rows).toEqual([{ key: 'shop' }]);
  });
});

describe('drift', () => {
  const drift = () =>
    db.database.withTenant(tenantId, async (tx) => findDrift(tx, await registry.forTenant(tx)));

  test('the marketing maps agree with their tables; a mapped table that is not there is found', async () => {
    expect(await drift()).toEqual([
      expect.objectContaining({ kind: 'missing_table', object: 'shop.person', severity: 'high' }),
    ]);
  });

  test('finds new, missing, clear and refusing columns, the personal-looking ones first of all', async () => {
    await db.admin(
      `create schema shop; create table shop.person (tenant_id uuid not null, id uuid, email text, mobile_no text, colour text, extra jsonb)`,
    );
    await db.admin('create table shop.stray (id uuid)');
    await db.admin('alter table marketing_contacts.contact drop column lifecycle, add column birthday date');
    const findings = (await drift()).map(({ kind, severity, object }) => `${severity} ${kind} ${object}`);
    expect(findings.toSorted()).toEqual([
      'high missing_column marketing_contacts.contact.lifecycle',
      'high type_differs shop.person.email',
      'high unmapped_column marketing_contacts.contact.birthday',
      'high unmapped_column shop.person.extra',
      'high unmapped_column shop.person.mobile_no',
      'high unmapped_table shop.stray',
      'low unmapped_column shop.person.colour',
    ]);
  });
});

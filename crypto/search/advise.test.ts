import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createCryptoFixture, erasure, newSubject, type CryptoFixture } from '../crypto-fixture.ts';
import type { SealedTable } from '../sealed-table.ts';
import type { Crypto, EncryptionPlan } from '../types.ts';

const exact = { name: 'exact', kind: 'exact', bits: 128 } as const;
const plan: EncryptionPlan = {
  service: 'clinic',
  collection: 'patient',
  rowIdField: 'id',
  subjectField: 'subject_id',
  fields: [
    {
      ...{ field: 'email', column: 'email', type: 'text', scope: 'subject' },
      indexes: [{ ...exact, normaliser: 'email', column: 'email_bidx' }],
    },
    {
      ...{ field: 'blood', column: 'blood', type: 'text', scope: 'subject' },
      indexes: [{ ...exact, normaliser: 'text', column: 'blood_bidx' }],
    },
  ],
};
const table: SealedTable = {
  plan,
  schema: 'clinic',
  table: 'patient',
  rowIdColumn: 'id',
  subjectColumn: 'subject_id',
};
const canary = 'canary-patient';
let fixture: CryptoFixture;
let crypto: Crypto;
let tenant: TenantId;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make({ tables: async () => [table] });
  tenant = await fixture.db.createTenant();
  await fixture.db.admin('create schema clinic');
  await fixture.db.admin(
    'create table clinic.patient (tenant_id uuid, id uuid, subject_id uuid, email bytea, email_bidx bytea, blood bytea, blood_bidx bytea)',
  );
  await fixture.db.admin('grant usage on schema clinic to gatehouse_app');
  await fixture.db.admin('grant select, insert on clinic.patient to gatehouse_app');
  const rows = Array.from({ length: 300 }, (_, at) => ({
    ...{ id: randomUUID(), subject_id: newSubject(), tenant_id: tenant },
    ...{ email: `${canary}${at}@example.com`, blood: ['A', 'B', 'AB', '0'][at % 4] },
  }));
  const sealed = await inTenant((tx) => crypto.sealRows(tx, plan, rows));
  const records = sealed.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
      ]),
    ),
  );
  await fixture.db.admin(
    'insert into clinic.patient select * from jsonb_populate_recordset(null::clinic.patient, $1)',
    [JSON.stringify(records)],
  );
});
afterAll(() => fixture.close());

const inTenant = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(tenant, work);
const ask = (field: string, sample = 300) =>
  inTenant((tx) => crypto.advise(tx, { collection: 'clinic.patient', field, sample }, erasure.actor));

test('a field of different values may be indexed exactly, not by a short prefix that all share', async () => {
  const advice = await ask('email');
  expect(advice).toMatchObject({ rows: 300, sampled: 300, findings: [] });
  const verdicts = Object.fromEntries(advice.forms.map(({ form, verdict }) => [form, verdict]));
  expect(verdicts).toMatchObject({ exact: 'safe', domain: 'low_cardinality', 'prefix 3': 'low_cardinality' });
});

test('an index that the data map declares on a field of few values is a finding', async () => {
  expect((await ask('blood')).findings).toEqual([
    { index: 'exact', form: 'exact', verdict: 'low_cardinality' },
  ]);
});

test('only numbers leave, the sample stays within its bound, and it is recorded who asked', async () => {
  fixture.events.length = 0;
  const advice = await ask('email', 50);
  expect(advice.sampled).toBeLessThanOrEqual(50);
  expect(JSON.stringify(advice)).not.toContain(canary);
  expect(fixture.events).toMatchObject([
    {
      definition: { action: 'crypto.index_advised' },
      actor: erasure.actor,
      detail: { collection: 'clinic.patient', field: 'email' },
    },
  ]);
  expect(JSON.stringify(fixture.events)).not.toContain(canary);
});

test('a field that is not encrypted, or not mapped, is refused by name', async () => {
  await expect(ask('height')).rejects.toThrow(/clinic\.patient has no encrypted field "height"/);
});

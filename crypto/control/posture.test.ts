import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { fromText } from '../ct1.ts';
import {
  contactPlan,
  createCryptoFixture,
  erasure,
  newPerson,
  newSubject,
  type CryptoFixture,
} from '../crypto-fixture.ts';
import type { Crypto } from '../types.ts';
import { parseCryptoperiods } from './inventory/cryptoperiods.ts';
import {
  inventoryCsv,
  type InventoryKey,
  type InventoryPage,
  type InventoryQuery,
} from './inventory/key-inventory.ts';

let fixture: CryptoFixture;
let tenant: TenantId;
let now: Date;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  await fixture.db
    .admin(`create schema shop; create table shop.contact (tenant_id uuid not null, id uuid not null, subject_id uuid,
    email bytea, email_bidx bytea, email_domain_bidx bytea, region text, primary key (tenant_id, id));
    grant usage on schema shop to gatehouse_app; grant select, insert on shop.contact to gatehouse_app`);
});
afterAll(() => fixture.close());
beforeEach(async () => {
  tenant = await fixture.db.createTenant();
  now = new Date();
  const table = { schema: 'shop', table: 'contact', rowIdColumn: 'id', subjectColumn: 'subject_id' };
  crypto = fixture.make({ clock: { now: () => now }, tables: async () => [{ plan: contactPlan, ...table }] });
});

const inTenant = <T>(work: Parameters<typeof fixture.db.database.withTenant<T>>[1]): Promise<T> =>
  fixture.db.database.withTenant(tenant, work);
const alerts = async (using = crypto): Promise<number> => {
  await using.settle();
  return fixture.events.filter(
    (event) => event.tenantId === tenant && event.definition.action === 'crypto.poison_opened',
  ).length;
};
const plant = (planted: Parameters<Crypto['canaries']['plant']>[1]['planted']) =>
  inTenant((tx) =>
    crypto.canaries.plant(tx, {
      label: 'a lure',
      collection: 'contacts.contact',
      planted,
      by: newPerson(tenant),
    }),
  );

describe('a canary', () => {
  test('answers as an ordinary value would, and raises an alert wherever it is opened', async () => {
    const rowId = randomUUID();
    const value = 'lure@example.com';
    const { ciphertext, kid } = await plant({ kind: 'value', field: 'email', rowId, value });
    const sealed = fromText(ciphertext ?? '') as Buffer;
    const context = { service: 'contacts', collection: 'contact', field: 'email', rowId, purpose: 'subject' };
    expect(await alerts()).toBe(0);
    const opened = await inTenant((tx) => crypto.open(tx, context, sealed));
    expect(opened).toEqual({ kind: 'plaintext', plaintext: Buffer.from(value) });
    expect(await alerts()).toBe(1);
    await inTenant((tx) => crypto.open(tx, context, sealed)); // the same minute, the same alert
    expect(await alerts()).toBe(1);
    now = new Date(now.getTime() + 61_000);
    await inTenant((tx) => crypto.open(tx, context, sealed));
    expect(await alerts()).toBe(2);
    const event = fixture.events.findLast(({ definition }) => definition.action === 'crypto.poison_opened');
    expect(event).toMatchObject({
      outcome: 'failure',
      detail: { severity: 'high', kid, collection: 'contacts.contact', field: 'email' },
    });
    expect(await inTenant((tx) => crypto.canaries.list(tx, { after: null, limit: 10 }))).toMatchObject([
      { kid, label: 'a lure', opened: 2 },
    ]);
    const since = new Date(now.getTime() - 1_000);
    expect(await inTenant((tx) => crypto.canaries.count(tx, since))).toEqual({ planted: 1, opened: 1 });
  });

  test('in a mapped table looks like any row; reading the others raises nothing', async () => {
    const { rowId, ciphertext } = await plant({
      kind: 'row',
      values: { email: 'lure@example.com', region: 'eu' },
    });
    expect(ciphertext).toBeNull();
    const subject = newSubject();
    const other = { id: randomUUID(), subject_id: subject, email: 'ada@example.com' };
    const sealed = await inTenant((tx) => crypto.sealFields(tx, contactPlan, other));
    await inTenant((tx) => crypto.openRows(tx, contactPlan, [sealed], ['email']));
    expect(await alerts()).toBe(0);
    const { rows } = await fixture.db.admin('select * from shop.contact where id = $1', [rowId]);
    const reader = fixture.make();
    expect(await inTenant((tx) => reader.openRows(tx, contactPlan, rows, ['email']))).toMatchObject([
      { id: rowId, email: 'lure@example.com', region: 'eu' },
    ]);
    expect(await alerts(reader)).toBe(1);
  });

  test('is refused where no field is under a person’s key, or nothing is encrypted', async () => {
    await expect(plant({ kind: 'value', field: 'region', rowId: 'r', value: 'x' })).rejects.toMatchObject({
      code: 'ERR_CRYPTO_INPUT',
    });
    await expect(
      plant({ kind: 'row', values: { 'region"; drop table shop.contact --': 'x' } }),
    ).rejects.toMatchObject({
      code: 'ERR_CRYPTO_INPUT',
    });
    await expect(
      inTenant((tx) =>
        crypto.canaries.plant(tx, {
          label: 'x',
          collection: 'shop.nothing',
          planted: { kind: 'row', values: {} },
          by: newPerson(tenant),
        }),
      ),
    ).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });
});

describe('the inventory', () => {
  const all = async (
    query: { overdueOnly?: boolean; limit?: number; state?: string } = {},
  ): Promise<InventoryKey[]> => {
    const items: InventoryKey[] = [];
    let cursor: string | null = null;
    do {
      const wanted: InventoryQuery = {
        cursor,
        limit: query.limit ?? 3,
        kind: null,
        state: query.state ?? null,
        overdueOnly: query.overdueOnly ?? false,
      };
      const page: InventoryPage = await inTenant((tx) => crypto.inventory.page(tx, wanted));
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return items;
  };

  test('names every key once, page by page, without saying whose it is', async () => {
    const people = Array.from({ length: 5 }, newSubject);
    for (const subject of people)
      await inTenant((tx) =>
        crypto.sealFields(tx, contactPlan, { id: subject, subject_id: subject, email: 'a@b.example' }),
      );
    await inTenant((tx) => crypto.signingKey(tx, 'certificate'));
    await crypto.rotate(tenant, { actor: erasure.actor });
    const items = await all();
    const count = (kind: string): number => items.filter((key) => key.kind === kind).length;
    expect([count('tenant_key'), count('person_key'), count('signing_key')]).toEqual([2, 5, 1]);
    expect(new Set(items.map(({ kind, id }) => `${kind}:${id}`)).size).toBe(items.length);
    expect(await all({ limit: 1_000 })).toEqual(items);
    for (const state of ['active', 'superseded', 'destroyed'])
      expect(await all({ state })).toEqual(items.filter((key) => key.state === state));
    const text = JSON.stringify(items) + inventoryCsv(items);
    for (const subject of people) expect(text).not.toContain(subject);
    expect(inventoryCsv(items).trimEnd().split('\r\n')).toHaveLength(items.length + 1);
    expect(items.find(({ kind }) => kind === 'tenant_key')).toMatchObject({
      state: 'superseded',
      nextRotation: null,
      provider: 'local',
      owner: 'tenant',
    });
  });

  test('finds keys that are used beyond their cryptoperiod', async () => {
    const subject = newSubject();
    await inTenant((tx) =>
      crypto.sealFields(tx, contactPlan, { id: subject, subject_id: subject, email: 'a@b.example' }),
    );
    expect(await all({ overdueOnly: true })).toEqual([]);
    now = new Date(now.getTime() + 731 * 86_400_000);
    const overdue = await all({ overdueOnly: true });
    expect(overdue.every((key) => key.overdue && key.ageDays >= 730)).toBe(true);
    expect(overdue.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['tenant_key', 'person_key']));
    expect(await inTenant((tx) => crypto.inventory.overdue(tx))).toMatchObject({
      tenant_key: 1,
      person_key: 1,
      signing_key: 0,
    });
  });

  test('names the keys of certificates that are kept here, and no key that never was', async () => {
    const certificate = (name: string, kept: boolean, revoked: boolean): Promise<unknown> =>
      fixture.db.admin(
        `insert into crypto.pki_certificate (tenant_id, id, serial, profile, common_name, names, algorithm, certificate, sealed_private_key,
           exportable, not_before, not_after, revoked_at, revocation_reason)
         values ($1, gen_random_uuid(), $2, 'mtls-client', $3, '[]', 'ec-p256', $4, $5, false, now(), now() + interval '90 days', $6, $7)`,
        [
          ...[tenant, randomBytes(16), name, randomBytes(200), kept ? randomBytes(200) : null],
          ...(revoked ? [new Date(), 'superseded'] : [null, null]),
        ],
      );
    await certificate('kept', true, false);
    await certificate('never ours', false, false);
    await certificate('revoked', true, true);
    const found = (await all({ limit: 1 })).filter(({ kind }) => kind === 'certificate_key');
    expect(found.map(({ scope, state }) => [scope, state]).toSorted()).toEqual([
      ['mtls-client kept', 'active'],
      ['mtls-client revoked', 'superseded'],
    ]);
    now = new Date(now.getTime() + 1_096 * 86_400_000);
    expect((await all({ overdueOnly: true })).filter(({ kind }) => kind === 'certificate_key')).toHaveLength(
      1,
    );
    expect(await inTenant((tx) => crypto.inventory.overdue(tx))).toMatchObject({ certificate_key: 1 });
  });

  test('takes cryptoperiods of its own and refuses what is none', () => {
    expect(parseCryptoperiods('person_key=90, signing_key=365')).toMatchObject({
      person_key: 90,
      signing_key: 365,
      tenant_key: 730,
    });
    for (const text of ['person_key', 'person_key=0', 'nobody=3', 'person_key=1.5'])
      expect(() => parseCryptoperiods(text)).toThrow('is no cryptoperiod');
  });

  test('refuses a cursor that it did not give', async () => {
    for (const cursor of ['AAAA', Buffer.from('person_key:zz').toString('base64url')])
      await expect(
        inTenant((tx) =>
          crypto.inventory.page(tx, { cursor, limit: 5, kind: null, state: null, overdueOnly: false }),
        ),
      ).rejects.toMatchObject({ status: 400 });
  });

  test('writes cells that no spreadsheet runs', () => {
    const key = { kind: 'purpose_key', scope: '=cmd()', createdAt: now, nextRotation: null } as InventoryKey;
    expect(
      inventoryCsv([
        {
          ...key,
          id: 'x',
          state: 'active',
          owner: 'tenant',
          provider: 'a,b',
          ageDays: 0,
          uses: null,
          cryptoperiodDays: 1,
          overdue: false,
        },
      ]),
    ).toContain(`'=cmd(),active,tenant,"a,b"`);
  });
});

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createCryptoFixture, erasure, newSubject, type CryptoFixture } from '../crypto-fixture.ts';
import type { SealedTable } from '../sealed-table.ts';
import type { Crypto, EncryptionPlan, Row } from '../types.ts';

const plan: EncryptionPlan = {
  service: 'shop',
  collection: 'customer',
  rowIdField: 'id',
  subjectField: 'subject_id',
  fields: [
    {
      field: 'email',
      column: 'email',
      type: 'text',
      scope: 'subject',
      indexes: [
        { name: 'exact', kind: 'exact', normaliser: 'email', column: 'email_bidx', bits: 128, unique: true },
        { name: 'start', kind: 'prefix', normaliser: 'email', column: 'email_start', bits: 64, length: 3 },
      ],
    },
  ],
};
const table: SealedTable = {
  plan,
  schema: 'shop',
  table: 'customer',
  rowIdColumn: 'id',
  subjectColumn: 'subject_id',
};
const options = { tables: async () => [table], indexVersionMilliseconds: 50, jobLeaseSeconds: 1 };
const target = { collection: 'shop.customer', field: 'email', index: 'exact' };
const { actor } = erasure;
let fixture: CryptoFixture;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make(options);
  await fixture.db.admin('create schema shop');
  await fixture.db.admin(
    `create table shop.customer (tenant_id uuid, id uuid, subject_id uuid, email bytea, email_bidx bytea, email_start bytea, primary key (tenant_id, id))`,
  );
  await fixture.db.admin('create unique index on shop.customer (tenant_id, email_bidx)');
  await fixture.db.admin('grant usage on schema shop to gatehouse_app');
  await fixture.db.admin('grant select, insert, update on shop.customer to gatehouse_app');
});
afterAll(() => fixture.close());

const inTenant = <T>(id: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(id, work);

async function insert(tx: Tx, own: Crypto, email: string, subject = newSubject()): Promise<string> {
  const row = { id: randomUUID(), subject_id: subject, email };
  const sealed = await own.sealFields(tx, plan, row);
  await tx.run({
    sql: 'insert into shop.customer (tenant_id, id, subject_id, email, email_bidx, email_start) values ($1, $2, $3, $4, $5, $6)',
    parameters: [
      tx.tenantId,
      row.id,
      row.subject_id,
      sealed['email'],
      sealed['email_bidx'],
      sealed['email_start'],
    ],
  });
  return row.id;
}

async function find(tx: Tx, own: Crypto, email: string, index = 'exact'): Promise<readonly string[]> {
  const column = index === 'exact' ? 'email_bidx' : 'email_start';
  const terms = await own.indexTerms(tx, plan, 'email', index, email);
  const { rows } = await tx.run<{ id: string }>({
    sql: `select id from shop.customer where tenant_id = $1 and ${column} = any($2)`,
    parameters: [tx.tenantId, terms],
  });
  return rows.map(({ id }) => id);
}
const stored = async (tenant: TenantId): Promise<readonly Row[]> =>
  (await fixture.db.admin('select * from shop.customer where tenant_id = $1 order by id', [tenant])).rows;
const states = async (tenant: TenantId): Promise<readonly string[]> =>
  (
    await fixture.db.admin('select state from crypto.index_version where tenant_id = $1 order by version', [
      tenant,
    ])
  ).rows.map(({ state }) => state as string);

test('a rotation changes every value of the index, none of another, and everything is found meanwhile, whoever writes and asks', async () => {
  const tenant = await fixture.db.createTenant();
  await inTenant(tenant, async (tx) => {
    for (let at = 0; at < 40; at += 1) await insert(tx, crypto, `old${at}@example.com`);
  });
  const before = await stored(tenant);
  const others = [fixture.make(options), fixture.make(options)];
  const written = new Set(Array.from({ length: 40 }, (_, at) => `old${at}@example.com`));
  let stop = false;
  let asked = 0;
  const busy = others.map(async (own, who) => {
    for (let round = 0; !stop; round += 1) {
      const email = `new${who}-${round}@example.com`;
      await inTenant(tenant, (tx) => insert(tx, own, email));
      written.add(email);
      const known = [...written];
      const wanted = known[(round * 13) % known.length] ?? '';
      const asking = others[(who + round) % 2] ?? own;
      expect(await inTenant(tenant, (tx) => find(tx, asking, wanted))).toHaveLength(1);
      asked += 1;
      await sleep(2);
    }
  });
  const job = await crypto.jobs.rotateIndex(tenant, target, actor);
  expect(await crypto.jobs.wait(tenant, job)).toMatchObject({
    kind: 'blind_index',
    state: 'done',
    phase: 'fill',
  });
  stop = true;
  await Promise.all(busy);
  expect(asked).toBeGreaterThan(5);
  expect(await states(tenant)).toEqual(['dropped', 'writing']);
  const after = new Map((await stored(tenant)).map((row) => [row['id'], row]));
  for (const row of before) {
    expect(after.get(row['id'])?.['email_bidx']).not.toEqual(row['email_bidx']);
    expect(after.get(row['id'])?.['email_start']).toEqual(row['email_start']);
    expect(after.get(row['id'])?.['email']).toEqual(row['email']);
  }
  await sleep(100);
  await inTenant(tenant, async (tx) => {
    for (const email of written) expect(await find(tx, fixture.make(options), email)).toHaveLength(1);
    expect(await crypto.indexTerms(tx, plan, 'email', 'exact', 'a@b.c')).toHaveLength(1);
    expect(await find(tx, crypto, 'old')).toEqual([]);
    expect(await find(tx, crypto, 'old', 'start')).toHaveLength(40);
  });
}, 60_000);

test('the same value is refused twice while two versions live', async () => {
  const tenant = await fixture.db.createTenant();
  await inTenant(tenant, (tx) => insert(tx, crypto, 'ada@example.com'));
  // A transaction of before the rotation keeps it between its steps.
  let release: () => void = () => undefined;
  const held = inTenant(tenant, async (tx) => {
    await tx.run({ sql: 'select 1', parameters: [] });
    await new Promise<void>((done) => (release = done));
  });
  await sleep(50);
  const job = await crypto.jobs.rotateIndex(tenant, target, actor);
  const signal = AbortSignal.timeout(700);
  await expect(crypto.jobs.wait(tenant, job, signal)).rejects.toMatchObject({ name: /Abort|Timeout/ });
  expect(await states(tenant)).toEqual(['writing', 'reading']);
  await fixture.db.admin(`update crypto.index_version set state = 'reading' where tenant_id = $1`, [tenant]);
  await fixture.db.admin(
    `update crypto.index_version set state = 'writing' where tenant_id = $1 and version = 2`,
    [tenant],
  );
  const own = fixture.make(options);
  await expect(inTenant(tenant, (tx) => insert(tx, own, 'Ada@Example.com'))).rejects.toMatchObject({
    code: 'ERR_CONFLICT',
  });
  const both = await Promise.allSettled(
    [crypto, own].map((one) => inTenant(tenant, (tx) => insert(tx, one, 'eve@example.com'))),
  );
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  release();
  await held;
  expect(await crypto.jobs.wait(tenant, job)).toMatchObject({ state: 'done' });
  expect(await stored(tenant)).toHaveLength(2);
}, 60_000);

test('an interrupted rotation is carried on by another process, and a second one follows', async () => {
  const tenant = await fixture.db.createTenant();
  await inTenant(tenant, (tx) => insert(tx, crypto, 'ada@example.com'));
  const job = await crypto.jobs.rotateIndex(tenant, target, actor);
  expect((await crypto.jobs.rotateIndex(tenant, target, actor)).id).toBe(job.id);
  await expect(crypto.jobs.wait(tenant, job, AbortSignal.timeout(120))).rejects.toMatchObject({
    name: /Abort|Timeout/,
  });
  const other = fixture.make(options);
  expect(await other.jobs.wait(tenant, job)).toMatchObject({ state: 'done' });
  await other.jobs.wait(tenant, await other.jobs.rotateIndex(tenant, target, actor));
  expect(await states(tenant)).toEqual(['dropped', 'dropped', 'writing']);
  await sleep(100);
  expect(await inTenant(tenant, (tx) => find(tx, crypto, 'ada@example.com'))).toHaveLength(1);
}, 60_000);

test('rows of a shredded person lose their index value in a rotation', async () => {
  const tenant = await fixture.db.createTenant();
  const subject = newSubject();
  await inTenant(tenant, (tx) => insert(tx, crypto, 'gone@example.com', subject));
  await inTenant(tenant, (tx) => crypto.shred(tx, [subject], erasure));
  await crypto.jobs.wait(tenant, await crypto.jobs.rotateIndex(tenant, target, actor));
  expect((await stored(tenant)).map((row) => row['email_bidx'])).toEqual([null]);
}, 60_000);

test('an index that the data map does not name is refused', async () => {
  const tenant = await fixture.db.createTenant();
  await expect(crypto.jobs.rotateIndex(tenant, { ...target, index: 'none' }, actor)).rejects.toMatchObject({
    code: 'ERR_CRYPTO_INPUT',
  });
});

/** What must be true of an index whatever happened before: who was written, and how often it was rotated. */
type Model = { readonly written: Set<string>; begun: number };
type Real = { readonly tenant: TenantId; readonly processes: readonly Crypto[] };
const someProcess = fc.nat(1);

type Command = fc.AsyncCommand<Model, Real>;
const always = (): boolean => true;

const write = (email: string, by: number): Command => ({
  check: always,
  run: async (model, { tenant, processes }) => {
    const writing = inTenant(tenant, (tx) => insert(tx, processes[by] ?? crypto, email));
    if (model.written.has(email)) await expect(writing).rejects.toThrow(/unique/);
    else await writing;
    model.written.add(email);
  },
  toString: () => `process ${by} writes ${email}`,
});

const search = (email: string, by: number): Command => ({
  check: always,
  run: async (model, { tenant, processes }) => {
    const found = await inTenant(tenant, (tx) => find(tx, processes[by] ?? crypto, email));
    expect(found).toHaveLength(model.written.has(email) ? 1 : 0);
  },
  toString: () => `process ${by} searches ${email}`,
});

const rotateFor = (milliseconds: number, by: number): Command => ({
  check: always,
  run: async (model, { tenant, processes }) => {
    const own = processes[by] ?? crypto;
    const job = await own.jobs.rotateIndex(tenant, target, actor);
    model.begun += 1;
    await own.jobs.wait(tenant, job, AbortSignal.timeout(milliseconds)).catch((error: unknown) => {
      if (!/Abort|Timeout/.test(String(error))) throw error; // of another realm, so not by class
    });
    const live = await states(tenant);
    for (const state of ['writing', 'reading'])
      expect(live.filter((one) => one === state).length).toBeLessThanOrEqual(1);
  },
  toString: () => `process ${by} rotates for ${milliseconds} ms`,
});

test('whatever two processes write, search and rotate, broken off at any step, each value is there once and found', async () => {
  const email = fc.nat(5).map((at) => `p${at}@example.com`);
  const commands = [
    fc.tuple(email, someProcess).map(([value, by]) => write(value, by)),
    fc.tuple(email, someProcess).map(([value, by]) => search(value, by)),
    fc
      .tuple(fc.integer({ min: 1, max: 900 }), someProcess)
      .map(([milliseconds, by]) => rotateFor(milliseconds, by)),
  ];
  const processes = [fixture.make(options), fixture.make(options)];
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 12 }), async (list) => {
      const tenant = await fixture.db.createTenant();
      await fc.asyncModelRun(
        () => ({ model: { written: new Set<string>(), begun: 0 }, real: { tenant, processes } }),
        list,
      );
      await crypto.jobs.wait(tenant, await crypto.jobs.rotateIndex(tenant, target, actor));
      const opened = await inTenant(tenant, async (tx) =>
        crypto.openRows(tx, plan, await stored(tenant), ['email']),
      );
      expect(new Set(opened.map((row) => row['email'])).size).toBe(opened.length);
    }),
    { numRuns: 8 },
  );
}, 120_000);

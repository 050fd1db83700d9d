import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createCrypto, createLocalProvider, type Crypto } from '../../crypto/index.ts';
import { encryptionPlan } from '../../datamap/index.ts';
import {
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../../kernel/index.ts';
import {
  createColumnHouse,
  createShop,
  insertPeople,
  schemaOf,
  writePlain,
  type ColumnHouse,
} from '../support/column-house.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const rows = 400;
let db: TestDatabase;
let folder: string;
let crypto: Crypto;
let house: ColumnHouse;
let tenants: readonly TenantId[];
beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-columns-kill-'));
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('a passphrase for tests only'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const none = async (): Promise<void> => undefined;
  const audit = { append: none, record: none };
  crypto = createCrypto({
    database: db.database,
    root,
    audit: () => audit,
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
  });
  house = createColumnHouse({ database: db.database, adminUrl: db.adminUrl, crypto, audit });
  await createShop(db, 'note text not null');
  tenants = [await db.createTenant(), await db.createTenant()];
  for (const tenantId of tenants)
    await insertPeople(
      db,
      tenantId,
      Array.from({ length: rows }, (_, at) => ({ id: at, note: `note ${at}` })),
    );
}, 60_000);
afterAll(async () => {
  await crypto.stop();
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a worker and kills it at the nth time it says a word, or lets it end. @returns whether it said that it was done */
async function runWorker(
  goal: string,
  killAt: { readonly word: string; readonly after: number; readonly delay: number } | null,
): Promise<boolean> {
  const script = join(import.meta.dirname, 'columns-kill-worker.ts');
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      script,
      db.adminUrl,
      join(folder, 'root'),
      tenants.join(','),
      goal,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (killAt !== null && out.split(`${killAt.word}\n`).length > killAt.after)
      setTimeout(() => child.kill('SIGKILL'), killAt.delay);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((done) =>
    child.on('close', (status, by) => done([status, by])),
  );
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the worker failed: ${errors}`);
  return out.includes('done\n');
}

/** What the rows should be, kept by the writers themselves. */
const expected = new Map<string, string>();
let writing = true;
let written = 0;

async function writeForEver(tenantId: TenantId): Promise<void> {
  for (let turn = 0; writing; turn += 1) {
    const id = (turn * 37) % rows;
    const note = `written ${turn}`;
    if (turn % 2 === 0) await writePlain(db.database, tenantId, id, note);
    else if (!(await writeKnowing(tenantId, id, note))) continue;
    expected.set(`${tenantId}/${id}`, note);
    written += 1;
    await new Promise((wake) => setTimeout(wake, 2));
  }
}

/** As a writer of ours; a map that is being replaced at this moment may name a column that is going: nothing is written then. */
async function writeKnowing(tenantId: TenantId, id: number, note: string): Promise<boolean> {
  try {
    await db.database.withTenant(tenantId, async (tx) => {
      const collection = (await house.dataMap.forTenant(tx)).collection('shop.person');
      if (collection === null) throw new Error('no such collection');
      const { rows: found } = await tx.run<{ subject_id: string }>({
        sql: 'select subject_id from shop.person where id = $1',
        parameters: [id],
      });
      const sealed = await crypto.sealFields(tx, encryptionPlan(collection), {
        id,
        subject_id: found[0]?.subject_id,
        note,
      });
      const names = Object.keys(sealed).filter((name) => name.startsWith('note'));
      await tx.run({
        sql: `update shop.person set ${names.map((name, at) => `${name} = $${at + 2}`).join(', ')} where id = $1`,
        parameters: [id, ...names.map((name) => sealed[name])],
      });
    });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '42703') return false;
    throw error;
  }
}

/** What readers see, by tenant and id. */
async function readAll(): Promise<ReadonlyMap<string, unknown>> {
  const seen = new Map<string, unknown>();
  for (const tenantId of tenants) {
    const opened = await db.database.withTenant(tenantId, async (tx) => {
      const collection = (await house.dataMap.forTenant(tx)).collection('shop.person');
      if (collection === null) throw new Error('no such collection');
      const { rows: found } = await tx.run({ sql: 'select * from shop.person', parameters: [] });
      return crypto.openRows(tx, encryptionPlan(collection), found, ['note']);
    });
    for (const row of opened) seen.set(`${tenantId}/${String(row['id'])}`, row['note']);
  }
  return seen;
}

test('a migration that is killed at every step and in the middle of each loses no row and no write, back and forth', async () => {
  for (const tenantId of tenants)
    for (let id = 0; id < rows; id += 1) expected.set(`${tenantId}/${id}`, `note ${id}`);
  const schema = await schemaOf(db, 'shop.person');
  const writers = tenants.map((tenantId) => writeForEver(tenantId));
  const failed: unknown[] = [];
  void Promise.all(writers).catch((error: unknown) => failed.push(error));

  try {
    await thereAndBack(schema);
  } finally {
    writing = false;
    await Promise.allSettled(writers);
  }
  expect(failed).toEqual([]);
  expect(await readAll()).toEqual(expected);
  await dropKilled();
  expect(await readAll()).toEqual(expected);
  expect(written).toBeGreaterThan(500);
}, 240_000);

async function thereAndBack(schema: unknown): Promise<void> {
  const kills = [
    { word: 'ready', after: 1, delay: 0 },
    { word: 'ready', after: 1, delay: 15 },
    { word: 'ready', after: 1, delay: 40 },
    { word: 'started', after: 1, delay: 0 },
    { word: 'batch', after: 3, delay: 0 },
    { word: 'batch', after: 9, delay: 3 },
    { word: 'backfilled', after: 1, delay: 0 },
    { word: 'checked', after: 4, delay: 2 },
    { word: 'verified', after: 1, delay: 0 },
  ];
  for (const kill of kills) await runWorker('cut_over', kill);
  expect(await runWorker('cut_over', null)).toBe(true);
  // Back again, killed on the way.
  await runWorker('reverted', { word: 'ready', after: 1, delay: 60 });
  if (await stillMoving()) expect(await runWorker('reverted', null)).toBe(true);
  expect(await schemaOf(db, 'shop.person')).toEqual(schema);
  for (const kill of [kills[4], kills[7]]) await runWorker('cut_over', kill ?? null);
  // Two at once.
  expect(await Promise.all([runWorker('cut_over', null), runWorker('cut_over', null)])).toEqual([true, true]);
}

async function dropKilled(): Promise<void> {
  for (const delay of [0, 30, 120, 350, 500])
    await runWorker('dropped', { word: 'approved', after: 1, delay });
  expect(await runWorker('dropped', null)).toBe(true);
  const { rows: columns } = await db.admin(
    `select attname, attnotnull from pg_attribute where attrelid = 'shop.person'::regclass and attname like 'note%' order by attnum desc`,
  );
  expect(columns).toEqual([
    { attname: 'note_bidx', attnotnull: false },
    { attname: 'note_ct1', attnotnull: true },
  ]);
}

async function stillMoving(): Promise<boolean> {
  return (await db.admin('select 1 from crypto.column_layout')).rows.length > 0;
}

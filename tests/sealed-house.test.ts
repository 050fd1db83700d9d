import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../db/index.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { call } from './support/house.ts';

/** A house whose root key is sealed by shares, as its people use it: by the command line, in processes of their own. */

const main = join(import.meta.dirname, '..', 'cli', 'main.ts');
let db: TestDatabase;
let folder: string;
let environment: Record<string, string>;
let house: ChildProcess | null = null;

beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-sealed-'));
  environment = {
    PATH: process.env['PATH'] ?? '',
    GATEHOUSE_DATABASE_URL: db.adminUrl,
    GATEHOUSE_DATA_DIR: folder,
    GATEHOUSE_PORT: String(await freePort()),
    GATEHOUSE_ROOT_KEY_SEAL: 'shares',
    GATEHOUSE_DEMO_CONTACTS: '5',
    GATEHOUSE_LOG_LEVEL: 'warn',
  };
}, 60_000);
afterAll(async () => {
  if (house !== null) await stop(house);
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

type Ran = { readonly code: number | null; readonly out: string };

function run(argv: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...argv], { env: environment });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stdin.end(input);
  return new Promise((done) => child.once('close', (code) => done({ code, out })));
}

async function start(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, 'start'], { env: environment });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  const deadline = Date.now() + 90_000;
  while (!out.includes('Gatehouse is up')) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`did not start:\n${out}`);
    await new Promise((wake) => void setTimeout(wake, 50));
  }
  return child;
}

async function stop(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((done) => child.once('close', done));
  child.kill('SIGTERM');
  return ended;
}

const get = (path: string) => call(`http://127.0.0.1:${environment['GATEHOUSE_PORT']}`, 'GET', path);

async function untilReady(): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await get('/health/ready')).status !== 200) {
    if (Date.now() > deadline) throw new Error(JSON.stringify((await get('/health/ready')).body));
    await new Promise((wake) => void setTimeout(wake, 100));
  }
}

async function untilRecorded(action: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { rows } = await db.admin('select count(*)::int as n from audit.entry where action = $1', [action]);
    if (rows[0].n === 1) return;
    if (rows[0].n > 1 || Date.now() > deadline) throw new Error(`${rows[0].n} events ${action}`);
    await new Promise((wake) => void setTimeout(wake, 100));
  }
}

const sharesIn = (out: string): string[] => out.match(/gatehouse-share-1\.[\w-]+/g) ?? [];

test('stays shut until enough people gave their share, says so, and then works', async () => {
  const made = await run(['crypto', 'unseal', '--shares', '3', '--threshold', '2']);
  const shares = sharesIn(made.out);
  expect([made.code, shares.length]).toEqual([0, 3]);
  expect((await run(['crypto', 'unseal', '--shares', '3', '--threshold', '2'])).code).toBe(2);

  house = await start();
  expect((await get('/health/live')).status).toBe(200);
  const ready = await get('/health/ready');
  expect(ready.status).toBe(503);
  expect(JSON.stringify(ready.body)).toContain('the house is sealed: 0 of 2 shares are given');
  for (const path of [
    '/v1/crypto/keys',
    '/v1/data/contacts/contact',
    '/oidc/.well-known/openid-configuration',
  ])
    expect(await get(path)).toMatchObject({
      status: 503,
      body: { code: 'ERR_CRYPTO_UNSEAL', detail: expect.stringContaining('0 of 2 shares') },
    });

  const first = await run(['crypto', 'unseal'], `${shares[2]}\n${shares[2]}\n`);
  expect(first).toMatchObject({ code: 1, out: expect.stringContaining('1 of 2 shares are given') });
  expect(first.out).toContain('given before');
  const wrong = await run(['crypto', 'unseal'], 'gatehouse-share-1.AAAA\n');
  expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining('1 of 2 are given') });
  expect(
    await run(['crypto', 'reseal', '--shares', '2', '--threshold', '2'], `${shares[0]}\n`),
  ).toMatchObject({
    code: 1,
    out: expect.stringContaining('ERR_ALREADY_RUNNING'),
  });
  expect(await run(['crypto', 'unseal'], `${shares[0]}\n`)).toMatchObject({
    code: 0,
    out: expect.stringContaining('the house is unsealed'),
  });
  await untilReady();
  expect((await get('/v1/crypto/keys')).status).toBe(401);
  await untilRecorded('crypto.house_unsealed');
  expect(await stop(house)).toBe(0);
  house = null;

  const again = await run(
    ['crypto', 'reseal', '--shares', '4', '--threshold', '3'],
    shares.slice(0, 2).join('\n'),
  );
  const fresh = sharesIn(again.out);
  expect([again.code, fresh.length]).toEqual([0, 4]);
  house = await start();
  expect((await run(['crypto', 'unseal'], `${shares[0]}\n`)).code).toBe(1);
  expect((await run(['crypto', 'unseal'], fresh.slice(1).join('\n'))).code).toBe(0);
  await untilReady();
  expect(await stop(house)).toBe(0);
  house = null;
}, 180_000);

test('a sealed house that is stopped ends in order', async () => {
  house = await start();
  expect(await stop(house)).toBe(0);
  house = null;
}, 60_000);

import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createCrypto, createLocalProvider, type Crypto, type KeyScope } from '../../crypto/index.ts';
import type { Tx } from '../../db/index.ts';
import {
  parseSubjectId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../../kernel/index.ts';
import { canaries } from '../support/canaries.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const program = join(import.meta.dirname, 'external/decrypt.mjs');
const passphrase = 'a passphrase for tests only, ﬁrst ligature'; // changes under NFKC
const place = {
  service: 'contacts',
  collection: 'contact',
  field: 'email',
  rowId: randomUUID(),
  purpose: 'subject',
};

let db: TestDatabase;
let folder: string;
let crypto: Crypto;
let tenantId: TenantId;
const keks: Record<string, string> = {};
const subjectId = parseSubjectId(randomUUID());
const subject: KeyScope = { kind: 'subject', subjectId };
const tax: KeyScope = { kind: 'tenant', purpose: 'tax' };

beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-external-'));
  tenantId = await db.createTenant();
  const file = join(folder, 'root-key');
  const local = await createLocalProvider({
    file,
    passphrase: new Secret(passphrase),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const none = async (): Promise<void> => undefined;
  crypto = createCrypto({
    database: db.database,
    root: {
      ...local,
      wrap: (...input) => ((keks[String(input[1])] = input[2].toString('hex')), local.wrap(...input)),
    },
    audit: () => ({ append: none, record: none }),
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
  });
});
afterAll(async () => {
  await crypto.stop();
  await db.close();
  await rm(folder, { recursive: true });
});

const inTenant = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => db.database.withTenant(tenantId, work);

/** What `psql` would give an outside engineer: the rows as they are, bytes in hex. */
async function rowsOf(table: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await db.admin(`select * from crypto.${table} where tenant_id = $1`, [tenantId]);
  return rows.map((row: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.toString('hex') : value,
      ]),
    ),
  );
}

async function ask(
  tasks: readonly unknown[],
  extra: object = {},
): Promise<readonly Record<string, unknown>[]> {
  const [kek, dek, ledger] = [await rowsOf('kek'), await rowsOf('dek'), await rowsOf('shred_ledger')];
  const key = { rootFile: join(folder, 'root-key'), passphrase };
  const job = JSON.stringify({ tenantId, ...key, kek, dek, ledger, tasks, ...extra });
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  child.stdin.end(job);
  const out: Buffer[] = [];
  for await (const piece of child.stdout) out.push(piece as Buffer); // a pipe of bytes
  return JSON.parse(Buffer.concat(out).toString('utf8')) as readonly Record<string, unknown>[]; // its answer
}

const plain = (value: string | Buffer) => ({ plaintext: Buffer.from(value).toString('hex') });

test('it imports nothing but built-ins of Node', async () => {
  const imports = [...(await readFile(program, 'utf8')).matchAll(/^import .* from '([^']+)'/gm)].map(
    ([, name]) => name,
  );
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.every((name) => name?.startsWith('node:') === true)).toBe(true);
});

test('it opens every suite from the rows of a real database, the root file and the passphrase, or a bare tenant key', async () => {
  await inTenant((tx) => crypto.seal(tx, tax, { ...place, purpose: 'tax' }, Buffer.from('makes the key')));
  await db.admin(`update crypto.dek set messages = $2 where tenant_id = $1 and purpose = 'tax'`, [
    tenantId,
    2 ** 24,
  ]);
  await db.admin(`select pg_notify('crypto_keys', $1)`, [tenantId]);
  const content = randomBytes(40_000);
  const tasks = await inTenant(async (tx) => {
    const extended = { ...place, purpose: 'tax' };
    let second = await crypto.seal(tx, tax, extended, Buffer.from('PL 123'));
    for (let turn = 0; turn < 200 && second[0] !== 2; turn += 1) {
      await new Promise((done) => setTimeout(done, 25)); // until the notification dropped the key
      second = await crypto.seal(tx, tax, extended, Buffer.from('PL 123'));
    }
    const row = new Map([
      ['first_name', Buffer.from('Ada')],
      ['city', Buffer.from('Łódź')],
    ]);
    const values = [
      {
        do: 'field',
        ...place,
        ciphertext: await crypto.seal(tx, subject, place, Buffer.from(canaries.email)),
      },
      { do: 'field', ...extended, ciphertext: second },
      { do: 'row', ...place, ciphertext: await crypto.sealRow(tx, subject, place, row) },
      {
        do: 'field',
        ...place,
        ciphertext: await crypto.sealPortable(tx, subject, place, Buffer.from('travels')),
      },
      { do: 'file', ...place, ciphertext: await crypto.files.seal(tx, subject, place, content) },
    ];
    return values.map((task) => ({ ...task, ciphertext: task.ciphertext.toString('hex') }));
  });
  expect(tasks.map(({ ciphertext }) => ciphertext.slice(0, 2))).toEqual(['01', '02', '03', '04', '05']);
  const expected = [
    plain(canaries.email),
    plain('PL 123'),
    { values: { first_name: plain('Ada').plaintext, city: plain('Łódź').plaintext } },
    plain('travels'),
    plain(content),
  ];
  expect(await ask(tasks)).toEqual(expected);
  const bare = { rootFile: undefined, passphrase: undefined, keks };
  expect(await ask(tasks, bare)).toEqual(expected);
  const elsewhere = tasks.map((task) => ({ ...task, rowId: randomUUID() }));
  expect((await ask(elsewhere)).every((result) => typeof result['refused'] === 'string')).toBe(true);
  const cut = tasks.map((task) => ({ ...task, ciphertext: task.ciphertext.slice(0, -2) }));
  expect((await ask(cut)).every((result) => typeof result['refused'] === 'string')).toBe(true);
});

test('it makes the same terms of a blind index', async () => {
  const plan = {
    service: 'contacts',
    collection: 'contact',
    rowIdField: 'id',
    subjectField: 'subject_id',
    fields: [
      {
        field: 'email',
        column: 'email',
        type: 'text',
        scope: 'subject',
        indexes: [
          { name: 'exact', kind: 'exact', normaliser: 'email', column: 'email_bidx', bits: 128 },
          { name: 'domain', kind: 'domain', normaliser: 'email', column: 'email_domain_bidx', bits: 20 },
        ],
      },
    ],
  } as const;
  const ours = await inTenant(async (tx) => [
    await crypto.indexTerms(tx, plan, 'email', 'exact', ' Ada@Example.COM '),
    await crypto.indexTerms(tx, plan, 'email', 'domain', 'ada@example.com'),
  ]);
  const index = { do: 'index', service: 'contacts', collection: 'contact', field: 'email', version: 1 };
  const theirs = await ask([
    { ...index, index: 'exact', bits: 128, value: 'ada@example.com' },
    { ...index, index: 'domain', bits: 20, value: 'example.com' },
  ]);
  expect(theirs.map(({ term }) => term)).toEqual(ours.map(([term]) => term?.toString('hex')));
});

test('it verifies a shred: the key is gone, the ledger names the person, and nothing opens', async () => {
  const erased = parseSubjectId(randomUUID());
  const sealed = await inTenant((tx) =>
    crypto.seal(tx, { kind: 'subject', subjectId: erased }, place, Buffer.from('x')),
  );
  const why = {
    requestId: 'request-7',
    reason: 'gdpr.17.1.a',
    actor: { kind: 'system', id: 'x', displayName: 'x' },
  } as const;
  await inTenant((tx) => crypto.shred(tx, [erased], why));
  const kid = sealed.toString('hex', 2, 10);
  const [shred, other, value] = await ask([
    { do: 'shred', kid, subjectId: erased },
    { do: 'shred', kid, subjectId },
    { do: 'field', ...place, ciphertext: sealed.toString('hex') },
  ]);
  expect(shred).toEqual({ keyIsGone: true, inLedger: true, samePerson: true, requestId: 'request-7' });
  expect(other).toMatchObject({ samePerson: false });
  expect(value).toEqual({ shredded: 'request-7' });
});

test('it tells a wrong passphrase, a foreign tenant key and an unknown suite from success', async () => {
  const sealed = await inTenant((tx) => crypto.seal(tx, subject, place, Buffer.from('x')));
  const task = { do: 'field', ...place, ciphertext: sealed.toString('hex') };
  const foreign = { keks: { 1: randomBytes(32).toString('hex') }, rootFile: undefined };
  expect((await ask([task], foreign))[0]).toHaveProperty('refused');
  const suite = { ...task, ciphertext: `06${task.ciphertext.slice(2)}` };
  expect((await ask([suite]))[0]).toEqual({ refused: 'unknown suite' });
});

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyPackFile } from '../../audit/index.ts';
import { openZip } from '../../audit/zip-reader.ts';
import { parseSubjectId, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
let size: number;
let folder: string;
const run = promisify(execFile);

beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-pack-'));
  const [actor, gone] = [createPrincipal(tenant, '=SUM(A1)'), createPrincipal(tenant, 'Gone Person')];
  await house.audit.recordMany(
    Array.from({ length: 590 }, (_, count) => createEvent(tenant, { actor, detail: { count } })),
  );
  await house.audit.recordMany(
    Array.from({ length: 10 }, (_, count) => createEvent(tenant, { actor: gone, detail: { count } })),
  );
  const why = {
    requestId: newId(),
    reason: 'erasure',
    actor: { kind: 'system', id: 'dsr', displayName: 'DSR worker' },
  } as const;
  await house.db.database.withTenant(tenant, (tx) => house.crypto.shred(tx, [parseSubjectId(gone.id)], why));
  await house.audit.flush();
  size = (await house.db.database.withTenant(tenant, house.audit.head))?.size ?? 0; // with what the keys recorded
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const names = [
  'README.md',
  'vkey.txt',
  'checkpoint',
  'statement.json',
  'verify.mjs',
  'events.ndjson',
  'events.csv',
];

async function pack(from: number, to?: number): Promise<string> {
  const { zip } = await house.audit.evidence(tenant, from, to);
  const chunks: Buffer[] = [];
  for await (const chunk of zip) chunks.push(chunk as Buffer); // a binary stream
  const path = join(folder, `${newId()}.zip`);
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

async function unpack(path: string): Promise<string> {
  const target = path.replace(/\.zip$/, '');
  const zip = await openZip(path);
  const tiles = [
    'tile/0/000',
    'tile/0/001',
    `tile/0/002.p/${size - 512}`,
    'tile/1/000.p/2',
    'tile/entries/000',
    'tile/entries/001',
    `tile/entries/002.p/${size - 512}`,
  ];
  for (const name of [...names, ...tiles]) {
    const content = await zip.file(name);
    if (content === null) continue;
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFile(join(target, name), content);
  }
  await zip.close();
  return target;
}

const node = (target: string) => run(process.execPath, [join(target, 'verify.mjs')]);

describe('an evidence pack', () => {
  test('of the whole log verifies with its own verifier in a process that knows nothing of us', async () => {
    const target = await unpack(await pack(0));
    const { stdout } = await node(target);
    expect(stdout).toMatch(new RegExp(`^OK .*events 0 to ${size - 1} of ${size} are complete`));
    const source = await readFile(join(target, 'verify.mjs'), 'utf8');
    expect([...source.matchAll(/from '([^']+)'/g)].map(([, name]) => name)).toEqual([
      'node:crypto',
      'node:fs',
    ]);
  });

  test('of a part verifies too, and tells what it covers', async () => {
    const log = await house.audit.logInfo(tenant);
    expect(await verifyPackFile(await pack(300, 310), log?.vkey)).toMatchObject({
      from: 300,
      to: 310,
      size,
      groups: 20,
    });
    expect(await verifyPackFile(await pack(600), log?.vkey)).toMatchObject({ from: 600, to: size });
  });

  test('shows tombstones for an erased person and formula-safe names in the CSV', async () => {
    const zip = await openZip(await pack(585, 595));
    const csv = (await zip.file('events.csv'))?.toString() ?? '';
    expect(csv).toContain(`"'=SUM(A1)"`);
    expect(csv).toContain('"(erased)"');
    expect(csv).not.toContain('Gone Person');
    await zip.close();
  });

  test('signed by another key is refused', async () => {
    const other = await house.audit.ensureLog(await house.db.createTenant());
    await expect(verifyPackFile(await pack(0, 5), other.vkey)).rejects.toMatchObject({
      code: 'ERR_AUDIT_CORRUPT',
    });
  });

  test.each([
    ['Ed25519', 0],
    ['ML-DSA-44', 1],
  ])('with a wrong %s signature is refused though the other one holds', async (_kind, line) => {
    const target = await unpack(await pack(0, 5));
    const path = join(target, 'checkpoint');
    const lines = (await readFile(path, 'utf8')).split('\n');
    const [at] = lines.flatMap((text, index) => (text.startsWith('— ') ? [index] : [])).slice(line);
    const text = lines[at ?? 0] ?? '';
    lines[at ?? 0] = `${text.slice(0, -20)}${text.at(-20) === 'A' ? 'B' : 'A'}${text.slice(-19)}`;
    await writeFile(path, lines.join('\n'));
    const failure = await node(target).then(
      () => null,
      (error: { code: number; stderr: string }) => error,
    );
    expect(failure).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('a signature of the checkpoint is wrong'),
    });
  });

  test.each([
    ['an entry', 'tile/entries/001', 5_000, /entry 2\d\d|entry 3\d\d|entry 4\d\d|bundle/],
    ['a leaf hash', 'tile/0/001', 10 * 32, /entry 256/],
    ['a tree hash', 'tile/1/000.p/2', 40, /do not lead to the root/],
    ['the signature', 'checkpoint', -20, /signature|not signed/],
    ['an event line', 'events.ndjson', 300, /entry 0/],
    ['the statement', 'statement.json', -1, null],
  ])('with one byte of %s changed is refused by name', async (_what, name, at, message) => {
    const target = await unpack(await pack(0));
    const path = join(target, name);
    const bytes = await readFile(path);
    if (message === null)
      await writeFile(path, bytes.toString().replace(`"to": ${size}`, `"to": ${size - 1}`));
    else {
      const index = at < 0 ? bytes.length + at : at;
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      await writeFile(path, bytes);
    }
    const failure = await node(target).then(
      () => null,
      (error: { code: number; stderr: string }) => error,
    );
    expect(failure).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(message ?? /more events than the range/),
    });
  });
});

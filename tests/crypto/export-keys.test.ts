import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compactDecrypt } from 'jose';
import { main } from '../../cli/main.ts';
import { startTestHouse, type Answer, type TestHouse } from '../support/house.ts';
import { signInPerson, type SignedIn } from '../support/signed-in.ts';
import { testUnless } from '../support/skip.ts';

/** Keys leave the house by two people, sealed, and open outside with nothing of ours. */

let house: TestHouse;
let admin: SignedIn;
let dpo: SignedIn;
let foreigner: SignedIn;
let folder: string;
let tenantId: string;
const rsa = generateKeyPairSync('rsa', { modulusLength: 3_072 });
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string; // PEM is text
const jwk = (key: KeyObject): object => key.export({ format: 'jwk' });

beforeAll(async () => {
  house = await startTestHouse({ contacts: 3 });
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-export-'));
  tenantId = house.tenants.find(({ slug }) => slug === 'acme')?.id ?? '';
  [admin, dpo, foreigner] = await Promise.all([
    signInPerson(house, 'acme', 'admin'),
    signInPerson(house, 'acme', 'dpo'),
    signInPerson(house, 'globex', 'dpo'),
  ]);
}, 120_000);
afterAll(async () => {
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

const propose = (recipient: object, format = 'jwe'): Promise<Answer> =>
  admin.call('POST', '/v1/crypto/export-keys', { reason: 'we leave', format, recipient });
const approve = (who: SignedIn, { body }: Answer, digest = String(body.digest)): Promise<Answer> =>
  who.call('POST', `/v1/crypto/approvals/${String(body.approvalId)}/approve`, { digest });

async function run(program: string, job: object): Promise<unknown> {
  const file = join(import.meta.dirname, 'external', program);
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
  child.stdin.end(JSON.stringify(job));
  const out: Buffer[] = [];
  for await (const piece of child.stdout) out.push(piece as Buffer); // a pipe of bytes
  return out.length === 0 ? null : JSON.parse(Buffer.concat(out).toString('utf8'));
}

/** The rows as `psql` gives them, bytes in hex. */
async function rowsOf(table: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await house.db.admin(`select * from ${table} where tenant_id = $1`, [tenantId]);
  return rows.map((row: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.toString('hex') : value,
      ]),
    ),
  );
}

test.each(['jwe', 'rsa-aes-key-wrap'])(
  'as %s: two people, then a stranger’s script opens the keys, and with them every field of the tenant',
  async (format) => {
    const proposed = await propose(jwk(rsa.publicKey), format);
    expect(proposed).toMatchObject({ status: 202, body: { state: 'awaiting_second_person' } });
    expect(await approve(admin, proposed)).toMatchObject({
      status: 403,
      body: { code: 'ERR_CRYPTO_SECOND_PERSON' },
    });
    expect((await approve(foreigner, proposed)).status).toBe(404);
    expect((await approve(dpo, proposed, '0'.repeat(64))).status).toBe(409);
    const { items } = (await dpo.call('GET', '/v1/crypto/approvals?limit=1')).body;
    expect(items).toMatchObject([
      { payload: { format, thumbprint: expect.any(String), recipient: jwk(rsa.publicKey) } },
    ]);
    const answer = await approve(dpo, proposed);
    expect(answer).toMatchObject({ status: 200, body: { result: { format, tenantId, epochs: [1] } } });
    const sealed = answer.body.result as object;
    const keks = await run('open-export.mjs', { export: sealed, privateKey: pem(rsa.privateKey) });
    expect(keks).toEqual({ 1: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const other = generateKeyPairSync('rsa', { modulusLength: 3_072 });
    expect(await run('open-export.mjs', { export: sealed, privateKey: pem(other.privateKey) })).toBeNull();
    const [row] = await rowsOf('marketing_contacts.contact');
    const task = {
      do: 'field',
      service: 'contacts',
      collection: 'contact',
      field: 'email',
      purpose: 'subject',
    };
    const job = {
      tenantId,
      keks,
      kek: await rowsOf('crypto.kek'),
      dek: await rowsOf('crypto.dek'),
      ledger: [],
    };
    const tasks = [{ ...task, rowId: row?.['id'], ciphertext: row?.['email'] }];
    const [opened] = (await run('decrypt.mjs', { ...job, tasks })) as { plaintext: string }[];
    expect(Buffer.from(opened?.plaintext ?? '', 'hex').toString('utf8')).toContain('@');
    const trail = await dpo.call('GET', '/v1/audit/events?action=crypto.keys_exported&limit=10');
    const text = JSON.stringify(trail.body);
    expect(text).toContain(String(proposed.body.approvalId));
    expect(text).not.toContain(Object.values(keks as object)[0]);
  },
  60_000,
);

test('an elliptic-curve recipient opens the same by any JOSE library', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { body } = await approve(dpo, await propose(jwk(publicKey)));
  const { plaintext, protectedHeader } = await compactDecrypt(String(body.result.jwe), privateKey);
  expect(protectedHeader).toMatchObject({
    alg: 'ECDH-ES+A256KW',
    enc: 'A256GCM',
    kid: body.result.recipient,
  });
  expect(JSON.parse(new TextDecoder().decode(plaintext))).toMatchObject({
    format: 'gatehouse/key-export/1',
    tenantId,
    keys: [{ epoch: 1, state: 'active', key: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  });
});

test('a private, weak, foreign or unfitting key is no recipient, and none of it is kept', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const before = (await rowsOf('crypto.approval')).length;
  const refused = { status: 400, body: { code: 'ERR_CRYPTO_INPUT' } };
  expect(await propose(jwk(rsa.privateKey))).toMatchObject(refused);
  expect(await propose(jwk(weak))).toMatchObject(refused);
  expect(await propose({ kty: 'oct', k: 'AAAA' })).toMatchObject(refused);
  expect(await propose(jwk(generateKeyPairSync('ed25519').publicKey))).toMatchObject(refused);
  expect(await propose(jwk(ec), 'rsa-aes-key-wrap')).toMatchObject(refused);
  expect(await propose({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' })).toMatchObject(refused);
  expect((await propose(jwk(rsa.publicKey), 'bare')).status).toBe(400);
  expect((await dpo.call('POST', '/v1/crypto/export-keys', { reason: 'x', recipient: jwk(ec) })).status).toBe(
    403,
  );
  expect((await rowsOf('crypto.approval')).length).toBe(before);
});

const openssl = await promisify(execFile)('openssl', ['version']).then(
  () => null,
  () => 'openssl is not installed',
);

testUnless(
  openssl,
  'at the command line it is proposed from a PEM file, approved, and opened by openssl',
  async () => {
    const files = { public: join(folder, 'public.pem'), private: join(folder, 'private.pem') };
    await writeFile(files.public, rsa.publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(files.private, pem(rsa.privateKey), { mode: 0o600 });
    const gatehouse = async (who: SignedIn, ...argv: string[]): Promise<string> => {
      const lines: string[] = [];
      const put = (line: string): void => void lines.push(line);
      const environment = { ...house.environment, GATEHOUSE_SESSION: who.session };
      expect(await main(['crypto', ...argv], { out: put, error: put, environment })).toBe(0);
      return lines.join('\n');
    };
    const wanted = [
      'export-keys',
      '--to',
      files.public,
      '--reason',
      'escrow',
      '--format',
      'rsa-aes-key-wrap',
    ];
    const proposed = await gatehouse(admin, ...wanted);
    const [, id = '', digest = ''] = /approve (\S+) --digest (\S+)/.exec(proposed) ?? [];
    const { result } = JSON.parse(await gatehouse(dpo, 'approve', id, '--digest', digest, '--json')) as {
      result: { keys: { wrapped: string }[] };
    };
    const bytes = Buffer.from(result.keys[0]?.wrapped ?? '', 'base64');
    await writeFile(join(folder, 'outer'), bytes.subarray(0, -40));
    await writeFile(join(folder, 'inner'), bytes.subarray(-40));
    const ask = async (...argv: string[]): Promise<Buffer> => {
      const { stdout } = await promisify(execFile)('openssl', argv, { cwd: folder, encoding: 'buffer' });
      return stdout;
    };
    const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
    const key = await ask('pkeyutl', '-decrypt', '-inkey', 'private.pem', '-in', 'outer', ...oaep);
    const unwrap = [
      'enc',
      '-d',
      '-id-aes256-wrap-pad',
      '-K',
      key.toString('hex'),
      '-iv',
      'A65959A6',
      '-in',
      'inner',
    ];
    const kek = (await ask(...unwrap)).toString('hex');
    const script = await run('open-export.mjs', {
      export: { format: 'rsa-aes-key-wrap', ...result },
      privateKey: pem(rsa.privateKey),
    });
    expect(Object.values(script as object)).toContain(kek);
  },
);

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dsrCommands } from '../../cli/commands/dsr.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

describe('gatehouse dsr verify', () => {
  let f: DsrFixture;
  let folder: string;
  let jws: string;
  let key: { kid: string; x: string };
  beforeAll(async () => {
    f = await createDsrFixture();
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-verify-'));
    const tenantId = await f.createTenant('acme', 3);
    const [person] = await f.contacts(tenantId);
    const { id, ticket } = await askThroughPortal(f, 'acme', {
      type: 'erasure',
      law: 'ccpa',
      email: person?.email ?? '',
    });
    await planAndApprove(f, id, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    await f.settle();
    jws = String(
      (await f.call('getPortalCertificate', { params: { slug: 'acme' }, query: { ticket } })).body,
    );
    const [first] = ((await f.call('listCertificateKeys', {})).body as { keys: { kid: string; x: string }[] })
      .keys;
    if (first === undefined) throw new Error('no key was published');
    key = first;
  }, 60_000);
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await f.close();
  });

  const run = async (content: string, values: Record<string, string>, json = false) => {
    const file = join(folder, 'certificate.jws');
    await writeFile(file, content);
    const lines: string[] = [];
    const io = {
      out: (line: string) => void lines.push(line),
      error: (line: string) => void lines.push(line),
      environment: { GATEHOUSE_DATA_DIR: folder },
    };
    const code = await dsrCommands[0]?.run({ values, positionals: [file], io, json });
    return { code, text: lines.join('\n') };
  };

  test('accepts a genuine certificate with the key alone, offline', async () => {
    const { code, text } = await run(`${jws}\n`, { key: `${key.kid}:${key.x}` });
    expect([code, text.split('\n')[0]]).toEqual([
      0,
      `VALID: signed by https://gatehouse.test with key ${key.kid}`,
    ]);
  });

  test('refuses one changed bit, and a key that is not trusted, with exit code 1', async () => {
    const at = Math.floor(jws.length / 2);
    const changed = `${jws.slice(0, at)}${jws[at] === 'A' ? 'B' : 'A'}${jws.slice(at + 1)}`;
    expect((await run(changed, { key: `${key.kid}:${key.x}` })).code).toBe(1);
    expect((await run(jws, { key: `other:${key.x}` })).code).toBe(1);
    expect((await run(jws, { key: `${key.kid}:${Buffer.alloc(32, 7).toString('base64url')}` })).code).toBe(1);
  });

  test('asks for a key with exit code 2', async () => {
    expect((await run(jws, {})).code).toBe(2);
  });
});

import { mkdtemp, readFile, stat, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseTenantId, Secret, systemRandomBytes } from '../kernel/index.ts';
import { createLocalProvider } from './local-provider.ts';
import type { RootProvider } from './root-provider.ts';

const passphrase = new Secret('correct horse battery');
const tenant = parseTenantId('01936d1c-0000-7000-8000-000000000001');
const other = parseTenantId('01936d1c-0000-7000-8000-000000000002');
const newFile = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), 'gatehouse-root-')), 'root.json');
const open = (file: string, secret = passphrase): Promise<RootProvider> =>
  createLocalProvider({ file, passphrase: secret, randomBytes: systemRandomBytes, costLog2: 14 });
const key = Buffer.alloc(32, 7);

test('what one start wraps, the next one unwraps, for the same tenant and epoch only', async () => {
  const file = await newFile();
  const wrapped = await (await open(file)).wrap(tenant, 3, key);
  const again = await open(file);
  expect((await again.unwrap(tenant, 3, wrapped)).equals(key)).toBe(true);
  const refused = { code: 'ERR_CRYPTO_ROOT' };
  await expect(again.unwrap(other, 3, wrapped)).rejects.toMatchObject(refused);
  await expect(again.unwrap(tenant, 4, wrapped)).rejects.toMatchObject(refused);
  await expect(again.unwrap(tenant, 3, wrapped.subarray(1))).rejects.toMatchObject(refused);
});

test('the file is for its owner only, and holds neither root nor passphrase', async () => {
  const file = await newFile();
  await open(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).not.toContain(passphrase.reveal());
  await chmod(file, 0o640);
  await expect(open(file)).rejects.toMatchObject({
    code: 'ERR_CRYPTO_UNSEAL',
    message: expect.stringContaining('chmod 600'),
  });
});

test('a wrong passphrase is said to be one, without showing it', async () => {
  const file = await newFile();
  await open(file);
  const error = await open(file, new Secret('incorrect horse battery')).catch(
    (caught: unknown) => caught as Error,
  );
  expect(error).toMatchObject({
    code: 'ERR_CRYPTO_UNSEAL',
    message: expect.stringContaining('check the passphrase'),
  });
  expect(JSON.stringify(error) + String(error)).not.toContain('incorrect');
});

test('a damaged file, other costs included, does not open, and a short passphrase makes none', async () => {
  const file = await newFile();
  await open(file);
  const text = await readFile(file, 'utf8');
  for (const damaged of [
    '',
    '{}',
    text.replace('"costLog2": 14', '"costLog2": 15'),
    text.replace('"costLog2": 14', '"costLog2": 30'),
  ]) {
    await writeFile(file, damaged);
    await expect(open(file)).rejects.toMatchObject({ code: 'ERR_CRYPTO_UNSEAL' });
  }
  await expect(open(await newFile(), new Secret('short'))).rejects.toMatchObject({
    code: 'ERR_CRYPTO_UNSEAL',
  });
});

test('of processes that make the file at once, one wins and all share its root', async () => {
  const file = await newFile();
  const providers = await Promise.all([open(file), open(file), open(file)]);
  const wrapped = await providers[0]?.wrap(tenant, 1, key);
  for (const provider of providers)
    expect((await provider.unwrap(tenant, 1, wrapped ?? key)).equals(key)).toBe(true);
});

test('a destroyed epoch is never opened again, not after a restart either', async () => {
  const file = await newFile();
  const provider = await open(file);
  const wrapped = await provider.wrap(tenant, 1, key);
  await provider.scheduleDestroy(tenant, 1);
  await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  await expect((await open(file)).unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
    code: 'ERR_CRYPTO_ROOT',
  });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

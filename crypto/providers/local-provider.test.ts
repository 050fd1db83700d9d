import { createSecretKey } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseTenantId, Secret, systemRandomBytes } from '../../kernel/index.ts';
import { aeadSeal, toAeadKey } from '../aead.ts';
import { uuidBytes } from '../associated-data.ts';
import { expand } from '../derive.ts';
import { createLocalProvider } from './local-provider.ts';
import type { RootProvider } from '../root-provider.ts';
import { createSeal, readSealedFile, writeSealedFile } from './sealed-file.ts';

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

const contentOf = async (file: string): Promise<string> =>
  (await readSealedFile(file, passphrase))?.content.toString('utf8') ?? '';

test('what a destroyed epoch was wrapped with is no longer in the file, and the other epochs stay', async () => {
  const file = await newFile();
  const provider = await open(file);
  const [first, second] = [await provider.wrap(tenant, 1, key), await provider.wrap(tenant, 2, key)];
  const { epochs } = JSON.parse(await contentOf(file)) as { epochs: Record<string, string> };
  const secret = epochs[`${tenant}/1`] ?? '';
  expect(secret).toHaveLength(44);
  await writeFile(`${file}.0badc0de.new`, 'left by a killed writer', { mode: 0o600 });
  await provider.scheduleDestroy(tenant, 1);
  const content = await contentOf(file);
  expect(content).not.toContain(secret);
  expect(content).not.toContain('root":"');
  expect(await readdir(dirname(file))).toEqual(['root.json']);
  const again = await open(file);
  await expect(again.unwrap(tenant, 1, first)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  await expect(again.wrap(tenant, 1, key)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  expect((await again.unwrap(tenant, 2, second)).equals(key)).toBe(true);
});

test('processes on one file see what each other adds and destroys, and lose nothing of it', async () => {
  const file = await newFile();
  const processes = [await open(file), await open(file), await open(file)];
  const epochs = Array.from({ length: 24 }, (_, index) => index + 1);
  const wrapped = await Promise.all(
    epochs.map(async (epoch) => (await processes[epoch % 3]?.wrap(tenant, epoch, key)) ?? Buffer.alloc(0)),
  );
  await Promise.all(
    epochs
      .filter((epoch) => epoch % 4 === 0)
      .map(async (epoch) => processes[(epoch + 1) % 3]?.scheduleDestroy(tenant, epoch)),
  );
  for (const epoch of epochs) {
    const opened = processes[(epoch + 2) % 3]?.unwrap(tenant, epoch, wrapped[epoch - 1] ?? key);
    if (epoch % 4 === 0) await expect(opened).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    else expect((await opened)?.equals(key)).toBe(true);
  }
  expect(await readdir(dirname(file))).toEqual(['root.json']);
});

test('the lock of a process that died is taken over', async () => {
  const file = await newFile();
  const provider = await open(file);
  await writeFile(`${file}.lock`, `${hostname()} 2147483646 0123456789abcdef`);
  await provider.scheduleDestroy(tenant, 1);
  expect(await readdir(dirname(file))).toEqual(['root.json']);
});

test('a file of the first format is brought to the second; its epochs open, new ones have keys of their own', async () => {
  const file = await newFile();
  const root = Buffer.alloc(32, 3);
  const seal = await createSeal(passphrase, systemRandomBytes, 14);
  const first = { root: root.toString('base64'), destroyed: [`${tenant}/1`] };
  const options = { randomBytes: systemRandomBytes, exclusive: true };
  await writeSealedFile(file, seal, Buffer.from(JSON.stringify(first)), options);
  const epoch = Buffer.from([0, 0, 0, 2]);
  const binding = Buffer.concat([Buffer.from('ctl/root1\0'), uuidBytes(tenant), epoch]);
  const derived = expand(createSecretKey(root), Buffer.from('ctl/root1/wrap\0'), binding);
  const nonce = Buffer.alloc(12, 9);
  const wrapped = Buffer.concat([nonce, aeadSeal(toAeadKey(createSecretKey(derived)), nonce, binding, key)]);

  const provider = await open(file);
  expect((await provider.unwrap(tenant, 2, wrapped)).equals(key)).toBe(true);
  await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  const fresh = await provider.wrap(tenant, 3, key);
  expect(JSON.parse(await contentOf(file))).toMatchObject({ version: 2, firstRoot: first.root });
  expect((await (await open(file)).unwrap(tenant, 3, fresh)).equals(key)).toBe(true);
  expect((await provider.health()).detail).toContain('not destroyed');
});

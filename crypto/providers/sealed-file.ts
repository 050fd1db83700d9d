import { createSecretKey, scrypt } from 'node:crypto';
import { chmod, link, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { RandomBytes, Secret } from '../../kernel/index.ts';
import { aeadOpen, aeadSeal, nonceBytes, tagBytes, toAeadKey, type AeadKey } from '../aead.ts';
import { cryptoError } from '../errors.ts';

const maxSealedCharacters = 64 * 1024 * 1024;
const base64 = z
  .string()
  .max(maxSealedCharacters)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const fileSchema = z.strictObject({
  format: z.literal('gatehouse-sealed-1'),
  kdf: z.discriminatedUnion('name', [
    z.strictObject({
      name: z.literal('scrypt'),
      costLog2: z.number().int().min(14).max(20),
      salt: base64,
    }),
    z.strictObject({
      name: z.literal('shamir'),
      set: base64,
      shares: z.number().int().min(2).max(20),
      threshold: z.number().int().min(2).max(20),
      digests: z.array(base64).max(20),
    }),
  ]),
  nonce: base64,
  sealed: base64,
});
type SealedFile = z.output<typeof fileSchema>;
type PassphraseHeader = Extract<SealedFile['kdf'], { name: 'scrypt' }>;

/** Head of a file whose key is shared among people: which set, how many, and a digest of each share. */
export type SharesHeader = Extract<SealedFile['kdf'], { name: 'shamir' }>;

/** OWASP's first choice for scrypt: 128 MiB. */
export const defaultCostLog2 = 17;
const minPassphraseLength = 12;
const saltBytes = 16;

/** What opens a file: how the key is come by, and the key. */
export type FileSeal = { readonly kdf: SealedFile['kdf']; readonly key: AeadKey };

/** scrypt with r = 8, p = 1. @see https://www.rfc-editor.org/rfc/rfc7914 */
async function deriveKey(passphrase: Secret, kdf: PassphraseHeader): Promise<AeadKey> {
  const cost = 2 ** kdf.costLog2;
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const options = { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 };
    scrypt(
      passphrase.reveal().normalize('NFKC'),
      Buffer.from(kdf.salt, 'base64'),
      32,
      options,
      (error, key) => (error === null ? resolve(key) : reject(error)),
    );
  });
  const key = toAeadKey(createSecretKey(bytes));
  bytes.fill(0);
  return key;
}

/** The file's own parameters are authenticated with its content. */
function headerOf(kdf: SealedFile['kdf']): Buffer {
  const facts =
    kdf.name === 'scrypt'
      ? ['scrypt', kdf.costLog2, kdf.salt]
      : ['shamir', kdf.threshold, kdf.shares, kdf.set, kdf.digests.join(',')];
  return Buffer.from(['gatehouse-sealed-1', ...facts].join('\0'), 'utf8');
}

/** Begins a new seal with a fresh salt. @throws ERR_CRYPTO_UNSEAL when the passphrase is too short */
export async function createSeal(
  passphrase: Secret,
  randomBytes: RandomBytes,
  costLog2: number,
): Promise<FileSeal> {
  if (passphrase.reveal().length < minPassphraseLength) {
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root passphrase must have at least ${minPassphraseLength} characters`,
    );
  }
  const kdf = { name: 'scrypt' as const, costLog2, salt: randomBytes(saltBytes).toString('base64') };
  return { kdf, key: await deriveKey(passphrase, kdf) };
}

/**
 * Opens a sealed file.
 *
 * @returns null when there is no such file
 * @throws ERR_CRYPTO_UNSEAL with the reason: damaged, wrong passphrase, open to others
 */
export async function readSealedFile(
  file: string,
  passphrase: Secret,
): Promise<{ readonly seal: FileSeal; readonly content: Buffer } | null> {
  const document = await readDocument(file);
  if (document === null) return null;
  if (document.kdf.name !== 'scrypt')
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${file}" is sealed by shares, not by a passphrase; give ${document.kdf.threshold} shares`,
    );
  const seal = { kdf: document.kdf, key: await deriveKey(passphrase, document.kdf) };
  return { seal, content: openDocument(file, document, seal) };
}

/**
 * Opens a file again whose seal is known: no passphrase, no slow derivation.
 *
 * @throws ERR_CRYPTO_UNSEAL also when the file was sealed anew, under another passphrase or salt
 */
export async function openSealedFile(file: string, seal: FileSeal): Promise<Buffer> {
  const document = await readDocument(file);
  if (document === null || !headerOf(document.kdf).equals(headerOf(seal.kdf))) {
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${file}" was removed or sealed anew; start again with its passphrase or shares`,
    );
  }
  return openDocument(file, document, seal);
}

/** How the file is sealed; null when there is none. @throws ERR_CRYPTO_UNSEAL when it is damaged or open to others */
export async function readSealHeader(file: string): Promise<SealedFile['kdf'] | null> {
  return (await readDocument(file))?.kdf ?? null;
}

async function readDocument(file: string): Promise<SealedFile | null> {
  const text = await readIfPresent(file);
  if (text === null) return null;
  await refuseOpenFile(file);
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw cryptoError('ERR_CRYPTO_UNSEAL', `the root key file "${file}" is damaged; restore it from a copy`);
}

function openDocument(file: string, { kdf, nonce, sealed }: SealedFile, seal: FileSeal): Buffer {
  const nonceValue = Buffer.from(nonce, 'base64');
  const body = Buffer.from(sealed, 'base64');
  const content =
    nonceValue.length === nonceBytes && body.length > tagBytes
      ? aeadOpen(seal.key, nonceValue, headerOf(kdf), body)
      : null;
  if (content !== null) return content;
  throw cryptoError(
    'ERR_CRYPTO_UNSEAL',
    kdf.name === 'scrypt'
      ? `the passphrase does not open the root key file "${file}"; check the passphrase`
      : `the root key file "${file}" is damaged; restore it from a copy`,
  );
}

async function readIfPresent(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return null; // the one error that means "not yet"
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${file}" cannot be read; check its owner and mode`,
      { cause },
    );
  }
}

async function refuseOpenFile(file: string): Promise<void> {
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${file}" can be read by others; run "chmod 600" on it`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the schema refuses it with the same words as any other damage
  }
}

/**
 * Writes the file with mode 0600: whole or not at all, and on disk when this returns.
 *
 * @param exclusive - true when it must not exist yet
 */
export async function writeSealedFile(
  file: string,
  seal: FileSeal,
  content: Buffer,
  options: { readonly randomBytes: RandomBytes; readonly exclusive: boolean },
): Promise<void> {
  const nonce = options.randomBytes(nonceBytes);
  const sealed = aeadSeal(seal.key, nonce, headerOf(seal.kdf), content);
  const document: SealedFile = {
    format: 'gatehouse-sealed-1',
    kdf: seal.kdf,
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
  };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${options.randomBytes(6).toString('hex')}.new`;
  await writeDurably(temporary, `${JSON.stringify(document, null, 2)}\n`);
  try {
    if (options.exclusive)
      await link(temporary, file); // unlike rename, it fails when the file exists
    else await rename(temporary, file);
  } finally {
    if (options.exclusive) await unlink(temporary);
  }
  await syncFolder(dirname(file));
}

/** Removes what a writer that was killed left beside the file: it may hold keys that were destroyed since. */
export async function removeLeftovers(file: string): Promise<void> {
  const folder = dirname(file);
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${basename(file)}.`) && name.endsWith('.new')) await unlink(join(folder, name));
  }
}

/** Without it a power cut may bring the old name back. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(file, 0o600);
}

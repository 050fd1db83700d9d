import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { Tx } from '../db/index.ts';
import type { Clock } from '../kernel/index.ts';
import { cryptoError, decryptError } from './errors.ts';
import type { RandomPool } from './nonce-pool.ts';
import { insertSigningKey, readSigningKey } from './store.ts';
import type { Crypto, FieldContext, KeyScope, SigningKey } from './types.ts';

/** Signing keys by name. */
export type SigningKeys = { readonly get: (tx: Tx, name: string) => Promise<SigningKey> };

/** What the part needs. */
export type SigningKeysDeps = Pick<Crypto, 'seal' | 'open'> & {
  readonly random: RandomPool;
  readonly clock: Clock;
  readonly maxAgeSeconds: number;
};

type SigningRow = {
  readonly public_key: Buffer;
  readonly sealed_private_key: Buffer;
  readonly created_at: Date;
};

const seedBytes = 32;
/** What stands before a raw Ed25519 seed in PKCS#8. @see https://www.rfc-editor.org/rfc/rfc8410#section-7 */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const namePattern = /^[a-z][a-z0-9_-]{0,62}$/;
const maxCached = 10_000;

const scopeOf = (name: string): KeyScope => ({ kind: 'tenant', purpose: `signing:${name}` });
const contextOf = (name: string): FieldContext => ({
  service: 'crypto',
  collection: 'signing_key',
  field: 'private_key',
  rowId: name,
  purpose: `signing:${name}`,
});

/** Makes the part. Keys are cached only after a commit, so that a key that was rolled back signs nothing. */
export function createSigningKeys(deps: SigningKeysDeps): SigningKeys {
  const cached = new Map<string, { readonly key: SigningKey; readonly expiresAt: number }>();
  return Object.freeze({
    get: async (tx: Tx, name: string) => {
      if (!namePattern.test(name))
        throw cryptoError(
          'ERR_CRYPTO_INPUT',
          'the name of a signing key must be lower-case letters, digits, "_" or "-"',
        );
      const now = deps.clock.now().getTime();
      const known = cached.get(`${tx.tenantId}/${name}`);
      if (known !== undefined && known.expiresAt > now) return known.key;
      const key = await readOrCreate(tx, deps, name);
      tx.onCommit(() => {
        if (cached.size >= maxCached) cached.clear();
        cached.set(`${tx.tenantId}/${name}`, { key, expiresAt: now + deps.maxAgeSeconds * 1_000 });
      });
      return key;
    },
  });
}

/** Safe under concurrency: one insert wins, the others wait for its commit and read it. */
async function readOrCreate(tx: Tx, deps: SigningKeysDeps, name: string): Promise<SigningKey> {
  const before = await read(tx, name);
  if (before !== undefined) return openKey(tx, deps, name, before);
  const seed = Buffer.allocUnsafeSlow(seedBytes);
  deps.random.fill(seed, 0, seedBytes);
  const sealed = await deps.seal(tx, scopeOf(name), contextOf(name), seed);
  const publicKey = rawPublicKey(createPublicKey(privateKeyOf(seed)));
  seed.fill(0);
  await tx.query(insertSigningKey, [tx.tenantId, name, publicKey, sealed]);
  const after = await read(tx, name);
  if (after === undefined)
    throw cryptoError('ERR_CRYPTO_KEY', `signing key "${name}" could neither be read nor made; try again`);
  return openKey(tx, deps, name, after);
}

async function read(tx: Tx, name: string): Promise<SigningRow | undefined> {
  return (await tx.query<SigningRow>(readSigningKey, [tx.tenantId, name])).rows[0];
}

async function openKey(tx: Tx, deps: SigningKeysDeps, name: string, row: SigningRow): Promise<SigningKey> {
  const opened = await deps.open(tx, contextOf(name), row.sealed_private_key);
  if (opened.kind === 'shredded')
    throw cryptoError('ERR_CRYPTO_SHREDDED', `signing key "${name}" was destroyed`);
  const privateKey = opened.plaintext.length === seedBytes ? privateKeyOf(opened.plaintext) : null;
  opened.plaintext.fill(0);
  if (privateKey === null) throw decryptError();
  const publicKey = createPublicKey(privateKey);
  const publicKeyBytes = rawPublicKey(publicKey);
  if (!publicKeyBytes.equals(row.public_key)) throw decryptError(); // the stored public half is public, no timing to hide
  const keyId = createHash('sha256').update(publicKeyBytes).digest('hex').slice(0, 16);
  return Object.freeze({
    keyId,
    publicKey,
    publicKeyBytes,
    createdAt: row.created_at,
    sign: (data: Uint8Array) => sign(null, data, privateKey),
  });
}

function privateKeyOf(seed: Buffer): KeyObject {
  const der = Buffer.concat([pkcs8Prefix, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-seedBytes);
}

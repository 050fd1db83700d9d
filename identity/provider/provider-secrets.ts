import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Database, Tx } from '../../db/index.ts';
import { exactlyOne } from '../../db/index.ts';
import { platformTenantId, type Clock, type RandomBytes } from '../../kernel/index.ts';
import { newSecret } from '../digest.ts';
import type { Sealing } from '../ports.ts';
import { sealedColumn } from '../sealed-values.ts';
import { findProviderSecret, insertProviderSecret } from './store-provider.ts';

/** What the embedded provider keeps secret. */
export type ProviderSecrets = {
  /** Private signing keys. */
  readonly jwks: { readonly keys: readonly JWK[] };
  readonly cookieKeys: readonly string[];
  /** Secret of the house's own relying party. */
  readonly consoleSecret: string;
};

/** Loads the secrets, and makes them the first time; every replica gets the same. */
export async function loadProviderSecrets(deps: {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}): Promise<ProviderSecrets> {
  const sealed = sealedColumn(deps.crypto, 'provider_secret', 'sealed');
  await deps.crypto.warm(platformTenantId);
  const candidates = {
    jwks: JSON.stringify({ keys: [await newSigningKey()] }),
    cookies: JSON.stringify([newSecret(deps.randomBytes)]),
    console: newSecret(deps.randomBytes),
  };
  const load = async (tx: Tx, name: keyof typeof candidates): Promise<string> => {
    const find = () => tx.query<{ sealed: Buffer }>(findProviderSecret, [tx.tenantId, name]);
    const known = (await find()).rows[0];
    if (known !== undefined) return sealed.open(tx, name, known.sealed);
    await tx.query(insertProviderSecret, [
      tx.tenantId,
      name,
      await sealed.seal(tx, name, candidates[name]),
      deps.clock.now(),
    ]);
    return sealed.open(tx, name, exactlyOne(await find(), `provider secret ${name}`).sealed);
  };
  return deps.database.withTenant(platformTenantId, async (tx) => ({
    jwks: JSON.parse(await load(tx, 'jwks')) as ProviderSecrets['jwks'], // we wrote it
    cookieKeys: JSON.parse(await load(tx, 'cookies')) as readonly string[], // we wrote it
    consoleSecret: await load(tx, 'console'),
  }));
}

async function newSigningKey(): Promise<JWK> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = privateKey.export({ format: 'jwk' }) as JWK; // an EC key exports as such
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig', alg: 'ES256' };
}

/** The half of the keys that everybody may see. */
export function publicKeys(jwks: ProviderSecrets['jwks']): { keys: JWK[] } {
  const publicPart = ({ kty, crv, x, y, kid, use, alg }: JWK): JWK =>
    ({ kty, crv, x, y, kid, use, alg }) as JWK; // an EC key's own fields
  return { keys: jwks.keys.map(publicPart) };
}

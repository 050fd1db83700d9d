import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import type { Database, Tx } from '../../db/index.ts';
import type { AuditSink, Clock, Logger, NewId, RandomBytes } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Actor, Crypto, FieldContext, KeyScope } from '../types.ts';

/** What certificates stand on. */
export type PkiDeps = {
  readonly database: Database;
  readonly crypto: Pick<Crypto, 'seal' | 'open' | 'warm'>;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly logger: Logger;
  /** Base of the address that stands in certificates as the place of the revocation list. */
  readonly publicUrl: string;
};

/** Whose private key: an authority's or an end's. */
export type KeyKind = 'authority' | 'end';

const scopeOf = (kind: KeyKind): KeyScope => ({ kind: 'tenant', purpose: `pki:${kind}` });
const contextOf = (kind: KeyKind, id: string): FieldContext => ({
  service: 'crypto',
  collection: kind === 'authority' ? 'pki_authority' : 'pki_certificate',
  field: 'private_key',
  rowId: id,
  purpose: `pki:${kind}`,
});

/** Seals a private key into its row's place. */
export async function sealKey(
  tx: Tx,
  { crypto }: PkiDeps,
  place: { readonly kind: KeyKind; readonly id: string },
  key: KeyObject,
): Promise<Buffer> {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  try {
    return await crypto.seal(tx, scopeOf(place.kind), contextOf(place.kind, place.id), der);
  } finally {
    der.fill(0);
  }
}

/** Opens a sealed private key. @throws ERR_CRYPTO_DECRYPT, ERR_CRYPTO_SHREDDED */
export async function openKey(
  tx: Tx,
  { crypto }: PkiDeps,
  place: { readonly kind: KeyKind; readonly id: string },
  sealed: Buffer,
): Promise<KeyObject> {
  const opened = await crypto.open(tx, contextOf(place.kind, place.id), sealed);
  if (opened.kind === 'shredded')
    throw cryptoError(
      'ERR_CRYPTO_SHREDDED',
      'the key that sealed this private key was destroyed; issue anew',
    );
  try {
    return createPrivateKey({ key: opened.plaintext, format: 'der', type: 'pkcs8' });
  } finally {
    opened.plaintext.fill(0);
  }
}

/** Hex of SHA-256. */
export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** The house itself, where nobody asked. */
export const system: Actor = Object.freeze({ kind: 'system', id: 'crypto', displayName: 'crypto' });

/** Milliseconds of a day. */
export const dayMilliseconds = 86_400_000;
/** Milliseconds of an hour. */
export const hourMilliseconds = 3_600_000;

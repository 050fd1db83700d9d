import { createPublicKey, X509Certificate } from 'node:crypto';
import type { Tx } from '../../db/index.ts';
import { notFound, type TenantId } from '../../kernel/index.ts';
import { buildAuthority, makeSerial, type Issuer } from './build-certificate.ts';
import { buildCrl, type RevokedEntry } from './build-crl.ts';
import { authorityCreated, revocationListPublished } from './events.ts';
import { makeKeyPair, type KeyPair } from './keys.ts';
import { dayMilliseconds, fingerprintOf, openKey, sealKey, type PkiDeps } from './parts.ts';
import { authorityDays, backdateMilliseconds, crlDays } from './profiles.ts';
import { certificateError } from './pki-error.ts';
import { authorityOf, type AuthorityRow } from './rows.ts';
import {
  insertAuthority,
  lockAuthority,
  notifyPki,
  readAuthorities,
  readAuthorityKey,
  readRevoked,
  updateCrl,
} from './store.ts';
import type { Authority, AuthorityAlgorithm, By, RevocationReason } from './types.ts';

/** More revocations than this in force at once are a reason for a new authority, not for a longer list. */
const maxEntries = 20_000;

/** Every authority of the tenant, newest generation first. */
export async function listAuthorities(tx: Tx): Promise<readonly Authority[]> {
  const { rows } = await tx.query<AuthorityRow>(readAuthorities, [tx.tenantId]);
  return rows.map(authorityOf);
}

/**
 * The authority that signs a certificate of this end; a new generation is made when the newest one ends before it. Older
 * generations stay trusted until they end.
 */
export async function ensureAuthority(
  deps: PkiDeps,
  tenantId: TenantId,
  algorithm: AuthorityAlgorithm,
  notAfter: Date,
): Promise<Authority> {
  const find = async (): Promise<readonly Authority[]> => {
    const all = await deps.database.withTenant(tenantId, listAuthorities, { readOnly: true });
    return all.filter((authority) => authority.algorithm === algorithm);
  };
  const known = await find();
  if (known[0] !== undefined && known[0].notAfter >= notAfter) return known[0];
  const pair = await makeKeyPair(algorithm); // slow: before the transaction
  await deps.crypto.warm(tenantId);
  const generation = (known[0]?.generation ?? 0) + 1;
  await deps.database.withTenant(tenantId, (tx) =>
    createAuthority(tx, deps, { algorithm, generation, pair }),
  );
  const made = (await find())[0]; // another process may have been first
  if (made === undefined) throw certificateError('the authority could neither be read nor made; try again');
  return made;
}

async function createAuthority(
  tx: Tx,
  deps: PkiDeps,
  input: { readonly algorithm: AuthorityAlgorithm; readonly generation: number; readonly pair: KeyPair },
): Promise<void> {
  const { algorithm, generation, pair } = input;
  const id = deps.newId();
  const now = deps.clock.now();
  const notBefore = new Date(now.getTime() - backdateMilliseconds);
  const notAfter = new Date(now.getTime() + authorityDays * dayMilliseconds);
  const commonName = `Gatehouse ${algorithm} ${tx.tenantId.slice(0, 8)} G${generation}`;
  const facts = { serial: makeSerial(deps.randomBytes), commonName, ...pair, notBefore, notAfter };
  const der = buildAuthority(facts, pair.privateKey);
  const list = { number: 1, ...listTimes(now), entries: [] };
  const crl = buildCrl({ commonName, ...pair }, list);
  const sealed = await sealKey(tx, deps, { kind: 'authority', id }, pair.privateKey);
  const { rowCount } = await tx.query(insertAuthority, [
    ...[tx.tenantId, id, algorithm, generation, commonName, der, sealed, notBefore, notAfter],
    ...[crl, list.thisUpdate, list.nextUpdate],
  ]);
  if (rowCount === 0) return;
  await deps.audit().append(tx, {
    definition: authorityCreated,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'crypto', displayName: 'crypto' },
    targets: [{ type: 'crypto.authority', id }],
    detail: {
      authorityId: id,
      algorithm,
      generation,
      fingerprint: fingerprintOf(der),
      notAfter: notAfter.toISOString(),
    },
  });
}

const listTimes = (now: Date): { readonly thisUpdate: Date; readonly nextUpdate: Date } => {
  const thisUpdate = new Date(now.getTime() - backdateMilliseconds);
  return { thisUpdate, nextUpdate: new Date(now.getTime() + crlDays * dayMilliseconds) };
};

type KeyRow = AuthorityRow & { readonly sealed_private_key: Buffer };

/** Opens the private key of an authority for one signature. */
export async function openIssuer(tx: Tx, deps: PkiDeps, id: string): Promise<Issuer> {
  const { rows } = await tx.query<KeyRow>(readAuthorityKey, [tx.tenantId, id]);
  if (rows[0] === undefined) throw notFound('authority', id);
  return issuerOf(tx, deps, rows[0]);
}

async function issuerOf(tx: Tx, deps: PkiDeps, row: KeyRow): Promise<Issuer> {
  const privateKey = await openKey(tx, deps, { kind: 'authority', id: row.id }, row.sealed_private_key);
  const publicKey = createPublicKey(privateKey);
  if (!new X509Certificate(row.certificate).publicKey.equals(publicKey))
    throw certificateError('the authority’s key does not fit its certificate; nothing was signed');
  return { commonName: row.common_name, privateKey, publicKey };
}

type RevokedRow = {
  readonly serial: Buffer;
  readonly revoked_at: Date;
  readonly revocation_reason: RevocationReason;
};

/** Signs the next revocation list of an authority inside the caller's transaction and tells every process. */
export async function publishCrl(tx: Tx, deps: PkiDeps, authorityId: string, by: By): Promise<void> {
  const locked = await tx.query<KeyRow>(lockAuthority, [tx.tenantId, authorityId]);
  const row = locked.rows[0];
  if (row === undefined) throw notFound('authority', authorityId);
  const times = listTimes(deps.clock.now());
  // An ended certificate stays for one more list. RFC 5280 section 3.3
  const since = new Date(times.thisUpdate.getTime() - crlDays * dayMilliseconds);
  const found = await tx.query<RevokedRow>(readRevoked, [tx.tenantId, authorityId, since, maxEntries + 1]);
  if (found.rows.length > maxEntries)
    throw certificateError(
      `more than ${maxEntries} revocations are in force; this authority must be replaced`,
    );
  const entries = found.rows.map(({ serial, revoked_at, revocation_reason }): RevokedEntry => ({
    serial,
    revokedAt: revoked_at,
    reason: revocation_reason,
  }));
  const number = row.crl_number + 1;
  const crl = buildCrl(await issuerOf(tx, deps, row), { number, ...times, entries });
  await tx.query(updateCrl, [
    ...[tx.tenantId, authorityId, crl, number, entries.length, times.thisUpdate, times.nextUpdate],
  ]);
  await tx.query(notifyPki, [tx.tenantId]);
  await deps.audit().append(tx, {
    definition: revocationListPublished,
    tenantId: tx.tenantId,
    outcome: 'success',
    ...by,
    targets: [{ type: 'crypto.authority', id: authorityId }],
    detail: {
      authorityId,
      number,
      entries: entries.length,
      fingerprint: fingerprintOf(crl),
      nextUpdate: times.nextUpdate.toISOString(),
    },
  });
}

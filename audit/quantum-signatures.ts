import { createPublicKey } from 'node:crypto';
import { platformTenantId, type RandomBytes, type TenantId } from '../kernel/index.ts';
import { exactlyOne, type Database, type Tx } from '../db/index.ts';
import { openCheckpoint } from './checkpoint.ts';
import { createCosigner, type Cosigner } from './cosignature.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { auditError } from './errors.ts';
import { noteKeyTypes, privateKeyOf, rawPublicKey, seedBytes } from './note-keys.ts';
import { parseVerifierKey } from './signed-note.ts';
import { insertLogKey, selectLogKey } from './store-cosignatures.ts';

/** Which of its logs a tenant's row is about; the platform log stands under the platform tenant. */
export type LogKind = 'tenant' | 'platform';
/** A log whose checkpoints are signed with ML-DSA-44 as well. */
export type SignedLog = {
  readonly tenantId: TenantId;
  readonly kind: LogKind;
  readonly origin: string;
  /** The Ed25519 key. */
  readonly vkey: string;
};

/** ML-DSA-44 signatures of logs, beside their Ed25519 ones. */
export type QuantumSignatures = {
  /** The verifier key of type 0x06. */
  readonly vkey: (log: SignedLog) => Promise<string>;
  /**
   * The note with a line by the log's ML-DSA-44 key, timestamp zero. It is made when somebody asks, for checkpoints that
   * the Ed25519 key signed and nothing else: so it adds no time to a commit, and no tree that was not released before.
   *
   * @throws ERR_AUDIT_INVALID_NOTE when the note is not the log's
   */
  readonly add: (log: SignedLog, note: string) => Promise<string>;
};

/** What it is made of. */
export type QuantumSignaturesDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly randomBytes: RandomBytes;
};

const maxRemembered = 2_000;
const contextOf = (kind: LogKind) =>
  ({ service: 'audit', collection: 'log_key', field: 'seed', rowId: kind, purpose: 'audit' }) as const;

/** Keys are made at first use and remembered for the life of the process; so are the newest lines. */
export function createQuantumSignatures(deps: QuantumSignaturesDeps): QuantumSignatures {
  const cosigners = new Map<string, Promise<Cosigner>>();
  const lines = new Map<string, string>();
  const cosignerOf = (log: SignedLog): Promise<Cosigner> => {
    const known = cosigners.get(log.origin);
    if (known !== undefined) return known;
    const fresh = openCosigner(deps, log).catch((error: unknown) => {
      cosigners.delete(log.origin);
      throw error;
    });
    cosigners.set(log.origin, fresh);
    return fresh;
  };
  return Object.freeze({
    vkey: async (log: SignedLog) => (await cosignerOf(log)).vkey,
    add: async (log: SignedLog, note: string) => {
      const known = lines.get(note);
      if (known !== undefined) return note + known;
      openCheckpoint(note, parseVerifierKey(log.vkey));
      const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
      const line = (await cosignerOf(log)).line(text, 0);
      if (lines.size >= maxRemembered)
        for (const oldest of lines.keys()) {
          lines.delete(oldest);
          break;
        }
      lines.set(note, line);
      return note + line;
    },
  });
}

async function openCosigner(deps: QuantumSignaturesDeps, log: SignedLog): Promise<Cosigner> {
  const { database, crypto } = deps;
  await crypto.warm(log.tenantId);
  const seed = await database.withTenant(log.tenantId, (tx) => readOrMakeSeed(deps, tx, log.kind));
  try {
    return createCosigner(log.origin, privateKeyOf(noteKeyTypes.subtreeV1, seed));
  } finally {
    seed.fill(0);
  }
}

type KeyRow = { readonly publicKey: Buffer; readonly sealedSeed: Buffer };

/** Safe under concurrency: one insert wins, the others read it. */
async function readOrMakeSeed(
  { crypto, randomBytes }: QuantumSignaturesDeps,
  tx: Tx,
  kind: LogKind,
): Promise<Buffer> {
  const read = () => tx.query<KeyRow>(selectLogKey, [tx.tenantId, kind]);
  const found = (await read()).rows[0];
  if (found === undefined) {
    const fresh = Buffer.from(randomBytes(seedBytes));
    const sealed = await crypto.seal(tx, { kind: 'tenant', purpose: 'audit' }, contextOf(kind), fresh);
    const publicKey = rawPublicKey(createPublicKey(privateKeyOf(noteKeyTypes.subtreeV1, fresh)));
    fresh.fill(0);
    await tx.query(insertLogKey, [tx.tenantId, kind, publicKey, sealed]);
  }
  const row = found ?? exactlyOne(await read(), 'key of a log');
  const opened = await crypto.open(tx, contextOf(kind), row.sealedSeed);
  const seed = opened.kind === 'shredded' ? null : opened.plaintext;
  const fits =
    seed !== null &&
    rawPublicKey(createPublicKey(privateKeyOf(noteKeyTypes.subtreeV1, seed))).equals(row.publicKey);
  if (seed === null || !fits)
    throw auditError(
      'ERR_AUDIT_CORRUPT',
      'the ML-DSA-44 key of a log does not open, or is not the one it was',
    );
  return seed;
}

/** The platform log, as one whose checkpoints are signed twice. */
export function platformSignedLog(info: { readonly origin: string; readonly vkey: string }): SignedLog {
  return { ...info, tenantId: platformTenantId, kind: 'platform' };
}

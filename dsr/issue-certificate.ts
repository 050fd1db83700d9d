import { setTimeout as sleep } from 'node:timers/promises';
import type { LogInfo } from '../audit/index.ts';
import { parseSubjectId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { sha256Hex } from './canonical-json.ts';
import { describeOutcome, type Evidence } from './certificate-claims.ts';
import { signCertificate, type CertificateClaims } from './certificate.ts';
import type { AbsenceResult } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import { certificateIssued } from './events.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor } from './ports.ts';
import { subjectsOf, type RequestRow } from './request-row.ts';
import {
  insertCertificate,
  insertCertificateKey,
  selectCertificate,
  selectLogged,
} from './store-certificate.ts';
import { selectAbsence, selectTasks } from './store-work.ts';
import type { Turn } from './turn.ts';

const maxLogWaitMilliseconds = 5_000;
const logPollMilliseconds = 2;

type Issued = { readonly id: string; readonly version: number; readonly jws: string };
type Signing = {
  readonly kind: 'completion' | 'full_scan';
  readonly log: LogInfo;
  /** The newest certificate so far. */
  readonly earlier: Issued | null;
};

/**
 * Waits until the completion is in the log, then signs what can be proved about it. Once per completion.
 *
 * @returns false when it stands already
 */
export async function issueCertificate(turn: Turn): Promise<boolean> {
  const log = await turn.deps.audit.ensureLog(turn.tenant.id);
  return turn.step(async (tx, row) => {
    const earlier = await newestCertificate(tx, row);
    if (earlier?.version === row.version) return false;
    await sign(turn, tx, row, { kind: 'completion', log, earlier });
    await turn.release(tx);
    return true;
  });
}

/** The follow-up after a deferred scan that ended clean: linked to the first certificate by its hash. */
export async function followUp(turn: Turn, tx: Tx, row: RequestRow, log: LogInfo): Promise<void> {
  await sign(turn, tx, row, { kind: 'full_scan', log, earlier: await newestCertificate(tx, row) });
}

async function newestCertificate(tx: Tx, { id }: RequestRow): Promise<Issued | null> {
  return (await tx.query<Issued>(selectCertificate, [id])).rows[0] ?? null;
}

async function sign(turn: Turn, tx: Tx, row: RequestRow, signing: Signing): Promise<void> {
  const { deps } = turn;
  const { kind, earlier } = signing;
  const { receipts, ...evidence } = await readEvidence(turn, tx, row);
  const key = await deps.crypto.signingKey(tx, 'certificate');
  const now = deps.clock.now();
  const claims: CertificateClaims = {
    ...describeOutcome(turn, row, evidence),
    jti: deps.newId(),
    iat: Math.floor(now.getTime() / 1_000),
    ...(earlier === null ? {} : { follows: { jti: earlier.id, sha256: sha256Hex(earlier.jws) } }),
    receipts,
    log: await logEvidence(turn, tx, row, signing.log),
  };
  const jws = signCertificate(claims, key);
  await tx.query(insertCertificateKey, [key.keyId, key.publicKeyBytes, key.createdAt]);
  await tx.query(insertCertificate, [row.id, claims.jti, row.version, jws, now, kind]);
  await deps.audit.append(tx, {
    definition: certificateIssued,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engineActor,
    targets: [{ type: 'dsr.request', id: row.id }],
    subjects: subjectsOf(row).map(parseSubjectId),
    detail: {
      requestId: row.id,
      certificateId: claims.jti,
      keyId: key.keyId,
      planHash: claims.planHash,
      jwsHash: sha256Hex(jws),
    },
    idempotencyKey: `dsr.certificate:${row.id}:${row.version}:${kind}`,
  });
}

async function readEvidence(
  { deps }: Turn,
  tx: Tx,
  row: RequestRow,
): Promise<Evidence & { readonly receipts: number }> {
  const plan = parsePlan((await readPlan(tx, row)).document);
  const { rows: scans } = await tx.query<{ result: AbsenceResult }>(selectAbsence, [row.id]);
  const { rows: tasks } = await tx.query<{
    plan_hash: string;
    state: string;
    counts: Readonly<Record<string, number>>;
  }>(selectTasks, [row.id]);
  const mine = tasks.filter((task) => task.plan_hash === row.plan_hash && task.state === 'done');
  return {
    plan,
    counts: Object.assign({}, ...mine.map((task) => task.counts)) as Readonly<Record<string, number>>, // counts by collection
    scan: scans[0]?.result,
    keys: await deps.crypto.erasure.horizonOfRequest(tx, row.id),
    receipts: mine.length,
  };
}

async function logEvidence(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  log: LogInfo,
): Promise<CertificateClaims['log']> {
  const proof = await completionProof(turn, tx, row);
  return {
    vkey: log.vkey,
    checkpoint: proof.checkpoint,
    index: proof.index,
    treeSize: proof.treeSize,
    hashes: proof.hashes.map((hash) => hash.toString('base64')),
    entry: proof.entry.toString('base64'),
  };
}

/** The log takes the completion up by itself; this looks for it instead of waiting for everything else in the queue. */
async function completionProof({ deps }: Turn, tx: Tx, row: RequestRow): ReturnType<typeof deps.audit.proof> {
  const key = `dsr.completed:${row.id}:${row.version}`;
  const deadline = performance.now() + maxLogWaitMilliseconds;
  for (;;) {
    const { rows } = await tx.query<{ seq: number }>(selectLogged, [[key]]);
    if (rows[0] !== undefined) return deps.audit.proof(tx, rows[0].seq);
    if (performance.now() > deadline)
      throw dsrError('ERR_DSR_BUSY', 'the completion is not in the log yet; the certificate follows', {
        status: 503,
      });
    await sleep(logPollMilliseconds);
  }
}

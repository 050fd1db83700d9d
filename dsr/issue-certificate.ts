import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../db/index.ts';
import { parseSubjectId } from '../kernel/index.ts';
import { addDays, localDate } from './calendar.ts';
import { sha256Hex } from './canonical-json.ts';
import { signCertificate, type CertificateClaims } from './certificate.ts';
import type { AbsenceResult } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import { certificateIssued } from './events.ts';
import { lawPack } from './law-packs.ts';
import { parsePlan, type PlanDocument } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor } from './ports.ts';
import { subjectsOf, type RequestRow } from './request-row.ts';
import {
  insertCertificate,
  insertCertificateKey,
  selectCertificate,
  selectAbsence,
  selectLogged,
  selectTasks,
} from './store-work.ts';
import type { Turn } from './turn.ts';

const maxLogWaitMilliseconds = 2_000;
const logPollMilliseconds = 2;

/**
 * Waits until the completion is in the log, then signs what can be proved about it. Once per completion.
 *
 * @returns false when it stands already
 */
export async function issueCertificate(turn: Turn): Promise<boolean> {
  const { deps } = turn;
  const log = await deps.audit.ensureLog(turn.tenant.id);
  return turn.step(async (tx, row) => {
    if (await isCertified(tx, row)) return false;
    const plan = parsePlan((await readPlan(tx, row)).document);
    const { rows: scans } = await tx.query<{ result: AbsenceResult }>(selectAbsence, [row.id]);
    const { rows: tasks } = await tx.query<{
      plan_hash: string;
      state: string;
      counts: Readonly<Record<string, number>>;
    }>(selectTasks, [row.id]);
    const key = await deps.crypto.signingKey(tx, 'certificate');
    const proof = await completionProof(turn, tx, row);
    const mine = tasks.filter((task) => task.plan_hash === row.plan_hash && task.state === 'done');
    const now = deps.clock.now();
    const claims: CertificateClaims = {
      ...describeOutcome(turn, row, {
        plan,
        counts: Object.assign({}, ...mine.map((task) => task.counts)),
        scan: scans[0]?.result,
      }),
      jti: deps.newId(),
      iat: Math.floor(now.getTime() / 1_000),
      receipts: mine.length,
      log: {
        vkey: log.vkey,
        checkpoint: proof.checkpoint,
        index: proof.index,
        treeSize: proof.treeSize,
        hashes: proof.hashes.map((hash) => hash.toString('base64')),
        entry: proof.entry.toString('base64'),
      },
    };
    const jws = signCertificate(claims, key);
    await tx.query(insertCertificateKey, [key.keyId, key.publicKeyBytes, key.createdAt]);
    const { rowCount } = await tx.query(insertCertificate, [row.id, claims.jti, row.version, jws, now]);
    if (rowCount === 0) return false;
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
      idempotencyKey: `dsr.certificate:${row.id}:${row.version}`,
    });
    await turn.release(tx);
    return true;
  });
}

async function isCertified(tx: Tx, { id, version }: RequestRow): Promise<boolean> {
  return (await tx.query<{ version: number }>(selectCertificate, [id])).rows[0]?.version === version;
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

type Evidence = {
  readonly plan: PlanDocument;
  readonly counts: Readonly<Record<string, number>>;
  readonly scan: AbsenceResult | undefined;
};

function describeOutcome(
  { deps, tenant }: Turn,
  row: RequestRow,
  { plan, counts, scan }: Evidence,
): Omit<CertificateClaims, 'jti' | 'iat' | 'log' | 'receipts'> {
  const pack = lawPack(row.law, row.law_version);
  const completed = row.closed_at ?? deps.clock.now();
  const retention = tenant.settings.dsr.backupRetentionDays;
  return {
    format: 'gatehouse-erasure-certificate/1',
    iss: deps.publicUrl,
    requestId: row.id,
    subjectHash: row.identity_hash?.toString('hex') ?? null,
    law: { id: pack.id, version: pack.version, right: pack.rights.erasure },
    receivedAt: row.received_at.toISOString(),
    completedAt: completed.toISOString(),
    planHash: row.plan_hash ?? '',
    receiptsRoot: row.receipts_root ?? '',
    erased: plan.steps
      .filter((step) => step.action !== 'keep')
      .map((step) => ({
        collection: step.collection,
        action: step.action,
        rows: counts[step.collection] ?? 0,
      })),
    exemptions: plan.steps.flatMap((step) => {
      const { exemption } = step;
      return exemption === null || step.rows === 0
        ? []
        : [
            {
              collection: step.collection,
              code: exemption.code,
              citation: exemption.citation,
              until: exemption.until,
              rows: step.rows,
            },
          ];
    }),
    absence: {
      scope: scan?.scope ?? 'indexed',
      fullScan: row.full_scan === 'done' ? 'done' : 'deferred',
      tables: scan?.tables ?? 0,
      columns: scan?.columns ?? 0,
      findingsUnderExemption: scan?.findings.length ?? 0,
      sharedIdentifiers: plan.identity.sharedIdentifiers,
    },
    backups: {
      unreadable: 'key destroyed',
      horizon: addDays(localDate(completed, tenant.settings.timeZone), retention),
      citation: pack.backups,
    },
  };
}

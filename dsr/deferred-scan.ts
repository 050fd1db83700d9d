import type { Tx } from '../db/index.ts';
import { certificateSuperseded } from './events.ts';
import { followUp } from './issue-certificate.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { openSearch } from './sealed-identity.ts';
import { markCertificates } from './store-certificate.ts';
import { resetTasks, updateFullScan } from './store-work.ts';
import type { Turn } from './turn.ts';
import { keepResult } from './verify-absence.ts';

/**
 * The scan over everything, after completion, where it was too large to wait for. A clean one is signed as well; a finding
 * reopens the request, and the certificate does not stand any more.
 */
export async function deferredScan(turn: Turn): Promise<void> {
  const { deps, connector } = turn;
  const log = await deps.audit.ensureLog(turn.tenant.id);
  await turn.step(
    async (tx, row) => {
      const plan = parsePlan((await readPlan(tx, row)).document);
      const terms = await openSearch(deps.crypto, tx, row);
      const result = await connector.verifyAbsence(tx, terms, plan.steps, 'full');
      await keepResult(turn, tx, row, result);
      await tx.query(updateFullScan, [row.id, 'done']);
      if (result.clean) await followUp(turn, tx, { ...row, full_scan: 'done' }, log);
      else await reopenCompleted(turn, tx, row);
    },
    { statementTimeoutMilliseconds: 3_600_000 },
  );
}

async function reopenCompleted(turn: Turn, tx: Tx, row: RequestRow): Promise<void> {
  const { deps } = turn;
  const { rowCount } = await tx.query(markCertificates, [
    row.id,
    row.version,
    deps.clock.now(),
    'full_scan_found',
  ]);
  await deps.audit.append(tx, {
    definition: certificateSuperseded,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engineActor,
    targets: [{ type: 'dsr.request', id: row.id }],
    detail: { requestId: row.id, version: row.version, certificates: rowCount },
    idempotencyKey: `dsr.superseded:${row.id}:${row.version}`,
  });
  await tx.query(resetTasks, [row.id, row.plan_hash]);
  await turn.move(tx, row, 'executing', {
    actor: engineActor,
    note: 'the full scan found something: reopened',
  });
}

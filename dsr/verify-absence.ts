import { parseSubjectId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import type { AbsenceResult, Identifier, SearchTerms } from './connectors/connector.ts';
import { absenceScanned, requestCompleted, suppressionAdded } from './events.ts';
import { lawPack } from './law-packs.ts';
import { enqueueMessage } from './outbox.ts';
import type { PlanDocument } from './plan-document.ts';
import { engineActor } from './ports.ts';
import { receiptsRoot } from './receipts.ts';
import type { RequestRow } from './request-row.ts';
import { openSearch, suppressionHash } from './sealed-identity.ts';
import { insertSuppression } from './store.ts';
import { insertAbsence, resetTasks, selectAbsence, updateCompletion } from './store-work.ts';
import type { Turn } from './turn.ts';

const defaultBudgetPages = 4_096;

/** The scan, and everything that follows from a clean one: keys destroyed, identities suppressed, request completed. */
export async function verifyAbsence(turn: Turn, tx: Tx, row: RequestRow, plan: PlanDocument): Promise<void> {
  const { deps, connector } = turn;
  const terms = await openSearch(deps.crypto, tx, row);
  const pages = await connector.scanPages(tx);
  const earlierUnclean = await uncleanRuns(tx, row);
  const budget = deps.options?.fullScanBudgetPages ?? defaultBudgetPages;
  // What a full scan has found, look-ups in indexes cannot clear.
  const scope = pages <= budget || earlierUnclean > 0 ? 'full' : 'indexed';
  const result = await connector.verifyAbsence(tx, terms, plan.steps, scope);
  await keepResult(turn, tx, row, result);
  if (!result.clean) return reopen(turn, tx, row, earlierUnclean);
  await complete(turn, tx, row, { plan, terms, scope });
}

async function uncleanRuns(tx: Tx, row: RequestRow): Promise<number> {
  const { rows } = await tx.query<{ clean: boolean; plan_hash: string }>(selectAbsence, [row.id]);
  return rows.filter((run) => !run.clean && run.plan_hash === row.plan_hash).length;
}

/** Keeps what a scan found, and tells the log. */
export async function keepResult(
  { deps }: Turn,
  tx: Tx,
  row: RequestRow,
  result: AbsenceResult,
): Promise<void> {
  await tx.query(insertAbsence, [
    row.id,
    result.scope,
    row.plan_hash,
    deps.clock.now(),
    JSON.stringify(result),
    result.clean,
  ]);
  const outside = result.findings.filter((finding) => finding.exemption === null).length;
  await deps.audit.append(tx, {
    definition: absenceScanned,
    tenantId: tx.tenantId,
    outcome: result.clean ? 'success' : 'failure',
    actor: engineActor,
    ...(result.clean ? {} : { reason: 'left_behind' }),
    targets: [{ type: 'dsr.request', id: row.id }],
    detail: {
      requestId: row.id,
      planHash: row.plan_hash ?? '',
      scope: result.scope,
      tables: result.tables,
      columns: result.columns,
      findings: result.findings.length,
      outsideExemptions: outside,
    },
  });
}

/** Once more automatically; when that does not help, a person must look. */
async function reopen(turn: Turn, tx: Tx, row: RequestRow, earlierUnclean: number): Promise<void> {
  const { deps, tenant } = turn;
  if (earlierUnclean % 2 === 0) {
    await tx.query(resetTasks, [row.id, row.plan_hash]);
    await turn.move(tx, row, 'executing', {
      actor: engineActor,
      note: 'something was left behind: erasing once more',
    });
    return;
  }
  const next = await turn.move(tx, row, 'partially_completed', {
    actor: engineActor,
    note: 'something is still there: see the findings',
  });
  await enqueueMessage(deps, tx, next, { tenant, template: 'partially_completed' });
}

type Outcome = {
  readonly plan: PlanDocument;
  readonly terms: SearchTerms;
  readonly scope: 'indexed' | 'full';
};

async function complete(turn: Turn, tx: Tx, row: RequestRow, { plan, terms, scope }: Outcome): Promise<void> {
  const { deps, tenant } = turn;
  const pack = lawPack(row.law, row.law_version);
  const subjects = plan.identity.subjects.map(parseSubjectId);
  await suppress(turn, tx, row, terms);
  const root = await receiptsRoot(tx, row);
  await tx.query(updateCompletion, [row.id, root, scope === 'full' ? 'done' : 'deferred']);
  await deps.audit.append(tx, {
    // Stands in the certificate, which goes to strangers: the person's id is in the event of the state change beside it.
    definition: requestCompleted,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engineActor,
    targets: [{ type: 'dsr.request', id: row.id }],
    detail: {
      requestId: row.id,
      type: row.type,
      law: row.law,
      planHash: row.plan_hash ?? '',
      receiptsRoot: root,
      subjectHash: row.identity_hash?.toString('hex') ?? null,
      version: row.version + 1,
    },
    idempotencyKey: `dsr.completed:${row.id}:${row.version + 1}`,
  });
  const done = await turn.move(tx, row, 'completed', {
    actor: engineActor,
    note: 'nothing is left outside the exemptions; the keys are destroyed',
  });
  const kept = [
    ...new Set(
      plan.steps.flatMap((step) =>
        step.action === 'keep' && step.rows > 0 && step.exemption !== null
          ? [`${step.collection} (${step.exemption.citation})`]
          : [],
      ),
    ),
  ];
  await enqueueMessage(deps, tx, done, {
    tenant,
    template: 'completed',
    values: { kept: kept.length === 0 ? '-' : kept.join(', ') },
  });
  await deps.crypto.shred(tx, subjects, {
    requestId: row.id,
    reason: `${row.law}: ${pack.rights.erasure}`,
    actor: engineActor,
  });
}

async function suppress(turn: Turn, tx: Tx, row: RequestRow, terms: SearchTerms): Promise<void> {
  const { deps } = turn;
  const all: Identifier[] = [
    ...terms.emails.map((value) => ({ kind: 'email' as const, value })),
    ...terms.phones.map((value) => ({ kind: 'phone' as const, value })),
  ];
  if (all.length === 0) return;
  const hashes: Buffer[] = [];
  for (const one of all) hashes.push(await suppressionHash(deps.crypto, tx, one));
  const kinds = all.map(({ kind }) => kind);
  await tx.query(insertSuppression, [kinds, hashes, '*', row.id, deps.clock.now()]);
  await deps.audit.append(tx, {
    definition: suppressionAdded,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engineActor,
    targets: [{ type: 'dsr.request', id: row.id }],
    detail: { requestId: row.id, entries: all.length, purpose: '*', scope: 'erased' },
  });
}

import { parseSubjectId, type CallContext, type Principal, type TenantId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import type { Connector, SearchTerms } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import { planCreated } from './events.ts';
import { holdText, keepUnderHold } from './legal-hold.ts';
import { findDrift, sealPlan, type Drift, type PlanDocument, type SealedPlan } from './plan-document.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { openIdentity } from './sealed-identity.ts';
import { insertPlan, selectPlan, updatePlan } from './store.ts';
import { transition } from './transition.ts';

/** A plan as it is stored. */
export type StoredPlan = {
  readonly hash: string;
  readonly document: string;
  readonly created_at: Date;
  readonly created_by: string;
  /** Null in plans older than the column. */
  readonly created_by_kind: 'user' | 'service_account' | null;
};

const tolerance = Object.freeze({ percent: 10, rows: 5 });

type Ports = { readonly deps: DsrDeps; readonly connector: Connector };

/** A plan and, for an erasure, what must not be found after it. */
type Draft = { readonly document: PlanDocument; readonly terms: SearchTerms | null };

/** Makes a plan document from the data as they are now. */
export async function draftPlan(
  { deps, connector }: Ports,
  tx: Tx,
  row: RequestRow,
  by: { readonly id: string; readonly at: Date },
): Promise<Draft> {
  const { identifiers } = await openIdentity(deps.crypto, tx, row);
  const closure = await connector.close(tx, identifiers);
  const drafted = await connector.plan(tx, closure.subjects, row.type);
  const [held] =
    row.type === 'erasure' ? await deps.audit.holds.held(tx, closure.subjects.map(parseSubjectId)) : [];
  const steps = held === undefined ? drafted.steps : keepUnderHold(drafted.steps, held);
  const warnings = held === undefined ? drafted.warnings : [holdText(held), ...drafted.warnings];
  const terms =
    row.type === 'erasure' ? await connector.searchTerms(tx, closure.subjects, identifiers) : null;
  const total = (action: string): number =>
    steps.filter((step) => step.action === action).reduce((sum, step) => sum + step.rows, 0);
  const document: PlanDocument = {
    format: 'gatehouse-dsr-plan/1',
    requestId: row.id,
    tenantId: tx.tenantId,
    type: row.type,
    law: row.law,
    lawVersion: row.law_version,
    dataMapRevision: (await deps.dataMap.forTenant(tx)).revision,
    createdAt: by.at.toISOString(),
    createdBy: by.id,
    identity: { subjects: closure.subjects, found: closure.found, sharedIdentifiers: terms?.shared ?? 0 },
    steps,
    totals: {
      delete: total('delete'),
      fields: total('fields'),
      keep: total('keep'),
      export: total('export'),
    },
    tolerance,
    warnings:
      closure.subjects.length === 0 ? ['nobody with these identifiers was found', ...warnings] : warnings,
  };
  return { document, terms };
}

/**
 * Plans and stores: the request is `planned` afterwards.
 *
 * @throws ERR_DSR_TRANSITION_REFUSED, ERR_DSR_SYSTEM_UNREADY, ERR_DSR_IDENTITY_AMBIGUOUS
 */
export async function makePlan(
  ports: Ports,
  tenantId: TenantId,
  id: string,
  by: { readonly principal: Principal; readonly call: CallContext },
): Promise<SealedPlan> {
  const { deps } = ports;
  await deps.warm(tenantId);
  return deps.database.withTenant(tenantId, async (tx) => {
    const row = await lockedRequest(tx, id);
    if (row.state !== 'verified' && row.state !== 'planned') {
      throw dsrError(
        'ERR_DSR_TRANSITION_REFUSED',
        `the request is ${row.state}; it is planned once its identity is verified`,
      );
    }
    const now = deps.clock.now();
    const { document } = await draftPlan(ports, tx, row, { id: by.principal.id, at: now });
    const sealed = sealPlan(document);
    const { id: planner, kind } = by.principal;
    await tx.query(insertPlan, [row.id, sealed.hash, sealed.text, now, planner, kind]);
    await tx.query(updatePlan, [row.id, sealed.hash, document.identity.subjects]);
    const planned = { ...row, plan_hash: sealed.hash, subject_ids: document.identity.subjects };
    await transition(deps, tx, planned, 'planned', {
      actor: by.principal,
      note: `plan ${sealed.hash.slice(0, 16)}`,
      call: by.call,
    });
    await deps.audit.append(tx, {
      definition: planCreated,
      tenantId,
      outcome: 'success',
      actor: by.principal,
      call: by.call,
      targets: [{ type: 'dsr.request', id: row.id }],
      subjects: document.identity.subjects.map(parseSubjectId),
      detail: {
        requestId: row.id,
        planHash: sealed.hash,
        collections: document.steps.length,
        rowsToDelete: document.totals.delete,
        rowsToChange: document.totals.fields,
        rowsToKeep: document.totals.keep,
        rowsToExport: document.totals.export,
      },
    });
    return sealed;
  });
}

/** @throws ERR_DSR_PLAN_MISSING */
export async function readPlan(tx: Tx, row: RequestRow): Promise<StoredPlan> {
  const { rows } = await tx.query<StoredPlan>(selectPlan, [row.id, row.plan_hash]);
  const plan = rows[0];
  if (plan === undefined)
    throw dsrError('ERR_DSR_PLAN_MISSING', `request "${row.id}" has no plan; make one first`);
  return plan;
}

/** Counts again and compares with what was approved. */
export async function recount(
  ports: Ports,
  tx: Tx,
  row: RequestRow,
  plan: PlanDocument,
): Promise<{ readonly drift: readonly Drift[]; readonly terms: SearchTerms | null }> {
  const fresh = await draftPlan(ports, tx, row, { id: plan.createdBy, at: new Date(plan.createdAt) });
  return { drift: findDrift(plan, fresh.document), terms: fresh.terms };
}

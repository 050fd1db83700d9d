import { invalidRequest } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import type { z } from 'zod';
import type { AbsenceResult } from './connectors/connector.ts';
import { urgency } from './legal-clock.ts';
import { parsePlan } from './plan-document.ts';
import type { StoredPlan } from './planning.ts';
import type { DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import type { portalStatus, requestDetail, requestItem } from './schema.ts';
import { openIdentity } from './sealed-identity.ts';
import { isClosed, type RequestState } from './state-machine.ts';
import { selectApprovals, selectPlan, selectRequestPage, selectTimeline } from './store.ts';
import { selectAbsence, selectCertificate, selectPackage, selectTasks } from './store-work.ts';

type Item = z.output<typeof requestItem>;
type Detail = z.output<typeof requestDetail>;

const iso = (instant: Date): string => instant.toISOString();
const isoOrNull = (instant: Date | null): string | null => instant?.toISOString() ?? null;

/** A request as lists show it: masked. */
export function viewItem(row: RequestRow, now: Date): Item {
  return {
    id: row.id,
    type: row.type,
    law: row.law,
    state: row.state,
    channel: row.channel,
    receivedAt: iso(row.received_at),
    dueAt: iso(row.due_at),
    acknowledgeBy: isoOrNull(row.acknowledge_at),
    dueExplanation: row.clock.explanation.join('; '),
    subjectLabel: row.subject_label ?? '•••',
    urgency: urgency(now, row.received_at, row.due_at, isClosed(row.state)),
    linkedTo: row.linked_to,
  };
}

/** A page, newest first. */
export async function listRequests(
  tx: Tx,
  query: {
    readonly state?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
  now: Date,
): Promise<{ items: Item[]; nextCursor: string | null }> {
  const after = query.cursor === undefined ? null : readCursor(query.cursor);
  const { rows } = await tx.query<RequestRow>(selectRequestPage, [
    query.state ?? null,
    after?.at ?? null,
    after?.id ?? null,
    query.limit + 1,
  ]);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return {
    items: page.map((row) => viewItem(row, now)),
    nextCursor: more ? Buffer.from(`${iso(last.received_at)} ${last.id}`).toString('base64url') : null,
  };
}

function readCursor(cursor: string): { readonly at: string; readonly id: string } {
  const match = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) ([0-9a-f-]{36})$/.exec(
    Buffer.from(cursor, 'base64url').toString('latin1'),
  );
  if (match === null) throw invalidRequest('"cursor" is not one that a list gave');
  return { at: match[1] ?? '', id: match[2] ?? '' };
}

type TaskRow = {
  readonly system: string;
  readonly action: string;
  readonly plan_hash: string;
  readonly state: string;
  readonly attempts: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly error: string | null;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
};

/** Everything that staff may see of one request; the person's own words are opened, identities stay masked. */
export async function viewDetail(deps: DsrDeps, tx: Tx, row: RequestRow): Promise<Detail> {
  const { rows: timeline } = await tx.query<{ at: Date; state: string; actor: string; note: string | null }>(
    selectTimeline,
    [row.id],
  );
  const { rows: approvals } = await tx.query<{ plan_hash: string; approved_by: string; approved_at: Date }>(
    selectApprovals,
    [row.id],
  );
  const { rows: tasks } = await tx.query<TaskRow>(selectTasks, [row.id]);
  const { rows: plans } =
    row.plan_hash === null ? { rows: [] } : await tx.query<StoredPlan>(selectPlan, [row.id, row.plan_hash]);
  const plan = plans[0];
  return {
    ...viewItem(row, deps.clock.now()),
    timeline: timeline.map(({ at, state, actor, note }) => ({ at: iso(at), state, actor, note })),
    identity: {
      level: row.identity_level,
      method: row.identity_method,
      verifiedAt: isoOrNull(row.verified_at),
    },
    message:
      row.forgotten_at === null && row.sealed !== null
        ? (await openIdentity(deps.crypto, tx, row)).message
        : null,
    plan:
      plan === undefined
        ? null
        : {
            hash: plan.hash,
            createdAt: iso(plan.created_at),
            createdBy: plan.created_by,
            document: parsePlan(plan.document),
          },
    approvals: approvals.map((one) => ({
      by: one.approved_by,
      at: iso(one.approved_at),
      planHash: one.plan_hash,
    })),
    tasks: tasks
      .filter((task) => task.plan_hash === row.plan_hash)
      .map((task) => ({
        system: task.system,
        action: task.action,
        state: task.state,
        counts: { ...task.counts },
        error: task.error,
        attempts: task.attempts,
        startedAt: isoOrNull(task.started_at),
        endedAt: isoOrNull(task.ended_at),
      })),
    absence: await viewAbsence(tx, row),
    certificate: await viewCertificate(tx, row),
    package: await viewPackage(tx, row),
    clock: {
      dueAt: iso(row.due_at),
      targetAt: row.clock.targetAt,
      citation: row.clock.citation,
      explanation: row.clock.explanation.join('; '),
      trail: [...row.clock.explanation],
    },
  };
}

async function viewAbsence(tx: Tx, row: RequestRow): Promise<Detail['absence']> {
  const { rows } = await tx.query<{ at: Date; clean: boolean; scope: string; result: AbsenceResult }>(
    selectAbsence,
    [row.id],
  );
  const run = rows[0];
  if (run === undefined) return null;
  return {
    state: run.clean ? 'clean' : 'left_behind',
    scope: run.scope,
    fullScan: row.full_scan,
    at: iso(run.at),
    ...splitFindings(run.result),
  };
}

async function viewCertificate(tx: Tx, row: RequestRow): Promise<Detail['certificate']> {
  const { rows } = await tx.query<{ id: string; issued_at: Date }>(selectCertificate, [row.id]);
  return rows[0] === undefined ? null : { id: rows[0].id, issuedAt: iso(rows[0].issued_at) };
}

async function viewPackage(tx: Tx, row: RequestRow): Promise<Detail['package']> {
  const { rows } = await tx.query<{ expires_at: Date; downloaded_at: Date | null }>(selectPackage, [row.id]);
  return rows[0] === undefined
    ? null
    : { expiresAt: iso(rows[0].expires_at), downloadedAt: isoOrNull(rows[0].downloaded_at) };
}

/** What must not be there, apart from what an exemption covers. */
function splitFindings({ findings }: AbsenceResult): { findings: unknown[]; exempted: unknown[] } {
  return {
    findings: findings.filter((one) => one.exemption === null),
    exempted: findings.filter((one) => one.exemption !== null),
  };
}

const ends: ReadonlySet<RequestState> = new Set(['refused', 'withdrawn', 'expired', 'partially_completed']);

/** The way a request goes, ending where this one ended. */
function wayOf(row: RequestRow): readonly RequestState[] {
  const way: readonly RequestState[] =
    row.type === 'erasure'
      ? ['received', 'verified', 'planned', 'approved', 'executing', 'verifying_absence', 'completed']
      : ['received', 'verified', 'planned', 'executing', 'completed'];
  return ends.has(row.state) ? [...way.slice(0, -1), row.state] : way;
}

/** What the holder of the ticket sees: progress and dates, no plan. */
export async function viewStatus(tx: Tx, row: RequestRow, now: Date): Promise<z.output<typeof portalStatus>> {
  const { rows: timeline } = await tx.query<{ at: Date; state: RequestState }>(selectTimeline, [row.id]);
  const way = wayOf(row);
  const current = row.state === 'verifying' ? 0 : way.indexOf(row.state);
  const steps = way.map((state, index) => {
    const reached = timeline.findLast((one) => one.state === state);
    return {
      state,
      done: index <= current && reached !== undefined,
      at: index <= current ? isoOrNull(reached?.at ?? null) : null,
    };
  });
  const certificate = await viewCertificate(tx, row);
  const waiting = await viewPackage(tx, row);
  return {
    state: row.state,
    type: row.type,
    law: row.law,
    receivedAt: iso(row.received_at),
    dueAt: iso(row.due_at),
    steps,
    certificateAvailable: certificate !== null,
    packageAvailable: waiting !== null && waiting.downloadedAt === null && new Date(waiting.expiresAt) > now,
  };
}

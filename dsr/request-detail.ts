import { horizonOfCertificate } from './backup-horizon.ts';
import type { z } from 'zod';
import type { Tx } from '../db/index.ts';
import { parsePlan } from './plan-document.ts';
import type { DsrDeps } from './ports.ts';
import { iso, isoOrNull, readAround, type Around } from './request-around.ts';
import { viewItem } from './request-list.ts';
import type { RequestRow } from './request-row.ts';
import type { requestDetail } from './schema.ts';
import { openIdentity } from './sealed-identity.ts';

type Detail = z.output<typeof requestDetail>;
type NameOf = (id: string) => string | null;

/** Everything that staff may see of one request; the person's own words are opened, identities stay masked. */
export async function viewDetail(deps: DsrDeps, tx: Tx, row: RequestRow): Promise<Detail> {
  const around = await readAround(tx, row);
  const nameOf = await namesFor(deps, tx, around);
  return {
    ...viewItem(row, deps.clock.now()),
    timeline: around.timeline.map((step) => viewStep(step, nameOf)),
    identity: {
      level: row.identity_level,
      method: row.identity_method,
      verifiedAt: isoOrNull(row.verified_at),
    },
    message:
      row.forgotten_at === null && row.sealed !== null
        ? (await openIdentity(deps.crypto, tx, row)).message
        : null,
    plan: viewPlan(around.plan, nameOf),
    approvals: around.approvals.map((one) => ({ ...one, byName: nameOf(one.by), at: iso(one.at) })),
    tasks: around.tasks.map((task) => ({
      ...task,
      counts: { ...task.counts },
      startedAt: isoOrNull(task.startedAt),
      endedAt: isoOrNull(task.endedAt),
    })),
    absence: viewAbsence(around.absence, row),
    certificate: viewCertificate(around.certificate),
    package:
      around.package === null
        ? null
        : {
            expiresAt: iso(around.package.expiresAt),
            downloadedAt: isoOrNull(around.package.downloadedAt),
          },
    clock: viewClock(row),
  };
}

/** Looks every member of staff up once. */
async function namesFor(deps: DsrDeps, tx: Tx, { timeline, approvals, plan }: Around): Promise<NameOf> {
  const ids = new Set([
    ...timeline.flatMap(({ actor, actorId }) => (isStaff(actor) ? [actorId] : [])),
    ...approvals.map(({ by }) => by),
    ...(plan === null ? [] : [plan.createdBy]),
  ]);
  const names = new Map<string, string | null>();
  if (deps.nameOf !== undefined) for (const id of ids) names.set(id, await deps.nameOf(tx, id));
  return (id) => names.get(id) ?? null;
}

const isStaff = (actor: string): boolean => actor === 'user' || actor === 'service_account';

function viewStep(step: Around['timeline'][number], nameOf: NameOf): Detail['timeline'][number] {
  const { actor, actorId } = step;
  const actorName = isStaff(actor) ? nameOf(actorId) : actor === 'data_subject' ? 'Data subject' : actor;
  return {
    at: iso(step.at),
    state: step.state,
    actor: actorName ?? actorId,
    actorId,
    actorName,
    note: step.note,
    auditSeq: step.auditSeq,
  };
}

function viewPlan(plan: Around['plan'], nameOf: NameOf): Detail['plan'] {
  if (plan === null) return null;
  return {
    hash: plan.hash,
    createdAt: iso(plan.createdAt),
    createdBy: plan.createdBy,
    createdByName: nameOf(plan.createdBy),
    document: parsePlan(plan.document),
  };
}

function viewCertificate(certificate: Around['certificate']): Detail['certificate'] {
  if (certificate === null) return null;
  const { id, kind, issuedAt, supersededAt, jws } = certificate;
  const backupsUntil = horizonOfCertificate(jws);
  return { id, kind, issuedAt: iso(issuedAt), supersededAt: isoOrNull(supersededAt), backupsUntil };
}

/** What must not be there, apart from what an exemption covers. */
function viewAbsence(run: Around['absence'], row: RequestRow): Detail['absence'] {
  if (run === null) return null;
  const { findings } = run.result;
  return {
    state: run.clean ? 'clean' : 'left_behind',
    scope: run.scope,
    fullScan: row.full_scan,
    at: iso(run.at),
    findings: findings.filter((one) => one.exemption === null),
    exempted: findings.filter((one) => one.exemption !== null),
  };
}

function viewClock(row: RequestRow): Detail['clock'] {
  return {
    dueAt: iso(row.due_at),
    targetAt: row.clock.targetAt,
    citation: row.clock.citation,
    explanation: row.clock.explanation.join('; '),
    trail: [...row.clock.explanation],
    extendedAt: isoOrNull(row.extended_at),
    extensionReason: row.extension_reason,
  };
}

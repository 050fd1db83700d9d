import type { Database, Tx } from '../../db/index.ts';
import {
  notFound,
  requireFreshAuthentication,
  type AuditSink,
  type Clock,
  type Logger,
  type NewId,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { approvalOf, type Approval, type ApprovalRow, type ApprovalState } from './approval.ts';
import { carryOut } from './carry-out.ts';
import { whyNot } from './denial.ts';
import {
  approvalDenied,
  approvalGiven,
  approvalLapsed,
  approvalProposed,
  approvalRefused,
} from './events.ts';
import { canonicalPayload, digestOf, requireReason } from './proposal.ts';
import {
  claimApproval,
  insertApproval,
  listApprovals,
  readApproval,
  refuseApproval,
  settleApprovals,
} from './store.ts';

/** What somebody proposes. */
export type Proposal = {
  /** Name of a registered executor, such as `crypto.retire`. */
  readonly action: string;
  /** JSON without fractions, at most 64 KiB; ids and choices, no personal data. */
  readonly payload: unknown;
  /** 1 to 500 characters. */
  readonly reason: string;
  readonly proposedBy: Principal;
};

/** What an executor is given; it is called once per proposal, ever. */
export type Approved = {
  readonly tenantId: TenantId;
  readonly payload: unknown;
  /** Principal id of the first person. */
  readonly proposedBy: string;
  readonly approvedBy: Principal;
  readonly proposalId: string;
};

/** Carries out what two people want. @returns what the approver is told, JSON of at most 64 KiB */
export type Executor = (approved: Approved) => Promise<unknown>;

/** Executors by action. */
export type Executors = Readonly<Record<string, Executor>>;

/** Two different people, each with fresh step-up, before anything happens. */
export type DualControl = {
  /** @throws ERR_CRYPTO_INPUT for an unknown action, ERR_CRYPTO_SECOND_PERSON for a machine, ERR_STEP_UP_REQUIRED */
  readonly propose: (
    tx: Tx,
    proposal: Proposal,
  ) => Promise<{ readonly id: string; readonly digest: string; readonly expiresAt: Date }>;
  /**
   * Approves what has this digest and carries it out, once.
   *
   * @throws ERR_NOT_FOUND, ERR_CRYPTO_SECOND_PERSON, ERR_CRYPTO_APPROVAL, ERR_STEP_UP_REQUIRED, and what the executor throws
   */
  readonly approve: (
    id: string,
    approver: Principal,
    digest: string,
  ) => Promise<{ readonly state: 'executed'; readonly result: unknown }>;
  /** Refused by anybody who may approve, or withdrawn by who proposed. @throws ERR_NOT_FOUND, ERR_CRYPTO_APPROVAL */
  readonly refuse: (tx: Tx, id: string, by: Principal, reason: string) => Promise<void>;
  /** Newest first. @param page.after - the id of the last one seen */
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number; readonly state?: ApprovalState },
  ) => Promise<readonly Approval[]>;
  readonly read: (tx: Tx, id: string) => Promise<Approval | null>;
  /** Closes what ran out and what a process that ended left half-way. @returns how many */
  readonly settle: (tx: Tx) => Promise<number>;
};

/** What the part needs. */
export type DualControlDeps = {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  /** A thunk, because rooms that hand in executors are made later. */
  readonly executors: () => Executors;
  /** Whether policy lets him approve actions of this guard (`<guard>.approve`); absent: the route's own action decides. */
  readonly mayApprove?: (approver: Principal, action: string) => Promise<boolean>;
};

/** How long a proposal waits for a second person. */
export const proposalLifeMilliseconds = 24 * 3_600_000;
const leaseMilliseconds = 60_000;
const stepUp = { level: 2, maxAgeSeconds: 300 } as const;

/** Makes the part. */
export function createDualControl(deps: DualControlDeps): DualControl {
  const { clock } = deps;
  return Object.freeze({
    propose: (tx, proposal) => propose(tx, deps, proposal),
    approve: (id, approver, digest) => approve(deps, id, approver, digest),
    refuse: (tx, id, by, reason) => refuse(tx, deps, id, { by, reason }),
    list: async (tx, { after, limit, state }) => {
      const now = clock.now();
      const { rows } = await tx.query<ApprovalRow>(listApprovals, [
        tx.tenantId,
        state ?? null,
        after,
        limit,
        now,
      ]);
      return rows.map((row) => approvalOf(row, now));
    },
    read: async (tx, id) => {
      const { rows } = await tx.query<ApprovalRow>(readApproval, [tx.tenantId, id]);
      return rows[0] === undefined ? null : approvalOf(rows[0], clock.now());
    },
    settle: (tx) => settle(tx, deps),
  } satisfies DualControl);
}

async function propose(tx: Tx, deps: DualControlDeps, proposal: Proposal) {
  const { action, reason, proposedBy } = proposal;
  requirePerson(tx.tenantId, proposedBy);
  const now = deps.clock.now();
  requireFreshAuthentication(proposedBy, stepUp, now);
  if (!Object.hasOwn(deps.executors(), action))
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `nothing here carries out "${action.slice(0, 100)}"; it cannot be proposed`,
    );
  requireReason(reason);
  const payload = canonicalPayload(proposal.payload);
  const id = deps.newId();
  const expiresAt = new Date(now.getTime() + proposalLifeMilliseconds);
  const { tenantId } = tx;
  const digest = digestOf({ tenantId, id, action, payload, reason, proposedBy: proposedBy.id, expiresAt });
  const bytes = Buffer.from(digest, 'hex');
  await tx.query(insertApproval, [
    tenantId,
    id,
    action,
    payload,
    reason,
    bytes,
    proposedBy.id,
    now,
    expiresAt,
  ]);
  await deps.audit().append(tx, {
    definition: approvalProposed,
    tenantId,
    outcome: 'success',
    actor: proposedBy,
    targets: [{ type: 'crypto.approval', id }],
    detail: { approvalId: id, action, digest, reason, expiresAt: expiresAt.toISOString() },
  });
  return { id, digest, expiresAt };
}

/** A machine is nobody's pair of eyes, and nobody decides for another tenant. */
function requirePerson(tenantId: TenantId, principal: Principal): void {
  if (principal.kind !== 'user' || principal.tenantId !== tenantId)
    throw cryptoError(
      'ERR_CRYPTO_SECOND_PERSON',
      'this takes two people of the tenant, each with fresh step-up; service accounts can neither propose nor approve',
    );
}

async function approve(deps: DualControlDeps, id: string, approver: Principal, digest: string) {
  const { tenantId } = approver;
  const deny = async (error: Error, cause: string): Promise<never> => {
    await deps.audit().record({
      definition: approvalDenied,
      tenantId,
      outcome: 'denied',
      reason: cause,
      actor: approver,
      targets: [{ type: 'crypto.approval', id }],
      detail: { approvalId: id, cause },
    });
    throw error;
  };
  const now = deps.clock.now();
  const bytes = /^[0-9a-f]{64}$/.test(digest) ? Buffer.from(digest, 'hex') : Buffer.alloc(32);
  const before = await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<ApprovalRow>(readApproval, [tenantId, id]);
    return rows[0];
  });
  if (before === undefined) throw notFound('approval', id);
  const denial = await whyNot(deps, before, { approver, digest: bytes, now });
  if (denial !== null) return deny(denial.error, denial.cause);
  requireFreshAuthentication(approver, stepUp, now);
  const claimed = await deps.database.withTenant(tenantId, async (tx) => {
    const leaseUntil = new Date(now.getTime() + leaseMilliseconds);
    const { rows } = await tx.query<ApprovalRow>(claimApproval, [
      tenantId,
      id,
      approver.id,
      bytes,
      now,
      leaseUntil,
    ]);
    const [row] = rows;
    if (row !== undefined) await recordGiven(tx, deps, row, approver);
    return row;
  });
  if (claimed === undefined)
    return deny(
      cryptoError('ERR_CRYPTO_APPROVAL', 'somebody else decided this proposal at the same moment'),
      'decided',
    );
  return carryOut({ ...deps, leaseMilliseconds }, claimed, approver);
}

async function recordGiven(
  tx: Tx,
  deps: DualControlDeps,
  row: ApprovalRow,
  approver: Principal,
): Promise<void> {
  await deps.audit().append(tx, {
    definition: approvalGiven,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: approver,
    targets: [{ type: 'crypto.approval', id: row.id }],
    detail: {
      approvalId: row.id,
      action: row.action,
      digest: row.digest.toString('hex'),
      proposedBy: row.proposed_by,
    },
  });
}

async function refuse(
  tx: Tx,
  deps: DualControlDeps,
  id: string,
  { by, reason }: { readonly by: Principal; readonly reason: string },
): Promise<void> {
  requirePerson(tx.tenantId, by);
  requireReason(reason);
  const { rows } = await tx.query<ApprovalRow>(refuseApproval, [
    tx.tenantId,
    id,
    by.id,
    deps.clock.now(),
    reason,
  ]);
  const [row] = rows;
  if (row === undefined) {
    const { rows: found } = await tx.query<ApprovalRow>(readApproval, [tx.tenantId, id]);
    if (found[0] === undefined) throw notFound('approval', id);
    const { state } = approvalOf(found[0], deps.clock.now());
    throw cryptoError('ERR_CRYPTO_APPROVAL', `the proposal is ${state}; only an open one can be refused`);
  }
  await deps.audit().append(tx, {
    definition: approvalRefused,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: by,
    targets: [{ type: 'crypto.approval', id }],
    detail: {
      approvalId: id,
      action: row.action,
      digest: row.digest.toString('hex'),
      reason,
      withdrawn: row.proposed_by === by.id,
    },
  });
}

async function settle(tx: Tx, deps: DualControlDeps): Promise<number> {
  const { rows } = await tx.query<ApprovalRow>(settleApprovals, [tx.tenantId, deps.clock.now()]);
  for (const row of rows) {
    const state = row.state === 'expired' ? 'expired' : 'interrupted';
    await deps.audit().append(tx, {
      definition: approvalLapsed,
      tenantId: tx.tenantId,
      outcome: 'failure',
      reason: state,
      actor: { kind: 'system', id: 'crypto', displayName: 'crypto' },
      targets: [{ type: 'crypto.approval', id: row.id }],
      detail: { approvalId: row.id, action: row.action, digest: row.digest.toString('hex'), state },
    });
  }
  return rows.length;
}

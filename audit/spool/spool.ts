import type { Database, Tx } from '../../db/index.ts';
import {
  isGatehouseError,
  parseTenantId,
  platformTenantId,
  type AuditEvent,
  type AuditSink,
  type Clock,
  type EventDefinition,
  type Logger,
  type NewId,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { z } from 'zod';
import type { AuditCrypto } from '../crypto-need.ts';
import { auditError } from '../errors.ts';
import { failureChoiceChanged, spoolReplayed } from './events.ts';
import {
  createSpoolFolder,
  spoolName,
  type SpoolFolder,
  type SpoolLimits,
  type SpoolLine,
} from './spool-file.ts';
import { insertFailureChoice, selectFailureChoice } from './store.ts';

/** What happens to a read that cannot be recorded. */
export type ReadsOnFailure = 'closed' | 'spooled';
/** The choice, and whose it is. */
export type FailureChoice = {
  readonly reads: ReadsOnFailure;
  readonly changedAt: Date | null;
  readonly changedBy: string | null;
};

/** Records of reads while the log cannot be written. */
export type Spool = {
  /** As the log's `record`; a read of a tenant that chose so waits on disk when the log does not take it. */
  readonly record: AuditSink<Tx>['record'];
  readonly choice: (tx: Tx) => Promise<FailureChoice>;
  /** @throws ERR_AUDIT_SPOOL_FULL when this process has no folder for it */
  readonly choose: (tx: Tx, by: Principal, reads: ReadsOnFailure) => Promise<FailureChoice>;
  /** Whether reads of a tenant may wait on disk, as this process knows it. */
  readonly isSpooled: (tenantId: TenantId) => Promise<boolean>;
  /** Brings what waits into the log. @returns how many files */
  readonly tick: () => Promise<number>;
  readonly waiting: () => number;
  readonly stop: () => Promise<void>;
};

/** What it needs. */
export type SpoolDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly recorder: AuditSink<Tx>;
  readonly definitions: readonly EventDefinition[];
  /** Absent: nothing waits on disk. */
  readonly spoolFolder?: string;
  readonly spoolLimits?: SpoolLimits;
};

const purpose = 'audit-spool';
const choiceMilliseconds = 2_000;
/** Once the log refused a record, others go to disk at once for so long. */
const downMilliseconds = 2_000;
const restMilliseconds = 10_000;
const system: AuditEvent['actor'] = Object.freeze({
  kind: 'system',
  id: 'audit.spool',
  displayName: 'Spool',
});

/** Makes the part. */
export function createSpool(deps: SpoolDeps): Spool {
  const { database, crypto, recorder, newId } = deps;
  const folder =
    deps.spoolFolder === undefined ? null : createSpoolFolder(deps.spoolFolder, deps.spoolLimits);
  const known = new Map<TenantId, { readonly reads: ReadsOnFailure; readonly until: number }>();
  let downUntil = -Infinity;
  let restUntil = -Infinity;
  const isSpooled = async (tenantId: TenantId): Promise<boolean> => {
    if (folder === null) return false;
    const cached = known.get(tenantId);
    if (cached !== undefined && cached.until > performance.now()) return cached.reads === 'spooled';
    const reads = await database
      .withTenant(tenantId, async (tx) => (await readChoice(tx)).reads, { readOnly: true })
      .catch(() => cached?.reads ?? 'closed');
    known.set(tenantId, { reads, until: performance.now() + choiceMilliseconds });
    return reads === 'spooled';
  };
  const spoolIt = async (event: AuditEvent, id: string, cause: unknown): Promise<void> => {
    if (folder === null || !isOutage(cause)) throw cause;
    const at = event.occurredAt ?? deps.clock.now();
    const bytes = Buffer.from(JSON.stringify(textOf({ ...event, occurredAt: at, idempotencyKey: id })));
    const sealed = await database.withTenant(event.tenantId, (tx) =>
      crypto.seal(tx, { kind: 'tenant', purpose }, contextOf(id), bytes),
    );
    await folder.append({
      tenant: event.tenantId,
      id,
      at: at.toISOString(),
      sealed: sealed.toString('base64'),
    });
  };
  const record = async (event: AuditEvent): Promise<void> => {
    if (!isRead(event) || !(await isSpooled(event.tenantId))) return recorder.record(event);
    // Named before the first attempt: what the log takes late and what is replayed is one event.
    const id = event.idempotencyKey ?? `spool ${newId()}`;
    const named = { ...event, idempotencyKey: id, occurredAt: event.occurredAt ?? deps.clock.now() };
    if (performance.now() < downUntil) return spoolIt(named, id, outage());
    try {
      await recorder.record(named);
    } catch (error) {
      if (isOutage(error)) downUntil = performance.now() + downMilliseconds;
      await spoolIt(named, id, error);
    }
  };
  return Object.freeze({
    record: record as Spool['record'], // the definition checks the detail when it enters the log
    choice: readChoice,
    choose: (tx, by, reads) =>
      choose(tx, deps, { by, reads, possible: folder !== null, forget: (id) => known.delete(id) }),
    isSpooled,
    tick: async () => {
      if (folder === null || performance.now() < Math.max(downUntil, restUntil)) return 0;
      const paths = await folder.take();
      let done = 0;
      for (const path of paths) done += await replaySafely(deps, folder, path);
      // The log is still away: what was taken is tried again when it was left alone for a while.
      if (done < paths.length) restUntil = performance.now() + restMilliseconds;
      return done;
    },
    waiting: () => folder?.waiting() ?? 0,
    stop: async () => folder?.close(),
  } satisfies Spool);
}

/** Looking at data or at the trail, and it was allowed: what failed, was refused or changed something stays closed. */
function isRead({ definition, outcome }: AuditEvent): boolean {
  return outcome === 'success' && definition.ocsf.classUid === 6005 && definition.ocsf.activityId === 1;
}

/** What the log refuses for what it is would be refused again; a witness's alarm is no outage either. */
function isOutage(error: unknown): boolean {
  const refusals = [
    'ERR_AUDIT_UNKNOWN_EVENT',
    'ERR_AUDIT_INVALID_EVENT',
    'ERR_AUDIT_ENTRY_TOO_LARGE',
    'ERR_AUDIT_ROLLED_BACK',
  ];
  return !(isGatehouseError(error) && refusals.includes(error.code));
}

const outage = (): Error =>
  auditError('ERR_AUDIT_UNCONFIRMED', 'the log did not confirm the record in time; try again');

const contextOf = (id: string) =>
  ({ service: 'audit', collection: 'spool', field: 'event', rowId: id, purpose }) as const;

async function readChoice(tx: Tx): Promise<FailureChoice> {
  const { rows } = await tx.query<FailureChoice>(selectFailureChoice, [tx.tenantId]);
  return rows[0] ?? { reads: 'closed', changedAt: null, changedBy: null };
}

type Choosing = {
  readonly by: Principal;
  readonly reads: ReadsOnFailure;
  readonly possible: boolean;
  readonly forget: (tenantId: TenantId) => unknown;
};

async function choose(
  tx: Tx,
  deps: SpoolDeps,
  { by, reads, possible, forget }: Choosing,
): Promise<FailureChoice> {
  if (reads === 'spooled' && !possible)
    throw auditError(
      'ERR_AUDIT_SPOOL_FULL',
      'this house has no folder for records that wait; set GATEHOUSE_AUDIT_SPOOL_DIR',
    );
  // Makes the key now: while the log cannot be written, perhaps no key can be made either.
  await deps.crypto.seal(tx, { kind: 'tenant', purpose }, contextOf('probe'), Buffer.alloc(1));
  await tx.query(insertFailureChoice, [tx.tenantId, reads, by.id, deps.clock.now()]);
  await deps.recorder.append(tx, {
    definition: failureChoiceChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: by,
    detail: { reads },
  });
  tx.onCommit(() => void forget(tx.tenantId));
  return readChoice(tx);
}

const kept = z.looseObject({
  action: z.string(),
  version: z.int(),
  occurredAt: z.coerce.date(),
  idempotencyKey: z.string(),
});

function textOf({ definition, ...rest }: AuditEvent): object {
  return { ...rest, action: definition.action, version: definition.version };
}

async function replaySafely(deps: SpoolDeps, folder: SpoolFolder, path: string): Promise<number> {
  try {
    await replay(deps, folder, path);
    return 1;
  } catch (error) {
    // The file stays; whoever looks when it was untouched for a while takes it up again.
    deps.logger.warn('records that wait on disk could not enter the log yet', { error });
    return 0;
  }
}

type Replayed = { count: number; damaged: number; firstAt: string | null; lastAt: string | null };

async function replay(deps: SpoolDeps, folder: SpoolFolder, path: string): Promise<void> {
  const { lines, damaged } = await folder.read(path);
  const file = spoolName(path);
  const byTenant = new Map<TenantId, Replayed>();
  if (lines.length === 0 && damaged > 0) byTenant.set(platformTenantId, empty());
  for (const line of lines) {
    const tenantId = parseTenantId(line.tenant);
    const sum = byTenant.get(tenantId) ?? empty();
    byTenant.set(tenantId, sum);
    if (await replayLine(deps, tenantId, line)) {
      sum.count += 1;
      sum.firstAt ??= line.at;
      sum.lastAt = line.at;
    } else sum.damaged += 1;
  }
  for (const [tenantId, sum] of byTenant) {
    const total = sum.damaged + damaged;
    await deps.recorder.record({
      definition: spoolReplayed,
      tenantId,
      outcome: total === 0 ? 'success' : 'failure',
      ...(total === 0 ? {} : { reason: 'damaged' }),
      actor: system,
      detail: { ...sum, file, damaged: total },
      idempotencyKey: `spool replayed ${file}`,
    });
  }
  await folder.remove(path);
}

const empty = (): Replayed => ({ count: 0, damaged: 0, firstAt: null, lastAt: null });

/** @returns false when the line does not open or names no event that is known */
async function replayLine(deps: SpoolDeps, tenantId: TenantId, line: SpoolLine): Promise<boolean> {
  const { database, crypto, definitions, recorder } = deps;
  await crypto.warm(tenantId);
  const sealed = Buffer.from(line.sealed, 'base64');
  const opened = await database
    .withTenant(tenantId, (tx) => crypto.open(tx, contextOf(line.id), sealed))
    .catch((error: unknown) => {
      if (isGatehouseError(error) && error.code === 'ERR_CRYPTO_DECRYPT') return null;
      throw error;
    });
  if (opened === null || opened.kind === 'shredded') return false;
  const { action, version, ...event } = kept.parse(JSON.parse(opened.plaintext.toString('utf8')));
  const definition = definitions.find((one) => one.action === action && one.version === version);
  if (definition === undefined) return false;
  await recorder.record(revive({ ...event, definition, tenantId } as unknown as AuditEvent)); // written by us, opened under its own id
  return true;
}

/** Times are text in JSON. */
function revive(event: AuditEvent): AuditEvent {
  if (!('assurance' in event.actor)) return event;
  const { assurance } = event.actor;
  const authenticatedAt = assurance.authenticatedAt === null ? null : new Date(assurance.authenticatedAt);
  return { ...event, actor: { ...event.actor, assurance: { ...assurance, authenticatedAt } } };
}

import type { AuditEvent, AuditSink, Clock, NewId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { EventChecker } from './check-event.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { createDeadlines } from './deadlines.ts';
import { auditError } from './errors.ts';
import { sha256 } from './hash.ts';
import { createLeaf, type Commitments, type HashedLeaf, type Leaf, type LeafParts } from './leaf.ts';
import type { GroupSealer } from './sealed-groups.ts';
import type { Sequencer } from './sequencer.ts';
import { insertDetail, insertPending } from './store.ts';

/** How events enter the log. */
export type Recorder = AuditSink<Tx> & {
  /** Records each of them; resolves when all are durable and in signed checkpoints. Not all-or-nothing. */
  readonly recordMany: (events: readonly AuditEvent[]) => Promise<void>;
};

/** What it is made of. */
export type RecorderDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly check: EventChecker;
  readonly groups: GroupSealer;
  readonly sequencer: Sequencer;
  /** How long `record` waits for the signed checkpoint; default 10,000. */
  readonly confirmMilliseconds?: number;
};

const largestInlineDetailBytes = 16 * 1024;
/** Longer than any healthy commit, shorter than callers' patience. */
const defaultConfirmMilliseconds = 10_000;

/** @see docs/audit.md for what `append` and `record` promise */
export function createRecorder(deps: RecorderDeps): Recorder {
  const { database, check, groups, sequencer, confirmMilliseconds = defaultConfirmMilliseconds } = deps;
  const partsOf = (detail: LeafParts['detail'], commitments: Commitments): LeafParts => ({
    id: deps.newId(),
    receivedAt: deps.clock.now(),
    detail,
    commitments,
  });
  const deadlines = createDeadlines(confirmMilliseconds);
  const queue = (event: AuditEvent, leaf: HashedLeaf): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const end = deadlines.begin(() => reject(lateError()));
      const waiter = {
        resolve: () => {
          end();
          resolve();
        },
        reject: (error: unknown) => {
          end();
          reject(error);
        },
      };
      const { tenantId, idempotencyKey = null } = event;
      try {
        sequencer.submit({ tenantId, leaf, idempotencyKey, pending: false, waiters: [waiter] });
      } catch (error) {
        waiter.reject(error);
      }
    });
  const recordSlowly = async (event: AuditEvent, json: string): Promise<void> => {
    const large = isLarge(json);
    if (large) await database.withTenant(event.tenantId, (tx) => keepDetail(tx, json));
    const commitments = groups.known(event) ?? (await groups.sealAlone(event));
    const detail = large ? digestOf(json) : ({ kind: 'inline', json } as const);
    return queue(event, createLeaf(event, partsOf(detail, commitments)));
  };
  /** The usual event waits for nothing but its commit. */
  const recordNow = (event: AuditEvent): Promise<void> => {
    sequencer.requireRoom(1);
    const json = check(event);
    const commitments = isLarge(json) ? null : groups.known(event);
    if (commitments === null) return recordSlowly(event, json);
    return queue(event, createLeaf(event, partsOf({ kind: 'inline', json }, commitments)));
  };
  const record = (event: AuditEvent): Promise<void> => {
    try {
      return recordNow(event);
    } catch (error) {
      return Promise.reject(error as Error); // what is thrown here are errors
    }
  };
  const append = async (tx: Tx, event: AuditEvent): Promise<void> => {
    if (tx.tenantId !== event.tenantId)
      throw auditError('ERR_AUDIT_INVALID_EVENT', 'the event belongs to another tenant than its transaction');
    const json = check(event);
    const large = isLarge(json);
    if (large) await keepDetail(tx, json);
    const commitments = await groups.seal(tx, event);
    const leaf = createLeaf(event, partsOf(large ? digestOf(json) : { kind: 'inline', json }, commitments));
    await insertIntoPending(tx, leaf, event.idempotencyKey ?? null);
    tx.onCommit(sequencer.wake);
  };
  return Object.freeze({
    append: append as Recorder['append'], // the definition checks the detail at run time
    record: record as Recorder['record'], // as above
    recordMany: async (events: readonly AuditEvent[]) => {
      sequencer.requireRoom(events.length);
      await Promise.all(events.map(record));
    },
  });
}

/** A caller is not kept waiting for a log that cannot be written: it fails closed, and the event may still follow. */
function lateError(): Error {
  return auditError('ERR_AUDIT_UNCONFIRMED', 'the log did not confirm the record in time; try again');
}

function isLarge(json: string): boolean {
  if (json.length * 3 <= largestInlineDetailBytes) return false; // no character takes more
  return Buffer.byteLength(json) > largestInlineDetailBytes;
}

function digestOf(json: string): LeafParts['detail'] {
  return { kind: 'digest', digest: sha256(Buffer.from(json)).toString('hex') };
}

async function keepDetail(tx: Tx, json: string): Promise<void> {
  const body = Buffer.from(json);
  await tx.query(insertDetail, [tx.tenantId, sha256(body), body]);
}

async function insertIntoPending(tx: Tx, leaf: Leaf, idempotencyKey: string | null): Promise<void> {
  await tx.query(insertPending, [
    tx.tenantId,
    leaf.id,
    leaf.receivedAt,
    leaf.occurredAt,
    leaf.action,
    leaf.outcome,
    leaf.actorId,
    leaf.targets,
    leaf.subjects,
    idempotencyKey,
    leaf.body,
  ]);
}

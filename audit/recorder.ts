import type { AuditEvent, AuditSink, Clock, NewId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { EventChecker } from './check-event.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { auditError } from './errors.ts';
import { sha256 } from './hash.ts';
import { createLeaf, type Commitments, type HashedLeaf, type Leaf, type LeafParts } from './leaf.ts';
import type { GroupSealer } from './sealed-groups.ts';
import type { Waiter } from './batch.ts';
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
  const queue = (event: AuditEvent, leaf: HashedLeaf): Promise<void> =>
    withinDeadline(confirmMilliseconds, (waiter) =>
      sequencer.submit({
        tenantId: event.tenantId,
        leaf,
        idempotencyKey: event.idempotencyKey ?? null,
        pending: false,
        waiters: [waiter],
      }),
    );
  const record = async (event: AuditEvent): Promise<void> => {
    sequencer.requireRoom(1);
    const json = check(event);
    const large = isLarge(json);
    if (large) await database.withTenant(event.tenantId, (tx) => keepDetail(tx, json));
    const commitments = groups.known(event) ?? (await groups.sealAlone(event));
    return queue(
      event,
      createLeaf(event, partsOf(large ? digestOf(json) : { kind: 'inline', json }, commitments)),
    );
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
async function withinDeadline(milliseconds: number, submit: (waiter: Waiter) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = 'the log did not confirm the record in time; try again';
      timer = setTimeout(() => reject(auditError('ERR_AUDIT_UNCONFIRMED', late)), milliseconds);
      submit({ resolve, reject });
    });
  } finally {
    clearTimeout(timer);
  }
}

function isLarge(json: string): boolean {
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

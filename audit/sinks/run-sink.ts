import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import type { z } from 'zod';
import type { AuditSink, Clock, EventDefinition, Logger, RandomBytes, TenantId } from '../../kernel/index.ts';
import type { ToOcsf } from '../ocsf/to-ocsf.ts';
import { createTransport, formatOf, limitsOf, type TransportDeps } from './create-transport.ts';
import { deliverEvents, type Progress } from './deliver-batch.ts';
import { createEncoder } from './encode.ts';
import { eventUndeliverable, sinkFailing, sinkRecovered } from './events.ts';
import { sinkConfigurationSchema, sinkFilterSchema, type SinkConfiguration } from './configuration.ts';
import { readBatch, type ReadBatch, type ViewEntries } from './read-batch.ts';
import type { SinkSealer } from './sink-secrets.ts';
import {
  advanceSink,
  insertDeadLetter,
  postponeSink,
  releaseSink,
  selectLogSize,
  takeSink,
} from './store.ts';
import { ReceiverAway, type SinkPlace } from './transport.ts';

/** What delivering to a sink needs. */
export type RunSinkDeps = TransportDeps & {
  readonly database: Database;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  readonly audit: () => AuditSink<Tx>;
  readonly view: ViewEntries;
  readonly toOcsf: ToOcsf;
  readonly sealer: SinkSealer;
  /** Longest time one delivery may take; default 30,000. */
  readonly deliveryMilliseconds?: number;
};

/** A sink to run, with where its log is. */
export type SinkToRun = { readonly tenantId: TenantId; readonly sinkId: string; readonly place: SinkPlace };

const leaseMilliseconds = 120_000;
const entriesPerRead = 500;
const readsPerTurn = 40;
/** From this attempt in a row on a sink is called failing, in the trail and on the health page. */
export const failingAfterAttempts = 3;
const firstPauseMilliseconds = 1_000;
const longestPauseMilliseconds = 300_000;

type Taken = {
  readonly cursor: number;
  readonly fence: number;
  readonly attempts: number;
  readonly configuration: unknown;
  readonly filter: unknown;
  readonly personalData: boolean;
  readonly sealedSecrets: Buffer;
};

/** Delivers what waits, until there is no more or the receiver is away. @returns how many entries the cursor passed */
export async function runSink(deps: RunSinkDeps, sink: SinkToRun): Promise<number> {
  const now = deps.clock.now();
  const taken = await deps.database.withTenant(sink.tenantId, async (tx) => {
    const { rows } = await tx.query<Taken>(takeSink, [sink.sinkId, now, leaseEnd(deps)]);
    const row = rows[0];
    return row === undefined
      ? null
      : { ...row, secrets: await deps.sealer.open(tx, sink.sinkId, row.sealedSecrets) };
  });
  if (taken === null) return 0;
  const configuration = sinkConfigurationSchema.parse(taken.configuration);
  const transport = createTransport(
    { sinkId: sink.sinkId, configuration, secrets: taken.secrets, place: sink.place },
    deps,
  );
  const turn = { sink, taken, configuration, cursor: taken.cursor };
  try {
    await deliverTurn(deps, turn, {
      transport,
      limits: limitsOf(configuration, sink.place),
      encode: createEncoder(formatOf(configuration), deps.toOcsf),
      place: sink.place,
      signal: () => AbortSignal.timeout(deps.deliveryMilliseconds ?? 30_000),
    });
    await deps.database.withTenant(sink.tenantId, (tx) => tx.query(releaseSink, [sink.sinkId, taken.fence]));
  } catch (error) {
    await postpone(deps, turn, error);
  } finally {
    await transport.close();
  }
  return turn.cursor - taken.cursor;
}

type Turn = {
  readonly sink: SinkToRun;
  readonly taken: Taken;
  readonly configuration: SinkConfiguration;
  cursor: number;
};

const leaseEnd = (deps: RunSinkDeps): Date => new Date(deps.clock.now().getTime() + leaseMilliseconds);

async function deliverTurn(
  deps: RunSinkDeps,
  turn: Turn,
  parts: Parameters<typeof deliverEvents>[0],
): Promise<void> {
  const { sink, taken } = turn;
  const filter = sinkFilterSchema.parse(taken.filter);
  for (let reads = 0; reads < readsPerTurn; reads += 1) {
    const query = { from: turn.cursor, limit: entriesPerRead, filter, personalData: taken.personalData };
    const batch: ReadBatch = await deps.database.withTenant(
      sink.tenantId,
      (tx) => readBatch(tx, deps.view, query),
      { readOnly: true },
    );
    await deliverEvents(parts, batch.events, (next, progress) => advance(deps, turn, next, progress));
    if (batch.next > turn.cursor) await advance(deps, turn, batch.next, { delivered: 0, refused: [] });
    if (!batch.more) return;
  }
}

/** Moves the cursor under the fence, with what was refused and, after a bad time, the recovery. */
async function advance(deps: RunSinkDeps, turn: Turn, next: number, progress: Progress): Promise<void> {
  const { sink, taken, configuration } = turn;
  const now = deps.clock.now();
  const detail = { sinkId: sink.sinkId, kind: configuration.kind };
  await deps.database.withTenant(sink.tenantId, async (tx) => {
    const values = [sink.sinkId, taken.fence, next, progress.delivered, now, leaseEnd(deps)];
    const { rowCount } = await tx.query(advanceSink, values);
    if (rowCount === 0) throw new FenceLost('another worker took the sink over; it goes on there');
    for (const { seq, action, reason } of progress.refused) {
      await tx.query(insertDeadLetter, [sink.sinkId, seq, reason.slice(0, 1_000), now]);
      // A receiver that refuses everything must not make the log speak of its own refusals for ever.
      if (action !== eventUndeliverable.action)
        await append(deps, tx, eventUndeliverable, { ...detail, seq });
    }
    const recovered = turn.cursor === taken.cursor && taken.attempts >= failingAfterAttempts;
    if (recovered) await append(deps, tx, sinkRecovered, detail);
  });
  turn.cursor = next;
}

class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

async function postpone(deps: RunSinkDeps, turn: Turn, error: unknown): Promise<void> {
  const { sink, taken, configuration } = turn;
  const { tenantId } = sink;
  if (error instanceof FenceLost) return;
  const message = error instanceof Error ? error.message : String(error);
  deps.logger.warn('a sink does not take events; they wait', {
    tenantId,
    sinkId: sink.sinkId,
    error: message,
  });
  // Whoever took a batch in this turn begins to count anew.
  const attempts = (turn.cursor > taken.cursor ? 0 : taken.attempts) + 1;
  const asked = error instanceof ReceiverAway ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  const pause = Math.max(
    pauseMilliseconds(attempts, deps.randomBytes),
    Math.min(asked, longestPauseMilliseconds),
  );
  const next = new Date(deps.clock.now().getTime() + pause);
  await deps.database.withTenant(tenantId, async (tx) => {
    const values = [sink.sinkId, taken.fence, attempts, next, message.slice(0, 1_000)];
    const { rowCount } = await tx.query(postponeSink, values);
    if (rowCount === 0 || attempts !== failingAfterAttempts) return;
    const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'log');
    const lag = Math.max(0, size - turn.cursor);
    const detail = { sinkId: sink.sinkId, kind: configuration.kind, attempts, lag };
    await append(deps, tx, sinkFailing, detail);
  });
}

/** Doubles up to five minutes; between half and all of it, so that many sinks do not come back at once. */
export function pauseMilliseconds(attempts: number, randomBytes: RandomBytes): number {
  const full = Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** Math.min(attempts - 1, 20));
  return Math.round(full * (0.5 + randomBytes(1).readUInt8(0) / 510));
}

async function append<P extends z.ZodType>(
  deps: RunSinkDeps,
  tx: Tx,
  definition: EventDefinition<P>,
  detail: z.input<P> & { readonly sinkId: string },
): Promise<void> {
  await deps.audit().append(tx, {
    definition,
    tenantId: tx.tenantId,
    outcome: definition.action === sinkRecovered.action ? 'success' : 'failure',
    actor: { kind: 'system', id: 'audit', displayName: 'audit' },
    targets: [{ type: 'audit.sink', id: detail.sinkId }],
    detail,
  });
}

import type { Database, Tx } from '../../db/index.ts';
import {
  isGatehouseError,
  type AuditSink,
  type Clock,
  type Logger,
  type TenantId,
} from '../../kernel/index.ts';
import { epochDestroyed } from '../events.ts';
import type { Destruction, RootProvider } from '../root-provider.ts';
import type { Actor } from '../types.ts';
import { epochNotDestroyed, epochScheduled } from './events.ts';
import type { EpochRow } from './horizon.ts';
import { markEpochEnding, noteDestroyFailed, readDestroyable, readDueScheduled } from './store-epochs.ts';

/** What destroying epochs needs. */
export type DestroyDeps = {
  readonly database: Database;
  /** The provider that holds an epoch, by the name in its row. @throws ERR_CRYPTO_ROOT when this process has none of that name */
  readonly providerOf: (tenantId: TenantId, name: string) => Promise<RootProvider>;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Which epochs, and who wants them gone. */
export type Destroying = {
  readonly throughEpoch: number;
  /** Only those that wrapped nothing since before this; null: all that wrap nothing. */
  readonly supersededBefore: Date | null;
  readonly actor: Actor;
  /** True asks the provider again at once, also when it failed a moment ago. */
  readonly atOnce: boolean;
};

/** A provider that failed is left alone this long. */
const pauseMilliseconds = 300_000;

/**
 * Lets the providers forget epochs that wrap nothing any more: from then on, or from the day a provider names, no
 * backup of the database opens what was wrapped under them. A provider that is away is asked again later.
 *
 * @returns how many it agreed to, and why others were not
 */
export async function destroyEpochs(
  deps: DestroyDeps,
  tenantId: TenantId,
  wanted: Destroying,
): Promise<{ readonly ended: number; readonly error: string | null }> {
  const now = deps.clock.now();
  const triedBefore = wanted.atOnce ? now : new Date(now.getTime() - pauseMilliseconds);
  const { rows } = await deps.database.withTenant(tenantId, (tx) =>
    tx.query<EpochRow>(readDestroyable, [
      tenantId,
      wanted.throughEpoch,
      wanted.supersededBefore,
      triedBefore,
    ]),
  );
  let ended = 0;
  let error: string | null = null;
  for (const row of rows) {
    const failure = await endOne(deps, tenantId, row, wanted.actor);
    if (failure === null) ended += 1;
    else error = failure;
  }
  return { ended, error };
}

/** Asks for those whose day has come whether they are gone. @returns how many are */
export async function confirmScheduled(deps: DestroyDeps, tenantId: TenantId, actor: Actor): Promise<number> {
  const now = deps.clock.now();
  const { rows } = await deps.database.withTenant(tenantId, (tx) =>
    tx.query<EpochRow>(readDueScheduled, [tenantId, now, new Date(now.getTime() - pauseMilliseconds)]),
  );
  let gone = 0;
  for (const row of rows) if ((await endOne(deps, tenantId, row, actor)) === null) gone += 1;
  return gone;
}

/** @returns null when the provider agreed, else why it did not */
async function endOne(
  deps: DestroyDeps,
  tenantId: TenantId,
  row: EpochRow,
  actor: Actor,
): Promise<string | null> {
  const { epoch, provider } = row;
  let outcome: Destruction;
  try {
    outcome = await (await deps.providerOf(tenantId, provider)).scheduleDestroy(tenantId, epoch);
  } catch (error) {
    const code = isGatehouseError(error) ? error.code : 'ERR_CRYPTO_ROOT';
    const words = isGatehouseError(error) ? error.message : 'the provider failed';
    deps.logger.warn('a superseded epoch could not be destroyed at its provider; it is tried again', {
      tenantId,
      epoch,
      provider,
      error,
    });
    await deps.database.withTenant(tenantId, (tx) => noteFailure(tx, deps, row, { code, words, actor }));
    return words;
  }
  await deps.database.withTenant(tenantId, (tx) => noteEnding(tx, deps, row, { outcome, actor }));
  return null;
}

async function noteFailure(
  tx: Tx,
  deps: DestroyDeps,
  { epoch, provider, destroy_error: before }: EpochRow,
  failure: { readonly code: string; readonly words: string; readonly actor: Actor },
): Promise<void> {
  const words = failure.words.slice(0, 300);
  await tx.query(noteDestroyFailed, [tx.tenantId, epoch, deps.clock.now(), words]);
  if (before === words) return; // the same failure, again and again, is one event
  await deps.audit().append(tx, {
    definition: epochNotDestroyed,
    tenantId: tx.tenantId,
    outcome: 'failure',
    reason: failure.code,
    actor: failure.actor,
    targets: [{ type: 'crypto.tenant_key', id: String(epoch) }],
    detail: { epoch, provider, code: failure.code },
  });
}

/** Of processes that finish at once, one writes the event. */
async function noteEnding(
  tx: Tx,
  deps: DestroyDeps,
  { epoch, provider, state: before }: EpochRow,
  { outcome, actor }: { readonly outcome: Destruction; readonly actor: Actor },
): Promise<void> {
  const now = deps.clock.now();
  const { destroyedAt, scheduledFor } = outcome;
  // A provider that only ever says "scheduled for" is taken at its word once the day is past.
  const gone = destroyedAt ?? (scheduledFor !== null && scheduledFor <= now ? scheduledFor : null);
  const state = gone === null ? 'scheduled' : 'destroyed';
  if (state === before) return;
  const values = [tx.tenantId, epoch, state, scheduledFor, gone, now];
  const { rowCount } = await tx.query(markEpochEnding, values);
  if (rowCount === 0) return;
  const event = {
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.tenant_key', id: String(epoch) }],
  } as const;
  if (state === 'destroyed')
    await deps.audit().append(tx, { ...event, definition: epochDestroyed, detail: { epoch, provider } });
  else
    await deps.audit().append(tx, {
      ...event,
      definition: epochScheduled,
      detail: { epoch, provider, destroyAt: (scheduledFor ?? now).toISOString() },
    });
}

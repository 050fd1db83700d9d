import type { TenantId } from '../../kernel/index.ts';
import { listLogs } from '../list-logs.ts';
import type { RunSinkDeps, SinkToRun } from './run-sink.ts';
import { runSink } from './run-sink.ts';
import { selectDueSinks } from './store.ts';

/** Delivers what is due. Any number of workers may run at once; each may die at any moment. */
export type SinkWorker = {
  /** Starts what is due and waits until something is done, but not for a slow receiver. @returns entries passed since the last tick */
  readonly tick: () => Promise<number>;
  /** Waits for what is being delivered. */
  readonly settle: () => Promise<void>;
};

const maxRunning = 16;
const tickMilliseconds = 500;

/** Makes the part. */
export function createSinkWorker(deps: RunSinkDeps & { readonly productVersion: string }): SinkWorker {
  const running = new Map<string, Promise<void>>();
  let passed = 0;
  const start = (sink: SinkToRun): void => {
    const run = runSink(deps, sink)
      .then((count) => {
        passed += count;
      })
      .catch((error: unknown) =>
        deps.logger.error('a sink could not be run; the next round tries again', {
          error,
          tenantId: sink.tenantId,
          sinkId: sink.sinkId,
        }),
      )
      .finally(() => running.delete(sink.sinkId));
    running.set(sink.sinkId, run);
  };
  return Object.freeze({
    tick: async () => {
      for (const { tenantId, logId, origin } of await listLogs(deps.database)) {
        const place = { tenantId, logId, logName: origin, productVersion: deps.productVersion };
        for (const sinkId of await due(deps, tenantId)) {
          if (running.size >= maxRunning) break;
          if (!running.has(sinkId)) start({ tenantId, sinkId, place });
        }
      }
      if (running.size > 0) await firstOf([...running.values()]);
      const done = passed;
      passed = 0;
      return done;
    },
    settle: async () => void (await Promise.all(running.values())),
  });
}

/** The first that ends, or a while. */
async function firstOf(runs: readonly Promise<void>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => resolve(), tickMilliseconds);
  await Promise.race([...runs, promise]).finally(() => clearTimeout(timer));
}

async function due({ database, clock }: RunSinkDeps, tenantId: TenantId): Promise<readonly string[]> {
  const { rows } = await database.withTenant(
    tenantId,
    (tx) => tx.query<{ id: string }>(selectDueSinks, [clock.now()]),
    { readOnly: true },
  );
  return rows.map(({ id }) => id);
}

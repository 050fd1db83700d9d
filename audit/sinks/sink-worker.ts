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

/** Receivers that did not take the last batch may hang; they share places of their own, so that others never wait. */
const maxRunning = { well: 24, ill: 8 } as const;
/** Of the same group for one tenant, so that no tenant takes the places of the others. */
const maxRunningOfTenant = { well: 8, ill: 2 } as const;
const tickMilliseconds = 500;

type Group = keyof typeof maxRunning;
type Running = { readonly run: Promise<void>; readonly group: Group; readonly tenantId: TenantId };
const runsOf = (running: ReadonlyMap<string, Running>): readonly Promise<void>[] =>
  [...running.values()].map(({ run }) => run);

/** Makes the part. */
export function createSinkWorker(deps: RunSinkDeps & { readonly productVersion: string }): SinkWorker {
  const running = new Map<string, Running>();
  let passed = 0;
  let turn = 0;
  const hasPlace = (tenantId: TenantId, group: Group): boolean => {
    const same = [...running.values()].filter((one) => one.group === group);
    const own = same.filter((one) => one.tenantId === tenantId);
    return same.length < maxRunning[group] && own.length < maxRunningOfTenant[group];
  };
  const start = (sink: SinkToRun, group: Group): void => {
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
    running.set(sink.sinkId, { run, group, tenantId: sink.tenantId });
  };
  return Object.freeze({
    tick: async () => {
      const all = await listLogs(deps.database);
      // Another tenant begins each time.
      const first = all.length === 0 ? 0 : (turn += 1) % all.length;
      for (const { tenantId, logId, origin } of [...all.slice(first), ...all.slice(0, first)]) {
        const place = { tenantId, logId, logName: origin, productVersion: deps.productVersion };
        for (const { id: sinkId, attempts } of await due(deps, tenantId)) {
          const group = attempts > 0 ? 'ill' : 'well';
          if (!running.has(sinkId) && hasPlace(tenantId, group)) start({ tenantId, sinkId, place }, group);
        }
      }
      if (running.size > 0) await firstOf(runsOf(running));
      const done = passed;
      passed = 0;
      return done;
    },
    settle: async () => void (await Promise.all(runsOf(running))),
  });
}

/** The first that ends, or a while. */
async function firstOf(runs: readonly Promise<void>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => resolve(), tickMilliseconds);
  await Promise.race([...runs, promise]).finally(() => clearTimeout(timer));
}

type DueSink = { readonly id: string; readonly attempts: number };

async function due({ database, clock }: RunSinkDeps, tenantId: TenantId): Promise<readonly DueSink[]> {
  const { rows } = await database.withTenant(
    tenantId,
    (tx) => tx.query<DueSink>(selectDueSinks, [clock.now()]),
    { readOnly: true },
  );
  return rows;
}

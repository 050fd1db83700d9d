import { PgBoss } from 'pg-boss';
import type { ConnectionUrls, Database } from '../db/index.ts';
import type { Logger } from '../kernel/index.ts';
import { pingDatabase } from './store.ts';

const schema = 'pgboss';

/** Something done again and again on one of the replicas. */
export type CronJob = {
  readonly name: string;
  /** Five cron fields, UTC. */
  readonly cron: string;
  readonly run: () => Promise<void>;
};

/** Work that is looked for often and does nothing when there is none. */
export type Ticker = {
  readonly name: string;
  /** Does due work. @returns how many things were done */
  readonly tick: () => Promise<number>;
  /** Milliseconds between looks when idle. */
  readonly idleMilliseconds: number;
};

/** Timers and dispatch. The truth about what is to be done stands in the rooms' own tables. */
export type Jobs = { readonly stop: () => Promise<void> };

/**
 * Installs pg-boss's schema as the administrator, so that the running process needs no DDL rights.
 *
 * @param jobs - their queues are made here
 */
export async function installJobs(adminUrl: string, jobs: readonly CronJob[], logger: Logger): Promise<void> {
  const boss = new PgBoss({ connectionString: adminUrl, schema, max: 2, supervise: false, schedule: false });
  boss.on('error', (error) => logger.warn('installing the job schema reported an error', { error }));
  await boss.start();
  for (const job of jobs) await boss.createQueue(job.name, { policy: 'singleton', retryLimit: 0 });
  const db = boss.getDb();
  await db.executeSql(`grant usage on schema ${schema} to gatehouse_app`);
  await db.executeSql(
    `grant select, insert, update, delete on all tables in schema ${schema} to gatehouse_app`,
  );
  await db.executeSql(`grant execute on all functions in schema ${schema} to gatehouse_app`);
  await boss.stop({ graceful: false });
}

/** Starts cron jobs on one of the replicas and tickers on each. */
export async function startJobs(
  urls: ConnectionUrls,
  cronJobs: readonly CronJob[],
  tickers: readonly Ticker[],
  logger: Logger,
): Promise<Jobs> {
  const boss = new PgBoss({
    connectionString: urls.app,
    schema,
    max: 2,
    migrate: false,
    createSchema: false,
  });
  boss.on('error', (error) => logger.warn('the job runner reported an error', { error }));
  await boss.start();
  for (const job of cronJobs) {
    await boss.work(job.name, { pollingIntervalSeconds: 5 }, async () => job.run());
    await boss.schedule(job.name, job.cron);
  }
  const loops = tickers.map((ticker) => startTicker(ticker, logger));
  return Object.freeze({
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await boss.stop({ graceful: true, timeout: 2_000 });
    },
  });
}

/** Looks for work in a loop: at once again while there is some, after a pause when there is none. */
export function startTicker(ticker: Ticker, logger: Logger): { readonly stop: () => Promise<void> } {
  let stopped = false;
  let wake: () => void = () => undefined;
  const pause = (milliseconds: number): Promise<void> =>
    new Promise((done) => {
      if (stopped) return done(); // told to stop while the tick was running: nobody is there to wake it
      const timer = setTimeout(done, milliseconds);
      wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  const loop = async (): Promise<void> => {
    while (!stopped) {
      try {
        const done = await ticker.tick();
        if (done === 0) await pause(ticker.idleMilliseconds);
      } catch (error) {
        logger.error(`${ticker.name} failed; it is tried again`, { error });
        await pause(ticker.idleMilliseconds * 5);
      }
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

/** Whether the database answers. */
export async function ping(database: Database): Promise<void> {
  await database.withSystem((tx) => tx.query(pingDatabase));
}

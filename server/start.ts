import type { z } from 'zod';
import { houseUnsealed } from '../crypto/index.ts';
import { createDatabase, requireSafeCatalog } from '../db/index.ts';
import {
  createLogger,
  isGatehouseError,
  platformTenantId,
  type EventDefinition,
  type Logger,
} from '../kernel/index.ts';
import { writeBootstrap, type Bootstrap } from './bootstrap-file.ts';
import { ensureConsole } from './build-console.ts';
import { compose, type House } from './compose.ts';
import type { Config } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { seedDemo } from './demo.ts';
import { houseStarted, houseStopped } from './events.ts';
import { installJobs, startJobs } from './jobs.ts';
import { openDatabase, requireFreePort, rootKeyPassphrase, type DatabasePart } from './parts.ts';
import { stopStep } from './stop-step.ts';
import { version } from './version.ts';

/** A running house. */
export type RunningHouse = {
  readonly url: string;
  readonly house: House;
  /** What development tells scripts and people; null in production. */
  readonly bootstrap: Bootstrap | null;
  /** Ends in order: no new calls, the log's queue written, the database closed. */
  readonly stop: (reason: string) => Promise<void>;
};

/** A step of the way out; what a step of the start made, it takes back. */
type WayOut = { readonly what: string; readonly work: (reason: string) => Promise<unknown> };

/**
 * Starts everything in order. What each step made is taken back in the opposite order: when the house is told to stop,
 * and when a later step fails.
 *
 * @throws what the failing step says; nothing keeps running
 */
export async function startHouse(config: Config): Promise<RunningHouse> {
  const logger = createLogger({
    level: config.log.level,
    format: config.log.format,
    ...(config.log.file === undefined ? {} : { file: config.log.file }),
  });
  const wayOut: WayOut[] = [];
  const stop = async (reason: string): Promise<void> => {
    for (const { what, work } of wayOut.toReversed()) await stopStep(logger, what, () => work(reason));
  };
  try {
    const started = await startSteps(config, logger, (what, work) => void wayOut.push({ what, work }));
    return Object.freeze({ ...started, url: config.publicUrl, stop });
  } catch (error) {
    await stop('the start failed');
    throw error;
  }
}

type OnWayOut = (what: string, work: WayOut['work']) => void;

async function startSteps(
  config: Config,
  logger: Logger,
  onWayOut: OnWayOut,
): Promise<Pick<RunningHouse, 'house' | 'bootstrap'>> {
  const folder = await openDataFolder(config.dataFolder);
  onWayOut('releasing the data folder', folder.release);
  await requireFreePort(config.host, config.port);
  const consoleFolder = await ensureConsole(logger);
  const part = await openDatabase(config, folder, logger);
  onWayOut('stopping PostgreSQL', part.stop);
  const database = createDatabase({ urls: part.urls, logger, poolSize: config.poolSize });
  onWayOut('closing the database', database.close);
  const house = await compose({
    config,
    secretsPath: folder.secretsPath,
    database,
    logger,
    consoleFolder,
    passphrase: await rootKeyPassphrase(config, folder),
  });
  onWayOut('stopping the rooms', house.stop);
  if (part.urls.admin !== null) await installJobs(part.urls.admin, house.cronJobs, logger);
  await requireSafeCatalog(part.urls.app);
  const begin = { config, folder, house, part, logger, onWayOut };
  if (!house.crypto.houseSeal.status().sealed) {
    const bootstrap = await beginWork(begin);
    await listen(begin);
    return { house, bootstrap };
  }
  await listen(begin);
  void beginWhenUnsealed(begin);
  return { house, bootstrap: null };
}

type Beginning = {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly house: House;
  readonly part: DatabasePart;
  readonly logger: Logger;
  readonly onWayOut: OnWayOut;
};

async function listen({ config, house, onWayOut }: Beginning): Promise<void> {
  onWayOut('closing the HTTP server', () => house.http.close());
  await house.http.listen({ host: config.host, port: config.port });
}

/** Everything that needs keys. */
async function beginWork(beginning: Beginning): Promise<Bootstrap | null> {
  const { config, folder, house, part, logger, onWayOut } = beginning;
  await house.start();
  const bootstrap =
    config.mode === 'development' ? await seed(config, folder, house, part.urls.admin ?? '') : null;
  await recordLife(house, houseStarted, { version, mode: config.mode });
  onWayOut('recording the stop', (reason) =>
    recordLife(house, houseStopped, { reason: reason.slice(0, 50) }),
  );
  const jobs = await startJobs(part.urls, house.cronJobs, house.tickers, logger);
  onWayOut('stopping the jobs', jobs.stop);
  return bootstrap;
}

/** A sealed house serves what needs no key, and takes up its work when enough shares are given. */
async function beginWhenUnsealed(beginning: Beginning): Promise<void> {
  const { house, logger } = beginning;
  const { threshold } = house.crypto.houseSeal.status();
  logger.warn(`the house is sealed: give ${threshold} shares with "gatehouse crypto unseal"`);
  const unsealing = await house.crypto.houseSeal.opened;
  if (unsealing === null) return;
  try {
    await beginWork(beginning);
    const givenAt = unsealing.givenAt.map((time) => time.toISOString());
    await recordLife(house, houseUnsealed, { ...unsealing, givenAt });
    logger.info('the house is unsealed and at work');
  } catch (error) {
    logger.error('the house is unsealed but cannot begin its work; start it again', { error });
  }
}

async function seed(
  config: Config,
  folder: DataFolder,
  house: House,
  databaseUrl: string,
): Promise<Bootstrap> {
  const tenants = await seedDemo(house, folder, config);
  const bootstrap: Bootstrap = {
    url: config.publicUrl,
    databaseUrl,
    tokenEndpoint: `${config.publicUrl}/oidc/token`,
    tenants: [...tenants],
  };
  await writeBootstrap(folder.path, bootstrap);
  return bootstrap;
}

function recordLife<P extends z.ZodType>(
  house: House,
  definition: EventDefinition<P>,
  detail: z.input<P>,
): Promise<void> {
  const actor = { kind: 'system', id: 'server', displayName: 'Gatehouse' } as const;
  return house.audit.record({ definition, tenantId: platformTenantId, outcome: 'success', actor, detail });
}

/** The one line that a person needs when a start failed. */
export function startFailure(error: unknown): string {
  if (isGatehouseError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

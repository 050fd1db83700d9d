import { createDatabase, requireSafeCatalog, type Database } from '../db/index.ts';
import { createLogger, isGatehouseError, platformTenantId, type Logger } from '../kernel/index.ts';
import { writeBootstrap, type Bootstrap } from './bootstrap-file.ts';
import { ensureConsole } from './build-console.ts';
import { compose, type House } from './compose.ts';
import type { Config } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { seedDemo } from './demo.ts';
import { houseStarted, houseStopped } from './events.ts';
import { installJobs, startJobs, type Jobs } from './jobs.ts';
import { openDatabase, requireFreePort, rootKeyPassphrase } from './parts.ts';
import { stopStep } from './stop-step.ts';

/** A running house. */
export type RunningHouse = {
  readonly url: string;
  readonly house: House;
  /** What development tells scripts and people; null in production. */
  readonly bootstrap: Bootstrap | null;
  /** Ends in order: no new calls, the log's queue written, the database closed. */
  readonly stop: (reason: string) => Promise<void>;
};

/** The version that events and the API name. */
export const version = '0.1.0';

type Undo = () => Promise<void>;

/**
 * Starts everything in order and, when a step fails, takes back the steps before it.
 *
 * @throws what the failing step says; nothing keeps running
 */
export async function startHouse(config: Config): Promise<RunningHouse> {
  const logger = createLogger({
    level: config.log.level,
    format: config.log.format,
    ...(config.log.file === undefined ? {} : { file: config.log.file }),
  });
  const undo: Undo[] = [];
  try {
    return await startSteps(config, logger, undo);
  } catch (error) {
    await unwind(undo, logger);
    throw error;
  }
}

async function startSteps(config: Config, logger: Logger, undo: Undo[]): Promise<RunningHouse> {
  const folder = await openDataFolder(config.dataFolder);
  undo.push(folder.release);
  await requireFreePort(config.host, config.port);
  const consoleFolder = await ensureConsole(logger);
  const part = await openDatabase(config, folder, logger);
  undo.push(part.stop);
  const database = createDatabase({ urls: part.urls, logger, poolSize: config.poolSize });
  undo.push(database.close);
  const house = await compose({
    config,
    secretsPath: folder.secretsPath,
    database,
    logger,
    consoleFolder,
    passphrase: await rootKeyPassphrase(config, folder),
  });
  undo.push(house.stop);
  if (part.urls.admin !== null) await installJobs(part.urls.admin, house.cronJobs, logger);
  await requireSafeCatalog(part.urls.app);
  await house.start();
  const bootstrap =
    config.mode === 'development' ? await seed(config, folder, house, part.urls.admin ?? '') : null;
  await house.http.listen({ host: config.host, port: config.port });
  const jobs = await startJobs(part.urls, house.cronJobs, house.tickers, logger);
  undo.push(jobs.stop);
  await recordStart(house, config);
  return Object.freeze({
    url: config.publicUrl,
    house,
    bootstrap,
    stop: (reason: string) => stopHouse({ house, jobs, database, part, folder, logger }, reason),
  });
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

async function recordStart(house: House, config: Config): Promise<void> {
  await house.audit.record({
    definition: houseStarted,
    tenantId: platformTenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'server', displayName: 'Gatehouse' },
    detail: { version, mode: config.mode },
  });
}

type Running = {
  readonly house: House;
  readonly jobs: Jobs;
  readonly database: Database;
  readonly part: { readonly stop: () => Promise<void> };
  readonly folder: DataFolder;
  readonly logger: Logger;
};

async function stopHouse(running: Running, reason: string): Promise<void> {
  const { house, jobs, database, part, folder, logger } = running;
  await stopStep(logger, 'closing the HTTP server', () => house.http.close());
  await stopStep(logger, 'stopping the jobs', jobs.stop);
  await stopStep(logger, 'recording the stop', () =>
    house.audit.record({
      definition: houseStopped,
      tenantId: platformTenantId,
      outcome: 'success',
      actor: { kind: 'system', id: 'server', displayName: 'Gatehouse' },
      detail: { reason: reason.slice(0, 50) },
    }),
  );
  await stopStep(logger, 'stopping the rooms', house.stop);
  await stopStep(logger, 'closing the database', database.close);
  await stopStep(logger, 'stopping PostgreSQL', part.stop);
  await stopStep(logger, 'releasing the data folder', folder.release);
}

async function unwind(undo: readonly Undo[], logger: Logger): Promise<void> {
  for (const back of undo.toReversed()) await stopStep(logger, 'taking back a start step', back);
}

/** The one line that a person needs when a start failed. */
export function startFailure(error: unknown): string {
  if (isGatehouseError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

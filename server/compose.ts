import type { FastifyInstance } from 'fastify';
import { systemClock, type AnyRoute, type Logger, type NewId } from '../kernel/index.ts';
import { addCallHooks } from './call-hooks.ts';
import type { Config } from './config.ts';
import { registerConsole } from './console-files.ts';
import { createDocsRoutes } from './docs-routes.ts';
import { createHealthRoutes } from './health-routes.ts';
import { createHttpServer } from './http.ts';
import type { CronJob, Ticker } from './jobs.ts';
import { createOutboxRoutes, outboxFolder } from './mailer.ts';
import { createMetrics } from './metrics.ts';
import { addSinkMetrics } from './sink-metrics.ts';
import { openApiDocument } from './openapi.ts';
import { createOverviewRoutes } from './overview.ts';
import { overviewSources } from './overview-tiles.ts';
import { cronJobsOf, tickersOf } from './periodic.ts';
import { registerProvider } from './provider-mount.ts';
import { readinessChecks } from './readiness.ts';
import { addSealedHook } from './sealed-hook.ts';
import { composeRooms, newId, type Rooms, type RoomsInput } from './rooms.ts';

/** What the composition root is given. */
export type ComposeInput = RoomsInput & {
  /** Folder of the built console; null serves no pages (tests). */
  readonly consoleFolder: string | null;
};

/** The rooms with their HTTP server and jobs. */
export type House = Rooms & {
  readonly config: Config;
  readonly logger: Logger;
  readonly newId: NewId;
  readonly routes: readonly AnyRoute[];
  readonly http: FastifyInstance;
  readonly cronJobs: readonly CronJob[];
  readonly tickers: readonly Ticker[];
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Puts the rooms behind their HTTP server; starts nothing. */
export async function compose(input: ComposeInput): Promise<House> {
  const metrics = createMetrics();
  const rooms = await composeRooms({ ...input, metrics });
  addSinkMetrics(metrics.registry, rooms, input.logger);
  const routes: AnyRoute[] = [];
  routes.push(
    ...createHealthRoutes(readinessChecks(rooms), metrics),
    ...createDocsRoutes(
      () => openApiDocument(http),
      () => routes,
    ),
    ...createOverviewRoutes(
      overviewSources(rooms),
      async (principal, action) =>
        (await rooms.policy.permissions(principal, [action])).actions[action] === true,
    ),
    ...(input.config.mode === 'development' ? createOutboxRoutes(outboxFolder(input.config.dataFolder)) : []),
    ...rooms.roomRoutes,
  );
  const http = await createHttpServer({
    routes,
    authorize: {
      authenticate: rooms.identity.authenticate,
      decide: rooms.policy.decide,
      audit: rooms.audit,
      now: systemClock.now,
    },
    logger: input.logger,
    newId,
    metrics,
    publicUrl: input.config.publicUrl,
    trustProxy: input.config.trustProxy,
    extend: async (app) => {
      addSealedHook(app, rooms.crypto.houseSeal);
      addCallHooks(app);
      await registerProvider(app, rooms.identity.providerHandler);
      if (input.consoleFolder !== null) await registerConsole(app, input.consoleFolder);
    },
  });
  return Object.freeze({
    ...rooms,
    config: input.config,
    logger: input.logger,
    newId,
    routes,
    http,
    cronJobs: cronJobsOf(rooms),
    tickers: tickersOf(rooms),
    start: async () => {
      await rooms.audit.start();
      // Before anybody is served: what a restored database has again is destroyed again. Readiness says when it failed.
      await rooms.crypto.shredLedger.reconcile().catch((error: unknown) => {
        input.logger.error('the shred ledger could not be compared with the database', { error });
      });
      await rooms.identity.start();
    },
    stop: async () => {
      await rooms.identity.stop();
      await rooms.policy.stop();
      await rooms.crypto.settle();
      await rooms.pki.stop();
      await rooms.audit.stop();
      await rooms.crypto.stop();
    },
  });
}

import type { AnyRoute } from '../kernel/index.ts';
import type { DataMap } from '../datamap/index.ts';
import { createPostgresConnector } from './connectors/postgres.ts';
import type { DsrDeps, DsrInput } from './ports.ts';
import { createDsrRoutes } from './routes.ts';
import { createSuppression, type Suppression } from './suppression.ts';
import { createWarmUp } from './warm-up.ts';
import { createWorker, type Worker } from './worker.ts';

/** The request engine. */
export type Dsr = {
  readonly routes: readonly AnyRoute[];
  readonly worker: Worker;
  readonly suppression: Suppression;
};

/** As {@link DsrInput}; one map for every tenant will do as well. */
export type CreateDsrDeps = Omit<DsrInput, 'dataMap'> & { readonly dataMap: DsrInput['dataMap'] | DataMap };

/** Joins the parts of the room; starts nothing. */
export function createDsr(input: CreateDsrDeps): Dsr {
  const { dataMap } = input;
  const deps: DsrDeps = {
    ...input,
    dataMap: 'forTenant' in dataMap ? dataMap : { forTenant: () => Promise.resolve(dataMap) },
    warm: createWarmUp(input.crypto),
  };
  const connector = createPostgresConnector(deps);
  const ports = { deps, connector };
  return Object.freeze({
    routes: createDsrRoutes(ports),
    worker: createWorker(ports),
    suppression: createSuppression(deps.crypto),
  });
}

import type { DualControl } from '../crypto/index.ts';
import type { Database } from '../db/index.ts';
import type { AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { createHoldRoutes } from './keeping/hold-routes.ts';
import { createAlertRoutes } from './alerts/routes.ts';
import { createRetentionRoutes } from './keeping/retention-routes.ts';
import { healthRoute } from './health/routes.ts';
import { createLogRoutes } from './log-routes.ts';
import { eventTypesRoute, ocsfEventRoute } from './ocsf/routes.ts';
import { createReadTrail } from './read-trail.ts';
import { facetsRoute, histogramRoute } from './routes-counts.ts';
import { eventRoute, eventsRoute, proofRoute } from './routes-events.ts';
import { evidenceRoute } from './routes-evidence.ts';
import { consistencyRoutes, logRoute } from './routes-log.ts';
import { checkpointsRoute, platformProofRoute, tlogProofRoute } from './routes-proofs.ts';
import { witnessesRoute } from './witness/routes.ts';
import { createSearchRoutes } from './search/routes.ts';
import { createSinkRoutes } from './sinks/routes.ts';
import { createFailureRoutes } from './spool/routes.ts';
import { createViewRoutes } from './views/routes.ts';

/** What the routes need. */
export type AuditRoutesDeps = {
  readonly database: Database;
  /** The version that exported events name. */
  readonly productVersion: string;
  /** For what needs two people. */
  readonly dualControl: DualControl;
};

/** `/v1/audit/*`, the public log and the page that says how to verify. */
export function createAuditRoutes(
  audit: Audit,
  { database, productVersion, dualControl }: AuditRoutesDeps,
): readonly AnyRoute[] {
  const readTrail = createReadTrail(audit, database);
  return [
    logRoute(audit, database),
    eventsRoute(audit, readTrail),
    eventRoute(audit, readTrail),
    proofRoute(audit, readTrail),
    eventTypesRoute(audit),
    ocsfEventRoute(audit, readTrail, productVersion),
    tlogProofRoute(audit, readTrail),
    platformProofRoute(audit, readTrail),
    checkpointsRoute(audit, database),
    ...consistencyRoutes(audit, database),
    witnessesRoute(audit),
    histogramRoute(audit, readTrail),
    facetsRoute(audit, readTrail),
    evidenceRoute(audit),
    ...createSearchRoutes(audit, readTrail),
    ...createViewRoutes({ audit, database }),
    ...createAlertRoutes({ audit, database }),
    healthRoute(audit),
    ...createSinkRoutes({ audit, database }),
    ...createHoldRoutes({ audit, database, dualControl }),
    ...createRetentionRoutes({ audit, database, dualControl }),
    ...createFailureRoutes({ audit, database }),
    ...createLogRoutes(audit),
  ];
}

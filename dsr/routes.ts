import type { AnyRoute } from '../kernel/index.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { entryRoutes } from './entry-routes.ts';
import { portalAskRoutes } from './portal-ask-routes.ts';
import { portalTicketRoutes } from './portal-ticket-routes.ts';
import { readRoutes } from './request-routes.ts';
import type { RoutePorts } from './route-support.ts';
import { workRoutes } from './work-routes.ts';

/** Every route of this room. */
export function createDsrRoutes(ports: RoutePorts): readonly AnyRoute[] {
  const { deps } = ports;
  return Object.freeze([
    ...readRoutes(ports),
    ...entryRoutes(ports),
    ...workRoutes(ports),
    ...certificateRoutes(deps),
    ...portalAskRoutes(deps),
    ...portalTicketRoutes(deps),
  ]);
}

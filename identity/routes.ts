import type { AnyRoute } from '../kernel/index.ts';
import { createAdminRoutes } from './routes/admin-routes.ts';
import { createOwnFactorRoutes } from './routes/own-factor-routes.ts';
import { createOwnSessionRoutes } from './routes/own-session-routes.ts';
import type { RouteDeps } from './routes/route-deps.ts';
import { createSessionRoutes } from './routes/session-routes.ts';
import { createSignInRoutes } from './routes/sign-in-routes.ts';

/** Every route of this room. */
export function createIdentityRoutes(deps: RouteDeps): readonly AnyRoute[] {
  return Object.freeze([
    ...createSignInRoutes(deps),
    ...createOwnSessionRoutes(deps),
    ...createOwnFactorRoutes(deps),
    ...createAdminRoutes(deps),
    ...createSessionRoutes(deps),
  ]);
}

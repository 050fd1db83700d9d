import type { AnyRoute } from '../kernel/index.ts';
import type { PolicyRouteDeps } from './route-deps.ts';
import { createApplicationRoutes } from './routes-applications.ts';
import { createAuthzenRoutes } from './routes-authzen.ts';
import { createGrantRoutes } from './routes-grants.ts';
import { createQuestionRoutes } from './routes-questions.ts';
import { createRoleRoutes } from './routes-roles.ts';

/** Every route of this room. */
export function createPolicyRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  return Object.freeze([
    ...createRoleRoutes(deps),
    ...createGrantRoutes(deps),
    ...createQuestionRoutes(deps),
    ...createApplicationRoutes(deps),
    ...createAuthzenRoutes(deps),
  ]);
}

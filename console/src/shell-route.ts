import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { permissionsQuery, sessionQuery } from './api/queries.ts';
import { NotFoundPage, RouteProblem } from './pages/route-problem.tsx';

type Context = { readonly queryClient: QueryClient };
/** Search parameters before anybody looked at them. */
export type Search = Record<string, unknown>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** Only the named search parameters, as text; an URL is evidence, so unknown ones are dropped. */
export function pick<Name extends string>(
  search: Search,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const picked: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = text(search[name]);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** The root; it knows nobody. */
export const rootRoute = createRootRouteWithContext<Context>()({
  notFoundComponent: NotFoundPage,
  errorComponent: RouteProblem,
});

/** The frame of everything that needs a session. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: '/sign-in', search: { return_to: location.href } });
    void context.queryClient.prefetchQuery(permissionsQuery);
  },
  component: lazyRouteComponent(() => import('./shell/shell.tsx'), 'Shell'),
});

import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { permissionsQuery, sessionQuery } from './api/queries.ts';
import { RouteProblem, NotFoundPage } from './pages/route-problem.tsx';
import { Loading } from './ui/loaded.tsx';

type Context = { readonly queryClient: QueryClient };
type Search = Record<string, unknown>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** Only the named search parameters, as text; an URL is evidence, so unknown ones are dropped. */
function pick<Name extends string>(search: Search, names: readonly Name[]): Partial<Record<Name, string>> {
  const picked: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = text(search[name]);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

const rootRoute = createRootRouteWithContext<Context>()({
  notFoundComponent: NotFoundPage,
  errorComponent: RouteProblem,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search: Search) => pick(search, ['return_to', 'problem']),
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignInPage'),
});

const portalRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/portal/$slug',
  component: lazyRouteComponent(() => import('./portal/portal-page.tsx'), 'PortalPage'),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: '/sign-in', search: { return_to: location.href } });
    void context.queryClient.prefetchQuery(permissionsQuery);
  },
  component: lazyRouteComponent(() => import('./shell/shell.tsx'), 'Shell'),
});

const overviewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview/overview-page.tsx'), 'OverviewPage'),
});
const accessRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/access',
  validateSearch: (search: Search) => pick(search, ['tab']),
  component: lazyRouteComponent(() => import('./pages/access/access-page.tsx'), 'AccessPage'),
});
const keysRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys',
  component: lazyRouteComponent(() => import('./pages/keys/hierarchy-page.tsx'), 'HierarchyPage'),
});
const rotationRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/rotation',
  validateSearch: (search: Search) => pick(search, ['job']),
  component: lazyRouteComponent(() => import('./pages/keys/rotation-page.tsx'), 'RotationPage'),
});
const providersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/providers',
  component: lazyRouteComponent(() => import('./pages/keys/providers-page.tsx'), 'ProvidersPage'),
});
const approvalsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/approvals',
  validateSearch: (search: Search) => pick(search, ['state']),
  component: lazyRouteComponent(() => import('./pages/keys/approvals-page.tsx'), 'ApprovalsPage'),
});
const inventoryRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/inventory',
  validateSearch: (search: Search) => pick(search, ['kind', 'state', 'overdue']),
  component: lazyRouteComponent(() => import('./pages/keys/inventory-page.tsx'), 'InventoryPage'),
});
const ledgerRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/ledger',
  component: lazyRouteComponent(() => import('./pages/keys/ledger-page.tsx'), 'LedgerPage'),
});
const columnsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/columns',
  component: lazyRouteComponent(() => import('./pages/keys/columns-page.tsx'), 'ColumnsPage'),
});
const certificatesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys/certificates',
  validateSearch: (search: Search) => pick(search, ['id', 'profile']),
  component: lazyRouteComponent(() => import('./pages/keys/certificates-page.tsx'), 'CertificatesPage'),
});
const requestsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/requests',
  validateSearch: (search: Search) => pick(search, ['view', 'state']),
  component: lazyRouteComponent(() => import('./pages/requests/requests-page.tsx'), 'RequestsPage'),
});
const requestRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/requests/$id',
  component: lazyRouteComponent(() => import('./pages/requests/request-page.tsx'), 'RequestPage'),
});
const trailRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trail',
  validateSearch: (search: Search) =>
    pick(search, ['actor', 'action', 'outcome', 'subject', 'from', 'to', 'q']),
  component: lazyRouteComponent(() => import('./pages/trail/trail-page.tsx'), 'TrailPage'),
});
const eventRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trail/$seq',
  component: lazyRouteComponent(() => import('./pages/trail/event-page.tsx'), 'EventPage'),
});
const mapRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/datamap',
  validateSearch: (search: Search) => pick(search, ['collection']),
  component: lazyRouteComponent(() => import('./pages/map/map-page.tsx'), 'MapPage'),
});
const dataRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/data',
  validateSearch: (search: Search) => pick(search, ['email', 'region', 'purpose']),
  component: lazyRouteComponent(() => import('./pages/data/contacts-page.tsx'), 'ContactsPage'),
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  portalRoute,
  shellRoute.addChildren([
    overviewRoute,
    accessRoute,
    keysRoute,
    rotationRoute,
    providersRoute,
    approvalsRoute,
    inventoryRoute,
    ledgerRoute,
    columnsRoute,
    certificatesRoute,
    requestsRoute,
    requestRoute,
    trailRoute,
    eventRoute,
    mapRoute,
    dataRoute,
  ]),
]);

/** The routes of the console; each page is a chunk of its own. */
export function createConsoleRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultPendingComponent: () => <Loading />,
    defaultErrorComponent: RouteProblem,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- only an interface merges
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}

import type { QueryClient } from '@tanstack/react-query';
import { createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { RouteProblem } from './pages/route-problem.tsx';
import { pick, rootRoute, shellRoute, type Search } from './shell-route.ts';
import { trailRoutes } from './trail-routes.ts';
import { Loading } from './ui/loaded.tsx';

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
    ...trailRoutes,
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

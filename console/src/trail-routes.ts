import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pick, shellRoute, type Search } from './shell-route.ts';

const filterNames = [
  'actor',
  'action',
  'outcome',
  'subject',
  'session',
  'trace',
  'request',
  'target',
  'category',
  'from',
  'to',
  'q',
] as const;

/** The routes of the trail; each page is a chunk of its own. */
export const trailRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail',
    validateSearch: (search: Search) => pick(search, filterNames),
    component: lazyRouteComponent(() => import('./pages/trail/trail-page.tsx'), 'TrailPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/live',
    validateSearch: (search: Search) => pick(search, filterNames),
    component: lazyRouteComponent(() => import('./pages/trail/live-page.tsx'), 'LivePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/views',
    component: lazyRouteComponent(() => import('./pages/trail/views-page.tsx'), 'ViewsPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/blast-radius',
    validateSearch: (search: Search) =>
      pick(search, ['actor', 'session', 'trace', 'request', 'from', 'to'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/blast-page.tsx'), 'BlastPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/actors/$id',
    validateSearch: (search: Search) => pick(search, ['from', 'to'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/timeline-page.tsx'), 'TimelinePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/traces/$id',
    component: lazyRouteComponent(() => import('./pages/trail/trace-page.tsx'), 'TracePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/evidence',
    validateSearch: (search: Search) => pick(search, ['first', 'last', ...filterNames] as const),
    component: lazyRouteComponent(() => import('./pages/trail/evidence-page.tsx'), 'EvidencePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/receivers',
    validateSearch: (search: Search) => pick(search, ['new'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/sinks-page.tsx'), 'SinksPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/receivers/$id',
    component: lazyRouteComponent(() => import('./pages/trail/sink-page.tsx'), 'SinkPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/log',
    component: lazyRouteComponent(() => import('./pages/trail/log-page.tsx'), 'LogPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/holds',
    validateSearch: (search: Search) => pick(search, ['show'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/holds-page.tsx'), 'HoldsPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/event-types',
    validateSearch: (search: Search) => pick(search, ['find', 'type'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/types-page.tsx'), 'TypesPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/trail/$seq',
    validateSearch: (search: Search) => pick(search, ['view'] as const),
    component: lazyRouteComponent(() => import('./pages/trail/event-page.tsx'), 'EventPage'),
  }),
] as const;

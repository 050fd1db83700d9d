import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query';
import { call } from './client.ts';
import { ApiProblem } from './problem.ts';
import { rememberSession } from './session-state.ts';
import type { Page, Permissions, Session } from './types.ts';

/** The session, or null when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      const session = await call<Session>('/v1/identity/session', { signal });
      rememberSession(session);
      return session;
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },
});

/** What the caller may do; sections and buttons follow it, the server enforces it. */
export const permissionsQuery = queryOptions({
  queryKey: ['permissions'],
  staleTime: 60_000,
  queryFn: ({ signal }) => call<Permissions>('/v1/policy/permissions', { signal }),
});

/** A GET whose address is its key. */
export function getQuery<Result>(path: string) {
  return queryOptions({ queryKey: ['get', path], queryFn: ({ signal }) => call<Result>(path, { signal }) });
}

/** A keyset-paged list; `path` carries the filters. */
export function pagesQuery<Item>(path: string, headers: Readonly<Record<string, string>> = {}) {
  return infiniteQueryOptions({
    queryKey: ['pages', path, headers],
    initialPageParam: null as string | null,
    queryFn: ({ signal, pageParam }) => {
      const joiner = path.includes('?') ? '&' : '?';
      const address = pageParam === null ? path : `${path}${joiner}cursor=${encodeURIComponent(pageParam)}`;
      return call<Page<Item>>(address, { signal, headers });
    },
    getNextPageParam: (last) => last.nextCursor,
  });
}

/** Whether the signed-in person may do an action; false until known. */
export function useMay(action: string): boolean {
  const permissions = useQuery(permissionsQuery);
  return permissions.data?.actions[action] === true;
}

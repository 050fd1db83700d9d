import { useQuery } from '@tanstack/react-query';
import { getQuery, sessionQuery, useMay } from './queries.ts';
import type { Page, User } from './types.ts';

/** Names of people by id, as far as the reader may know them: colleagues with `identity.read`, else only oneself. */
export function useNames(): (id: string) => string | null {
  const may = useMay('identity.read');
  const session = useQuery(sessionQuery);
  const users = useQuery({ ...getQuery<Page<User>>('/v1/identity/users?limit=200'), enabled: may });
  const me = session.data?.principal;
  return (id) =>
    users.data?.items.find((user) => user.id === id)?.displayName ?? (me?.id === id ? me.displayName : null);
}

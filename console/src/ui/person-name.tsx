import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { useNames } from '../api/people.ts';
import { sessionQuery } from '../api/queries.ts';
import { ShortId } from './short-id.tsx';

/** Somebody by name where the reader may know it, else by id; says when it is the reader. */
export function PersonName(props: { id: string | null }) {
  const names = useNames();
  const session = useQuery(sessionQuery);
  if (props.id === null) return <>—</>;
  const name = names(props.id);
  if (session.data?.principal.id === props.id) return <Trans>{name} (you)</Trans>;
  return name === null ? <ShortId value={props.id} /> : <>{name}</>;
}

import { nameOf } from './person.ts';
import { ShortId } from './short-id.tsx';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whoever acted: their name, or their id shortened. */
export function Who(props: { value: unknown }) {
  const name = nameOf(props.value);
  return uuid.test(name) ? <ShortId value={name} /> : <>{name}</>;
}

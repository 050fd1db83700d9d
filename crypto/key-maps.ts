import type { KeyId } from '../kernel/index.ts';
import type { DataKey } from './data-key.ts';
import type { KeyScope } from './types.ts';

/** Data keys of one tenant, found by id or by whose they are. */
export type KeyMaps = {
  readonly byKid: (kid: KeyId) => DataKey | null;
  readonly byScope: (scope: KeyScope) => DataKey | null;
  readonly add: (key: DataKey) => void;
  readonly remove: (key: DataKey) => void;
  readonly size: () => number;
  readonly all: () => MapIterator<DataKey>;
};

/** Empty maps. */
export function createKeyMaps(): KeyMaps {
  const kids = new Map<string, DataKey>();
  const subjects = new Map<string, DataKey>();
  const purposes = new Map<string, DataKey>();
  const scopes = (scope: KeyScope): Map<string, DataKey> => (scope.kind === 'subject' ? subjects : purposes);
  const nameOf = (scope: KeyScope): string => (scope.kind === 'subject' ? scope.subjectId : scope.purpose);
  return {
    byKid: (kid) => kids.get(kid) ?? null,
    byScope: (scope) => scopes(scope).get(nameOf(scope)) ?? null,
    add: (key) => {
      kids.set(key.kid, key);
      if (!key.superseded) scopes(key.scope).set(nameOf(key.scope), key);
    },
    remove: (key) => {
      kids.delete(key.kid);
      const held = scopes(key.scope);
      if (held.get(nameOf(key.scope))?.kid === key.kid) held.delete(nameOf(key.scope));
    },
    size: () => kids.size,
    all: () => kids.values(),
  };
}

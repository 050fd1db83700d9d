import { expect, test } from '@jest/globals';
import { defaultRoles } from './default-roles.ts';
import { guardActions } from './policy.ts';

test('what a default role may do can be asked for, so that the console shows its controls', () => {
  const named = defaultRoles.flatMap(({ rules }) => rules.flatMap(({ action }) => action));
  expect([...new Set(named)].filter((action) => !guardActions.includes(action))).toEqual([]);
  expect(named.length).toBeGreaterThan(40);
});

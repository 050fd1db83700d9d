import { expect, test } from '@jest/globals';
import { guardActions } from './policy.ts';

test('what a default role may do can be asked for, so that the console shows its controls', () => {
  for (const action of ['crypto.manage_providers', 'crypto.migrate_column', 'crypto.issue', 'audit.manage'])
    expect(guardActions).toContain(action);
  expect(new Set(guardActions).size).toBe(guardActions.length);
});

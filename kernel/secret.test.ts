import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { Secret } from './secret.ts';

test('a secret shows nothing of itself in JSON, inspect, templates and spreads', () => {
  const secret = new Secret('canary');
  const views = [
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    `${String(secret)}`,
    JSON.stringify({ ...secret }),
  ];
  for (const view of views) expect(view).not.toContain('canary');
  expect(secret.reveal()).toBe('canary');
});

import { expect, test } from '@jest/globals';
import { createVerifiedTokens } from './verified-tokens.ts';

const verified = { header: { alg: 'ES256' }, claims: { sub: 'one' } };

test('a token is known by every character of it, until it is forgotten', () => {
  const tokens = createVerifiedTokens();
  tokens.keep('a.b.c', verified);
  expect(tokens.find('a.b.c')).toBe(verified);
  expect(tokens.find('a.b.d')).toBeNull();
  tokens.forget('a.b.c');
  expect(tokens.find('a.b.c')).toBeNull();
});

test('the oldest of ten thousand makes room for the next', () => {
  const tokens = createVerifiedTokens();
  for (let index = 0; index <= 10_000; index += 1) tokens.keep(`token-${index}`, verified);
  expect(tokens.find('token-0')).toBeNull();
  expect(tokens.find('token-1')).toBe(verified);
  expect(tokens.find('token-10000')).toBe(verified);
});

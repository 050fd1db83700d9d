import { describe, expect, test } from '@jest/globals';
import { parseKeyId, parseTenantId, systemRandomBytes, uuidv7 } from './ids.ts';

describe('uuidv7', () => {
  test('has version 7, variant 10 and the instant in front', () => {
    const id = uuidv7(1_645_557_742_000, () => Buffer.from('ffffffffffffffffffff', 'hex'));
    // The instant of RFC 9562, appendix A.6.
    expect(id).toBe('017f22e2-79b0-7fff-bfff-ffffffffffff');
  });

  test('sorts by time', () => {
    const ids = [1, 2, 3].map((offset) => uuidv7(1_700_000_000_000 + offset, systemRandomBytes));
    expect(ids.toSorted()).toEqual(ids);
  });
});

test('an id of another shape is refused and named', () => {
  expect(() => parseTenantId('acme')).toThrow('tenant id "acme" is not a UUID');
  expect(() => parseKeyId('xyz')).toThrow('key id "xyz" is not 16 hex digits');
});

test('pooled randomness never repeats and never hands out what it wiped', () => {
  const seen = new Set<string>();
  for (let round = 0; round < 20_000; round += 1) seen.add(systemRandomBytes(16).toString('hex'));
  expect(seen.size).toBe(20_000);
  expect(seen.has('0'.repeat(32))).toBe(false);
  expect(systemRandomBytes(5_000)).toHaveLength(5_000);
});

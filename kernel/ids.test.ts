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

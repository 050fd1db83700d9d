import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

/** The rule of RFC 8785 in its plainest form: sort every object's keys, then let ECMAScript write it. */
function plainly(value: unknown): string {
  const sorted = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(sorted);
    if (typeof inner !== 'object' || inner === null) return inner;
    const pairs = Object.entries(inner).map(([key, field]) => [key, sorted(field)] as const);
    return { pairs: pairs.sort(([one], [other]) => (one < other ? -1 : 1)) };
  };
  const write = (inner: unknown): string => {
    if (Array.isArray(inner)) return `[${inner.map(write).join(',')}]`;
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
    const { pairs } = inner as { pairs: [string, unknown][] }; // made by `sorted`
    return `{${pairs.map(([key, field]) => `${JSON.stringify(key)}:${write(field)}`).join(',')}}`;
  };
  return write(sorted(value));
}

test('every JSON value is written as the plain rule says, whatever the order of its keys', () => {
  const values = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
  fc.assert(
    fc.property(values, (value) => {
      expect(canonicalJson(value)).toBe(plainly(value));
    }),
    { numRuns: 500 },
  );
});

test('keys that need no sorting, keys that do, and keys with odd characters', () => {
  expect(canonicalJson({ a: 1, b: [2, null], c: 'x' })).toBe('{"a":1,"b":[2,null],"c":"x"}');
  expect(canonicalJson({ c: 'x', 'a"\u20ac': 1, b: { z: true, y: undefined } })).toBe(
    '{"a\\"\u20ac":1,"b":{"z":true},"c":"x"}',
  );
  expect(canonicalJson({ '10': 1, '9': 2 })).toBe('{"10":1,"9":2}');
});

test('a missing item of a list is null', () => {
  expect(canonicalJson([1, undefined, 2])).toBe('[1,null,2]');
  // eslint-disable-next-line no-sparse-arrays -- the hole is what is tried
  expect(canonicalJson([1, , 2])).toBe('[1,null,2]');
});

test('what JSON cannot carry is refused', () => {
  for (const value of [Number.NaN, 1n, () => 1, Symbol('x')])
    expect(() => canonicalJson({ value })).toThrow('cannot carry');
  let deep: unknown = 1;
  for (let level = 0; level < 17; level += 1) deep = [deep];
  expect(() => canonicalJson(deep)).toThrow('nested deeper than 16');
});

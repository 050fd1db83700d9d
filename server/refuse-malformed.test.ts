import { expect, test } from '@jest/globals';
import { maxDepth, refuseMalformed } from './refuse-malformed.ts';

const nested = (depth: number): unknown => {
  let value: unknown = 'leaf';
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
};

test.each([
  ['U+0000 in a value', { a: ['b', { c: 'x\u0000' }] }],
  ['U+0000 in a name', { 'a\u0000': 1 }],
  ['a high surrogate alone', { a: '\ud800' }],
  ['a low surrogate alone', ['\udc00 x']],
  ['a string alone', '\u0000'],
  ['too deep', nested(maxDepth + 1)],
  ['far too deep for a recursive walk', nested(200_000)],
])('%s is refused', (_what, value) => {
  expect(() => refuseMalformed(value)).toThrow(expect.objectContaining({ status: 400 }));
});

test.each([
  [undefined],
  [null],
  [7],
  ['Zażółć gęślą jaźń 🦊'],
  [{ pipe: 'a name like any other' }],
  [nested(maxDepth)],
  [Buffer.from('\0\0')],
])('%# passes', (value) => {
  expect(() => refuseMalformed(value)).not.toThrow();
});

import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { formatTlogProof, parseTlogProof } from './tlog-proof.ts';

const checkpoint = `log.example\n9\n${Buffer.alloc(32).toString('base64')}\n\n— log.example AAAAAAA=\n`;

test('a proof is read back as it was written', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 90 })),
      (index, hashes, extra) => {
        const proof = {
          index,
          hashes: hashes.map((hash) => Buffer.from(hash)),
          checkpoint,
          extra: extra === null ? null : Buffer.from(extra),
        };
        expect(parseTlogProof(formatTlogProof(proof))).toEqual(proof);
      },
    ),
  );
});

const whole = formatTlogProof({ index: 5, hashes: [Buffer.alloc(32, 1)], checkpoint, extra: null });
test.each([
  ['another version', whole.replace('@v1', '@v2')],
  ['a leading zero', whole.replace('index 5', 'index 05')],
  ['a short hash', whole.replace('AQEB', 'A')],
  ['no empty line', whole.replace('\n\nlog', '\nlog')],
  ['a carriage return', whole.replace('\n', '\r\n')],
  ['stray bits in a hash', whole.replace('AQEBAQE=', 'AQEBAQF=')],
])('a proof with %s is refused', (_what, text) => {
  expect(text).not.toBe(whole);
  expect(() => parseTlogProof(text)).toThrow(expect.objectContaining({ code: 'ERR_AUDIT_INVALID_PROOF' }));
});

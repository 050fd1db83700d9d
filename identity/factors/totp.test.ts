import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { testUnless } from '../../tests/support/skip.ts';
import { newTotpSecret, provenTotpStep, totpUri } from './totp.ts';

/** Base32 of the ASCII secret `12345678901234567890` of RFC 6238 appendix B. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

/** RFC 6238 appendix B, SHA-1 rows; the last six of the eight digits. */
const vectors = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
] as const;

test.each(vectors)('RFC 6238 appendix B: at %d the code is %s', (seconds, digits) => {
  expect(provenTotpStep(secret, digits.slice(2), seconds, 0)).toBe(Math.floor(seconds / 30));
});

test('the current and one past step are accepted, no future and no older one', () => {
  const code = '081804'; // step 37037036
  const start = 37_037_036 * 30;
  expect(provenTotpStep(secret, code, start, 0)).toBe(37_037_036);
  expect(provenTotpStep(secret, code, start + 59, 0)).toBe(37_037_036);
  expect(provenTotpStep(secret, code, start + 60, 0)).toBeNull();
  expect(provenTotpStep(secret, code, start - 1, 0)).toBeNull();
});

test('a step at or before the last accepted one is refused, also when the clock went back', () => {
  const start = 37_037_036 * 30;
  expect(provenTotpStep(secret, '081804', start, 37_037_036)).toBeNull();
  expect(provenTotpStep(secret, '081804', start, 37_037_035)).toBe(37_037_036);
  expect(provenTotpStep(secret, '081804', start, 99_999_999)).toBeNull();
});

test.each(['', '12345', '1234567', '12345a', '123 456', '１２３４５６', '-12345', '0x1234'])(
  'malformed input %j is a no, never an error',
  (code) => {
    expect(provenTotpStep(secret, code, 59, 0)).toBeNull();
  },
);

test('a new secret has 160 bits and goes into the URI of the app', () => {
  const fresh = newTotpSecret();
  expect(fresh).toMatch(/^[A-Z2-7]{32}$/);
  expect(totpUri(fresh, 'anna@acme.example')).toContain(`secret=${fresh}`);
});

testUnless(oathtoolMissing(), 'codes of oathtool, an independent authenticator, are accepted', () => {
  const seconds = 1_900_000_000;
  const fresh = newTotpSecret();
  const code = execFileSync('oathtool', ['--totp', '--base32', '--now', `@${seconds}`, fresh], {
    encoding: 'utf8',
  }).trim();
  expect(provenTotpStep(fresh, code, seconds, 0)).toBe(Math.floor(seconds / 30));
});

function oathtoolMissing(): string | null {
  try {
    execFileSync('oathtool', ['--version']);
    return null;
  } catch {
    return 'oathtool is not installed';
  }
}

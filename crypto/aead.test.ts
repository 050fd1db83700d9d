import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeUnless, testUnless } from '../tests/support/skip.ts';
import { missingVectors, vectorsFolder } from '../tests/support/vectors.ts';
import { aeadOpen, aeadSeal, toAeadKey } from './aead.ts';

type Case = {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
};
type Group = { readonly ivSize: number; readonly keySize: number; readonly tests: readonly Case[] };

const missing = missingVectors('wycheproof/aes_gcm_test.json');
const groups =
  missing === null
    ? (
        JSON.parse(readFileSync(join(vectorsFolder, 'wycheproof', 'aes_gcm_test.json'), 'utf8')) as {
          testGroups: readonly Group[];
        }
      ).testGroups // the published shape
    : [];
const fits = (group: Group): boolean => group.keySize === 256 && group.ivSize === 96;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

testUnless(missing, 'all 316 Wycheproof AES-GCM cases are looked at', () => {
  expect(groups.flatMap((group) => group.tests)).toHaveLength(316);
});

describeUnless(missing, 'Wycheproof AES-256-GCM with 96-bit nonces behaves as published', () => {
  const cases = groups.filter(fits).flatMap((group) => group.tests);

  test.each(cases)('case $tcId ($result) $comment', (vector) => {
    const key = toAeadKey(createSecretKey(hex(vector.key)));
    const sealed = Buffer.concat([hex(vector.ct), hex(vector.tag)]);
    const opened = aeadOpen(key, hex(vector.iv), hex(vector.aad), sealed);
    if (vector.result === 'invalid') {
      expect(opened).toBeNull();
      return;
    }
    expect(opened?.toString('hex')).toBe(vector.msg);
    expect(aeadSeal(key, hex(vector.iv), hex(vector.aad), hex(vector.msg)).equals(sealed)).toBe(true);
  });
});

// Groups with 128- and 192-bit keys, and those with nonces of any other length than 96 bits, do not fit our formats.
describeUnless(
  missing,
  'Wycheproof groups that do not fit our formats are refused, sealing and opening',
  () => {
    const others = groups.filter((group) => !fits(group));

    test.each(others)('keys of $keySize bits with nonces of $ivSize bits', (group) => {
      for (const vector of group.tests) {
        const refused = { code: 'ERR_CRYPTO_KEY' };
        const sealed = Buffer.concat([hex(vector.ct), hex(vector.tag)]);
        const makeKey = () => toAeadKey(createSecretKey(hex(vector.key)));
        expect(() => aeadOpen(makeKey(), hex(vector.iv), hex(vector.aad), sealed)).toThrow(
          expect.objectContaining(refused),
        );
        expect(() => aeadSeal(makeKey(), hex(vector.iv), hex(vector.aad), hex(vector.msg))).toThrow(
          expect.objectContaining(refused),
        );
      }
    });
  },
);

test('a tag shorter than 16 bytes is never accepted', () => {
  const key = toAeadKey(createSecretKey(Buffer.alloc(32, 1)));
  const nonce = Buffer.alloc(12, 2);
  const sealed = aeadSeal(key, nonce, Buffer.alloc(0), Buffer.from('text'));
  for (let length = 0; length < sealed.length; length += 1) {
    expect(aeadOpen(key, nonce, Buffer.alloc(0), sealed.subarray(0, length))).toBeNull();
  }
});

import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { holdsSignature, noteKeyTypes, publicKeyOf } from '../audit/note-keys.ts';
import { describeUnless, testUnless } from '../tests/support/skip.ts';
import { missingVectors, vectorsFolder } from '../tests/support/vectors.ts';
import { equalInConstantTime } from './derive.ts';
import { hkdfExpand, hkdfExtract, hmac, type HashName } from './hkdf.ts';
import { unwrapKey, unwrapKeyPadded, wrapKey, wrapKeyPadded } from './key-wrap.ts';

type Case = Readonly<Record<string, string>> & {
  readonly tcId: number;
  readonly size: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
};
type Group = Readonly<Record<string, unknown>> & { readonly tests: readonly Case[] };

function load(file: string): { readonly missing: string | null; readonly groups: readonly Group[] } {
  const missing = missingVectors(`wycheproof/${file}`);
  if (missing !== null) return { missing, groups: [] };
  const text = readFileSync(join(vectorsFolder, 'wycheproof', file), 'utf8');
  return { missing, groups: (JSON.parse(text) as { testGroups: readonly Group[] }).testGroups }; // the published shape
}

const hex = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'hex');
const refused = expect.objectContaining({ code: 'ERR_CRYPTO_DECRYPT' });
const key = (text: string | undefined) => createSecretKey(hex(text));
const casesOf = (groups: readonly Group[]): readonly Case[] => groups.flatMap(({ tests }) => tests);

describe.each([
  ['aes_wrap_test.json', 165, wrapKey, unwrapKey],
  ['aes_kwp_test.json', 254, wrapKeyPadded, unwrapKeyPadded],
] as const)('Wycheproof %s', (file, count, wrap, unwrap) => {
  const { missing, groups } = load(file);
  testUnless(missing, `has ${count} cases and all of them are looked at`, () => {
    expect(casesOf(groups)).toHaveLength(count);
  });
  describeUnless(missing, 'behaves as published, unwrapping and wrapping', () => {
    test.each(casesOf(groups))('case $tcId ($result) $comment', (vector) => {
      const wrapped = hex(vector['ct']);
      // "acceptable" are keys of eight bytes or fewer: RFC 5649 knows them, RFC 3394 does not.
      const known =
        vector.result === 'valid' || (vector.result === 'acceptable' && unwrap === unwrapKeyPadded);
      if (!known) {
        expect(() => unwrap(key(vector['key']), wrapped)).toThrow(refused);
        return;
      }
      expect(unwrap(key(vector['key']), wrapped).export()).toEqual(hex(vector['msg']));
      expect(wrap(key(vector['key']), hex(vector['msg']))).toEqual(wrapped);
    });
  });
});

test('wrapping refuses what unwrapping would never give back', () => {
  const wrong = expect.objectContaining({ code: 'ERR_CRYPTO_KEY' });
  const kek = createSecretKey(Buffer.alloc(32, 1));
  for (const length of [0, 8, 15, 17, 4_104]) expect(() => wrapKey(kek, Buffer.alloc(length))).toThrow(wrong);
  for (const length of [0, 4_097]) expect(() => wrapKeyPadded(kek, Buffer.alloc(length))).toThrow(wrong);
  expect(() => wrapKey(createSecretKey(Buffer.alloc(31, 1)), Buffer.alloc(16))).toThrow(wrong);
  for (const unwrap of [unwrapKey, unwrapKeyPadded])
    for (const length of [0, 1, 7, 8, 15, 17, 23])
      expect(() => unwrap(kek, Buffer.alloc(length))).toThrow(refused);
});

describe.each([
  ['hkdf_sha256_test.json', 86, 'sha256'],
  ['hkdf_sha512_test.json', 83, 'sha512'],
] as const)('Wycheproof %s', (file, count, hash: HashName) => {
  const { missing, groups } = load(file);
  testUnless(missing, `has ${count} cases and all of them are looked at`, () => {
    expect(casesOf(groups)).toHaveLength(count);
  });
  describeUnless(missing, 'behaves as published', () => {
    test.each(casesOf(groups))('case $tcId ($result) $comment', (vector) => {
      const extracted = hkdfExtract(hash, hex(vector['salt']), key(vector['ikm']));
      const expand = (): Buffer => hkdfExpand(hash, extracted, [hex(vector['info'])], vector.size);
      if (vector.result === 'invalid')
        expect(expand).toThrow(expect.objectContaining({ code: 'ERR_CRYPTO_KEY' }));
      else expect(expand()).toEqual(hex(vector['okm']));
    });
  });
});

describe.each([
  ['hmac_sha256_test.json', 174, 'sha256'],
  ['hmac_sha512_test.json', 174, 'sha512'],
] as const)('Wycheproof %s', (file, count, hash: HashName) => {
  const { missing, groups } = load(file);
  testUnless(missing, `has ${count} cases and all of them are looked at`, () => {
    expect(casesOf(groups)).toHaveLength(count);
  });
  describeUnless(missing, 'behaves as published', () => {
    const cases = groups.flatMap((group) =>
      group.tests.map((vector) => ({ vector, name: vector.tcId, bytes: Number(group['tagSize']) / 8 })),
    );
    test.each(cases)('case $name ($vector.result) $vector.comment', ({ vector, bytes }) => {
      const tag = hmac(hash, key(vector['key']), hex(vector['msg'])).subarray(0, bytes);
      expect(equalInConstantTime(tag, hex(vector['tag']))).toBe(vector.result === 'valid');
    });
  });
});

describe('Wycheproof ed25519_test.json', () => {
  const { missing, groups } = load('ed25519_test.json');
  testUnless(missing, 'has 151 cases and all of them are looked at', () => {
    expect(casesOf(groups)).toHaveLength(151);
  });
  describeUnless(missing, 'behaves as published where the house checks signatures', () => {
    const cases = groups.flatMap((group) =>
      group.tests.map((vector) => ({
        vector,
        name: vector.tcId,
        publicKey: String((group['publicKey'] as { pk?: string }).pk), // the published shape
      })),
    );
    test.each(cases)('case $name ($vector.result) $vector.comment', ({ vector, publicKey }) => {
      const held = publicKeyOf(noteKeyTypes.ed25519, hex(publicKey));
      expect(holdsSignature(held, hex(vector['msg']), hex(vector['sig']))).toBe(vector.result === 'valid');
    });
  });
});

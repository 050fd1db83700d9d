import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  createTreeWriter,
  formatEntryBundle,
  formatTilePath,
  formatVerifierKey,
  leafHash,
  noteKeyId,
  openCheckpoint,
  parseVerifierKey,
  rawPublicKey,
  signCheckpoint,
} from '../../audit/index.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';

const folder = join(vectorsFolder, 'tessera-log', 'log');
const missing = missingVectors('tessera-log');

const words = 'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(
  ' ',
);
const origin = 'example.com/log/testdata';
const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';
const seed = Buffer.from('AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg', 'base64').subarray(1);
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), // PKCS #8 of RFC 8410
  format: 'der',
  type: 'pkcs8',
});
const publicKey = createPublicKey(privateKey);
const signer = {
  name: origin,
  keyId: noteKeyId(origin, rawPublicKey(publicKey)),
  sign: (data: Buffer) => sign(null, data, privateKey),
};
const read = (path: string): Buffer => readFileSync(join(folder, path));

describeUnless(missing, 'the published 15-entry log', () => {
  test('has the published verifier key', () => {
    expect(formatVerifierKey(origin, publicKey)).toBe(vkey);
  });

  const tree = createTreeWriter();
  const hashes: Buffer[] = [];
  for (let size = 0; size <= words.length; size += 1) {
    if (size > 0) {
      const hash = leafHash(Buffer.from(words[size - 1] ?? ''));
      hashes.push(hash);
      tree.append(hash, () => undefined);
    }
    const root = tree.root();
    test(`checkpoint.${size} is reproduced byte for byte and verifies`, () => {
      const note = signCheckpoint({ origin, size, root }, signer);
      expect(note).toBe(read(`checkpoint.${size}`).toString());
      expect(openCheckpoint(note, parseVerifierKey(vkey))).toMatchObject({ origin, size });
    });
    if (size === 0) continue;
    const hashesNow = Buffer.concat(hashes);
    test(`the hash tile and the entry bundle of size ${size} are reproduced byte for byte`, () => {
      const entries = words.slice(0, size).map((word) => Buffer.from(word));
      expect(
        hashesNow.equals(read(`tile/${formatTilePath({ kind: 'tile', level: 0, index: 0, width: size })}`)),
      ).toBe(true);
      const bundle = read(`tile/${formatTilePath({ kind: 'entries', level: 0, index: 0, width: size })}`);
      expect(formatEntryBundle(entries).equals(bundle)).toBe(true);
    });
  }

  test('the current checkpoint is the one of size 15', () => {
    expect(read('checkpoint').equals(read('checkpoint.15'))).toBe(true);
  });
});

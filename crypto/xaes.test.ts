import { createHash, createSecretKey } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createXaesKey, xaesOpenAt, xaesSealInto } from './xaes.ts';

function seal(key: Buffer, nonce: Buffer, associatedData: Buffer, plaintext: Buffer): Buffer {
  const sealed = Buffer.alloc(plaintext.length + 16);
  xaesSealInto(createXaesKey(createSecretKey(key)), nonce, associatedData, plaintext, sealed, 0);
  return sealed;
}

const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX', 'ascii');
const plaintext = Buffer.from('XAES-256-GCM', 'ascii');

// https://c2sp.org/XAES-256-GCM, "Test vectors"
test.each([
  [
    'MSB(L) = 0',
    0x01,
    '',
    'c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b',
    'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
  ],
  [
    'MSB(L) = 1',
    0x03,
    'c2sp.org/XAES-256-GCM',
    'e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8',
    '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
  ],
])(
  'the C2SP vector with %s gives its subkey and its ciphertext, and opens',
  (_, byte, aad, subkey, sealed) => {
    const key = Buffer.alloc(32, byte);
    const associatedData = Buffer.from(aad, 'ascii');
    const xaes = createXaesKey(createSecretKey(key));
    expect(xaes.subkey(nonce, 0).export().toString('hex')).toBe(subkey);
    expect(seal(key, nonce, associatedData, plaintext).toString('hex')).toBe(sealed);
    const message = Buffer.concat([nonce, Buffer.from(sealed, 'hex')]);
    expect(xaesOpenAt(xaes, associatedData, message, 0)).toEqual(plaintext);
  },
);

/** The published loop reads from a SHAKE-128 stream of nothing; an XOF of node gives it in one piece. */
function accumulate(iterations: number): string {
  const perIteration = 32 + 24 + 1 + 255 + 1 + 255;
  const stream = createHash('shake128', { outputLength: iterations * perIteration }).digest();
  const hash = createHash('shake128', { outputLength: 32 });
  let at = 0;
  const read = (length: number): Buffer => stream.subarray(at, (at += length));
  const readSized = (): Buffer => read(read(1)[0] ?? 0);
  for (let index = 0; index < iterations; index += 1) {
    const [key, iv] = [read(32), read(24)];
    const [message, associatedData] = [readSized(), readSized()];
    hash.update(seal(key, iv, associatedData, message));
  }
  return hash.digest('hex');
}

test('the C2SP accumulated vector of 10,000 random cases holds', () => {
  expect(accumulate(10_000)).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939');
});

test('a message that is too short, cut or changed gives null', () => {
  const key = createXaesKey(createSecretKey(Buffer.alloc(32, 7)));
  const sealed = Buffer.concat([nonce, seal(Buffer.alloc(32, 7), nonce, Buffer.alloc(0), plaintext)]);
  for (let length = 0; length < sealed.length; length += 1)
    expect(xaesOpenAt(key, Buffer.alloc(0), sealed.subarray(0, length), 0)).toBeNull();
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(xaesOpenAt(key, Buffer.alloc(0), changed, 0)).toBeNull();
  }
});

test('a key or a nonce of another length is refused', () => {
  const refused = expect.objectContaining({ code: 'ERR_CRYPTO_KEY' });
  expect(() => createXaesKey(createSecretKey(Buffer.alloc(16)))).toThrow(refused);
  for (const length of [0, 12, 23, 25])
    expect(() => seal(Buffer.alloc(32), Buffer.alloc(length), Buffer.alloc(0), plaintext)).toThrow(refused);
});

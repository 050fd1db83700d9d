import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { createCosigner, type Cosigner } from '../cosignature.ts';
import { formatVerifierKey, noteKeyId, noteKeyTypes, rawPublicKey, signBytes } from '../note-keys.ts';
import { signNote } from '../signed-note.ts';
import { cosignedBy, parsePolicy } from './policy.ts';

const cosigner = (name: string, kind: 'ed25519' | 'ml-dsa-44' = 'ed25519'): Cosigner =>
  createCosigner(name, generateKeyPairSync(kind as 'ed25519').privateKey); // the older types lack ml-dsa-44
const [x1, x2, y1] = [cosigner('x1.example'), cosigner('x2.example', 'ml-dsa-44'), cosigner('y1.example')];
const logKey = generateKeyPairSync('ed25519');
const logVkey = formatVerifierKey('log.example', logKey.publicKey);
const parse = (text: string) => parsePolicy(Buffer.from(text));
const invalid = (line: number) =>
  expect.objectContaining({
    code: 'ERR_AUDIT_INVALID_POLICY',
    message: expect.stringMatching(line === 0 ? /^the policy/ : new RegExp(`^line ${line} `)),
  });

const whole = `# who watches us
log ${logVkey} https://log.example/
\twitness X1 ${x1.vkey}  https://x1.example/prefix/
witness X2 ${x2.vkey}
witness Y1 ${y1.vkey}

group X 2 X1 X2
group both all X Y1
quorum both
`;

describe('a policy', () => {
  test('with nested groups is met when every group has its number', () => {
    const { isMet, logs, witnesses } = parse(whole);
    expect(logs.map(({ url }) => url)).toEqual(['https://log.example']);
    expect(witnesses.map(({ name, url }) => [name, url])).toEqual([
      ['X1', 'https://x1.example/prefix'],
      ['X2', null],
      ['Y1', null],
    ]);
    expect(isMet(new Set(['X1', 'X2', 'Y1']))).toBe(true);
    expect(isMet(new Set(['X1', 'Y1']))).toBe(false);
    expect(isMet(new Set(['X1', 'X2']))).toBe(false);
  });
  test('any, all, a lone witness and none mean what they say', () => {
    const two = `witness A ${x1.vkey}\nwitness B ${y1.vkey}\n`;
    expect(parse(`${two}group g any A B\nquorum g\n`).isMet(new Set(['B']))).toBe(true);
    expect(parse(`${two}group g all A B\nquorum g\n`).isMet(new Set(['B']))).toBe(false);
    expect(parse(`${two}quorum A\n`).isMet(new Set(['B']))).toBe(false);
    expect(parse('quorum none\n').isMet(new Set())).toBe(true);
  });
  test.each([
    ['no quorum', `witness A ${x1.vkey}\n`, 0],
    ['two quorums', 'quorum none\nquorum none\n', 2],
    ['no last newline', 'quorum none', 0],
    ['a carriage return', 'quorum none\r\n', 0],
    ['an unknown word', 'quorums none\n', 1],
    ['a group before its members', `group g any A\nwitness A ${x1.vkey}\nquorum g\n`, 1],
    ['a member twice', `witness A ${x1.vkey}\ngroup g any A\ngroup h any A\nquorum g\n`, 3],
    ['a name twice', `witness A ${x1.vkey}\nwitness A ${y1.vkey}\nquorum A\n`, 2],
    ['the name none', `witness none ${x1.vkey}\nquorum none\n`, 1],
    ['none as a member', `witness A ${x1.vkey}\ngroup g any none\nquorum A\n`, 2],
    ['a threshold of zero', `witness A ${x1.vkey}\ngroup g 0 A\nquorum g\n`, 2],
    ['a threshold beyond its members', `witness A ${x1.vkey}\ngroup g 2 A\nquorum g\n`, 2],
    ['a threshold with a leading zero', `witness A ${x1.vkey}\ngroup g 01 A\nquorum g\n`, 2],
    ['an empty group', `witness A ${x1.vkey}\ngroup g any\nquorum A\n`, 2],
    ['one public key twice', `witness A ${x1.vkey}\nwitness B ${x1.vkey}\nquorum A\n`, 2],
    ['a log key as a witness', `witness A ${logVkey}\nquorum A\n`, 1],
    ['a cosigner key as a log', `log ${x1.vkey}\nquorum none\n`, 1],
    ['a wrong key id', `log ${logVkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')}\nquorum none\n`, 1],
    ['an address of another scheme', `log ${logVkey} file:///etc/passwd\nquorum none\n`, 1],
    ['a word too many', 'quorum none more\n', 1],
  ])('with %s is refused, and its line named', (_what, text, line) => {
    expect(() => parse(text)).toThrow(invalid(line));
  });
});

describe('cosignatures of a checkpoint', () => {
  const text = `log.example\n3\n${Buffer.alloc(32, 7).toString('base64')}\n`;
  const signed = signNote(text, {
    name: 'log.example',
    keyId: noteKeyId('log.example', rawPublicKey(logKey.publicKey), noteKeyTypes.ed25519),
    sign: (data) => signBytes(logKey.privateKey, data),
  });
  test('of either kind count for their witness, unknown ones for nobody', () => {
    const note =
      signed + x1.line(text, 1_700_000_000) + x2.line(text, 0) + cosigner('z.example').line(text, 1);
    expect([...cosignedBy(parse(whole), note)]).toEqual(['X1', 'X2']);
  });
  test('of a known witness that are wrong condemn the checkpoint', () => {
    for (const one of [x1, x2]) {
      const other = one.line(text.replace('\n3\n', '\n4\n'), 1_700_000_000);
      expect(() => cosignedBy(parse(whole), signed + other)).toThrow(
        expect.objectContaining({ code: 'ERR_AUDIT_INVALID_NOTE' }),
      );
    }
  });
});

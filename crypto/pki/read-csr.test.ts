import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testUnless } from '../../tests/support/skip.ts';
import { toPem } from './build-certificate.ts';
import {
  bits,
  embedOwn,
  encode,
  integer,
  nullValue,
  octets,
  oid,
  sequence,
  set,
  tagged,
  taggedBytes,
  trueValue,
  type Der,
} from './der.ts';
import { alternativeNames } from './extensions.ts';
import { makeKeyPair, signatureAlgorithm, type KeyPair } from './keys.ts';
import { distinguishedName } from './names.ts';
import { missingProgram, runOver } from './pki-fixture.ts';
import { readCsr } from './read-csr.ts';

const noOpenssl = await missingProgram('openssl', 'version');
let pair: KeyPair;
beforeAll(async () => {
  pair = await makeKeyPair('ec-p256');
});

type Made = {
  readonly keys?: KeyPair;
  readonly signer?: KeyObject;
  readonly hash?: string;
  readonly algorithm?: Der;
  readonly extensions?: readonly Der[];
};

/** A request as an attacker would build it: anything may stand in it. */
function makeCsr({ keys = pair, signer = keys.privateKey, hash = 'sha256', ...rest }: Made = {}): string {
  const { extensions = [], algorithm = signatureAlgorithm(signer) } = rest;
  const info = sequence(
    integer(0),
    distinguishedName('whoever'),
    embedOwn(keys.publicKey.export({ format: 'der', type: 'spki' })),
    tagged(
      0,
      ...(extensions.length === 0
        ? []
        : [sequence(oid('1.2.840.113549.1.9.14'), set(sequence(...extensions)))]),
    ),
  );
  const signature = sign(hash, encode(info), signer);
  return toPem('CERTIFICATE REQUEST', encode(sequence(info, algorithm, bits(signature))));
}

const extension = (type: string, value: Der): Der => sequence(oid(type), octets(encode(value)));
const altNames = (...names: readonly Der[]): Der => extension('2.5.29.17', sequence(...names));
const dns = (text: string): Der => taggedBytes(2, Buffer.from(text, 'latin1'));

test('takes the key and the names of an honest request, and not its subject', () => {
  const csr = makeCsr({
    extensions: [
      alternativeNames([
        { kind: 'dns', value: 'contacts.example' },
        { kind: 'ip', value: '2001:db8::1' },
        { kind: 'uri', value: 'spiffe://example/contacts' },
      ]),
    ],
  });
  const { names, algorithm, publicKey } = readCsr(csr);
  expect(names).toEqual([
    { kind: 'dns', value: 'contacts.example' },
    { kind: 'ip', value: '2001:db8::1' },
    { kind: 'uri', value: 'spiffe://example/contacts' },
  ]);
  expect(algorithm).toBe('ec-p256');
  expect(publicKey.equals(pair.publicKey)).toBe(true);
});

testUnless(noOpenssl, 'takes what openssl req makes, with RSA and with EC', async () => {
  for (const kind of [['rsa:2048'], ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']]) {
    const { output } = await runOver('openssl', {}, [
      ...['req', '-new', '-nodes', '-newkey', ...kind, '-keyout', '{key}', '-subj', '/CN=a'],
      ...['-addext', 'subjectAltName=DNS:a.example,IP:10.0.0.1', '-addext', 'basicConstraints=CA:FALSE'],
    ]);
    const pem = /-----BEGIN CERTIFICATE REQUEST[\s\S]*REQUEST-----/.exec(output)?.[0] ?? '';
    expect(readCsr(pem).names).toEqual([
      { kind: 'dns', value: 'a.example' },
      { kind: 'ip', value: '10.0.0.1' },
    ]);
  }
});

describe('the attack list: a request is refused', () => {
  const weak = (): KeyPair => generateKeyPairSync('rsa', { modulusLength: 1024 });
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    [
      'with CA:true',
      () => makeCsr({ extensions: [extension('2.5.29.19', sequence(trueValue()))] }),
      /CA:true/,
    ],
    ['with a wildcard', () => makeCsr({ extensions: [altNames(dns('*.example.com'))] }), /wildcard/],
    [
      'with a wildcard inside a label',
      () => makeCsr({ extensions: [altNames(dns('a*.example.com'))] }),
      /wildcard/,
    ],
    [
      'with a NUL in a name',
      () => makeCsr({ extensions: [altNames(dns('good.example\0.evil.example'))] }),
      /visible ASCII/,
    ],
    ['with a line break in a name', () => makeCsr({ extensions: [altNames(dns('a\nb'))] }), /visible ASCII/],
    ['with a space as a name', () => makeCsr({ extensions: [altNames(dns(' '))] }), /visible ASCII/],
    [
      'with an address for a DNS name',
      () => makeCsr({ extensions: [altNames(dns('10.0.0.1'))] }),
      /DNS name/,
    ],
    [
      'with an address and a mask',
      () => makeCsr({ extensions: [altNames(taggedBytes(7, Buffer.alloc(8)))] }),
      /kind of name/,
    ],
    [
      'with a mail address for a name',
      () => makeCsr({ extensions: [altNames(taggedBytes(1, Buffer.from('a@example.com')))] }),
      /kind of name/,
    ],
    [
      'with a user in a URI',
      () => makeCsr({ extensions: [altNames(taggedBytes(6, Buffer.from('spiffe://u@example/x')))] }),
      /URI name/,
    ],
    [
      'with a path that climbs in a SPIFFE id',
      () => makeCsr({ extensions: [altNames(taggedBytes(6, Buffer.from('spiffe://example/../x')))] }),
      /URI name/,
    ],
    [
      'with an extension twice',
      () => makeCsr({ extensions: [altNames(dns('a.example')), altNames(dns('b.example'))] }),
      /twice/,
    ],
    [
      'with name constraints of its own',
      () => makeCsr({ extensions: [extension('2.5.29.30', sequence())] }),
      /2\.5\.29\.30, which is not issued/,
    ],
    [
      'with more names than are taken',
      () =>
        makeCsr({ extensions: [altNames(...Array.from({ length: 33 }, (_, i) => dns(`n${i}.example`)))] }),
      /33 alternative names/,
    ],
    [
      'that is too big',
      () => makeCsr({ extensions: [extension('2.5.29.15', octets(Buffer.alloc(20_000)))] }),
      /at most/,
    ],
    ['with an RSA key of 1024 bits', () => makeCsr({ keys: weak() }), /1024 bits/],
    [
      'with an RSA key of exponent 3',
      () => makeCsr({ keys: generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }) }),
      /65537/,
    ],
    [
      'with a key on another curve',
      () => makeCsr({ keys: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }) }),
      /secp256k1/,
    ],
    [
      'signed with SHA-1',
      () => {
        const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
        return makeCsr({ keys, hash: 'sha1', algorithm: sequence(oid('1.2.840.113549.1.1.5'), nullValue()) });
      },
      /SHA-256/,
    ],
    [
      'signed with MD5 under the name of SHA-256',
      () => makeCsr({ keys: generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'md5' }),
      /does not prove/,
    ],
    [
      'whose key somebody else holds',
      () => makeCsr({ signer: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }),
      /does not prove/,
    ],
    ['that is a certificate', () => toPem('CERTIFICATE', Buffer.from('3000', 'hex')), /PEM block/],
    ['that is two requests', () => makeCsr() + makeCsr(), /PEM block/],
    ['with bytes behind it', () => trailing(makeCsr()), /bytes follow/],
    ['that is nothing', () => '', /PEM block/],
  ];
  test.each(cases)('%s', (_, make, why) => {
    expect(() => readCsr(make())).toThrow(why);
    expect(() => readCsr(make())).toThrow(
      expect.objectContaining({ code: 'ERR_CRYPTO_CERTIFICATE', status: 400 }),
    );
  });
});

function trailing(pem: string): string {
  const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
  return toPem('CERTIFICATE REQUEST', Buffer.concat([der, Buffer.from('00', 'hex')]));
}

test('a request with any byte changed is refused', () => {
  const der = Buffer.from(
    makeCsr({ extensions: [altNames(dns('a.example'))] })
      .split('\n')
      .slice(1, -2)
      .join(''),
    'base64',
  );
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bent = Buffer.from(der);
      bent[at] = (bent[at] ?? 0) ^ change;
      expect(() => readCsr(toPem('CERTIFICATE REQUEST', bent))).toThrow(
        expect.objectContaining({ code: 'ERR_CRYPTO_CERTIFICATE' }),
      );
    }),
    { numRuns: 500 },
  );
});

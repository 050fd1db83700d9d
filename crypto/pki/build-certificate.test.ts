import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemRandomBytes } from '../../kernel/index.ts';
import { testUnless } from '../../tests/support/skip.ts';
import { makeSerial } from './build-certificate.ts';
import { encode, integer, sequence, time, utf8 } from './der.ts';
import { positiveIntegerOf, readDer, timeOf } from './der-reader.ts';
import { checkNames } from './names.ts';
import {
  day,
  makeTestAuthority,
  missingProgram,
  revoked,
  runOver,
  type TestAuthority,
} from './pki-fixture.ts';
import { profiles } from './profiles.ts';
import { readCrl } from './read-crl.ts';
import { serialOf } from './read-csr.ts';
import type { AlternativeName, AuthorityAlgorithm } from './types.ts';

const noOpenssl = await missingProgram('openssl', 'version');
const server = profiles['mtls-server'];

describe.each<AuthorityAlgorithm>(['ec-p256', 'rsa-3072'])('an authority with %s', (algorithm) => {
  let authority: TestAuthority;
  beforeAll(async () => {
    authority = await makeTestAuthority(algorithm);
  }, 60_000);

  const verify = async (pem: string, crl: string, ...options: string[]) =>
    runOver('openssl', { ca: authority.pem, crl, leaf: pem }, [
      ...[
        'verify',
        '-x509_strict',
        '-CAfile',
        '{ca}',
        '-CRLfile',
        '{crl}',
        '-crl_check',
        ...options,
        '{leaf}',
      ],
    ]);

  testUnless(
    noOpenssl,
    'passes openssl verify -x509_strict with purpose, host name, address and list',
    async () => {
      const leaf = await authority.issue({ profile: server });
      const client = await authority.issue();
      const crl = authority.crl([revoked(makeSerial(systemRandomBytes))]);
      const host = ['-verify_hostname', 'localhost', '-verify_ip', '127.0.0.1'];
      expect(await verify(leaf.pem, crl, '-purpose', 'sslserver', ...host)).toMatchObject({ code: 0 });
      expect(await verify(client.pem, crl, '-purpose', 'sslclient')).toMatchObject({ code: 0 });
    },
  );

  testUnless(
    noOpenssl,
    'is refused by openssl for another purpose, another host, and once it is revoked',
    async () => {
      const leaf = await authority.issue({ profile: server });
      const crl = authority.crl();
      const refusals = [
        await verify(leaf.pem, crl, '-purpose', 'sslclient'),
        await verify(leaf.pem, crl, '-purpose', 'sslserver', '-verify_hostname', 'elsewhere.example'),
        await verify(leaf.pem, authority.crl([revoked(leaf.serial)]), '-purpose', 'sslserver'),
        await verify(leaf.pem, authority.crl([], { from: -3 * day, until: -day }), '-purpose', 'sslserver'),
      ];
      expect(refusals.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
      expect(refusals.map(({ output }) => /error \d+ at .*lookup: *(.*)/.exec(output)?.[1])).toEqual([
        expect.stringMatching(/purpose/),
        expect.stringMatching(/hostname mismatch/),
        'certificate revoked',
        'CRL has expired',
      ]);
    },
  );

  testUnless(noOpenssl, 'gives a list that openssl prints with its number and reason', async () => {
    const leaf = await authority.issue();
    const crl = authority.crl([revoked(leaf.serial)]);
    const { output } = await runOver('openssl', { crl }, ['crl', '-in', '{crl}', '-noout', '-text']);
    expect(output).toContain(leaf.serial.toString('hex').toUpperCase());
    expect(output).toMatch(/Key Compromise/);
    expect(output).toMatch(/X509v3 CRL Number:\s+\d+/);
  });

  test('refuses to be another authority’s issuer, and its ends are not authorities', async () => {
    const leaf = new X509Certificate((await authority.issue()).der);
    const own = new X509Certificate(authority.der);
    expect([own.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.checkIssued(own)).toBe(true);
    expect(leaf.verify(own.publicKey)).toBe(true);
    expect(own.toString()).toBe(authority.pem);
  });

  test('signs no list that another key would be believed for', async () => {
    const other = await makeTestAuthority('ec-p256', 'Another authority');
    const der = new Uint8Array(Buffer.from(authority.crl().split('\n').slice(1, -2).join(''), 'base64'));
    expect(() => readCrl(Buffer.from(der), [other.issuer.publicKey])).toThrow(/not signed by a trusted/);
    expect(readCrl(Buffer.from(der), [other.issuer.publicKey, authority.issuer.publicKey]).serials.size).toBe(
      0,
    );
  });

  test('a list with any byte changed is refused', () => {
    const der = Buffer.from(authority.crl().split('\n').slice(1, -2).join(''), 'base64');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bent = Buffer.from(der);
        bent[at] = (bent[at] ?? 0) ^ change;
        // the signature of ECDSA and the list may not be read in any other way
        expect(() => readCrl(bent, [authority.issuer.publicKey])).toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

const dnsName = fc
  .array(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/), { minLength: 1, maxLength: 4 })
  .map((labels): AlternativeName => ({ kind: 'dns', value: `n${labels.join('.')}` }));
const ipName = fc.oneof(fc.ipV4(), fc.ipV6()).map((value): AlternativeName => ({ kind: 'ip', value }));
const uriName = fc
  .stringMatching(/^[a-z0-9]{1,10}\/[A-Za-z0-9_-]{1,20}$/)
  .map((rest): AlternativeName => ({ kind: 'uri', value: `spiffe://${rest}` }));

describe('the builder', () => {
  test('writes names that node and openssl read back as they were asked for', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const list = fc.array(fc.oneof(dnsName, ipName, uriName), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(list, async (asked) => {
        const names = checkNames(asked);
        const certificate = new X509Certificate((await authority.issue({ names })).der);
        const read = certificate.subjectAltName?.split(', ') ?? [];
        expect(read).toHaveLength(names.length);
        for (const { kind, value } of names) {
          if (kind === 'ip') expect(certificate.checkIP(value)).toBe(value);
          else if (kind === 'dns') expect(certificate.checkHost(value)).toBe(value);
          else expect(read).toContain(`URI:${value}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  testUnless(noOpenssl, 'lays out bytes that openssl asn1parse takes apart without a complaint', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const leaf = await authority.issue({ names: checkNames([{ kind: 'ip', value: '::1' }]) });
    for (const der of [authority.der, leaf.der]) {
      const { code, output } = await runOver('openssl', { der }, [
        'asn1parse',
        '-inform',
        'DER',
        '-in',
        '{der}',
      ]);
      expect({ code, error: /error|BAD/i.exec(output)?.[0] }).toEqual({ code: 0, error: undefined });
    }
  });

  test('encodes integers, times and long values so that the strict reader gives them back', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 19 }),
        fc.string({ maxLength: 400 }),
        (bytes, text) => {
          const der = encode(sequence(integer(bytes), utf8(text)));
          const { children } = readDer(der, 'probe', 10_000);
          const hex = Buffer.from(bytes)
            .toString('hex')
            .toUpperCase()
            .replace(/^(00)+/, '');
          expect(positiveIntegerOf(children[0])).toBe(hex === '' ? null : hex);
          expect(children[1]?.content.toString('utf8')).toBe(Buffer.from(text).toString('utf8'));
        },
      ),
    );
    const seconds = fc.integer({ min: 0, max: 8_000_000_000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const date = new Date(second * 1_000);
        expect(timeOf(readDer(encode(time(date)), 'time', 20))).toEqual(date);
      }),
    );
  });

  test('makes serial numbers that are positive, 16 bytes and all different', () => {
    const serials = Array.from({ length: 1_000 }, () => makeSerial(systemRandomBytes));
    expect(
      serials.every((serial) => serial.length === 16 && (serial[0] ?? 0) >= 0x40 && (serial[0] ?? 0) < 0x80),
    ).toBe(true);
    expect(new Set(serials.map((serial) => serial.toString('hex'))).size).toBe(1_000);
  });

  test('a certificate with a negative or empty serial number is told from a good one', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const good = await authority.issue();
    expect(serialOf(good.der)).toBe(good.serial.toString('hex').toUpperCase());
    const at = good.der.indexOf(good.serial);
    const negative = Buffer.from(good.der);
    negative[at] = 0x80 | (negative[at] ?? 0);
    expect(serialOf(negative)).toBeNull();
  });
});

describe('the strict reader', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['an indefinite length', '30800000'],
    ['a length that is not the shortest', '308103020101'],
    ['a length with a leading zero', '30820003020101'],
    ['a length beyond the end', '30050201'],
    ['a high tag number', '1f810101'],
    ['bytes after the end', '3003020101ff'],
    ['nothing at all', ''],
    ['a length of five bytes', '30850000000003020101'],
    ['nesting without end', '3022'.repeat(18)],
  ];
  test.each(bad)('refuses %s', (_, hex) => {
    expect(() => readDer(Buffer.from(hex, 'hex'), 'probe', 1_000)).toThrow(/not DER/);
  });

  test('refuses what is longer than its bound before reading it', () => {
    expect(() => readDer(Buffer.alloc(11), 'probe', 10)).toThrow(/at most 10/);
  });

  test('never fails in any other way than its own on bytes of chance', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readDer(Buffer.from(bytes), 'probe', 200);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_CRYPTO_CERTIFICATE' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

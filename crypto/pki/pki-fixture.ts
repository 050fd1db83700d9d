import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemRandomBytes } from '../../kernel/index.ts';
import { buildAuthority, buildEndCertificate, makeSerial, toPem, type Issuer } from './build-certificate.ts';
import { buildCrl, type RevokedEntry } from './build-crl.ts';
import { makeKeyPair, type KeyPair } from './keys.ts';
import { profiles, type Profile } from './profiles.ts';
import type { AlternativeName, AuthorityAlgorithm, KeyAlgorithm, MutualTlsMaterial } from './types.ts';

const run = promisify(execFile);
const minute = 60_000;
/** Milliseconds of a day. */
export const day = 24 * 60 * minute;

/** Exit code and everything printed. */
export type Ran = { readonly code: number; readonly output: string };

/** Runs a program over files made for it; `{name}` in an argument becomes the file's path. */
export async function runOver(
  program: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  commandLine: readonly string[],
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-pki-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const args = commandLine.map((part) =>
      part.replace(/\{([\w.]+)\}/g, (_, name) => join(folder, String(name))),
    );
    const { stdout, stderr } = await run(program, args, { timeout: 20_000 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string }; // execFile's error
    return { code: typeof code === 'number' ? code : -1, output: stdout + stderr };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Null when a program can be run, else why not; for `testUnless`. */
export async function missingProgram(program: string, argument: string): Promise<string | null> {
  return run(program, [argument], { timeout: 20_000 }).then(
    () => null,
    () => `${program} is not installed`,
  );
}

/** An authority of a test with what it takes to sign. */
export type TestAuthority = {
  readonly issuer: Issuer;
  readonly der: Buffer;
  readonly pem: string;
  /** PEM of a revocation list. */
  readonly crl: (entries?: readonly RevokedEntry[], times?: { from?: number; until?: number }) => string;
  readonly issue: (options?: Partial<TestCertificate>) => Promise<TestEnd>;
};

/** What a test may choose of a certificate; times in milliseconds from now. */
export type TestCertificate = {
  readonly profile: Profile;
  readonly names: readonly AlternativeName[];
  readonly from: number;
  readonly until: number;
  readonly algorithm: KeyAlgorithm;
};

/** A certificate of a test. */
export type TestEnd = {
  readonly der: Buffer;
  readonly pem: string;
  readonly serial: Buffer;
  readonly keys: KeyPair;
  readonly privateKeyPem: string;
};

/** The same key pair again for the same name: making RSA keys is slow. */
const pairs = new Map<string, Promise<KeyPair>>();
const pairOf = (name: string, algorithm: KeyAlgorithm): Promise<KeyPair> => {
  const known = pairs.get(`${name}/${algorithm}`) ?? makeKeyPair(algorithm);
  pairs.set(`${name}/${algorithm}`, known);
  return known;
};

const loopback: readonly AlternativeName[] = [
  { kind: 'dns', value: 'localhost' },
  { kind: 'ip', value: '127.0.0.1' },
];
const at = (milliseconds: number): Date => new Date(Date.now() + milliseconds);

/** Makes an authority out of the builders alone, without a database. */
export async function makeTestAuthority(
  algorithm: AuthorityAlgorithm,
  commonName = `Test authority ${algorithm}`,
): Promise<TestAuthority> {
  const pair = await pairOf(commonName, algorithm);
  const issuer: Issuer = { commonName, ...pair };
  const der = buildAuthority(
    {
      serial: makeSerial(systemRandomBytes),
      commonName,
      publicKey: pair.publicKey,
      notBefore: at(-30 * day),
      notAfter: at(3_000 * day),
    },
    pair.privateKey,
  );
  let number = 0;
  return {
    issuer,
    der,
    pem: toPem('CERTIFICATE', der),
    crl: (entries = [], times = {}) =>
      toPem(
        'X509 CRL',
        buildCrl(issuer, {
          number: (number += 1),
          thisUpdate: at(times.from ?? -minute),
          nextUpdate: at(times.until ?? 7 * day),
          entries,
        }),
      ),
    issue: (options = {}) => issueForTest(issuer, options),
  };
}

async function issueForTest(issuer: Issuer, options: Partial<TestCertificate>): Promise<TestEnd> {
  const algorithm =
    options.algorithm ?? (issuer.publicKey.asymmetricKeyType === 'ec' ? 'ec-p256' : 'rsa-2048');
  const profile = options.profile ?? profiles['mtls-client'];
  const names = options.names ?? loopback;
  const keys = await pairOf(JSON.stringify(profile) + JSON.stringify(names), algorithm);
  const serial = makeSerial(systemRandomBytes);
  const der = buildEndCertificate(
    {
      serial,
      commonName: profile.purposes.join(' ') || 'signing',
      publicKey: keys.publicKey,
      notBefore: at(options.from ?? -minute),
      notAfter: at(options.until ?? 30 * day),
    },
    issuer,
    { profile, names, crlUrl: 'http://127.0.0.1/crl' },
  );
  const privateKeyPem = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { der, pem: toPem('CERTIFICATE', der), serial, keys, privateKeyPem };
}

/** A revoked entry of now. */
export const revoked = (serial: Buffer): RevokedEntry => ({
  serial,
  revokedAt: at(-minute),
  reason: 'key_compromise',
});

/** What one end of a connection holds. */
export const materialOf = (
  end: { readonly pem: string; readonly keys: { readonly privateKey: KeyObject } },
  authorities: readonly TestAuthority[],
  revocationLists: readonly string[],
): MutualTlsMaterial => ({
  certificate: end.pem,
  privateKey: end.keys.privateKey,
  authorities: authorities.map(({ pem }) => pem),
  revocationLists,
});

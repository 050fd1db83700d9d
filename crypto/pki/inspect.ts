import { X509Certificate } from 'node:crypto';
import type { Tx } from '../../db/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { listAuthorities } from './authority.ts';
import { algorithmOf } from './keys.ts';
import { certificateError } from './pki-error.ts';
import { readCrl } from './read-crl.ts';
import { serialOf } from './read-csr.ts';
import type { Inspection } from './types.ts';

const maxPemCharacters = 32_768;

/**
 * Says what a certificate is and what is wrong with it: dates, key, serial number, whether an authority of the tenant
 * signed it and whether its list names it.
 *
 * @param pem - at most 32 KiB
 * @throws ERR_CRYPTO_CERTIFICATE when it cannot be read
 */
export async function inspect(tx: Tx, clock: Clock, pem: string): Promise<Inspection> {
  const certificate = parse(pem);
  const serial = serialOf(certificate.raw);
  const notBefore = new Date(certificate.validFrom);
  const notAfter = new Date(certificate.validTo);
  const authorities = await listAuthorities(tx);
  const authority = authorities.find(({ der }) => {
    const candidate = new X509Certificate(der);
    return certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey);
  });
  const { key, finding } = describeKey(certificate);
  const now = clock.now();
  const list =
    authority === undefined ? null : readCrl(authority.crl, [new X509Certificate(authority.der).publicKey]);
  const findings = [
    ...(serial === null ? ['its serial number is not a positive number of at most 20 bytes'] : []),
    ...(notBefore > now ? ['it is not valid yet'] : []),
    ...(notAfter <= now ? ['it is over'] : []),
    ...(authority === undefined ? ['no authority of this tenant signed it'] : []),
    ...(serial !== null && list?.serials.has(serial) === true ? ['it is revoked'] : []),
    ...(finding === null ? [] : [finding]),
  ];
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    serial: serial ?? certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore,
    notAfter,
    names: certificate.subjectAltName ?? '',
    isAuthority: certificate.ca,
    purposes: certificate.keyUsage ?? [], // node calls extended key usage so; null without one
    key,
    authorityId: authority?.id ?? null,
    findings,
  };
}

function parse(pem: string): X509Certificate {
  if (pem.length > maxPemCharacters)
    throw certificateError(
      `the certificate has ${pem.length} characters; at most ${maxPemCharacters} are read`,
    );
  try {
    return new X509Certificate(pem);
  } catch {
    throw certificateError('this is no X.509 certificate; give one PEM block "CERTIFICATE"');
  }
}

function describeKey({ publicKey }: X509Certificate): {
  readonly key: string;
  readonly finding: string | null;
} {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  const key = [publicKey.asymmetricKeyType, modulusLength, namedCurve]
    .filter((part) => part !== undefined)
    .join(' ');
  try {
    algorithmOf(publicKey);
    return { key, finding: null };
  } catch (error) {
    return { key, finding: (error as Error).message }; // algorithmOf throws our own error
  }
}

import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { certificateError } from './pki-error.ts';
import { readCrl, type RevocationList } from './read-crl.ts';
import type { MutualTlsMaterial } from './types.ts';

/** A connection that was refused or ended, for the record. */
export type Refusal = {
  readonly side: 'server' | 'client';
  /** OpenSSL's name of the reason, such as `CERT_REVOKED`, or one of ours: `NO_CERTIFICATE`, `NOT_ALLOWED`. */
  readonly cause: string;
  /** Of the other end; hex, upper case. */
  readonly serial: string | null;
  /** Whether a trusted authority signed the other end's certificate. */
  readonly isOurs: boolean;
  readonly protocol: string | null;
  readonly remoteAddress: string | null;
};

/** Material made ready: authorities parsed, lists read and their signatures checked. */
export type Trust = {
  readonly authorities: readonly X509Certificate[];
  readonly lists: readonly RevocationList[];
  readonly options: SecureContextOptions;
};

/** Every cipher suite of TLS 1.2 has forward secrecy and authenticated encryption; those of 1.3 all have. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/**
 * Reads material before anything uses it, so that what is broken never takes the place of what works.
 *
 * @param before - what is in use; its lists must not be newer
 * @throws ERR_CRYPTO_CERTIFICATE
 */
export function compileTrust(material: MutualTlsMaterial, before: Trust | null): Trust {
  const authorities = material.authorities.map((pem) => new X509Certificate(pem));
  if (authorities.length === 0)
    throw certificateError('no authority is trusted, so nobody could connect; give one');
  const keys = authorities.map(({ publicKey }) => publicKey);
  const lists = material.revocationLists.map((pem) => readCrl(derOf(pem), keys));
  for (const list of lists) requireNotOlder(list, before);
  if (!new X509Certificate(material.certificate).checkPrivateKey(material.privateKey))
    throw certificateError('the certificate does not belong to the private key; give the pair');
  return {
    authorities,
    lists,
    options: {
      cert: material.certificate,
      key: material.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      ca: [...material.authorities],
      crl: [...material.revocationLists],
      minVersion: 'TLSv1.2',
      ciphers,
      honorCipherOrder: true,
    },
  };
}

function requireNotOlder(list: RevocationList, before: Trust | null): void {
  const known = before?.lists.find(({ signedBy }) => signedBy.equals(list.signedBy));
  if (known !== undefined && known.thisUpdate > list.thisUpdate)
    throw certificateError('a revocation list is older than the one in use; fetch the newest');
}

function derOf(pem: string): Buffer {
  const body = /^\s*-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----\s*$/.exec(pem)?.[1];
  if (body === undefined) throw certificateError('a revocation list must be one PEM block "X509 CRL"');
  return Buffer.from(body, 'base64');
}

/**
 * Why the other end is not accepted, beside what the handshake said: OpenSSL does not look again when a session is
 * resumed, nor while a connection stays open, and of several reasons it names the last, which tells the least.
 *
 * @returns null when it is accepted
 */
export function judge(trust: Trust, peer: X509Certificate | undefined, now: Date): string | null {
  if (peer === undefined) return 'NO_CERTIFICATE';
  const issuer = issuerOf(trust, peer);
  if (issuer === null)
    return isSelfSigned(peer) ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  if (new Date(peer.validFrom) > now) return 'CERT_NOT_YET_VALID';
  if (new Date(peer.validTo) <= now) return 'CERT_HAS_EXPIRED';
  const list = trust.lists.find(({ signedBy }) => signedBy.equals(issuer.publicKey));
  if (list === undefined) return 'UNABLE_TO_GET_CRL';
  if (list.nextUpdate <= now) return 'CRL_HAS_EXPIRED';
  return list.serials.has(peer.serialNumber) ? 'CERT_REVOKED' : null;
}

const isSelfSigned = (peer: X509Certificate): boolean =>
  peer.subject === peer.issuer && peer.verify(peer.publicKey);

/** The trusted authority that signed a certificate, or null. */
export const issuerOf = ({ authorities }: Trust, peer: X509Certificate): X509Certificate | null =>
  authorities.find((authority) => peer.checkIssued(authority) && peer.verify(authority.publicKey)) ?? null;

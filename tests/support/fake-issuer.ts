import { createHmac, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An issuer with its own keys that signs whatever it is told to, right or wrong. */
export type FakeIssuer = {
  readonly issuer: string;
  readonly keys: JWTVerifyGetKey;
  readonly publicJwk: JWK;
  readonly publicPem: string;
  /** Signs these bytes by the given key and algorithm, whatever the header says. */
  readonly token: (
    header: Readonly<Record<string, unknown>>,
    claims: Readonly<Record<string, unknown>>,
    by?: 'RS256' | 'ES256' | 'PS256',
  ) => string;
  /** A token without, or with a symmetric signature. */
  readonly forged: (
    header: Readonly<Record<string, unknown>>,
    claims: Readonly<Record<string, unknown>>,
    secret: string | null,
  ) => string;
};

/** Makes an issuer. Key ids: `rsa`, `ec`, and `enc`, an encryption key. */
export function createFakeIssuer(issuer: string): FakeIssuer {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = (key: KeyObject, kid: string): JWK => ({
    ...(key.export({ format: 'jwk' }) as JWK),
    kid,
    use: 'sig',
  }); // public keys export as such
  const keySet = { keys: [jwk(rsa.publicKey, 'rsa'), jwk(ec.publicKey, 'ec')] };
  const publicPem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return Object.freeze({
    issuer,
    publicPem,
    publicJwk: jwk(rsa.publicKey, 'rsa'),
    keys: createLocalJWKSet(keySet) as JWTVerifyGetKey, // the two resolver types differ in name only
    token: (
      header: Readonly<Record<string, unknown>>,
      claims: Readonly<Record<string, unknown>>,
      by: 'RS256' | 'ES256' | 'PS256' = 'RS256',
    ) => {
      const input = `${encode(header)}.${encode(claims)}`;
      const bytes = Buffer.from(input);
      const signature =
        by === 'ES256'
          ? signBytes('sha256', bytes, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
          : signBytes(
              'sha256',
              bytes,
              by === 'PS256' ? { key: rsa.privateKey, padding: 6, saltLength: 32 } : rsa.privateKey,
            );
      return `${input}.${signature.toString('base64url')}`;
    },
    forged: (
      header: Readonly<Record<string, unknown>>,
      claims: Readonly<Record<string, unknown>>,
      secret: string | null,
    ) => {
      const input = `${encode(header)}.${encode(claims)}`;
      return `${input}.${secret === null ? '' : createHmac('sha256', secret).update(input).digest('base64url')}`;
    },
  });
}

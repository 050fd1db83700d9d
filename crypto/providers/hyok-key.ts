import {
  createPrivateKey,
  createSecretKey,
  generateKeyPair,
  randomUUID,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { compactDecrypt } from 'jose';
import { z } from 'zod';
import { isGatehouseError, type AddressRules } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import { requireKeyServiceUrl } from './address-rules.ts';
import type { HyokConfiguration } from './configuration.ts';
import { getLimited, OversizedAnswerError, type LimitedAnswer } from './get-limited.ts';

/** Longest answer of a key service, bytes. */
export const maxAnswerBytes = 16_384;
const rsaBits = 3_072;
const answerSchema = z.object({
  kid: z.string().min(1).max(200),
  jwe: z.string().min(1).max(maxAnswerBytes),
});
const generate = promisify(generateKeyPair);

/** A key pair that a key service encrypts to: the public half for its owner, the private one to be sealed. */
export async function makeTransportKeys(
  algorithm: HyokConfiguration['algorithm'],
): Promise<{ readonly publicKey: JsonWebKey; readonly privateKey: JsonWebKey }> {
  const pair =
    algorithm === 'ECDH-ES'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: rsaBits });
  const use = { use: 'enc', alg: algorithm };
  return {
    publicKey: { ...pair.publicKey.export({ format: 'jwk' }), ...use },
    privateKey: { ...pair.privateKey.export({ format: 'jwk' }), ...use },
  };
}

/** The public half, as its owner installs it. */
export function publicHalf(privateKey: JsonWebKey): JsonWebKey {
  const { kty, n, e, crv, x, y, alg, use } = privateKey;
  const half = { kty, n, e, crv, x, y, alg, use };
  return Object.fromEntries(Object.entries(half).filter(([, value]) => value !== undefined));
}

/**
 * Asks the tenant's key service for one key: `GET url?requestId=…` answers `{ kid, jwe }`, the JWE holding the 32 bytes.
 * The caller drops the key when it has used it.
 *
 * @throws ERR_CRYPTO_KEY_REVOKED when the service refuses; ERR_CRYPTO_ROOT, retryable when it is merely away
 */
export async function fetchTenantKey(
  configuration: HyokConfiguration,
  keyId: string,
  options: { readonly rules: AddressRules; readonly signal?: AbortSignal | undefined },
): Promise<KeyObject> {
  const requestId = randomUUID();
  const address = configuration.url.replaceAll('{kid}', encodeURIComponent(keyId));
  const url = requireKeyServiceUrl(address, options.rules);
  url.searchParams.set('requestId', requestId);
  const { bearer, certificateAuthority } = configuration;
  const answer = await getLimited({
    ...{ url, rules: options.rules, signal: options.signal, maxBytes: maxAnswerBytes, certificateAuthority },
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
  }).catch((error: unknown) => {
    throw options.signal?.aborted === true ? options.signal.reason : networkError(url, error);
  });
  requireOk(answer, keyId);
  return openAnswer(configuration, keyId, answer.body, requestId);
}

const refusals = new Set([401, 403, 404, 410]);
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

function requireOk({ status, headers }: LimitedAnswer, keyId: string): void {
  if (status === 200) return;
  if (refusals.has(status))
    throw cryptoError(
      'ERR_CRYPTO_KEY_REVOKED',
      `the tenant's own key service refused to give the key "${keyId}" (HTTP ${status}); who owns the key must allow it again, nothing is lost`,
    );
  const retryAfter = Number(headers['retry-after']) * 1_000;
  throw cryptoError('ERR_CRYPTO_ROOT', `the tenant's own key service answered with HTTP ${status}`, {
    details: {
      retryable: passing.has(status),
      ...(Number.isFinite(retryAfter) ? { retryAfterMilliseconds: retryAfter } : {}),
    },
  });
}

/** kid as asked for, one algorithm, 32 bytes; whatever else comes is refused in the same words. */
async function openAnswer(
  configuration: HyokConfiguration,
  keyId: string,
  body: Buffer,
  requestId: string,
): Promise<KeyObject> {
  const answer = answerSchema.safeParse(parseJson(body));
  if (!answer.success) throw wrongAnswer('is not { kid, jwe }');
  if (answer.data.kid !== keyId) throw wrongAnswer(`holds another key than "${keyId}"`);
  const privateKey = createPrivateKey({ key: configuration.privateKey, format: 'jwk' });
  const opened = await compactDecrypt(answer.data.jwe, privateKey, {
    keyManagementAlgorithms: [configuration.algorithm],
    contentEncryptionAlgorithms: ['A256GCM'],
  }).catch(() => null);
  if (opened === null)
    throw wrongAnswer(`does not open with our key as ${configuration.algorithm} and A256GCM`);
  const plaintext = Buffer.from(
    opened.plaintext.buffer,
    opened.plaintext.byteOffset,
    opened.plaintext.length,
  );
  try {
    const { kid, jti } = opened.protectedHeader as { kid?: unknown; jti?: unknown }; // read, not trusted
    if (kid !== undefined && kid !== keyId) throw wrongAnswer(`holds another key than "${keyId}"`);
    if (jti === undefined ? configuration.replayProtection : jti !== requestId)
      throw wrongAnswer('does not repeat our request id as "jti"; it may be an old answer');
    if (plaintext.length !== keyBytes)
      throw wrongAnswer(`holds ${plaintext.length} bytes instead of ${keyBytes}`);
    return createSecretKey(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

const wrongAnswer = (what: string): Error =>
  cryptoError(
    'ERR_CRYPTO_ROOT',
    `the answer of the tenant's own key service ${what}; nothing was used of it`,
    {
      details: { wrongAnswer: true },
    },
  );

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null; // the schema refuses it with the same words as any other damage
  }
}

/** Codes of node:tls for a certificate that is not believed: asking again changes nothing. */
const certificateCodes = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_/;

function networkError(url: URL, error: unknown): Error {
  if (isGatehouseError(error)) return error;
  const code = (error as { code?: string }).code ?? 'failed'; // an errno, TLS or abort error
  const host = url.host;
  if (error instanceof OversizedAnswerError) return wrongAnswer(`has more than ${maxAnswerBytes} bytes`);
  if (code === 'ERR_FORBIDDEN_ADDRESS')
    return cryptoError('ERR_CRYPTO_ROOT', `the key service "${host}" leads to an address that is not public`);
  if (certificateCodes.test(code))
    return cryptoError(
      'ERR_CRYPTO_ROOT',
      `the certificate of the key service "${host}" is not trusted (${code}); give its authority as certificateAuthority`,
      { cause: error },
    );
  return cryptoError('ERR_CRYPTO_ROOT', `the key service "${host}" cannot be reached (${code})`, {
    cause: error,
    details: { retryable: true },
  });
}

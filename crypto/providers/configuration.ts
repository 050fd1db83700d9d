import { z } from 'zod';
import { awsKmsInput } from './aws-kms-schema.ts';

const text = (max: number): z.ZodString => z.string().min(1).max(max);
const jwk = z.record(z.string().max(20), z.string().max(2_000));

/** What a tenant gives for kind `hyok`: its own HTTPS endpoint that answers `{ kid, jwe }`. */
export const hyokInput = z.strictObject({
  kind: z.literal('hyok'),
  /** `{kid}` in it is replaced by the id of the key that is asked for. */
  url: text(2_000),
  /** Id of the key that wraps new epochs; older ones are asked for by the id they were wrapped under. */
  keyId: text(100).regex(/^[A-Za-z0-9._~:-]+$/),
  algorithm: z.enum(['RSA-OAEP-256', 'ECDH-ES']).default('RSA-OAEP-256'),
  /** Sent as `Authorization: Bearer …`. */
  bearer: text(4_000)
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
  /** PEM; then nothing else is trusted for this service. */
  certificateAuthority: text(20_000).startsWith('-----BEGIN CERTIFICATE-----').optional(),
  /** Whether the JWE must repeat our request id as `jti`. */
  replayProtection: z.boolean().default(false),
});

/** As stored, sealed: with the private half of the key pair that the service encrypts to. */
export const hyokConfiguration = hyokInput.extend({ privateKey: jwk });
/** See {@link hyokConfiguration}. */
export type HyokConfiguration = z.output<typeof hyokConfiguration>;

/**
 * What a tenant may bring, by kind, as it is posted. A new kind adds its schema here, its stored form to
 * {@link storedConfiguration}, and its case to `build-provider.ts`; the table and the routes stay as they are. Kinds that
 * load code or open devices of the house's machine (`pkcs11`) are the operator's to configure, never a tenant's.
 */
export const providerInput = z.discriminatedUnion('kind', [hyokInput, awsKmsInput]);
/** See {@link providerInput}. */
export type ProviderInput = z.output<typeof providerInput>;

/** What is sealed in `crypto.provider.configuration`. */
export const storedConfiguration = z.discriminatedUnion('kind', [hyokConfiguration, awsKmsInput]);
/** See {@link storedConfiguration}. */
export type StoredConfiguration = z.output<typeof storedConfiguration>;

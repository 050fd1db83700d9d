import { z } from 'zod';

const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/, 'a host name or address');
const port = z.number().int().min(1).max(65_535);
const pem = z.string().max(64_000).startsWith('-----BEGIN ');
const url = z.url({ protocol: /^https?$/ }).max(2_048);
const format = z.enum(['native', 'ocsf', 'cloudevents', 'cef']);
const secret = z.string().min(1).max(8_192);
/** Value of a header of HTTP (RFC 9110 section 5.5). */
const headerValue = secret.regex(/^[\x20-\x7e]+$/, 'printable ASCII');

/** Signed webhook. @see https://www.standardwebhooks.com/ */
const webhook = z.strictObject({
  kind: z.literal('webhook'),
  url,
  format: format.default('native'),
  caPem: pem.optional(),
});
/** RFC 5424 over TLS with octet counting (RFC 5425). */
const syslog = z.strictObject({
  kind: z.literal('syslog'),
  host,
  port: port.default(6_514),
  format: z.enum(['native', 'ocsf', 'cef']).default('native'),
  /** Private enterprise number of the structured data; 32473 is the one for documentation (RFC 5612). */
  enterpriseNumber: z.number().int().min(1).max(4_294_967_295).default(32_473),
  /** Receivers should take at least 2,048 (RFC 5424 section 6.1). */
  maxMessageBytes: z.number().int().min(2_048).max(1_048_576).default(8_192),
  caPem: pem.optional(),
  clientCertificatePem: pem.optional(),
});
/** Objects under a retention lock. */
const s3 = z.strictObject({
  kind: z.literal('s3'),
  endpoint: url.optional(),
  region: z.string().min(1).max(50).default('us-east-1'),
  bucket: z.string().regex(/^[a-z0-9.-]{3,63}$/, 'a bucket name'),
  prefix: z
    .string()
    .max(500)
    .regex(/^[A-Za-z0-9!_.*'()/-]*$/, 'a key prefix')
    .default('gatehouse/'),
  format: z.enum(['native', 'ocsf', 'cloudevents']).default('native'),
  lockMode: z.enum(['COMPLIANCE', 'GOVERNANCE']).default('COMPLIANCE'),
  retainDays: z.number().int().min(1).max(36_500),
  pathStyle: z.boolean().default(false),
});
const kafka = z.strictObject({
  kind: z.literal('kafka'),
  brokers: z
    .array(z.string().regex(/^[A-Za-z0-9._-]+:\d{1,5}$/, 'host:port'))
    .min(1)
    .max(20),
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'a topic name'),
  format: z.enum(['native', 'ocsf', 'cloudevents']).default('native'),
  tls: z.boolean().default(true),
  caPem: pem.optional(),
  saslMechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).optional(),
});
/** OTLP/HTTP with JSON; the URL is that of the logs signal, usually ending in /v1/logs. */
const otlp = z.strictObject({ kind: z.literal('otlp'), url, caPem: pem.optional() });

/** Where the trail is delivered to and how; holds no secret. */
export const sinkConfigurationSchema = z.discriminatedUnion('kind', [webhook, syslog, s3, kafka, otlp]);
/** @see sinkConfigurationSchema */
export type SinkConfiguration = z.output<typeof sinkConfigurationSchema>;
/** One kind of it. */
export type ConfigurationOf<Kind extends SinkConfiguration['kind']> = Extract<
  SinkConfiguration,
  { kind: Kind }
>;

/** Kept sealed and never shown again. */
export const sinkSecretsSchema = z
  .strictObject({
    /** webhook: `whsec_` and base64 of 24 to 64 bytes; made when it is absent. */
    signingSecret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'whsec_ and base64 of 24 to 64 bytes')
      .optional(),
    /** webhook and otlp: value of the Authorization header. */
    authorization: headerValue.optional(),
    /** syslog: private key of the client certificate. */
    clientKeyPem: pem.optional(),
    accessKeyId: secret.optional(),
    secretAccessKey: secret.optional(),
    username: secret.optional(),
    password: secret.optional(),
  })
  .default({});
/** @see sinkSecretsSchema */
export type SinkSecrets = z.output<typeof sinkSecretsSchema>;

/** Which events go out. Absent: all. */
export const sinkFilterSchema = z
  .strictObject({
    /** Actions, or prefixes ending in `.*`. */
    actions: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
    categories: z.array(z.string().min(1).max(50)).min(1).max(20).optional(),
    outcomes: z
      .array(z.enum(['success', 'failure', 'denied']))
      .min(1)
      .optional(),
  })
  .default({});
/** @see sinkFilterSchema */
export type SinkFilter = z.output<typeof sinkFilterSchema>;

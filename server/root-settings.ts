import { z } from 'zod';
import { Secret } from '../kernel/index.ts';
import { serverError } from './errors.ts';

const secret = z
  .string()
  .min(1)
  .max(4_096)
  .transform((value) => new Secret(value));
const text = z.string().min(1).max(1_024);
const prefix = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-]*$/)
  .default('gatehouse-');

/** Settings that choose and describe the root provider of the house. */
export const rootSettings = {
  GATEHOUSE_ROOT_PROVIDER: z
    .enum(['local', 'pkcs11', 'aws-kms', 'vault-transit'])
    .default('local')
    .describe(
      'What holds the root: `local` (a sealed file), `pkcs11`, `aws-kms`, `vault-transit`. Complete settings of another one beside it make that a former provider, which goes on opening what it wrapped',
    ),
  GATEHOUSE_PKCS11_LIBRARY: text.optional().describe("Path of the token maker's PKCS#11 library"),
  GATEHOUSE_PKCS11_TOKEN: text.optional().describe('Label of the PKCS#11 token'),
  GATEHOUSE_PKCS11_PIN: secret.optional().describe('User PIN of the PKCS#11 token'),
  GATEHOUSE_PKCS11_LABEL_PREFIX: prefix.describe('Begins the label of every key on the token'),
  GATEHOUSE_AWS_KMS_REGION: z
    .string()
    .max(40)
    .regex(/^[a-z0-9-]+$/)
    .optional()
    .describe('AWS region of the KMS keys'),
  GATEHOUSE_AWS_KMS_ENDPOINT: z.url().max(2_048).optional().describe('Another KMS endpoint, e.g. of a VPC'),
  GATEHOUSE_AWS_KMS_ACCESS_KEY_ID: text
    .optional()
    .describe('AWS access key; absent: the usual chain of environment, container and instance'),
  GATEHOUSE_AWS_KMS_SECRET_ACCESS_KEY: secret.optional().describe('AWS secret access key'),
  GATEHOUSE_AWS_KMS_KEY_ARN: z
    .string()
    .max(2_048)
    .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/)
    .optional()
    .describe(
      'One KMS key for everything; then single epochs cannot be destroyed. Absent: a key for each epoch',
    ),
  GATEHOUSE_AWS_KMS_ALIAS_PREFIX: prefix.describe('Begins the alias of every KMS key, without `alias/`'),
  GATEHOUSE_AWS_KMS_DELETION_DAYS: z.coerce
    .number()
    .int()
    .min(7)
    .max(30)
    .default(7)
    .describe('Days that AWS waits before it deletes a KMS key'),
  GATEHOUSE_VAULT_ADDRESS: z
    .url()
    .max(2_048)
    .refine(isSafeAddress, 'must be https, or http on loopback')
    .optional()
    .describe('Origin of OpenBao or Vault'),
  GATEHOUSE_VAULT_TOKEN: secret.optional().describe('Token of OpenBao or Vault'),
  GATEHOUSE_VAULT_NAMESPACE: text.optional().describe('Namespace of the transit mount'),
  GATEHOUSE_VAULT_MOUNT: text.default('transit').describe('Path of the transit mount'),
  GATEHOUSE_VAULT_KEY_PREFIX: prefix.describe('Begins the name of every transit key'),
  GATEHOUSE_VAULT_CA_FILE: text
    .optional()
    .describe('PEM file with the authority of the server; absent: those of the system'),
} as const;

/** What the settings say of one provider. */
export type RootConfig =
  | { readonly kind: 'local' }
  | {
      readonly kind: 'pkcs11';
      readonly library: string;
      readonly token: string;
      readonly pin: Secret;
      readonly labelPrefix: string;
    }
  | {
      readonly kind: 'aws-kms';
      readonly region: string;
      readonly endpoint: string | null;
      readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: Secret } | null;
      readonly keyArn: string | null;
      readonly aliasPrefix: string;
      readonly deletionDays: number;
    }
  | {
      readonly kind: 'vault-transit';
      readonly address: string;
      readonly token: Secret;
      readonly namespace: string | null;
      readonly mount: string;
      readonly keyPrefix: string;
      readonly caFile: string | null;
    };
/** The provider of the house, and those that it had before. */
export type RootConfigs = { readonly current: RootConfig; readonly former: readonly RootConfig[] };

const schema = z.object(rootSettings);
type Values = z.output<typeof schema>;
type Outside = Exclude<RootConfig['kind'], 'local'>;

/** http would show token and keys to the network. */
function isSafeAddress(value: string): boolean {
  const { protocol, hostname } = new URL(value);
  return (
    protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
  );
}

/** Puts the settings in order. @throws ERR_CONFIG_INVALID naming what the chosen provider, or half a former one, lacks */
export function readRootConfigs(values: Values): RootConfigs {
  const chosen = values.GATEHOUSE_ROOT_PROVIDER;
  const outside = (['pkcs11', 'aws-kms', 'vault-transit'] as const).flatMap((kind) => {
    const read = readers[kind](values);
    if (read.config !== null) return [read.config];
    if (kind === chosen || read.begun)
      throw serverError(
        'ERR_CONFIG_INVALID',
        `the root provider ${kind} needs ${read.needs}; set them all or none`,
      );
    return [];
  });
  const current = outside.find(({ kind }) => kind === chosen) ?? { kind: 'local' };
  return { current, former: outside.filter((config) => config !== current) };
}

type Reading = { readonly config: RootConfig | null; readonly begun: boolean; readonly needs: string };

const readers: Readonly<Record<Outside, (values: Values) => Reading>> = {
  pkcs11: (values) => {
    const {
      GATEHOUSE_PKCS11_LIBRARY: library,
      GATEHOUSE_PKCS11_TOKEN: token,
      GATEHOUSE_PKCS11_PIN: pin,
    } = values;
    const needs = 'GATEHOUSE_PKCS11_LIBRARY, GATEHOUSE_PKCS11_TOKEN and GATEHOUSE_PKCS11_PIN';
    const begun = library !== undefined || token !== undefined || pin !== undefined;
    if (library === undefined || token === undefined || pin === undefined)
      return { config: null, begun, needs };
    const labelPrefix = values.GATEHOUSE_PKCS11_LABEL_PREFIX;
    return { config: { kind: 'pkcs11', library, token, pin, labelPrefix }, begun, needs };
  },
  'aws-kms': (values) => {
    const region = values.GATEHOUSE_AWS_KMS_REGION;
    const accessKeyId = values.GATEHOUSE_AWS_KMS_ACCESS_KEY_ID;
    const secretAccessKey = values.GATEHOUSE_AWS_KMS_SECRET_ACCESS_KEY;
    const keyArn = values.GATEHOUSE_AWS_KMS_KEY_ARN ?? null;
    const needs = 'GATEHOUSE_AWS_KMS_REGION, and access key id with secret access key or neither';
    const begun = [region, accessKeyId, secretAccessKey, keyArn ?? undefined].some(
      (value) => value !== undefined,
    );
    if (region === undefined || (accessKeyId === undefined) !== (secretAccessKey === undefined))
      return { config: null, begun, needs };
    const credentials =
      accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey };
    const config = {
      ...{ kind: 'aws-kms' as const, region, credentials, keyArn },
      endpoint: values.GATEHOUSE_AWS_KMS_ENDPOINT ?? null,
      aliasPrefix: values.GATEHOUSE_AWS_KMS_ALIAS_PREFIX,
      deletionDays: values.GATEHOUSE_AWS_KMS_DELETION_DAYS,
    };
    return { config, begun, needs };
  },
  'vault-transit': (values) => {
    const { GATEHOUSE_VAULT_ADDRESS: address, GATEHOUSE_VAULT_TOKEN: token } = values;
    const needs = 'GATEHOUSE_VAULT_ADDRESS and GATEHOUSE_VAULT_TOKEN';
    const begun = address !== undefined || token !== undefined;
    if (address === undefined || token === undefined) return { config: null, begun, needs };
    const config = {
      ...{ kind: 'vault-transit' as const, address, token },
      namespace: values.GATEHOUSE_VAULT_NAMESPACE ?? null,
      mount: values.GATEHOUSE_VAULT_MOUNT,
      keyPrefix: values.GATEHOUSE_VAULT_KEY_PREFIX,
      caFile: values.GATEHOUSE_VAULT_CA_FILE ?? null,
    };
    return { config, begun, needs };
  },
};

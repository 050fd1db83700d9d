import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseCryptoperiods, type Cryptoperiods } from '../crypto/index.ts';
import { Secret, type AddressRules } from '../kernel/index.ts';
import { serverError } from './errors.ts';
import { readRootConfigs, rootSettings, type RootConfigs } from './root-settings.ts';

const secret = z
  .string()
  .min(1)
  .max(1_024)
  .transform((value) => new Secret(value));
const port = z.coerce.number().int().min(1).max(65_535);

/** Every setting: its name, shape, default and what it is for. The docs table is made from the descriptions. */
const settings = z.strictObject({
  GATEHOUSE_MODE: z
    .enum(['development', 'production'])
    .default('development')
    .describe(
      '`development` embeds everything and seeds demo tenants; `production` refuses development parts',
    ),
  GATEHOUSE_PORT: port.default(8470).describe('TCP port of the HTTP server'),
  GATEHOUSE_HOST: z
    .string()
    .max(255)
    .default('127.0.0.1')
    .describe('Address to bind; development binds loopback only'),
  GATEHOUSE_PUBLIC_URL: z
    .url()
    .max(2_048)
    .optional()
    .describe('Origin that browsers use; default http://localhost:PORT in development'),
  GATEHOUSE_DATA_DIR: z
    .string()
    .max(4_096)
    .default('.gatehouse')
    .describe('Folder for the embedded database, the sealed root key, the outbox and bootstrap.json'),
  GATEHOUSE_DATABASE_URL: secret
    .optional()
    .describe(
      'Administrator URL of an external PostgreSQL >= 16; migrations run with it. Absent: embedded PostgreSQL',
    ),
  GATEHOUSE_ROOT_KEY_PASSPHRASE: secret
    .optional()
    .describe('Unseals the local root key; development keeps a generated one in the data folder'),
  GATEHOUSE_ROOT_KEY_SEAL: z
    .enum(['passphrase', 'shares'])
    .default('passphrase')
    .describe(
      '`shares`: the local root key is sealed by m-of-n shares, and production needs no passphrase for it',
    ),
  ...rootSettings,
  GATEHOUSE_CRYPTOPERIODS: z
    .string()
    .max(200)
    .default('')
    .describe(
      'Days for which keys may seal, wrap or sign: `tenant_key=730,purpose_key=730,person_key=730,signing_key=1095,certificate_key=1095`; longer in use is a finding',
    ),
  GATEHOUSE_SHRED_LEDGER_DIR: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe(
      'Folder of the shred ledger outside the database; default: shred-ledger in the data folder. Keep it apart from backups of the database',
    ),
  GATEHOUSE_AUDIT_SPOOL_DIR: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe(
      'Folder for records of reads while the trail cannot be written, for tenants that chose so; default: audit-spool in the data folder, on local disk',
    ),
  GATEHOUSE_LOG_ORIGIN: z
    .string()
    .max(200)
    .regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)*$/)
    .optional()
    .describe(
      'Prefix of log origins, schemeless; default: host of the public URL + /log. Fixed for each log when it is created',
    ),
  GATEHOUSE_WITNESS_POLICY: z
    .string()
    .max(4_096)
    .optional()
    .describe(
      'File in the form of c2sp.org/tlog-policy: witnesses with their addresses, and how many must cosign the platform log',
    ),
  GATEHOUSE_DEMO_CONTACTS: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_000_000)
    .default(5_000)
    .describe('Contacts generated for each demo tenant (development only)'),
  GATEHOUSE_SMTP_URL: secret
    .optional()
    .describe('smtp:// or smtps:// URL for mail; absent in development: mails go to the outbox folder'),
  GATEHOUSE_MAIL_FROM: z
    .string()
    .max(320)
    .default('Gatehouse <privacy@gatehouse.example>')
    .describe('Sender of mail'),
  GATEHOUSE_OIDC_ISSUER: z
    .url()
    .max(2_048)
    .optional()
    .describe('External OpenID provider, e.g. a Keycloak realm; required in production'),
  GATEHOUSE_OIDC_CLIENT_ID: z.string().max(255).optional().describe('Client id at the external provider'),
  GATEHOUSE_OIDC_CLIENT_SECRET: secret.optional().describe('Client secret at the external provider'),
  GATEHOUSE_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe log line that is written'),
  GATEHOUSE_LOG_FORMAT: z.enum(['text', 'json']).default('text').describe('Form of log lines'),
  GATEHOUSE_LOG_FILE: z
    .string()
    .max(4_096)
    .optional()
    .describe('File that receives every log line as JSON as well'),
  GATEHOUSE_DATABASE_POOL: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(16)
    .describe('Connections of the application pool'),
  GATEHOUSE_OUTBOUND_PRIVATE: z
    .enum(['allow', 'refuse'])
    .optional()
    .describe(
      'Whether key services and receivers of the trail that tenants name may stand in private networks (receivers then over http too); default: allow in development, refuse in production',
    ),
  GATEHOUSE_TRUST_PROXY: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether X-Forwarded-For of the front proxy is believed'),
});

/** Names of one setting and its help, for docs and `doctor`. */
export type SettingHelp = { readonly name: string; readonly help: string };

/** Every setting with its description. */
export const settingsHelp: readonly SettingHelp[] = Object.entries(settings.shape).map(([name, shape]) => ({
  name,
  help: (shape as z.ZodType).description ?? '', // every shape above is a zod type
}));

/** The configuration as the house uses it. */
export type Config = {
  readonly mode: 'development' | 'production';
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string;
  readonly dataFolder: string;
  readonly shredLedgerFolder: string;
  readonly auditSpoolFolder: string;
  readonly cryptoperiods: Cryptoperiods;
  readonly databaseUrl: Secret | null;
  readonly rootKeyPassphrase: Secret | null;
  /** Whether people open the local root key by shares. */
  readonly rootKeyShares: boolean;
  readonly roots: RootConfigs;
  readonly logOrigin: string;
  readonly witnessPolicyFile: string | null;
  readonly demoContacts: number;
  readonly smtpUrl: Secret | null;
  readonly mailFrom: string;
  readonly oidc: { readonly issuer: string; readonly clientId: string; readonly clientSecret: Secret } | null;
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
    readonly format: 'text' | 'json';
    readonly file?: string;
  };
  readonly poolSize: number;
  readonly trustProxy: boolean;
  /** Where calls may go whose address a tenant names. */
  readonly addressRules: AddressRules;
};

/**
 * Reads the configuration from the environment, once.
 *
 * @throws ERR_CONFIG_INVALID naming every wrong or unknown setting
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const foreign = new Set([
    // of commands that call a running house, set in the same shell
    ...['GATEHOUSE_URL', 'GATEHOUSE_SESSION', 'GATEHOUSE_TOKEN', 'GATEHOUSE_BUNDLE_PASSWORD'],
    // of tests
    'GATEHOUSE_TEST_ADMIN_URL',
    'GATEHOUSE_TEST_LOG',
    'GATEHOUSE_E2E_BOOTSTRAP',
    'GATEHOUSE_BENCH_CONTACTS',
    'GATEHOUSE_FAULT_ROUNDS',
  ]);
  const given = Object.entries(environment).filter(
    ([name, value]) =>
      name.startsWith('GATEHOUSE_') && value !== undefined && value !== '' && !foreign.has(name),
  );
  const parsed = settings.safeParse(Object.fromEntries(given));
  if (!parsed.success) throw serverError('ERR_CONFIG_INVALID', describeIssues(parsed.error));
  const config = shape(parsed.data);
  if (config.mode === 'production') requireProduction(config);
  return config;
}

function describeIssues(error: z.ZodError): string {
  const lines = error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys')
      return `unknown setting ${issue.keys.join(', ')}; check the spelling`;
    return `${issue.path.join('.')}: ${issue.message}`;
  });
  return `the configuration is not valid: ${lines.join('; ')}. "gatehouse doctor --settings" lists every setting`;
}

function shape(values: z.output<typeof settings>): Config {
  const publicUrl = (values.GATEHOUSE_PUBLIC_URL ?? `http://localhost:${values.GATEHOUSE_PORT}`).replace(
    /\/$/,
    '',
  );
  return Object.freeze({
    mode: values.GATEHOUSE_MODE,
    host: values.GATEHOUSE_HOST,
    port: values.GATEHOUSE_PORT,
    publicUrl,
    dataFolder: resolve(values.GATEHOUSE_DATA_DIR),
    cryptoperiods: parseCryptoperiods(values.GATEHOUSE_CRYPTOPERIODS),
    shredLedgerFolder: resolve(
      values.GATEHOUSE_SHRED_LEDGER_DIR ?? join(values.GATEHOUSE_DATA_DIR, 'shred-ledger'),
    ),
    auditSpoolFolder: resolve(
      values.GATEHOUSE_AUDIT_SPOOL_DIR ?? join(values.GATEHOUSE_DATA_DIR, 'audit-spool'),
    ),
    databaseUrl: values.GATEHOUSE_DATABASE_URL ?? null,
    rootKeyPassphrase: values.GATEHOUSE_ROOT_KEY_PASSPHRASE ?? null,
    rootKeyShares: values.GATEHOUSE_ROOT_KEY_SEAL === 'shares',
    roots: readRootConfigs(values),
    logOrigin: values.GATEHOUSE_LOG_ORIGIN ?? `${new URL(publicUrl).hostname}/log`,
    witnessPolicyFile:
      values.GATEHOUSE_WITNESS_POLICY === undefined ? null : resolve(values.GATEHOUSE_WITNESS_POLICY),
    demoContacts: values.GATEHOUSE_DEMO_CONTACTS,
    smtpUrl: values.GATEHOUSE_SMTP_URL ?? null,
    mailFrom: values.GATEHOUSE_MAIL_FROM,
    oidc: oidcOf(values),
    log: {
      level: values.GATEHOUSE_LOG_LEVEL,
      format: values.GATEHOUSE_LOG_FORMAT,
      ...(values.GATEHOUSE_LOG_FILE === undefined ? {} : { file: values.GATEHOUSE_LOG_FILE }),
    },
    poolSize: values.GATEHOUSE_DATABASE_POOL,
    trustProxy: values.GATEHOUSE_TRUST_PROXY === 'true',
    addressRules: addressRulesOf(values),
  });
}

function addressRulesOf(values: z.output<typeof settings>): AddressRules {
  const development = values.GATEHOUSE_MODE === 'development';
  const privateNetworks = values.GATEHOUSE_OUTBOUND_PRIVATE ?? (development ? 'allow' : 'refuse');
  const allowPrivate = privateNetworks === 'allow';
  return Object.freeze({ development: development && allowPrivate, allowPrivate });
}

function oidcOf(values: z.output<typeof settings>): Config['oidc'] {
  const {
    GATEHOUSE_OIDC_ISSUER: issuer,
    GATEHOUSE_OIDC_CLIENT_ID: clientId,
    GATEHOUSE_OIDC_CLIENT_SECRET: clientSecret,
  } = values;
  if (issuer === undefined && clientId === undefined && clientSecret === undefined) return null;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) {
    throw serverError(
      'ERR_CONFIG_INVALID',
      'GATEHOUSE_OIDC_ISSUER, GATEHOUSE_OIDC_CLIENT_ID and GATEHOUSE_OIDC_CLIENT_SECRET belong together; set all three or none',
    );
  }
  return { issuer, clientId, clientSecret };
}

function requireProduction(config: Config): void {
  const missing: string[] = [];
  if (config.databaseUrl === null) missing.push('GATEHOUSE_DATABASE_URL (an external PostgreSQL)');
  if (!config.publicUrl.startsWith('https://')) missing.push('GATEHOUSE_PUBLIC_URL with https');
  if (config.roots.current.kind === 'local' && config.rootKeyPassphrase === null && !config.rootKeyShares)
    missing.push(
      'GATEHOUSE_ROOT_KEY_PASSPHRASE (the development root key is refused), or another GATEHOUSE_ROOT_PROVIDER',
    );
  if (config.oidc === null)
    missing.push(
      'GATEHOUSE_OIDC_ISSUER with client id and secret (the embedded provider is for development)',
    );
  if (config.smtpUrl === null) missing.push('GATEHOUSE_SMTP_URL (people must receive their codes)');
  if (missing.length > 0)
    throw serverError('ERR_CONFIG_PRODUCTION', `production needs ${missing.join('; ')}`);
}

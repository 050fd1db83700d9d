import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** A persona of the demo. */
export type DemoPerson = {
  readonly name: string;
  readonly displayName: string;
  readonly role: string;
  readonly attributes: Readonly<Record<string, string>>;
};

/** One person for each persona; two hold `dpo`, because erasure needs a second one. */
export const demoPeople: readonly DemoPerson[] = Object.freeze([
  { name: 'marketer', displayName: 'Marketer', role: 'marketer', attributes: { region: 'emea' } },
  { name: 'admin', displayName: 'Security admin', role: 'security_admin', attributes: {} },
  { name: 'dpo', displayName: 'Data protection officer', role: 'dpo', attributes: {} },
  { name: 'deputy', displayName: 'Deputy data protection officer', role: 'dpo', attributes: {} },
  { name: 'auditor', displayName: 'Auditor', role: 'auditor', attributes: {} },
  { name: 'engineer', displayName: 'Platform engineer', role: 'platform_engineer', attributes: {} },
]);

/** Roles that each get a service account named `svc-<role>`. */
export const demoServiceRoles: readonly string[] = Object.freeze([
  ...new Set(demoPeople.map((person) => person.role)),
]);

/** The two customer organisations of development. */
export const demoTenants = Object.freeze([
  {
    slug: 'acme',
    name: 'Acme Outdoor',
    settings: { timeZone: 'Europe/Warsaw', country: 'PL', languages: ['en', 'pl'] },
  },
  {
    slug: 'globex',
    name: 'Globex Travel',
    settings: { timeZone: 'America/Los_Angeles', country: 'US', languages: ['en'] },
  },
]);

const secretsSchema = z.record(
  z.string(),
  z.object({
    users: z.record(z.string(), z.object({ password: z.string(), totpSecret: z.string() })),
    serviceAccounts: z.record(z.string(), z.object({ clientId: z.string(), clientSecret: z.string() })),
  }),
);

/** Generated passwords, TOTP secrets and client secrets by tenant slug. */
export type DemoSecrets = z.infer<typeof secretsSchema>;

const fileIn = (secretsPath: string): string => join(secretsPath, 'demo.json');

/** Reads what earlier starts generated; empty at the first. */
export async function readDemoSecrets(secretsPath: string): Promise<DemoSecrets> {
  try {
    return secretsSchema.parse(JSON.parse(await readFile(fileIn(secretsPath), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}; // an errno error of node:fs
    throw error;
  }
}

/** Writes them, mode 0600, in one step. */
export async function writeDemoSecrets(secretsPath: string, secrets: DemoSecrets): Promise<void> {
  const draft = `${fileIn(secretsPath)}.new`;
  await writeFile(draft, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  await rename(draft, fileIn(secretsPath));
}

/** A password that nobody chose. */
export function generatePassword(): string {
  return randomBytes(15).toString('base64url');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A 160-bit TOTP secret. @see https://www.rfc-editor.org/rfc/rfc4648#section-6 */
export function generateTotpSecret(): string {
  const bits = [...randomBytes(20)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((group) => alphabet.charAt(Number.parseInt(group, 2))).join('');
}

import { generateMarketingData } from '../examples/marketing/generate.ts';
import { parsePrincipalId, Secret, type TenantId } from '../kernel/index.ts';
import type { BootstrapTenant } from './bootstrap-file.ts';
import type { House } from './compose.ts';
import type { Config } from './config.ts';
import {
  demoPeople,
  demoServiceRoles,
  demoTenants,
  generatePassword,
  generateTotpSecret,
  readDemoSecrets,
  writeDemoSecrets,
  type DemoPerson,
  type DemoSecrets,
} from './demo-people.ts';
import { seedRules } from './demo-rules.ts';
import { createTenant } from './tenants.ts';

type Seed = {
  readonly house: House;
  readonly tenantId: TenantId;
  readonly slug: string;
  readonly secrets: DemoSecrets;
  readonly save: () => Promise<void>;
};

const demoSchedule = Object.freeze({ rotateEveryDays: 30, retireAfterDays: 30 });
const demoActor = { kind: 'system', id: 'demo', displayName: 'Demo' } as const;

/**
 * Makes the demo tenants with a person for each persona, a service account for each role and generated contacts.
 * Finished parts are left as they are, so a start after an interrupted one goes on where it stopped.
 *
 * @returns what bootstrap.json says about each tenant
 */
export async function seedDemo(
  house: House,
  folder: { readonly secretsPath: string },
  config: Config,
): Promise<readonly BootstrapTenant[]> {
  const secrets = await readDemoSecrets(folder.secretsPath);
  const save = (): Promise<void> => writeDemoSecrets(folder.secretsPath, secrets);
  const result: BootstrapTenant[] = [];
  for (const { slug, name, settings } of demoTenants) {
    const tenantId = await createTenant(house, { slug, name, settings });
    // So that certificates of erasure name the day from which no backup opens: 60 days for a key that is new today.
    await house.database.withTenant(tenantId, (tx) =>
      house.crypto.erasure.adoptSchedule(tx, demoSchedule, demoActor),
    );
    const seed: Seed = { house, tenantId, slug, secrets, save };
    await seedPeople(seed);
    await seedServiceAccounts(seed);
    await seedContacts(seed, config.demoContacts);
    await seedRules(house, tenantId);
    result.push(await describeTenant(seed));
  }
  return result;
}

const emailOf = (person: DemoPerson, slug: string): string => `${person.name}@${slug}.example`;
const secretsOf = ({ secrets, slug }: Seed): DemoSecrets[string] =>
  (secrets[slug] ??= { users: {}, serviceAccounts: {} });

async function seedPeople(seed: Seed): Promise<void> {
  for (const person of demoPeople) {
    const email = emailOf(person, seed.slug);
    if (secretsOf(seed).users[email] === undefined) await seedPerson(seed, person, email);
  }
}

async function seedPerson(seed: Seed, person: DemoPerson, email: string): Promise<void> {
  const password = generatePassword();
  const totpSecret = generateTotpSecret();
  await seed.house.database.withTenant(seed.tenantId, async (tx) => {
    const user = await seed.house.identity.createUser(tx, {
      email,
      displayName: person.displayName,
      password: new Secret(password),
      totpSecret: new Secret(totpSecret),
      attributes: person.attributes,
    });
    await seed.house.policy.grant(tx, parsePrincipalId(user.id), person.role, {
      grantedBy: 'system',
      reason: 'demo persona',
    });
    secretsOf(seed).users[email] = { password, totpSecret };
    await seed.save();
  });
}

async function seedServiceAccounts(seed: Seed): Promise<void> {
  for (const role of demoServiceRoles) {
    const name = `svc-${role}`;
    if (secretsOf(seed).serviceAccounts[name] !== undefined) continue;
    await seed.house.database.withTenant(seed.tenantId, async (tx) => {
      const account = await seed.house.identity.createServiceAccount(tx, {
        name,
        attributes: role === 'marketer' ? { region: 'emea' } : {},
      });
      await seed.house.policy.grant(tx, parsePrincipalId(account.id), role, {
        grantedBy: 'system',
        reason: 'demo service account',
      });
      secretsOf(seed).serviceAccounts[name] = {
        clientId: account.clientId,
        clientSecret: account.clientSecret.reveal(),
      };
      await seed.save();
    });
  }
}

async function seedContacts({ house, tenantId, slug }: Seed, contacts: number): Promise<void> {
  if (contacts === 0) return;
  const { created } = await generateMarketingData({ ...house, tenantId, contacts, seed: slug });
  if (created > 0) house.logger.info('demo contacts were generated', { tenant: slug, contacts: created });
}

async function describeTenant(seed: Seed): Promise<BootstrapTenant> {
  const { house, tenantId, slug } = seed;
  const { logId, vkey } = await house.audit.ensureLog(tenantId);
  const known = secretsOf(seed);
  return {
    id: tenantId,
    slug,
    logId,
    vkey,
    users: demoPeople.map((person) => {
      const email = emailOf(person, slug);
      const secret = known.users[email];
      return {
        email,
        password: secret?.password ?? '',
        totpSecret: secret?.totpSecret ?? '',
        roles: [person.role],
      };
    }),
    serviceAccounts: demoServiceRoles.map((role) => {
      const account = known.serviceAccounts[`svc-${role}`];
      return {
        name: `svc-${role}`,
        clientId: account?.clientId ?? '',
        clientSecret: account?.clientSecret ?? '',
        roles: [role],
      };
    }),
  };
}

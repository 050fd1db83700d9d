import type { TenantId } from '../../kernel/index.ts';
import { createTenant, type Config, type House } from '../../server/index.ts';
import { withHouse } from '../open-house.ts';
import type { Command, CommandInput } from '../command.ts';

const createCommand: Command = {
  name: 'tenant create',
  summary:
    'Create a tenant with its keys, its log and its roles; its sign-in goes to GATEHOUSE_OIDC_ISSUER when that is set',
  usage:
    'gatehouse tenant create SLUG --name NAME [--time-zone Europe/Warsaw] [--country PL] [--languages en,pl]',
  options: {
    name: { type: 'string' },
    'time-zone': { type: 'string' },
    country: { type: 'string' },
    languages: { type: 'string' },
  },
  run: async (input) => {
    const [slug] = input.positionals;
    const name = input.values['name'];
    if (slug === undefined || typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)) {
      input.io.error(
        `name the tenant: lower-case letters, digits and dashes, then --name\nusage: ${createCommand.usage}`,
      );
      return 2;
    }
    const made = await withHouse(input.io, ({ house, config }) =>
      create(house, config, { slug, name, ...choices(input) }),
    );
    input.io.out(
      input.json
        ? JSON.stringify(made)
        : `tenant ${slug}  ${made.id}  log ${made.logId}\nverifier key ${made.vkey}`,
    );
    return 0;
  },
};

type Wanted = {
  readonly slug: string;
  readonly name: string;
  readonly timeZone: string;
  readonly country: string;
  readonly languages: readonly string[];
};

function choices({ values }: CommandInput): Omit<Wanted, 'slug' | 'name'> {
  const text = (name: string, otherwise: string): string => {
    const value = values[name];
    return typeof value === 'string' ? value : otherwise;
  };
  return {
    timeZone: text('time-zone', 'UTC'),
    country: text('country', 'PL'),
    languages: text('languages', 'en').split(','),
  };
}

async function create(
  house: House,
  config: Config,
  wanted: Wanted,
): Promise<{ readonly id: TenantId; readonly logId: string; readonly vkey: string }> {
  const { slug, name, ...settings } = wanted;
  const id = await createTenant(house, { slug, name, settings });
  if (config.oidc !== null) await connectProvider(house, id, config.oidc);
  const { logId, vkey } = await house.audit.ensureLog(id);
  return { id, logId, vkey };
}

/** Roles of the provider that become roles of the house. */
const roleMapping = Object.freeze({
  'gatehouse-marketer': 'marketer',
  'gatehouse-security-admin': 'security_admin',
  'gatehouse-dpo': 'dpo',
  'gatehouse-auditor': 'auditor',
  'gatehouse-platform-engineer': 'platform_engineer',
});

async function connectProvider(
  house: House,
  tenantId: TenantId,
  oidc: NonNullable<Config['oidc']>,
): Promise<void> {
  await house.database.withTenant(tenantId, async (tx) => {
    if (await house.identity.hasForeignConnection(tx)) return;
    await house.identity.createConnection(tx, {
      name: 'Single sign-on',
      kind: 'keycloak',
      ...oidc,
      audience: 'gatehouse-api',
      roleClaim: 'realm_access.roles',
      roleMapping,
    });
  });
}

/** Commands about tenants. */
export const tenantCommands: readonly Command[] = Object.freeze([createCommand]);

import { createDatabase, deriveConnectionUrls, statement } from '../../db/index.ts';
import { notFound, parseTenantId, silentLogger } from '../../kernel/index.ts';
import { readRoles, type StoredRole } from '../../policy/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import { postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

const findTenant = statement('cli.policy_find_tenant', 'select id from db.tenant where slug = $1');

const rolesCommand: Command = {
  name: 'policy roles',
  summary: 'Roles of a tenant with their rules',
  usage: 'gatehouse policy roles --tenant SLUG [--json]',
  options: { tenant: { type: 'string' } },
  run: async (input) => {
    const slug = input.values['tenant'];
    if (typeof slug !== 'string') throw new UsageError('name the tenant: --tenant SLUG');
    const { environment } = input.io;
    const url = environment['GATEHOUSE_DATABASE_URL'] ?? (await readBootstrap(environment))?.databaseUrl;
    if (url === undefined)
      throw new UsageError('no database: set GATEHOUSE_DATABASE_URL, or start the house first');
    const roles = await rolesOf(url, slug);
    if (roles === null) throw notFound('tenant', slug);
    if (input.json) input.io.out(JSON.stringify(roles));
    else for (const line of roles.flatMap(roleLines)) input.io.out(line);
    return 0;
  },
};

async function rolesOf(url: string, slug: string): Promise<readonly StoredRole[] | null> {
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger, poolSize: 1 });
  try {
    const found = await database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
    const id = found.rows[0]?.id;
    return id === undefined
      ? null
      : await database.withTenant(parseTenantId(id), readRoles, { readOnly: true });
  } finally {
    await database.close();
  }
}

function roleLines({ name, description, rules, builtIn }: StoredRole): readonly string[] {
  return [
    `${name}${builtIn ? ' (built in)' : ''}  ${description}`,
    ...rules.map((rule, index) => `  #${index} ${JSON.stringify(rule)}`),
  ];
}

const explainCommand: Command = {
  name: 'policy explain',
  summary: 'Ask the running house for a decision with its rule, row filter and field mask',
  usage:
    'gatehouse policy explain --action NAME --type TYPE [--id ID] [--properties JSON] [--subject TYPE/ID] [--purpose NAME] [--url URL] [--json]   (GATEHOUSE_TOKEN: access token; sets the tenant; without --subject the caller is decided on)',
  options: {
    action: { type: 'string' },
    type: { type: 'string' },
    id: { type: 'string' },
    properties: { type: 'string' },
    subject: { type: 'string' },
    purpose: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const question = readQuestion(input);
    if (typeof question === 'string') throw new UsageError(question);
    const body = await postToHouse<Answer>(input, '/v1/policy/explain', question);
    input.io.out(input.json ? JSON.stringify(body) : JSON.stringify(body, null, 2));
    return body.decision === true ? 0 : 1;
  },
};

type Answer = { readonly decision?: boolean };

function readQuestion({ values }: CommandInput): Readonly<Record<string, unknown>> | string {
  const { action, type, id, properties, subject, purpose } = values;
  if (typeof action !== 'string' || typeof type !== 'string')
    return 'say what is asked: --action NAME --type TYPE';
  const [subjectType, ...subjectId] = typeof subject === 'string' ? subject.split('/') : [];
  if (subject !== undefined && subjectId.length === 0) return '--subject is TYPE/ID';
  let row: unknown;
  try {
    row = typeof properties === 'string' ? JSON.parse(properties) : undefined;
  } catch {
    return '--properties must be JSON';
  }
  return {
    action,
    resource: {
      type,
      ...(id === undefined ? {} : { id }),
      ...(row === undefined ? {} : { properties: row }),
    },
    ...(subjectType === undefined ? {} : { subject: { type: subjectType, id: subjectId.join('/') } }),
    ...(purpose === undefined ? {} : { purpose }),
  };
}

/** `gatehouse policy …` */
export const policyCommands: readonly Command[] = Object.freeze([rolesCommand, explainCommand]);

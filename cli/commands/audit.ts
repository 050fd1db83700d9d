import {
  parseVerifierKeys,
  verifyDatabase,
  verifyPackFile,
  verifyPlatform,
  verifyUrl,
  type VerifyReport,
} from '../../audit/index.ts';
import { createDatabase, deriveConnectionUrls, statement } from '../../db/index.ts';
import { isGatehouseError, parseTenantId, silentLogger, type TenantId } from '../../kernel/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';
import { keepingCommands } from './audit-keeping.ts';
import { proofCommand } from './audit-proof.ts';
import { witnessCommand } from './audit-witness.ts';
import { sinksCommand } from './audit-sinks.ts';
import { healthCommand } from './audit-health.ts';
import { ruleCommands } from './audit-rules.ts';
import { eventTypesCommand } from './audit-event-types.ts';

const listTenants = statement(
  'cli.audit_list_tenants',
  `select t.id, t.slug from db.tenant t join audit.log l on l.tenant_id = t.id where $1::text is null or t.slug = $1 order by t.slug`,
);

const findPlatformLog = statement('cli.audit_find_platform_log', `select origin from audit.platform_log`);

const verifyCommand: Command = {
  name: 'audit verify',
  summary: 'Re-hashes a log, rebuilds its tree and compares everything that is stored or signed with it',
  usage:
    'gatehouse audit verify --db [--tenant SLUG] | --url LOG_URL [--vkey KEY | --tenant SLUG] | --pack FILE [--vkey KEY]   [--json]',
  options: {
    db: { type: 'boolean' },
    url: { type: 'string' },
    pack: { type: 'string' },
    tenant: { type: 'string' },
    vkey: { type: 'string' },
  },
  run: async (input) => {
    const { db, url, pack } = input.values;
    if ([db === true, typeof url === 'string', typeof pack === 'string'].filter(Boolean).length !== 1) {
      return misuse(input, 'choose one of --db, --url and --pack');
    }
    try {
      if (typeof url === 'string') return await verifyRemote(input, url);
      if (typeof pack === 'string') return await verifyFile(input, pack);
      return await verifyStored(input);
    } catch (error) {
      return problem(input, error);
    }
  },
};

async function verifyStored(input: CommandInput): Promise<ExitCode> {
  const { environment } = input.io;
  const databaseUrl =
    environment['GATEHOUSE_DATABASE_URL'] ?? (await readBootstrap(environment))?.databaseUrl;
  if (databaseUrl === undefined)
    return misuse(input, 'no database: set GATEHOUSE_DATABASE_URL, or start the house first');
  const database = createDatabase({
    urls: deriveConnectionUrls(databaseUrl),
    logger: silentLogger,
    poolSize: 1,
  });
  try {
    const slug = text(input, 'tenant');
    const { rows } = await database.withSystem((tx) =>
      tx.query<{ id: string; slug: string }>(listTenants, [slug ?? null]),
    );
    if (rows.length === 0)
      return misuse(
        input,
        slug === undefined ? 'no tenant has a log yet' : `there is no tenant "${slug}" with a log`,
      );
    const reports: { tenant: string; report: VerifyReport }[] = [];
    const options = {
      readOnly: true,
      isolation: 'repeatable read',
      statementTimeoutMilliseconds: 600_000,
    } as const;
    for (const row of rows) {
      const tenantId: TenantId = parseTenantId(row.id);
      reports.push({
        tenant: row.slug,
        report: await database.withTenant(tenantId, (tx) => verifyDatabase(tx, tenantId), options),
      });
    }
    if (slug === undefined) {
      const stands = await database.withSystem((tx) => tx.query(findPlatformLog));
      if (stands.rows.length > 0)
        reports.push({
          tenant: 'the platform log',
          report: await database.withSystem(verifyPlatform, options),
        });
    }
    return print(input, reports);
  } finally {
    await database.close();
  }
}

async function verifyRemote(input: CommandInput, url: string): Promise<ExitCode> {
  const slug = text(input, 'tenant');
  const tenant =
    slug === undefined
      ? undefined
      : (await readBootstrap(input.io.environment))?.tenants.find((one) => one.slug === slug);
  const vkey = text(input, 'vkey') ?? tenant?.vkey;
  if (vkey === undefined)
    return misuse(
      input,
      'give the key that verifies the log: --vkey KEY, or --tenant SLUG of a house on this machine',
    );
  if (!holdsKey(vkey)) return misuse(input, 'the verifier key is not one in signed-note form');
  const logUrl =
    /\/log\/[^/]+\/?$/.test(url) || tenant === undefined
      ? url
      : `${url.replace(/\/+$/, '')}/log/${tenant.logId}`;
  return print(input, [{ tenant: slug ?? logUrl, report: await verifyUrl(logUrl, vkey) }]);
}

function holdsKey(vkey: string): boolean {
  try {
    parseVerifierKeys(vkey);
    return true;
  } catch {
    return false;
  }
}

async function verifyFile(input: CommandInput, path: string): Promise<ExitCode> {
  const report = await verifyPackFile(path, text(input, 'vkey'));
  const { origin, size, from, to, groups, pruned } = report;
  if (input.json) input.io.out(JSON.stringify({ ok: true, ...report }));
  else
    input.io.out(
      `OK  ${origin}: events ${from} to ${to - 1} of ${size} are complete, unchanged and signed; ${groups} disclosed values match${pruned === 0 ? '' : `; ${pruned} were pruned before`}`,
    );
  if (text(input, 'vkey') === undefined)
    input.io.error('the key is the one in the pack; give --vkey to check against the one you know');
  return 0;
}

function print(
  { io, json }: CommandInput,
  reports: readonly { readonly tenant: string; readonly report: VerifyReport }[],
): ExitCode {
  const ok = reports.every(({ report }) => report.findings.length === 0);
  if (json)
    io.out(JSON.stringify({ ok, logs: reports.map(({ tenant, report }) => ({ tenant, ...report })) }));
  else for (const { tenant, report } of reports) for (const line of reportLines(tenant, report)) io.out(line);
  return ok ? 0 : 1;
}

function reportLines(tenant: string, report: VerifyReport): readonly string[] {
  const pruned = report.pruned === 0 ? '' : ` (${report.pruned} pruned)`;
  const seen = `${report.size} entries${pruned}, ${report.tiles} tiles, ${report.checkpoints} checkpoints`;
  if (report.findings.length === 0) return [`OK  ${tenant}: ${seen}; root ${report.root}`];
  return [
    `BAD ${tenant}: ${seen}; first bad sequence number: ${report.firstBadSeq ?? 'none, see below'}`,
    ...report.findings.map(({ kind, message }) => `    ${kind}: ${message}`),
  ];
}

function text({ values }: CommandInput, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

function misuse({ io }: CommandInput, message: string): ExitCode {
  io.error(message);
  return 2;
}

function problem({ io, json }: CommandInput, error: unknown): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  const details = isGatehouseError(error) ? error.details : {};
  if (json) io.out(JSON.stringify({ ok: false, message, ...details }));
  else io.error(`BAD ${message}`);
  return 1;
}

/** `gatehouse audit …`. */
export const auditCommands: readonly Command[] = Object.freeze([
  verifyCommand,
  proofCommand,
  witnessCommand,
  eventTypesCommand,
  sinksCommand,
  healthCommand,
  ...ruleCommands,
  ...keepingCommands,
]);

import { readFile } from 'node:fs/promises';
import {
  createDataMapRegistry,
  findDrift,
  loadDataMap,
  type DataMap,
  type DriftFinding,
} from '../../datamap/index.ts';
import { createDatabase, deriveConnectionUrls, statement } from '../../db/index.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import {
  isGatehouseError,
  parseTenantId,
  platformTenantId,
  silentLogger,
  systemClock,
} from '../../kernel/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';
import { datamapLoadCommands } from './datamap-load.ts';

const findTenant = statement('cli.datamap_find_tenant', 'select id from db.tenant where slug = $1');

const check: Command = {
  name: 'datamap check',
  summary: 'Compare the data map with the live schema; finds unmapped, missing and personal-looking columns',
  usage: 'gatehouse datamap check [--tenant SLUG] [--json]   (exit 1 when anything differs)',
  options: { tenant: { type: 'string' } },
  run: async (input) => {
    const url =
      input.io.environment['GATEHOUSE_DATABASE_URL'] ??
      (await readBootstrap(input.io.environment))?.databaseUrl;
    if (url === undefined)
      return misuse(input, 'no database: set GATEHOUSE_DATABASE_URL, or start the house first');
    const slug = input.values['tenant'];
    const findings = await checkDrift(url, typeof slug === 'string' ? slug : null);
    if (findings === null) return misuse(input, `there is no tenant "${String(slug)}"`);
    if (input.json) input.io.out(JSON.stringify({ findings }));
    else for (const finding of findings) input.io.out(describe(finding));
    if (findings.length === 0 && !input.json) input.io.out('map and schema agree');
    return findings.length === 0 ? 0 : 1;
  },
};

/** @returns null when there is no such tenant; without one the built-in services are checked */
async function checkDrift(url: string, slug: string | null): Promise<readonly DriftFinding[] | null> {
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger, poolSize: 1 });
  try {
    const registry = createDataMapRegistry({ database, builtIn: loadBuiltInDataMap(), clock: systemClock });
    const found =
      slug === null ? null : await database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
    const id = found === null ? platformTenantId : found.rows[0]?.id;
    if (id === undefined) return null;
    const tenantId = parseTenantId(id);
    return await database.withTenant(tenantId, async (tx) => findDrift(tx, await registry.forTenant(tx)), {
      readOnly: true,
    });
  } finally {
    await database.close();
  }
}

const describe = ({ severity, kind, object, detail }: DriftFinding): string =>
  `${severity.padEnd(4)}  ${kind.padEnd(15)}  ${object}: ${detail}`;

const validate: Command = {
  name: 'datamap validate',
  summary: 'Load data map files, plain Fides dataset files included, and say what they lack',
  usage: 'gatehouse datamap validate FILE... [--json]   (exit 1 when a file is refused)',
  options: {},
  run: async (input) => {
    if (input.positionals.length === 0) return misuse(input, 'name at least one file');
    const texts = await Promise.all(
      input.positionals.map(async (name) => ({ name, yaml: await readFile(name, 'utf8') })),
    );
    try {
      report(input, loadDataMap(texts));
      return 0;
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      if (input.json)
        input.io.out(JSON.stringify({ code: error.code, message: error.message, details: error.details }));
      else input.io.error(`${error.code}: ${error.message}`);
      return 1;
    }
  },
};

function report({ io, json }: CommandInput, map: DataMap): void {
  const services = map.services.map(({ key, collections }) => ({ key, collections: collections.length }));
  if (json) return io.out(JSON.stringify({ revision: map.revision, services, gaps: map.gaps }));
  for (const { key, collections } of services) io.out(`${key}: ${collections} collections`);
  for (const { type, problem } of map.gaps) io.out(`gap   ${type}: ${problem}`);
  io.out(`revision ${map.revision}`);
}

function misuse({ io }: CommandInput, message: string): ExitCode {
  io.error(message);
  return 2;
}

/** `gatehouse datamap …`. */
export const datamapCommands: readonly Command[] = Object.freeze([check, validate, ...datamapLoadCommands]);

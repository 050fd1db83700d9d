import { checkCatalog, deriveConnectionUrls, migrate, roleSecrets } from '../../db/index.ts';
import {
  ensureConsole,
  examineKeys,
  examineRoot,
  migrationSources,
  readBootstrap,
  readConfig,
  settingsHelp,
  startFailure,
  startHouse,
  type Bootstrap,
  type Config,
  type RunningHouse,
} from '../../server/index.ts';
import { silentLogger } from '../../kernel/index.ts';
import type { Command, CommandIo, ExitCode } from '../command.ts';

const startCommand: Command = {
  name: 'start',
  summary: 'Start the house and serve until SIGTERM or Ctrl-C',
  usage: 'gatehouse start   (settings: GATEHOUSE_*, see "gatehouse doctor --settings")',
  options: {},
  run: async ({ io }) => {
    const signal = nextSignal();
    let running: RunningHouse;
    try {
      running = await startHouse(readConfig(io.environment));
    } catch (error) {
      io.error(`Gatehouse did not start. ${startFailure(error)}`);
      return 1;
    }
    printLinks(running, io);
    const name = await signal; // one that came during the start ends it here, in order
    io.error(`${name}: stopping`);
    await running.stop(name);
    return 0;
  },
};

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((done) => {
    process.once('SIGTERM', done);
    process.once('SIGINT', done);
  });
}

function printLinks({ url, bootstrap }: RunningHouse, io: CommandIo): void {
  io.out('');
  io.out(`Gatehouse is up: ${url}`);
  if (bootstrap === null) return;
  io.out('');
  io.out(
    'DEVELOPMENT MODE: embedded database, embedded identity provider, generated root key, mail kept in an outbox.',
  );
  io.out('Do not put real data in. Passwords and TOTP secrets stand in bootstrap.json of the data folder.');
  io.out('');
  for (const tenant of bootstrap.tenants) {
    io.out(`  ${tenant.slug}`);
    io.out(`    console  ${url}/sign-in?tenant=${tenant.slug}`);
    io.out(`    portal   ${url}/portal/${tenant.slug}`);
    for (const user of tenant.users) io.out(`    ${user.email.padEnd(28)} ${user.roles.join(', ')}`);
  }
  io.out('');
  io.out(
    `  API ${url}/docs   outbox ${url}/v1/dsr/outbox   codes of the authenticator: npm run gatehouse -- identity code EMAIL`,
  );
}

const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Print the configuration, redacted, and check the posture of the house',
  usage: 'gatehouse doctor [--settings]',
  options: { settings: { type: 'boolean' } },
  run: async ({ values, io, json }) => {
    if (values['settings'] === true) {
      io.out(
        json
          ? JSON.stringify(settingsHelp)
          : settingsHelp.map(({ name, help }) => `${name}\n    ${help}`).join('\n'),
      );
      return 0;
    }
    const config = readConfig(io.environment);
    const findings = [
      { name: 'root provider', ...(await examineRoot(config)) },
      ...(await examine(io, config)),
    ];
    if (json) io.out(JSON.stringify({ config, findings }));
    else {
      io.out(JSON.stringify(config, null, 2));
      for (const finding of findings)
        io.out(`${finding.ok ? 'ok  ' : 'FAIL'}  ${finding.name}: ${finding.detail}`);
    }
    return findings.every((finding) => finding.ok) ? 0 : 1;
  },
};

type Finding = { readonly name: string; readonly ok: boolean; readonly detail: string };

async function examine(io: CommandIo, config: Config): Promise<readonly Finding[]> {
  const bootstrap = await readBootstrap(io.environment);
  const databaseUrl = io.environment['GATEHOUSE_DATABASE_URL'] ?? bootstrap?.databaseUrl;
  if (databaseUrl === undefined)
    return [
      { name: 'house', ok: false, detail: 'no house was started in this data folder; run "npm start" first' },
    ];
  return [
    await examineCatalog(databaseUrl),
    await examineCryptoperiods(config, databaseUrl),
    ...(await examineReadiness(bootstrap)),
  ];
}

async function examineCatalog(databaseUrl: string): Promise<Finding> {
  try {
    const findings = await checkCatalog(deriveConnectionUrls(databaseUrl).app);
    const detail = findings.map((finding) => `${finding.object}: ${finding.rule}`).join('; ');
    return {
      name: 'catalog',
      ok: findings.length === 0,
      detail: findings.length === 0 ? 'every tenancy rule holds' : detail,
    };
  } catch (error) {
    return { name: 'catalog', ok: false, detail: startFailure(error) };
  }
}

async function examineCryptoperiods(config: Config, databaseUrl: string): Promise<Finding> {
  try {
    return { name: 'keys within their cryptoperiod', ...(await examineKeys(config, databaseUrl)) };
  } catch (error) {
    return { name: 'keys within their cryptoperiod', ok: false, detail: startFailure(error) };
  }
}

/** Each check of the running house by itself: the shred ledger and the root key among them. */
async function examineReadiness(bootstrap: Bootstrap | null): Promise<readonly Finding[]> {
  if (bootstrap === null)
    return [{ name: 'readiness', ok: true, detail: 'not asked: no bootstrap.json names the address' }];
  try {
    const response = await fetch(new URL('/health/ready', bootstrap.url), {
      signal: AbortSignal.timeout(5_000),
    });
    const { checks } = (await response.json()) as { readonly checks: readonly Finding[] }; // our own route
    return checks.map((check) => ({ ...check, name: `house: ${check.name}` }));
  } catch {
    return [{ name: 'readiness', ok: false, detail: `nothing answers at ${bootstrap.url}; run "npm start"` }];
  }
}

const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Bring an external database up to date',
  usage: 'gatehouse migrate   (needs GATEHOUSE_DATABASE_URL)',
  options: {},
  run: async ({ io, json }): Promise<ExitCode> => {
    const url = io.environment['GATEHOUSE_DATABASE_URL'];
    if (url === undefined) {
      io.error('GATEHOUSE_DATABASE_URL is not set; the embedded database is migrated at every start');
      return 2;
    }
    const applied = await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
    const names = applied.map((migration) => `${migration.room}/${migration.number}-${migration.name}`);
    io.out(
      json ? JSON.stringify({ applied: names }) : names.length === 0 ? 'nothing to do' : names.join('\n'),
    );
    return 0;
  },
};

const tenantListCommand: Command = {
  name: 'tenant list',
  summary: 'List the tenants of development',
  usage: 'gatehouse tenant list',
  options: {},
  run: async ({ io, json }) => {
    const bootstrap = await readBootstrap(io.environment);
    const tenants = (bootstrap?.tenants ?? []).map(({ id, slug, logId }) => ({ id, slug, logId }));
    io.out(
      json
        ? JSON.stringify(tenants)
        : tenants.map((tenant) => `${tenant.slug}  ${tenant.id}  log ${tenant.logId}`).join('\n'),
    );
    return 0;
  },
};

const openApiCommand: Command = {
  name: 'openapi',
  summary: 'Print the OpenAPI document of the running house, as docs/openapi.json keeps it',
  usage: 'gatehouse openapi > docs/openapi.json',
  options: {},
  run: async ({ io }) => {
    const bootstrap = await readBootstrap(io.environment);
    if (bootstrap === null) {
      io.error('no house was started in this data folder; run "npm start" first');
      return 1;
    }
    const response = await fetch(new URL('/openapi.json', bootstrap.url), {
      signal: AbortSignal.timeout(10_000),
    });
    const document = (await response.json()) as Record<string, unknown>; // our own route
    io.out(JSON.stringify({ ...document, servers: [] }, null, 1));
    return 0;
  },
};

const buildConsoleCommand: Command = {
  name: 'build console',
  summary: 'Build the web console, as the first start does',
  usage: 'gatehouse build console',
  options: {},
  run: async ({ io }) => {
    io.out(await ensureConsole(silentLogger));
    return 0;
  },
};

/** Commands about the house itself. */
export const serverCommands: readonly Command[] = Object.freeze([
  startCommand,
  doctorCommand,
  migrateCommand,
  tenantListCommand,
  openApiCommand,
  buildConsoleCommand,
]);

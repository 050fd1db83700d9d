import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, deriveConnectionUrls, statement } from '../../db/index.ts';
import { loadChinook } from '../../examples/chinook/load.ts';
import {
  createLogger,
  isGatehouseError,
  parseTenantId,
  Secret,
  systemClock,
  systemRandomBytes,
  uuidv7,
} from '../../kernel/index.ts';
import { compose, readConfig, type House } from '../../server/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';

const findTenant = statement('cli.example_find_tenant', 'select id from db.tenant where slug = $1');

const load: Command = {
  name: 'example load',
  summary: 'Wrap an example service for a tenant: the Chinook shop from its published PostgreSQL script',
  usage: 'gatehouse example load chinook FILE [--tenant SLUG] [--json]   (tenant: acme)',
  options: { tenant: { type: 'string', default: 'acme' } },
  run: async (input) => {
    const [name, file] = input.positionals;
    if (name !== 'chinook' || file === undefined)
      return misuse(input, 'say which: example load chinook FILE');
    const { environment } = input.io;
    const url = environment['GATEHOUSE_DATABASE_URL'] ?? (await readBootstrap(environment))?.databaseUrl;
    if (url === undefined)
      return misuse(input, 'no database: set GATEHOUSE_DATABASE_URL, or start the house first');
    const script = await readFile(file, 'utf8');
    try {
      const counts = await loadInto(input, { url, slug: String(input.values['tenant']), script });
      if (input.json) input.io.out(JSON.stringify({ loaded: counts }));
      else for (const [table, rows] of Object.entries(counts)) input.io.out(`${table.padEnd(16)} ${rows}`);
      return 0;
    } catch (error) {
      if (!isGatehouseError(error) && !(error instanceof RangeError)) throw error;
      input.io.error(error.message);
      return 1;
    }
  },
};

type Job = { readonly url: string; readonly slug: string; readonly script: string };

async function loadInto(
  input: CommandInput,
  { url, slug, script }: Job,
): Promise<Readonly<Record<string, number>>> {
  const logger = createLogger({ level: 'warn', format: 'text' });
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger, poolSize: 4 });
  let house: House | null = null;
  try {
    const { rows } = await database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
    const id = rows[0]?.id;
    if (id === undefined) throw new RangeError(`there is no tenant "${slug}"`);
    const config = readConfig(input.io.environment);
    const secretsPath = join(config.dataFolder, 'secrets');
    const passphrase =
      config.rootKeyPassphrase ??
      new Secret((await readFile(join(secretsPath, 'root-passphrase'), 'utf8')).trim());
    house = await compose({ config, secretsPath, database, logger, consoleFolder: null, passphrase });
    return await loadChinook({
      adminUrl: url,
      database,
      crypto: house.crypto,
      registry: house.dataMap,
      audit: house.audit,
      newId: () => uuidv7(systemClock.now().getTime(), systemRandomBytes),
      tenantId: parseTenantId(id),
      script,
    });
  } finally {
    await house?.crypto.stop();
    await database.close();
  }
}

function misuse({ io }: CommandInput, message: string): ExitCode {
  io.error(message);
  return 2;
}

/** `gatehouse example …`. */
export const exampleCommands: readonly Command[] = Object.freeze([load]);

import { readFile } from 'node:fs/promises';
import { statement } from '../../db/index.ts';
import { loadChinook } from '../../examples/chinook/load.ts';
import { parseTenantId } from '../../kernel/index.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';
import { withHouse } from '../open-house.ts';

const findTenant = statement('cli.example_find_tenant', 'select id from db.tenant where slug = $1');

const load: Command = {
  name: 'example load',
  summary: 'Wrap an example service for a tenant: the Chinook shop from its published PostgreSQL script',
  usage: 'gatehouse example load chinook FILE [--tenant SLUG] [--json]   (tenant: acme)',
  options: { tenant: { type: 'string', default: 'acme' } },
  run: async (input) => {
    const [name, file] = input.positionals;
    if (name !== 'chinook' || file === undefined)
      throw new UsageError('say which: example load chinook FILE');
    const script = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new UsageError(
        `the file "${file}" cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    });
    const counts = await loadInto(input, script);
    if (input.json) input.io.out(JSON.stringify({ loaded: counts }));
    else for (const [table, rows] of Object.entries(counts)) input.io.out(`${table.padEnd(16)} ${rows}`);
    return 0;
  },
};

function loadInto({ io, values }: CommandInput, script: string): Promise<Readonly<Record<string, number>>> {
  const slug = typeof values['tenant'] === 'string' ? values['tenant'] : 'acme';
  return withHouse(io, async ({ house, adminUrl }) => {
    const { rows } = await house.database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
    const id = rows[0]?.id;
    if (id === undefined)
      throw new UsageError(`there is no tenant "${slug}"; "gatehouse tenant list" shows them`);
    const { database, crypto, audit, newId } = house;
    return loadChinook({
      adminUrl,
      database,
      crypto,
      registry: house.dataMap,
      audit,
      newId,
      tenantId: parseTenantId(id),
      script,
    });
  });
}

/** `gatehouse example …`. */
export const exampleCommands: readonly Command[] = Object.freeze([load]);

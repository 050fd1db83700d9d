import { readFile } from 'node:fs/promises';
import { statement } from '../../db/index.ts';
import { notFound, parseTenantId } from '../../kernel/index.ts';
import { UsageError, type Command, type ExitCode } from '../command.ts';
import { withHouse } from '../open-house.ts';

const findTenant = statement('cli.datamap_load_find_tenant', 'select id from db.tenant where slug = $1');

const load: Command = {
  name: 'datamap load',
  summary: 'Put a data map file with one service in force for a tenant; loading it again replaces it',
  usage:
    'gatehouse datamap load FILE --tenant SLUG [--json]   (GATEHOUSE_DATABASE_URL, or the house started here)',
  options: { tenant: { type: 'string' } },
  run: async ({ io, json, positionals, values }): Promise<ExitCode> => {
    const [file] = positionals;
    const slug = values['tenant'];
    if (file === undefined || typeof slug !== 'string')
      throw new UsageError('name the file and the tenant: datamap load FILE --tenant SLUG');
    const yaml = await readFile(file, 'utf8').catch(() => {
      throw new UsageError(`the file "${file}" cannot be read`);
    });
    return withHouse<ExitCode>(io, async ({ house }) => {
      const { rows } = await house.database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
      if (rows[0] === undefined) throw notFound('tenant', slug);
      const actor = { kind: 'system', id: 'cli', displayName: 'Administrator at the command line' } as const;
      const map = await house.database.withTenant(parseTenantId(rows[0].id), (tx) =>
        house.dataMap.loadService(tx, { name: file, yaml, actor, audit: house.audit }),
      );
      io.out(json ? JSON.stringify({ revision: map.revision }) : `loaded; revision ${map.revision}`);
      return 0;
    });
  },
};

/** `gatehouse datamap load`. */
export const datamapLoadCommands: readonly Command[] = Object.freeze([load]);

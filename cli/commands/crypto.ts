import { readInventory } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls, exactlyOne, statement } from '../../db/index.ts';
import { notFound, parseTenantId, silentLogger } from '../../kernel/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import { UsageError, type Command } from '../command.ts';
import { certCommands } from './crypto-cert.ts';
import { cryptoColumnCommands } from './crypto-columns.ts';
import { controlCommands } from './crypto-control.ts';
import { inventoryCommands } from './crypto-inventory.ts';
import { exportKeysCommand } from './crypto-export.ts';
import { erasureCommands } from './crypto-erasure.ts';
import { providersCommand } from './crypto-providers.ts';
import { unsealCommands } from './crypto-unseal.ts';
import { cryptoRotationCommands } from './crypto-rotation.ts';

type Inventory = Awaited<ReturnType<typeof readInventory>>;

const findTenant = statement('cli.crypto_find_tenant', 'select id from db.tenant where slug = $1');

const statusCommand: Command = {
  name: 'crypto status',
  summary: 'Key epochs, counts of personal keys and the keys of a tenant by purpose',
  usage: 'gatehouse crypto status --tenant SLUG [--json]',
  options: { tenant: { type: 'string' } },
  run: async (input) => {
    const slug = input.values['tenant'];
    if (typeof slug !== 'string') throw new UsageError('name the tenant: --tenant SLUG');
    const url =
      input.io.environment['GATEHOUSE_DATABASE_URL'] ??
      (await readBootstrap(input.io.environment))?.databaseUrl;
    if (url === undefined)
      throw new UsageError('no database: set GATEHOUSE_DATABASE_URL, or start the house first');
    const inventory = await readTenantInventory(url, slug);
    if (inventory === null) throw notFound('tenant', slug);
    if (input.json) input.io.out(JSON.stringify(inventory));
    else for (const line of inventoryLines(inventory)) input.io.out(line);
    return inventory.epochs.some(({ state }) => state === 'rewrapping') ? 1 : 0;
  },
};

async function readTenantInventory(url: string, slug: string): Promise<Inventory | null> {
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger, poolSize: 1 });
  try {
    const found = await database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
    if (found.rows.length === 0) return null;
    const tenantId = parseTenantId(exactlyOne(found, 'tenant').id);
    return await database.withTenant(tenantId, readInventory, { readOnly: true });
  } finally {
    await database.close();
  }
}

function inventoryLines({ epochs, subjects, tenantKeys }: Inventory): readonly string[] {
  return [
    'epoch  state        keys  made',
    ...epochs.map((epoch) =>
      [
        String(epoch.epoch).padEnd(5),
        epoch.state.padEnd(11),
        String(epoch.keys).padStart(5),
        epoch.createdAt.toISOString(),
      ].join('  '),
    ),
    '',
    `people with a key: ${subjects.active}, shredded: ${subjects.shredded}`,
    '',
    'purpose                   key               messages  made',
    ...tenantKeys.map((key) =>
      [key.purpose.padEnd(24), key.kid, String(key.messages).padStart(8), key.createdAt.toISOString()].join(
        '  ',
      ),
    ),
  ];
}

/** `gatehouse crypto …`. */
export const cryptoCommands: readonly Command[] = Object.freeze([
  statusCommand,
  ...cryptoRotationCommands,
  ...controlCommands,
  ...erasureCommands,
  exportKeysCommand,
  ...inventoryCommands,
  ...cryptoColumnCommands,
  ...certCommands,
  providersCommand,
  ...unsealCommands,
]);
